"""Measures a block's scaling lag: from the crossed threshold to the decision, and to the first report that follows."""

from collections import deque
from collections.abc import Iterator, Sequence

from msgspec import Struct

from aios_top.model.decision import Action, Decision
from aios_top.model.state import BlockState, Phase
from aios_top.model.text import Clean

DECISION = "decision"
"""From the threshold being crossed to the decision to scale up."""
REPLICA = "replica"
"""From the decision to the first metrics of the replica that it brought."""
TOTAL = "total"

GIVEN_UP_SECONDS = 1800.0
"""A replica that has not come by then will be another decision's."""

_REPORTS = frozenset({Phase.SERVING, Phase.IDLE})


class _Awaited(Struct, frozen=True):
    """A scale-up whose replica has not reported yet; times in unix seconds."""

    crossed_at: float
    decided_at: float


class ScalingLag:
    """One block's lag, state by state."""

    def __init__(self) -> None:
        self._known: set[Clean] = set()
        self._crossed_at: float | None = None
        self._awaited: deque[_Awaited] = deque()

    def take(self, block: BlockState, fresh: Sequence[Decision], now: float) -> Iterator[tuple[str, float]]:
        """Yield what became known: a step and its seconds. `fresh` are the decisions since the last state."""
        if self._crossed_at is None and above_limit(block):
            self._crossed_at = now
        for entry in sorted(fresh, key=lambda entry: entry.at):
            if entry.action is Action.UP:
                crossed = min(entry.at, self._crossed_at or entry.at)
                self._awaited.append(_Awaited(crossed, entry.at))
                yield DECISION, entry.at - crossed
        if not above_limit(block) or any(entry.action is Action.UP for entry in fresh):
            self._crossed_at = None
        yield from self._arrivals(block, now)

    def _arrivals(self, block: BlockState, now: float) -> Iterator[tuple[str, float]]:
        while self._awaited and now - self._awaited[0].decided_at > GIVEN_UP_SECONDS:
            self._awaited.popleft()
        reporting = {row.instance_id: row for row in block.instances if row.phase in _REPORTS}
        for name in sorted(reporting.keys() - self._known):
            if self._awaited and self._known:
                told_at = now - (reporting[name].age_seconds or 0.0)
                awaited = self._awaited.popleft()
                yield REPLICA, max(0.0, told_at - awaited.decided_at)
                yield TOTAL, max(0.0, told_at - awaited.crossed_at)
        self._known |= reporting.keys()


def above_limit(block: BlockState) -> bool:
    """Return whether a mean that the policy compares is above its limit for scaling up."""
    means, limits = block.compared, block.thresholds
    pairs = ((means.input_size, limits.input_up), (means.output_size, limits.output_up))
    return any(mean is not None and limit is not None and mean > limit for mean, limit in pairs)
