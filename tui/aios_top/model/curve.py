"""History that several watched, put together: what one saw fills the gaps of the other."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median_low

from msgspec import Struct

from aios_top.model.rule import DEFAULT_PUSH_SECONDS

Values = Sequence[float | None]
Sample = tuple[float, Values]
"""Unix seconds, and one value per column; a sample without any value is a gap: nobody looked from then on."""

_LATE = 2.5
"""Usual distances between samples after which the next one is missing."""


class Curves:
    """Samples as columns, oldest first."""

    def __init__(self, samples: Sequence[Sample] = ()) -> None:
        self.times: Sequence[float] = [at for at, _ in samples]
        """Unix seconds."""
        self._columns = list(zip(*(values for _, values in samples), strict=True))

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self._columns)

    def column(self, place: int) -> Values:
        """Return one column's values."""
        return self._columns[place] if self._columns else ()

    def samples(self) -> list[Sample]:
        """Return all of them as rows."""
        return list(zip(self.times, zip(*map(self.column, range(self.width)), strict=True), strict=True))


class Earlier(Struct, frozen=True):
    """Where a block's curves come from before the console looked itself."""

    source: str
    """`prometheus`, `recording`, or `decisions`: the policy's own history."""
    start: float
    """Unix seconds of the first sample that was taken over, and of the last."""
    end: float


def is_gap(values: Values) -> bool:
    """Whether a sample says only that nobody looked."""
    return all(value is None or math.isnan(value) for value in values)


def with_gaps(samples: Sequence[Sample], end: float, step: float | None = None) -> list[Sample]:
    """Return samples with a gap behind each that is not followed by the next in time; the last has until `end`.

    `step` is the usual distance in seconds, by default what it was mostly.
    """
    distances = [after[0] - before[0] for before, after in pairwise(samples)]
    usual = step or (median_low(distances) if distances else DEFAULT_PUSH_SECONDS)
    found: list[Sample] = []
    for (at, values), following in zip(samples, [*(at for at, _ in samples), end][1:], strict=True):
        found.append((at, values))
        if following - at > _LATE * usual and not is_gap(values):
            found.append((at + usual, (None,) * len(values)))
    return found


def joined(known: Sequence[Sample], added: Iterable[Sample]) -> tuple[list[Sample], list[float]]:
    """Return what is known with what was added before it and in its gaps, and the times of what was.

    Both are in the order of time. What is known wins wherever somebody looked.
    """
    waiting = list(added)
    found: list[Sample] = []
    taken: list[float] = []
    place, is_open = 0, True
    for at, values in known:
        while place < len(waiting) and waiting[place][0] < at:
            if is_open:
                found.append(waiting[place])
                taken.append(waiting[place][0])
            place += 1
        if place < len(waiting) and waiting[place][0] == at:
            place += 1
        found.append((at, values))
        is_open = is_gap(values)
    if is_open:
        found += waiting[place:]
        taken += [at for at, _ in waiting[place:]]
    return found, taken
