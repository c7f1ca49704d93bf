"""Asks what to deploy where."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field, typed_path
from aios_top.render.cells import Cell, Role, Row
from aios_top.render.wrap import labelled
from aios_top.shipped import shipped

_STEPS = (
    "pack and inspect (nothing is run), upload, compare the served bytes, register, bind; with a restart also wait for "
    "the first decision of the new policy"
)
_RESTART = "a running block keeps its old policy until its executor restarts; a restart loses the requests in its queue"


class DeployWish(Struct, frozen=True):
    """A folder or archive with a policy, the blocks to bind, and whether to restart their executors."""

    folder: str
    block_ids: tuple[str, ...]
    restart: bool


class DeployDialog(Dialog[DeployWish]):
    """Answers with the wish; the engine inspects the policy, and its plan is confirmed after this."""

    def __init__(self, block_ids: Sequence[str]) -> None:
        super().__init__(
            f"Deploy a policy to {block_ids[0]}" + (f" and {len(block_ids) - 1} more" if len(block_ids) > 1 else ""),
            fields=[
                Field("folder", "policy folder or zip", str(shipped("policy"))),
                Field("restart", "restart executors", "no", "yes or no"),
            ],
            buttons=(self.CANCEL, Button("inspect", "Inspect")),
        )
        self._block_ids = tuple(block_ids)

    def body(self, columns: int) -> list[Row]:
        """Return the steps, the blocks, and what a restart means."""
        return [
            *labelled("steps", _STEPS, columns),
            *labelled("blocks", ", ".join(self._block_ids), columns),
            *labelled("restart", _RESTART, columns, Role.WARN),
            Row((Cell(""),)),
        ]

    def problem(self) -> str:
        """Return what is missing."""
        folder = self.fields["folder"].text.strip()
        if not folder:
            return "name a folder or a zip"
        if not Path(typed_path(folder)).exists():
            return "there is no such folder or file"
        if _answer(self.fields["restart"].text) is None:
            return "restart: yes or no"
        return ""

    def press(self, _button: str) -> None:
        """Take it."""
        folder = typed_path(self.fields["folder"].text)
        self.answer(DeployWish(folder, self._block_ids, bool(_answer(self.fields["restart"].text))))


def _answer(text: str) -> bool | None:
    """Return yes or no, None for anything else."""
    return {"yes": True, "y": True, "no": False, "n": False, "": False}.get(text.strip().lower())
