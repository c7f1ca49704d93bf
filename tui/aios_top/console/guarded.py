"""The part of the app that survives its own mistakes: a crash is kept for the report, the loop's pulse is felt."""

import asyncio
from collections.abc import Callable
from time import monotonic

from rich.console import RenderableType
from textual import events
from textual._styles_cache import StylesCache
from textual.app import App
from textual.messages import TerminalSupportsSynchronizedOutput
from textual.worker import WorkerFailed

_BEAT_SECONDS = 1.0
_FORGET_SECONDS = 30.0
_RESIZE_SECONDS = 0.1
"""Between two layouts while a window is dragged, which sends hundreds of sizes; Textual follows every 8 ms."""
_QUESTION = "\x1b[?2026$p"
"""What Textual asks at the start, and takes the answer to for no key: whether the terminal draws synchronously."""


def forget_closed() -> None:
    """Let go of the lines of dialogs and toasts that are closed.

    Textual remembers two colours for each widget that it ever drew and, as a part of the key, all of its lines: 100 kB
    for a dialog, of a thousand of them.
    """
    StylesCache.get_inner_outer.cache_clear()


class GuardedApp(App[None]):
    """An app that prints nothing when it dies and that any thread can ask to leave.

    Textual would print every frame's local variables, tokens included, and let the process end with 0.
    """

    crash: BaseException | None = None
    """The first unhandled exception, None when there was none."""
    pulse: Callable[[], None] | None = None
    """Called once a second while the event loop turns."""
    asked: Callable[[], None] | None = None
    """Called when the terminal was asked for a sign of life."""
    answered: Callable[[], None] | None = None
    """Called when it has given one."""
    turning: asyncio.AbstractEventLoop | None = None
    """The loop that the app runs on, None before it runs."""

    _resized_at = float("-inf")

    async def run_guarded(self) -> None:
        """Run the app on the current loop."""
        self.turning = asyncio.get_running_loop()
        await self.run_async()

    def leave_from_thread(self, code: int) -> None:
        """Ask the app to end with this exit code; returns at once and may be called on any thread."""
        if self.turning is not None:
            self.turning.call_soon_threadsafe(self.exit, None, code)

    def on_mount(self) -> None:
        """Start the pulse."""
        self.set_interval(_FORGET_SECONDS, forget_closed, name="forget closed")
        if self.pulse is not None:
            self.set_interval(_BEAT_SECONDS, self.pulse, name="pulse")

    def ask_terminal(self) -> None:
        """Ask the terminal for a sign of life; no answer means nothing before it has given its first one.

        The line takes a minute's output without anybody reading it: only an answer shows that somebody does.
        """
        if self._driver is None or self.asked is None:
            return
        if self._sync_available:
            self.asked()
        self._driver.write(_QUESTION)

    def on_terminal_supports_synchronized_output(self, _message: TerminalSupportsSynchronizedOutput) -> None:
        """Note the answer."""
        if self.answered is not None:
            self.answered()

    async def _on_resize(self, event: events.Resize) -> None:
        """Let the screens follow at once, but not more often than every tenth of a second."""
        event.stop()
        if self._size == event.size:
            return
        self._size, self._resize_event = event.size, event
        wait = _RESIZE_SECONDS - (monotonic() - self._resized_at)
        if self._resize_timer is not None:
            return
        if wait <= 0:
            self._check_resize()
        else:
            self._resize_timer = self.set_timer(wait, self._check_resize)

    def _check_resize(self) -> None:
        self._resized_at = monotonic()
        self.resized()  # before the screens: both changes then make one layout
        super()._check_resize()

    def resized(self) -> None:
        """Lay out for the new size; for subclasses."""

    def _handle_exception(self, error: Exception) -> None:
        if self.crash is None:
            self.crash = error.error if isinstance(error, WorkerFailed) else error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    def panic(self, *_renderables: RenderableType) -> None:
        """End; only Textual's input thread has something to say that `_handle_exception` has not heard."""
        if self.crash is None:
            self.crash = RuntimeError("the input of the terminal could not be read")
        self._return_code = 1
        self._close_messages_no_wait()
