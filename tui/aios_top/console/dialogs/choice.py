"""Asks for one of several."""

from collections.abc import Sequence

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.model.text import clean
from aios_top.render.cells import Cell, Role, Row, fit
from aios_top.render.wrap import wrap


class ChoiceDialog(Dialog[str]):
    """Answers with the marked option; up and down move the mark."""

    widest = 78

    def __init__(self, title: str, explanation: str, options: Sequence[str]) -> None:
        take = Button("take", "Choose", "y")
        super().__init__(title, buttons=(self.CANCEL, take), focus=take.name)
        self._explanation = explanation
        self._options = tuple(options)
        self._chosen = 0

    def body(self, columns: int) -> list[Row]:
        """Return the explanation and the options, scrolled so that the marked one is visible."""
        rows = [Row((Cell(line, Role.DIM),)) for line in wrap(self._explanation, columns)]
        room = max(1, self.app.size.height - 5 - len(rows))
        first = max(0, min(self._chosen - room + 1, len(self._options) - room))
        for number, option in enumerate(self._options[first : first + room], start=first):
            marked = number == self._chosen
            mark = "\u25b8" if marked else " "
            text = f"{mark} {fit(clean(option), max(1, columns - 2)).rstrip()}"
            rows.append(Row((Cell(text, Role.ACCENT if marked else Role.TEXT),)))
        return rows

    def press(self, _button: str) -> None:
        """Take the marked one."""
        self.answer(self._options[self._chosen])

    def _scroll(self, key: str) -> None:
        step = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10}[key]
        self._chosen = max(0, min(len(self._options) - 1, self._chosen + step))
