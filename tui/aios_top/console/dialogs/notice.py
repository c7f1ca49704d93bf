"""A sentence and a question: yes or no."""

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.render.cells import Cell, Row
from aios_top.render.wrap import wrap


class QuestionDialog(Dialog[bool]):
    """True only when the operator said yes; the focus is on Cancel."""

    widest = 70

    def __init__(self, title: str, text: str, yes: str) -> None:
        super().__init__(title, buttons=(self.CANCEL, Button("yes", yes, "y")))
        self._text = text

    def body(self, columns: int) -> list[Row]:
        """Return the sentence."""
        return [Row((Cell(line),)) for line in wrap(self._text, columns)]

    def press(self, _button: str) -> None:
        """Say yes."""
        self.answer(True)
