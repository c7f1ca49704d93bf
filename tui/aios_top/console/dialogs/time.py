"""Asks for a moment of the past."""

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.model.when import EXAMPLES, WhenError, moment_of
from aios_top.render.cells import Cell, Role, Row
from aios_top.render.timebar import dated
from aios_top.render.wrap import wrap


class TimeDialog(Dialog[float]):
    """Answers with unix seconds."""

    widest = 70

    def __init__(self, first: float, last: float, now: float) -> None:
        self._span = first, last
        self._now = now
        super().__init__(
            "Go to a time", fields=[Field("time", "@")], buttons=(self.CANCEL, Button("go", "Go")), focus="time"
        )

    def body(self, columns: int) -> list[Row]:
        """Return what can be typed and what there is."""
        first, last = self._span
        text = f"{EXAMPLES}. Recorded: {dated(first, self._now)} to {dated(last, self._now)}."
        return [Row((Cell(line, Role.DIM),)) for line in wrap(text, columns)]

    def problem(self) -> str:
        """Return what is wrong with the text."""
        if not self.fields["time"].text.strip():
            return ""
        try:
            self._moment()
        except WhenError as error:
            return str(error)
        return ""

    def press(self, _button: str) -> None:
        """Go."""
        if self.fields["time"].text.strip():
            self.answer(self._moment())

    def _moment(self) -> float:
        return moment_of(self.fields["time"].text, self._now)

    def _enter(self) -> None:
        if self.focus_name == self.CANCEL.name:
            self.answer(None)
        elif not self.problem():
            self.press("go")
