"""The last question before anything is sent."""

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.model.change import Plan
from aios_top.render.cells import Row
from aios_top.render.confirm import plan_rows

_SEND = Button("send", "Send", "y")


class ConfirmDialog(Dialog[bool]):
    """Shows a plan; true only when the operator said yes to exactly this plan.

    Cancel has the focus at first, so that an enter too many sends nothing.
    """

    def __init__(self, plan: Plan, typed_name: str | None = None) -> None:
        """`typed_name` must be typed before the plan can be sent; None asks for no name."""
        name = Field("name", f"type {typed_name} to send", hint="production") if typed_name else None
        super().__init__(
            plan.title,
            fields=[name] if name else [],
            buttons=(self.CANCEL, _SEND),
            focus="" if name else self.CANCEL.name,
        )
        self._plan = plan
        self._typed_name = typed_name

    def body(self, columns: int) -> list[Row]:
        """Return the plan."""
        return plan_rows(self._plan, columns)

    def problem(self) -> str:
        """Return whether the name is missing."""
        if self._typed_name is None or self.fields["name"].text == self._typed_name:
            return ""
        return "the name does not match yet"

    def press(self, _button: str) -> None:
        """Say yes."""
        self.answer(True)
