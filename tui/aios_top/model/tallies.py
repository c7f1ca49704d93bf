"""What was counted of a block while somebody watched."""

from bisect import bisect_left
from collections.abc import Mapping

from msgspec import Struct, field

from aios_top.model.decision import Action, Origin
from aios_top.model.text import Clean


class DecisionKind(Struct, frozen=True):
    """What decisions are counted by."""

    action: Action
    code: Clean
    origin: Origin


BOUNDS_SECONDS = (1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0)
"""Upper bounds of the classes that spans are counted in; a model loads in seconds or in minutes."""


class Spread(Struct, frozen=True):
    """How long something took, in classes."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_SECONDS) + 1)
    """One per bound, and one for what took longer than the last."""
    total_seconds: float = 0.0

    def with_value(self, seconds: float) -> "Spread":
        """Return the spread with one more."""
        place = bisect_left(BOUNDS_SECONDS, seconds)
        counts = tuple(count + (number == place) for number, count in enumerate(self.counts))
        return Spread(counts, self.total_seconds + seconds)


class BlockTally(Struct, frozen=True):
    """One block's counts since the start of the watch."""

    decisions: Mapping[DecisionKind, int] = field(default_factory=dict)
    """A kind that was only seen before the start counts 0, so that its first increase shows."""
    lags: Mapping[str, Spread] = field(default_factory=dict)
    """Scaling lag by step: `decision`, `replica`, `total`."""
