"""A condition on one block that a script waits for, such as `replicas>=4` or `decision=upscale`."""

import operator
import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from aios_top.model.decision import Action
from aios_top.model.state import BlockState, CooldownPhase
from aios_top.model.verdict import Severity

_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "=": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_FORM = re.compile(r"(?P<name>[a-z]+)(?P<sign>>=|<=|=|>|<)(?P<value>\S+)")
_COUNTS = ("replicas", "reporting")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "cooldown": tuple(CooldownPhase),
    "decision": tuple(Action),
    "verdict": tuple(severity.name.lower() for severity in Severity),
}


class Condition(Struct, frozen=True):
    """`name sign value` about a block; counts compare as numbers, everything else is equal or not."""

    name: str
    sign: str
    value: str

    def holds(self, block: BlockState, now: float, since: float) -> bool:
        """Tell whether it is known to hold at `now`; only decisions after `since` (unix seconds) count."""
        if block.stale:
            return False
        if self.name in _COUNTS:
            count = self._count(block)
            return count is not None and not block.replicas.wiped and _COMPARISONS[self.sign](count, int(self.value))
        if self.name == "decision":
            return any(entry.action == self.value and entry.at > since for entry in block.decisions)
        if self.name == "cooldown":
            return block.cooldown.at(now) == self.value
        return block.verdict is not None and block.verdict.severity.name.lower() == self.value

    def _count(self, block: BlockState) -> int | None:
        """Return how many there are, None where nobody has told."""
        if self.name == "replicas" and block.replicas.current is not None:
            return block.replicas.current
        return block.replicas.reporting if block.counted else None

    def found(self, block: BlockState, now: float) -> str:
        """Say what there is instead, for whoever waited in vain."""
        if block.stale:
            return f"its figures are old ({block.problem or 'no answer'})"
        if self.name in _COUNTS:
            reporting = block.replicas.reporting if block.counted else "?"
            best = block.replicas.current if block.replicas.current is not None else reporting
            return f"{best} replicas, {reporting} reporting"
        if self.name == "decision":
            last = next(iter(block.decisions), None)
            return "no decision is known" if last is None else f"last decision {last.action}: {last.reason}"
        if self.name == "cooldown":
            return f"cooldown {block.cooldown.at(now)}"
        return "no verdict yet" if block.verdict is None else f"verdict: {block.verdict.sentence}"


def condition(text: str) -> Condition:
    """Return the condition that `text` states; raises ValueError with what can be stated."""
    form = _FORM.fullmatch(text.replace(" ", ""))
    if form is None:
        raise ValueError(f"'{text}' is no condition: it takes NAME=VALUE, or NAME>=N for a count")
    name, sign, value = form["name"], form["sign"], form["value"]
    if name in _COUNTS:
        if not (value.isascii() and value.isdigit() and len(value) < 7):
            raise ValueError(f"'{text}': {name} is compared with a whole number")
    elif name not in _WORDS:
        raise ValueError(f"'{text}': there is no '{name}'; there are: {', '.join((*_COUNTS, *_WORDS))}")
    elif sign != "=" or value not in _WORDS[name]:
        raise ValueError(f"'{text}': {name}= takes one of {', '.join(_WORDS[name])}")
    return Condition(name, sign, value)
