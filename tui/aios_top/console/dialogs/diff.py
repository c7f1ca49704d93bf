"""Shows what differs, line by line."""

from collections.abc import Sequence

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.render.cells import Cell, Role, Row
from aios_top.render.wrap import wrap

_ROLES = {"+": Role.UP, "-": Role.BAD, "@": Role.COOL, " ": Role.TEXT}
_HEADS = ("+++ ", "--- ")


class DiffDialog(Dialog[None]):
    """A page to read; any of its buttons closes it."""

    widest = 160

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__(title, buttons=(Button("close", "Close", "q"),))
        self._lines = tuple(lines)

    def body(self, columns: int) -> list[Row]:
        """Return the lines; one that is too long goes on below, behind its sign."""
        return [row for line in self._lines for row in _rows(line, columns)]

    def press(self, _button: str) -> None:
        """Close."""
        self.answer(None)

    def _shortcut(self, key: str) -> None:
        if key == "d":
            self.answer(None)
        else:
            super()._shortcut(key)


def _rows(line: str, columns: int) -> list[Row]:
    if line.startswith(_HEADS):
        return [Row((Cell(part, Role.TITLE),)) for part in wrap(line, columns)]
    role = _ROLES.get(line[:1], Role.TEXT)
    pieces = [line[at : at + columns - 1] for at in range(1, max(2, len(line)), columns - 1)]
    return [Row((Cell(f"{line[:1] or ' '}{piece}", role),)) for piece in pieces]
