"""Ends the console on a signal or a lost terminal, even when its event loop hangs or the line is stalled.

The interpreter runs Python signal handlers in the main thread only, between two bytecodes. So the signal's number
goes through the wake-up descriptor to a thread of its own, which asks the app to end, and ends the process itself
when the app does not follow in time.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self

from aios_top.console.terminal import Terminal

_DEADLY = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)
_IGNORED = (signal.SIGUSR1, signal.SIGUSR2)
LEAVE_SECONDS = 2.0
"""How long the app may take to end after it was asked, before the process is ended for it."""
STALL_SECONDS = 8.0
"""How long the screen may stand still, the line be full or the terminal not answer before a running load test is
stopped: with the second until it is asked and the time until it is looked at, ten."""
_LOOK_SECONDS = 0.5
_HANGUP = select.POLLHUP | select.POLLERR | select.POLLNVAL


def exit_code(number: int) -> int:
    """Return the exit code of a process ended by a signal, as a shell reports it."""
    return 128 + number


class Guard:
    """A context around a running app; `code` is the exit code it forced, None when it forced none."""

    def __init__(
        self,
        terminal: Terminal,
        leave: Callable[[int], None],
        *,
        stalled: Callable[[], None] = lambda: None,
        leave_seconds: float = LEAVE_SECONDS,
        stall_seconds: float = STALL_SECONDS,
        end: Callable[[int], Any] = os._exit,
    ) -> None:
        self.code: int | None = None
        self._terminal = terminal
        self._leave = leave
        self._stalled = stalled
        self._leave_seconds = leave_seconds
        self._stall_seconds = stall_seconds
        self._end = end
        self._read, self._write = os.pipe()
        self._beat_at = self._room_at = time.monotonic()
        self._asked_at = float("inf")
        self._told_stalled = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="aios-top-guard", daemon=True)
        self._handlers: dict[int, Any] = {}
        self._wakeup = -1
        self._excepthook = threading.excepthook

    def beat(self) -> None:
        """Tell that the screen's event loop is alive; called at least once a second."""
        self._beat_at = time.monotonic()

    def asked(self) -> None:
        """Tell that the terminal was asked for a sign of life; earlier questions that it has not answered count."""
        self._asked_at = min(self._asked_at, time.monotonic())

    def answered(self) -> None:
        """Tell that the terminal has answered: somebody reads."""
        self._asked_at = float("inf")

    def __enter__(self) -> Self:
        os.set_blocking(self._write, False)
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in (*_DEADLY, *_IGNORED):
            # SIGHUP that was ignored on purpose (nohup) stays ignored: the lost terminal is seen by the poll.
            if not (number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN):
                self._handlers[number] = signal.signal(number, _nothing)
        threading.excepthook = self._thread_died
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        with suppress(OSError):
            os.write(self._write, b"\0")
        self._thread.join()
        threading.excepthook = self._excepthook
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._read)
        os.close(self._write)

    def _thread_died(self, details: threading.ExceptHookArgs) -> None:
        """End when Textual's output thread could not write: the app would go on unseen, then block."""
        if details.thread is not None and details.thread.name == "textual-output":
            with suppress(OSError):
                os.write(self._write, bytes([signal.SIGHUP]))
        else:
            self._excepthook(details)

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        for descriptor in {self._terminal.input_fd, self._terminal.output_fd}:
            poll.register(descriptor, 0)
        while not self._stop.is_set():
            for descriptor, events in poll.poll(_LOOK_SECONDS * 1000):
                if descriptor == self._read:
                    self._take(os.read(self._read, 64))
                elif events & _HANGUP:
                    self._force(exit_code(signal.SIGHUP))
            self._look_for_stall()

    def _take(self, numbers: bytes) -> None:
        for number in numbers:
            if number in _DEADLY:
                self._force(exit_code(number))
                return

    def _force(self, code: int) -> None:
        """Ask the app to end, wait, and end the process when that did not help."""
        self.code = code
        with suppress(RuntimeError):  # the loop is closed: the app has just ended by itself
            self._leave(code)
        if self._stop.wait(self._leave_seconds):
            return
        self._terminal.restore()
        self._end(code)

    def _look_for_stall(self) -> None:
        """Tell once when nobody seems to read; the app itself has to wait for the line much later, if ever."""
        now = time.monotonic()
        if self._terminal.takes_bytes():
            self._room_at = now
        still = now - min(self._beat_at, self._room_at, self._asked_at) > self._stall_seconds
        if still and not self._told_stalled:
            self._stalled()
        self._told_stalled = still


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Let the wake-up descriptor do the work."""
