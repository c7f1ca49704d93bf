"""Counts what happens to blocks while somebody watches, for counters that only ever grow."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice, takewhile

from aios_top.engine.scaling_lag import ScalingLag
from aios_top.model.policy_state import Voice
from aios_top.model.state import BlockState, FleetState
from aios_top.model.tallies import BlockTally, DecisionKind, Spread
from aios_top.model.text import Clean

_REMEMBERED = 1024
"""Twice what a policy keeps: a decision that is told again is known again."""


class Tally:
    """Decisions and scaling lags since the start of the watch; what was decided before is known, not counted."""

    def __init__(self) -> None:
        self._seen: dict[Clean, dict[tuple[object, ...], None]] = {}
        self._counts: dict[Clean, Counter[DecisionKind]] = {}
        self._lags: dict[Clean, ScalingLag] = {}
        self._spans: dict[Clean, dict[str, Spread]] = {}

    def take(self, state: FleetState) -> None:
        """Count what is new in a state; blocks that AIOS no longer has are forgotten."""
        for block in state.blocks.values():
            if block.policy.voice not in {Voice.UNASKED, Voice.UNREACHABLE}:
                self._take(block, state.at)
        for gone in self._seen.keys() - state.blocks.keys():
            del self._seen[gone], self._counts[gone], self._lags[gone], self._spans[gone]

    def blocks(self) -> Mapping[Clean, BlockTally]:
        """Return what was counted."""
        return {
            block_id: BlockTally(dict(counts), dict(self._spans[block_id])) for block_id, counts in self._counts.items()
        }

    def _take(self, block: BlockState, now: float) -> None:
        first_look = block.block_id not in self._seen
        seen = self._seen.setdefault(block.block_id, {})
        counts = self._counts.setdefault(block.block_id, Counter())
        fresh = list(takewhile(lambda entry: entry.key not in seen, block.decisions))  # they stand newest first
        for entry in reversed(fresh):
            seen[entry.key] = None
            counts[DecisionKind(entry.action, entry.code, entry.origin)] += 0 if first_look else 1
        spans = self._spans.setdefault(block.block_id, {})
        lag = self._lags.setdefault(block.block_id, ScalingLag())
        for step, seconds in lag.take(block, () if first_look else fresh, now):
            spans[step] = spans.get(step, Spread()).with_value(seconds)
        for key in list(islice(seen, max(0, len(seen) - _REMEMBERED))):
            del seen[key]
