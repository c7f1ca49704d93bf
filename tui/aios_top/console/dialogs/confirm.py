"""The last question before anything is sent."""

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.model.change import Plan
from aios_top.render.cells import Row
from aios_top.render.confirm import plan_rows

TRUST = "trust"
"""The word that accepts code from a place of its own."""
_SEND = Button("send", "Send", "y")


class ConfirmDialog(Dialog[bool]):
    """Shows a plan; true only when the operator said yes to exactly this plan.

    Cancel has the focus at first, so that an enter too many sends nothing.
    """

    def __init__(self, plan: Plan, typed_name: str | None = None) -> None:
        """`typed_name` must be typed before the plan can be sent; None asks for no name."""
        self._wanted = {"name": typed_name} if typed_name else {}
        fields = [Field("name", f"type {typed_name} to send", hint="production")] if typed_name else []
        if plan.trust:
            self._wanted["trust"] = TRUST
            fields.append(Field("trust", f"type {TRUST} to accept it", hint="code from elsewhere"))
        super().__init__(
            plan.title, fields=fields, buttons=(self.CANCEL, _SEND), focus="" if fields else self.CANCEL.name
        )
        self._plan = plan

    def body(self, columns: int) -> list[Row]:
        """Return the plan."""
        return plan_rows(self._plan, columns)

    def problem(self) -> str:
        """Return which word is missing."""
        missing = [name for name, text in self._wanted.items() if self.fields[name].text != text]
        return f"the {'name' if missing[0] == 'name' else 'word'} does not match yet" if missing else ""

    def press(self, _button: str) -> None:
        """Say yes."""
        self.answer(True)
