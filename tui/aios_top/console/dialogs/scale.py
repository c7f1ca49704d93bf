"""Asks how many replicas a block should have."""

from msgspec import Struct

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.model.decision import Origin
from aios_top.model.state import BlockState
from aios_top.render.cells import Cell, Role, Row
from aios_top.render.numbers import count
from aios_top.render.wrap import labelled


class ScaleWish(Struct, frozen=True):
    """A number of replicas, or a difference; one of them is None."""

    replicas: int | None = None
    change: int | None = None


def parse_wish(text: str) -> ScaleWish | str:
    """Return the wish in `5`, `+1` or `-2`, or what is wrong with the text."""
    word = text.strip()
    digits = word.removeprefix("+").removeprefix("-")
    if not digits.isdecimal() or not digits.isascii() or len(digits) > 5 or word.startswith("+-"):
        return "type a number, +N or -N"
    if word[0] in "+-":
        return ScaleWish(change=int(word)) if int(word) else "a difference of 0 changes nothing"
    return ScaleWish(replicas=int(word))


class ScaleDialog(Dialog[ScaleWish]):
    """Answers with the wish; what it means is planned by the engine and confirmed after this."""

    widest = 70

    def __init__(self, block: BlockState) -> None:
        super().__init__(
            f"Replicas of {block.block_id}",
            fields=[Field("wish", "replicas", "+1", "5, +1 or -1")],
            buttons=(self.CANCEL, Button("plan", "Plan")),
        )
        self._block = block

    def body(self, columns: int) -> list[Row]:
        """Return what there is now, and who else decides."""
        replicas = self._block.replicas
        source = "as its policy says" if replicas.origin is Origin.REPORTED else "that report metrics"
        starting = f", {replicas.starting} starting" if replicas.starting else ""
        rows = labelled("now", f"{count(replicas.best, 'replica')} {source}{starting}", columns)
        limits = f"min {_known(replicas.minimum)}, max {_known(replicas.maximum)}; AIOS enforces neither"
        rows += labelled("limits", limits, columns)
        if self._block.policy.policy_name or (self._block.record and self._block.record.autoscaler):
            note = "the autoscaler goes on deciding and may undo this at its next evaluation"
            rows += labelled("note", note, columns, Role.WARN)
        return [*rows, Row((Cell(""),))]

    def problem(self) -> str:
        """Return what is wrong with the text."""
        wish = parse_wish(self.fields["wish"].text)
        return wish if isinstance(wish, str) else ""

    def press(self, _button: str) -> None:
        """Take it."""
        wish = parse_wish(self.fields["wish"].text)
        if isinstance(wish, ScaleWish):
            self.answer(wish)


def _known(limit: int | None) -> str:
    return "not declared" if limit is None else str(limit)
