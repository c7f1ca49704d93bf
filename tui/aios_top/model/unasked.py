"""Changes of a block's replicas that its policy did not ask for: somebody scaled by hand, or instances were lost."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from aios_top.model.decision import ACTS, Decision, Origin

PATIENCE_SECONDS = 600.0
"""How long AIOS may take to carry out a decision; a change in its direction is taken for it until then."""


class Unasked(Struct, frozen=True):
    """One change, between two evaluations."""

    at: float
    """Unix seconds: the evaluation that found it."""
    since: float
    """The evaluation before, which had not seen it yet."""
    before: int
    """Instances that AIOS listed then."""
    after: int


def unasked(decisions: Sequence[Decision]) -> Iterator[Unasked]:
    """Yield the changes of AIOS's list that no decision explains, oldest first; `decisions` are newest first.

    Only what a policy reports tells AIOS's list. A change that is partly explained is told with all of it.
    """
    asked: list[tuple[float, int]] = []
    last: Decision | None = None
    for entry in reversed(decisions):
        if entry.origin is not Origin.REPORTED or entry.current is None:
            continue
        if last is not None and last.current is not None and entry.current != last.current:
            left = _left(entry.current - last.current, asked, entry.at)
            if left:
                yield Unasked(entry.at, last.at, last.current, entry.current)
        if entry.action in ACTS and entry.proposed is not None:
            asked.append((entry.at, entry.proposed - entry.current))
        last = entry


def _left(change: int, asked: list[tuple[float, int]], at: float) -> int:
    """Take from `asked` what explains `change`, and return what is left of it."""
    kept = []
    sign = 1 if change > 0 else -1
    for when, wish in asked:
        if at - when > PATIENCE_SECONDS:
            continue
        taken = sign * max(0, min(sign * wish, sign * change))
        change -= taken
        if wish != taken:
            kept.append((when, wish - taken))
    asked[:] = kept
    return change
