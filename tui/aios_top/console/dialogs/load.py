"""Asks for a load test: what is sent and when, what that comes to, and what the policy should make of it."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.engine.load_plan import is_large
from aios_top.model.aim import predicted
from aios_top.model.errors import ActionRefusedError
from aios_top.model.load import Estimate, LoadLimits, LoadPlan, Shape, Stage, Until
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.render.cells import Cell, Role, Row
from aios_top.render.effect import load_effect, load_request
from aios_top.render.load_text import plan_text, sum_text
from aios_top.render.wrap import labelled

_UNDO = "X stops sending at once; what AIOS has accepted is still worked on"
SHAPES = ("burst", "cross", "poisson", "constant", "closed")
"""`cross`: as much as lifts the policy's value above its up threshold."""
CROSS_PERCENT = 10.0
WATCH_SECONDS = 120.0

Estimated = Callable[[LoadPlan], Estimate]
Aimed = Callable[[str, float, float], LoadPlan]
"""Block, percent above the threshold and seconds at most -> the load that makes the policy scale up."""


class LoadDialog(Dialog[LoadPlan]):
    """Answers with a plan. It is the confirmation too: it shows what is sent, its effect, the way back."""

    def __init__(
        self,
        block: BlockState,
        target: str,
        limits: LoadLimits,
        estimate: Estimated,
        aimed: Aimed,
        *,
        now: float,
        typed: Mapping[str, str] | None = None,
        large_host: str = "",
    ) -> None:
        """`typed` names what has to be typed (field label -> text); `large_host` has to be for a large load only."""
        fields = [
            Field("shape", "shape", "burst", " ".join(SHAPES)),
            Field("requests", "requests", "20", f"1 to {limits.requests}; at most so many of a rate"),
            Field("rate", "rate", "1", f"per second to {limits.rate:g}; closed: in flight"),
            Field("seconds", "seconds", "60", f"of sending, to {limits.seconds:g}; not for a burst"),
            Field("input", "input tokens", "1500", f"1 to {limits.tokens_per_request} each"),
            Field("output", "max output tokens", "50", f"1 to {limits.tokens_per_request} each"),
        ]
        self._typed = dict(typed or {})
        fields += [Field(name, f"type {text}", hint=name) for name, text in self._typed.items()]
        if large_host:
            fields.append(Field("host", f"type {large_host}", hint="above 1 per second or 100"))
        super().__init__(
            f"Load test on {block.block_id}", fields=fields, buttons=(self.CANCEL, Button("start", "Start"))
        )
        self._block = block
        self._target = target
        self._estimate = estimate
        self._aimed = aimed
        self._now = now
        self._large_host = large_host

    def body(self, columns: int) -> list[Row]:
        """Return what is sent and what follows, for the fields as they stand."""
        found = self._found()
        if isinstance(found, str):
            return [*labelled("send", "?", columns), *labelled("undo", _UNDO, columns), Row((Cell(""),))]
        plan, estimate = found
        effect = load_effect(plan, self._block)
        if plan.shape is not Shape.BURST:
            effect = predicted(plan, self._block, self._now).text
        return [
            *labelled("send", clean(load_request(plan, self._target), 600), columns, Role.TITLE),
            *labelled("plan", plan_text(plan), columns),
            *labelled("at most", sum_text(estimate), columns),
            *labelled("effect", effect, columns, Role.ACCENT),
            *labelled("undo", _UNDO, columns),
            Row((Cell(""),)),
        ]

    def problem(self) -> str:
        """Return the first thing that is wrong."""
        found = self._found()
        if isinstance(found, str):
            return found
        if any(self.fields[name].text != text for name, text in self._typed.items()):
            return "the name does not match yet"
        plan, estimate = found
        if self._large_host and is_large(plan, estimate) and self.fields["host"].text != self._large_host:
            return "so much load wants the host's name typed"
        return ""

    def press(self, _button: str) -> None:
        """Take the plan."""
        found = self._found()
        if not isinstance(found, str):
            self.answer(found[0])

    def _found(self) -> tuple[LoadPlan, Estimate] | str:
        """Return the plan in the fields with what it comes to, or what is wrong with them."""
        plan = self._plan()
        if isinstance(plan, str):
            return plan
        try:
            return plan, self._estimate(plan)
        except ActionRefusedError as error:
            return str(error).removeprefix("load test: ").removesuffix("; these limits protect the block")

    def _plan(self) -> LoadPlan | str:
        shape = self.fields["shape"].text.strip()
        if shape not in SHAPES:
            return "shape: one of those named beside it"
        numbers: dict[str, float] = {}
        for name in ("requests", "rate", "seconds", "input", "output"):
            number = _number(self.fields[name].text, whole=name in {"requests", "input", "output"})
            if number is None:
                return f"{self.fields[name].label}: a number above 0"
            numbers[name] = number
        if shape == "cross":
            return self._crossing(numbers["seconds"])
        plan = LoadPlan(
            str(self._block.block_id),
            int(numbers["requests"]),
            int(numbers["input"]),
            int(numbers["output"]),
            shape=Shape(shape),
            watch_seconds=WATCH_SECONDS,
        )
        if plan.shape is Shape.CLOSED:
            return replace(plan, concurrency=int(numbers["rate"]), duration_seconds=numbers["seconds"])
        if plan.shape is Shape.BURST:
            return plan
        return replace(plan, stages=(Stage(numbers["seconds"], numbers["rate"]),))

    def _crossing(self, seconds: float) -> LoadPlan | str:
        try:
            plan = self._aimed(str(self._block.block_id), CROSS_PERCENT, seconds)
        except ActionRefusedError as error:
            return str(error).removeprefix("load test: ")
        return replace(plan, until=Until.UPSCALE, watch_seconds=WATCH_SECONDS)


def _number(text: str, *, whole: bool) -> float | None:
    """Read a positive number as a person types it."""
    text = text.strip()
    digits = text.replace(".", "", 0 if whole else 1)
    if not (digits.isascii() and digits.isdecimal() and len(text) <= 9):
        return None
    return float(text) if float(text) > 0 else None
