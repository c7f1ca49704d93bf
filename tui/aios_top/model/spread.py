"""Exact percentiles of a set of durations, null where too few are known to mean anything."""

import math
from bisect import insort
from collections.abc import Sequence

from msgspec import Struct

FEWEST = {50: 1, 90: 10, 95: 20, 99: 100}
"""Percentile -> values that it needs."""


class Spread(Struct, frozen=True):
    """Count, mean, percentiles by nearest rank, and maximum; seconds."""

    n: int = 0
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    maximum: float | None = None


class Distribution:
    """A growing set of values that is kept in order, so that every percentile is exact at any time."""

    __slots__ = ("_total", "ordered")

    def __init__(self) -> None:
        self.ordered: list[float] = []
        self._total = 0.0

    def add(self, value: float) -> None:
        """Add one value."""
        insort(self.ordered, value)
        self._total += value

    def spread(self) -> Spread:
        """Return the figures of all values so far."""
        values = self.ordered
        if not values:
            return Spread()
        p50, p90, p95, p99 = (
            rank(values, percent) if len(values) >= fewest else None for percent, fewest in FEWEST.items()
        )
        return Spread(len(values), self._total / len(values), p50, p90, p95, p99, values[-1])


def rank(ordered: Sequence[float], percent: float) -> float:
    """Return a percentile by nearest rank of values in order, of which there is at least one."""
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
