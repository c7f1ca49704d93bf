"""Asks which blocks the fleet shows."""

import re

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.render.cells import Cell, Role, Row
from aios_top.render.wrap import wrap

_EXPLANATION = "A regular expression over the block id; !text shows what does not match; -f text matches fuzzily. "
_EMPTY = "Empty shows all blocks."


class FilterDialog(Dialog[str]):
    """Answers with the filter as typed."""

    widest = 70

    def __init__(self, current: str) -> None:
        super().__init__(
            "Filter", fields=[Field("filter", "/", current)], buttons=(self.CANCEL, Button("apply", "Apply"))
        )

    def body(self, columns: int) -> list[Row]:
        """Return what can be typed."""
        return [Row((Cell(line, Role.DIM),)) for line in wrap(_EXPLANATION + _EMPTY, columns)]

    def problem(self) -> str:
        """Return what is wrong with the expression."""
        text = self.fields["filter"].text.strip()
        if text.startswith("-f "):
            return ""
        try:
            re.compile(text.removeprefix("!"))
        except re.error as error:
            return f"not a regular expression: {error}"
        return ""

    def press(self, _button: str) -> None:
        """Take it."""
        self.answer(self.fields["filter"].text.strip())

    def _enter(self) -> None:
        if self.focus_name == self.CANCEL.name:
            self.answer(None)
        elif not self.problem():
            self.press("apply")
