"""Asks for how long scaling is to be paused, and which way."""

from msgspec import Struct

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.model.span import seconds_of
from aios_top.model.state import BlockState
from aios_top.render.cells import BLANK, Row
from aios_top.render.wrap import labelled

LONGEST_SECONDS = 86_400.0
_NOTE = "the policy goes on measuring; the pause ends by itself, and with a restart of the executor"


class PauseWish(Struct, frozen=True):
    """How long, which way, and why."""

    seconds: float
    direction: str
    reason: str


class PauseDialog(Dialog[PauseWish]):
    """Answers with the wish; its plan is confirmed after this."""

    widest = 74

    def __init__(self, block: BlockState) -> None:
        super().__init__(
            f"Pause scaling of {block.block_id}",
            fields=[
                Field("seconds", "for", "10m", "90s, 10m, 1h30m; a day at most"),
                Field("direction", "direction", "both", "both, up or down"),
                Field("reason", "reason"),
            ],
            buttons=(self.CANCEL, Button("plan", "Plan")),
        )

    def body(self, columns: int) -> list[Row]:
        """Return what a pause does."""
        return [*labelled("note", _NOTE, columns), BLANK]

    def problem(self) -> str:
        """Return what is wrong with the fields."""
        seconds = seconds_of(self.fields["seconds"].text)
        if seconds is None or not 0 < seconds <= LONGEST_SECONDS:
            return "for: a time up to a day, e.g. 10m"
        return "" if self._direction() in {"both", "up", "down"} else "direction: both, up or down"

    def press(self, _button: str) -> None:
        """Take it."""
        seconds = seconds_of(self.fields["seconds"].text)
        if seconds is not None:
            self.answer(PauseWish(seconds, self._direction(), self.fields["reason"].text.strip()))

    def _direction(self) -> str:
        return self.fields["direction"].text.strip().lower() or "both"
