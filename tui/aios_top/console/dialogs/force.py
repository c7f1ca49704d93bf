"""Asks how the policy is to scale at its next evaluation."""

from msgspec import Struct

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.model.state import BlockState
from aios_top.render.cells import BLANK, Row
from aios_top.render.numbers import count
from aios_top.render.wrap import labelled

MOST = 10
_NOTE = (
    "the policy does it itself, within its minimum and maximum, so that its cooldown and its record know of it; "
    "A changes the replicas at once instead, past the policy"
)


class ForceWish(Struct, frozen=True):
    """How many more or fewer, and whether the cooldown counts."""

    change: int
    ignore_cooldown: bool
    reason: str


def parse_change(text: str) -> int | None:
    """Return `+2` or `-1` as a number, None for anything else."""
    word = text.strip()
    digits = word[1:]
    if word[:1] not in {"+", "-"} or not (digits.isascii() and digits.isdecimal()) or len(digits) > 4:
        return None
    change = int(word)
    return change if change and change <= MOST else None


class ForceDialog(Dialog[ForceWish]):
    """Answers with the wish; its plan is confirmed after this."""

    widest = 74

    def __init__(self, block: BlockState) -> None:
        super().__init__(
            f"Let the policy scale {block.block_id}",
            fields=[
                Field("change", "replicas", "+1", "+1 or -1"),
                Field("ignore", "ignore the cooldown", "no", "yes or no"),
                Field("reason", "reason"),
            ],
            buttons=(self.CANCEL, Button("plan", "Plan")),
        )
        self._block = block

    def body(self, columns: int) -> list[Row]:
        """Return what there is, and how this differs from scaling by hand."""
        now = count(self._block.replicas.best, "replica")
        return [*labelled("now", now, columns), *labelled("note", _NOTE, columns), BLANK]

    def problem(self) -> str:
        """Return what is wrong with the fields."""
        if parse_change(self.fields["change"].text) is None:
            return f"replicas: +1 to +{MOST}, or -1 and further down"
        return "" if self._ignores() is not None else "ignore the cooldown: yes or no"

    def press(self, _button: str) -> None:
        """Take it."""
        change = parse_change(self.fields["change"].text)
        if change is not None:
            self.answer(ForceWish(change, bool(self._ignores()), self.fields["reason"].text.strip()))

    def _ignores(self) -> bool | None:
        return {"yes": True, "y": True, "no": False, "n": False, "": False}.get(
            self.fields["ignore"].text.strip().lower()
        )
