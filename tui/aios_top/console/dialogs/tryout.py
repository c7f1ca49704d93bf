"""How far a simulation or a what-if is, and what came of it."""

from collections.abc import Callable
from typing import ClassVar

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.model.tryout import Tryout
from aios_top.render.cells import Row
from aios_top.render.tryout import tryout_rows

_TICK_SECONDS = 0.5


class TryoutDialog(Dialog[str]):
    """A page to read; answers with `again` for another one and with `stop` to end it."""

    AGAIN = "again"
    STOP = "stop"
    widest: ClassVar[int] = 84

    def __init__(self, look: Callable[[], Tryout | None]) -> None:
        """Show what `look` returns, for as long as it is not closed."""
        shown = look()
        running = shown is not None and shown.running
        first = Button(self.STOP, "Stop", "s") if running else Button(self.AGAIN, "Another", "a")
        close = Button("close", "Close; it goes on" if running else "Close", "q")
        super().__init__(shown.title if shown else "Nothing tried out", buttons=(first, close), focus=close.name)
        self._look = look

    def on_mount(self) -> None:
        """Follow the progress."""
        super().on_mount()
        self.set_interval(_TICK_SECONDS, self._follow)

    def body(self, columns: int) -> list[Row]:
        """Return progress or result."""
        return tryout_rows(self._look(), columns)

    def press(self, button: str) -> None:
        """Close, stop, or go on to another one."""
        self.answer(button)

    def _follow(self) -> None:
        shown = self._look()
        if self.buttons[0].name == self.STOP and (shown is None or not shown.running):
            again, close = Button(self.AGAIN, "Another", "a"), Button("close", "Close", "q")
            self.buttons = (again, close)
            self.focus_name = close.name
            self.draw()
        elif shown is not None and shown.running:
            self.draw()
