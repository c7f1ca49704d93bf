"""Asks for a load test: the tutorial client's three numbers, and what they will do."""

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.model.load import LoadLimits, LoadPlan
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.render.cells import Cell, Role, Row
from aios_top.render.effect import load_effect, load_request
from aios_top.render.wrap import labelled

_UNDO = "X stops sending at once; what AIOS has accepted is still worked on"


class LoadDialog(Dialog[LoadPlan]):
    """Answers with the plan of a burst. It is the confirmation too: it shows what is sent, its effect, the way back."""

    def __init__(self, block: BlockState, target: str, limits: LoadLimits, typed_name: str | None = None) -> None:
        defaults = LoadPlan(str(block.block_id), requests=20, input_tokens=1500, max_output_tokens=50)
        fields = [
            Field("requests", "requests", str(defaults.requests), f"1 to {limits.requests}, all at once"),
            Field("input", "input tokens", str(defaults.input_tokens), f"1 to {limits.tokens_per_request} each"),
            Field(
                "output", "max output tokens", str(defaults.max_output_tokens), f"1 to {limits.tokens_per_request} each"
            ),
        ]
        if typed_name:
            fields.append(Field("name", f"type {typed_name}", hint="production"))
        super().__init__(
            f"Load test on {block.block_id}", fields=fields, buttons=(self.CANCEL, Button("start", "Start"))
        )
        self._block = block
        self._target = target
        self._limits = limits
        self._typed_name = typed_name

    def body(self, columns: int) -> list[Row]:
        """Return what is sent and what follows, for the numbers as they stand."""
        plan = self._plan()
        if isinstance(plan, str):
            return [*labelled("send", "?", columns), *labelled("undo", _UNDO, columns), Row((Cell(""),))]
        return [
            *labelled("send", clean(load_request(plan, self._target), 600), columns, Role.TITLE),
            *labelled("effect", load_effect(plan, self._block), columns, Role.ACCENT),
            *labelled("undo", _UNDO, columns),
            Row((Cell(""),)),
        ]

    def problem(self) -> str:
        """Return the first thing that is wrong."""
        plan = self._plan()
        if isinstance(plan, str):
            return plan
        if self._typed_name and self.fields["name"].text != self._typed_name:
            return "the name does not match yet"
        return ""

    def press(self, _button: str) -> None:
        """Take the numbers."""
        plan = self._plan()
        if isinstance(plan, LoadPlan):
            self.answer(plan)

    def _plan(self) -> LoadPlan | str:
        """Return the plan in the fields, or what is wrong with them."""
        numbers = []
        limits = self._limits
        most = {"requests": limits.requests, "input": limits.tokens_per_request, "output": limits.tokens_per_request}
        for name, limit in most.items():
            field = self.fields[name]
            text = field.text.strip()
            if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= limit or len(text) > 9:
                return f"{field.label}: a number from 1 to {limit}"
            numbers.append(int(text))
        requests, input_tokens, max_output_tokens = numbers
        if requests * (input_tokens + max_output_tokens) > limits.tokens_per_run:
            return f"more than {limits.tokens_per_run} tokens in all"
        return LoadPlan(str(self._block.block_id), requests, input_tokens, max_output_tokens)
