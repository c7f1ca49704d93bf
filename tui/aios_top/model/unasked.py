"""Changes of a block's replicas that its policy did not ask for: somebody scaled by hand, or instances were lost."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from aios_top.model.audit import AuditEntry
from aios_top.model.decision import ACTS, Origin, Outline

PATIENCE_SECONDS = 600.0
"""How long AIOS may take to carry out a decision; a change in its direction is taken for it until then."""
CARRIED_OUT_SECONDS = 60.0
"""How long a scaling by hand may take to show in AIOS's list."""
SCALINGS = frozenset({"ScaleUp", "ScaleDown"})
"""Changes of the operator's record that change the replicas."""


class Unasked(Struct, frozen=True):
    """One change, between two evaluations."""

    at: float
    """Unix seconds: the evaluation that found it."""
    since: float
    """The evaluation before, which had not seen it yet."""
    before: int
    """Instances that AIOS listed then."""
    after: int

    @property
    def sentence(self) -> str:
        """Return what is known of it, and what is not."""
        cause = "added by hand" if self.after > self.before else "removed by hand, or lost"
        return f"{self.before}\u2192{self.after} replicas: the policy did not ask for it; {cause}"


class Expected:
    """Follows one block's decisions, oldest first: which changes of AIOS's list they let expect.

    Only what a policy reports tells AIOS's list. A change that is partly explained is told with all of it.
    """

    def __init__(self) -> None:
        self._asked: list[tuple[float, int]] = []
        self._last: Outline | None = None

    def take(self, entry: Outline) -> Unasked | None:
        """Note the next decision; return the change before it that none explains."""
        if entry.origin is not Origin.REPORTED or entry.current is None:
            return None
        last, self._last = self._last, entry
        change = 0 if last is None or last.current is None else entry.current - last.current
        unexplained = bool(change) and _left(change, self._asked, entry.at) != 0
        if entry.action in ACTS and entry.proposed is not None:
            self._asked.append((entry.at, entry.proposed - entry.current))
        if not unexplained or last is None or last.current is None:
            return None
        return Unasked(entry.at, last.at, last.current, entry.current)


def unasked(decisions: Sequence[Outline]) -> Iterator[Unasked]:
    """Yield the changes of AIOS's list that no decision explains, oldest first; `decisions` are newest first."""
    expected = Expected()
    return (change for entry in reversed(decisions) if (change := expected.take(entry)) is not None)


def is_ours(change: Unasked, block_id: str, entries: Iterable[AuditEntry]) -> bool:
    """Tell whether an entry of the operators' record is behind a change: it was sent shortly before that showed."""
    return any(_explains(entry, block_id, change) for entry in entries)


def is_scaling(entry: AuditEntry) -> bool:
    """Tell whether an entry is a change of the replicas by hand that was sent."""
    request = entry.fields.get("request")
    return entry.kind == "intent" and isinstance(request, dict) and request.get("change") in SCALINGS


def _explains(entry: AuditEntry, block_id: str, change: Unasked) -> bool:
    near = change.since - CARRIED_OUT_SECONDS <= entry.at <= change.at
    return near and is_scaling(entry) and entry.fields["request"].get("block_id") == block_id


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
