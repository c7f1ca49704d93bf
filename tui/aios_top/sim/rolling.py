"""AIOS's rolling metrics: means of the observations of the last 1, 5 and 15 minutes."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, islice
from typing import TypedDict

RETENTION_SECONDS = 900.0
"""Age at which AIOS forgets an observation; also its longest window."""

_ONE_MINUTE_SECONDS = 60.0
_FIVE_MINUTES_SECONDS = 300.0
_COMPACT_AFTER = 1024
"""Forgotten rows kept before the lists are cut, so that forgetting costs O(1) per observation."""


class RollingDocument(TypedDict):
    """A rolling metric on the wire; a window without observations is the integer 0, as AIOS sends it."""

    current: float
    average_1m: float
    average_5m: float
    average_15m: float


class RollingTable:
    """Rolling metrics that are always observed together, one column each.

    Columns hold running totals, so that a mean costs O(log n): it is the difference of two totals, not a walk over
    the window. Many rows taken at once cost a fraction of as many rows one by one.
    """

    __slots__ = ("_first", "_last", "_times", "_totals")

    def __init__(self, columns: int) -> None:
        self._times: list[float] = []
        self._totals: list[list[float]] = [[0] for _ in range(columns)]
        """By column: totals before each observation, and after the last one; one more than there are times."""
        self._first = 0
        """Index of the oldest observation that is still remembered."""
        self._last: Sequence[float] = (0,) * columns

    @property
    def empty(self) -> bool:
        """Whether nothing was ever observed; AIOS then leaves the metric out of its documents."""
        return not self._times

    def add(self, now: float, values: Sequence[float]) -> None:
        """Observe one value per column; `now` never steps back."""
        self.extend((now,), [(value,) for value in values])

    def extend(self, times: Sequence[float], columns: Sequence[Sequence[float]]) -> None:
        """Observe one value per column at each of `times`, which never step back; there is at least one."""
        self._times.extend(times)
        for totals, column in zip(self._totals, columns, strict=True):
            totals.extend(islice(accumulate(column, initial=totals[-1]), 1, None))
        self._last = [column[-1] for column in columns]
        self._first = bisect_left(self._times, times[-1] - RETENTION_SECONDS, lo=self._first)
        if self._first > _COMPACT_AFTER and self._first * 2 > len(self._times):
            del self._times[: self._first]
            for totals in self._totals:
                del totals[: self._first]
            self._first = 0

    def documents(self, now: float) -> list[RollingDocument]:
        """Return each column as AIOS sends it at `now`."""
        one = self._means(now - _ONE_MINUTE_SECONDS)
        five = self._means(now - _FIVE_MINUTES_SECONDS)
        fifteen = self._means(now - RETENTION_SECONDS)
        remembered = bool(self._times) and self._times[-1] >= now - RETENTION_SECONDS
        current = self._last if remembered else (0,) * len(self._last)
        return [
            {"current": last, "average_1m": a, "average_5m": b, "average_15m": c}
            for last, a, b, c in zip(current, one, five, fifteen, strict=True)
        ]

    def _means(self, since: float) -> Sequence[float]:
        """Return each column's mean over the observations at or after `since`, 0 when there are none."""
        start = bisect_left(self._times, since, lo=self._first)
        count = len(self._times) - start
        if count == 0:
            return (0,) * len(self._last)
        return [(totals[-1] - totals[start]) / count for totals in self._totals]


class Rolling:
    """One rolling metric."""

    __slots__ = ("_table",)

    def __init__(self) -> None:
        self._table = RollingTable(columns=1)

    @property
    def empty(self) -> bool:
        """Whether nothing was ever observed."""
        return self._table.empty

    def add(self, now: float, value: float) -> None:
        """Observe `value`; `now` never steps back."""
        self._table.add(now, (value,))

    def document(self, now: float) -> RollingDocument:
        """Return the metric as AIOS sends it at `now`."""
        return self._table.documents(now)[0]
