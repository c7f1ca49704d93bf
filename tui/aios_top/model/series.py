"""Time series in bounded memory: the history behind every sparkline and chart."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

CAPACITY = 1024
"""Samples kept per track: over 30 minutes at a poll of 2 s, over 8 hours at AIOS's push of 30 s."""
_SPARE = 64  # samples that may be overwritten while a reader still holds a view


class Track:
    """A ring of samples with one time and several columns, appended by one thread and read by others through views.

    A view remembers where the track ended when it was taken, so a reader sees a frozen history without a copy and
    without a lock: samples behind the view's end change only `CAPACITY - _SPARE` appends later.
    """

    __slots__ = ("_times", "_values", "columns", "count")

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._times = array("d")
        self._values = [array("f") for _ in self.columns]
        self.count = 0

    def append(self, at: float, values: Sequence[float | None]) -> None:
        """Add a sample, one value per column; None is a gap, which is drawn as one."""
        if self.count < CAPACITY:
            self._times.append(at)
            for column, value in zip(self._values, values, strict=True):
                column.append(float("nan") if value is None else value)
        else:
            slot = self.count % CAPACITY
            self._times[slot] = at
            for column, value in zip(self._values, values, strict=True):
                column[slot] = float("nan") if value is None else value
        self.count += 1

    def view(self, column: str) -> "SeriesView":
        """Return the history of one column up to now."""
        return SeriesView(self, self.columns.index(column), self.count)

    def views(self) -> "TrackView":
        """Return the history of every column up to now."""
        return TrackView(self, self.count)

    def sample(self, column: int, index: int) -> tuple[float, float]:
        """Return time and value of the sample with the running number `index`; a gap is NaN."""
        slot = index % CAPACITY
        return self._times[slot], self._values[column][slot]


@dataclass(frozen=True, slots=True)
class SeriesView:
    """The history of one column up to a moment: (unix seconds, value) pairs, a gap is NaN."""

    track: Track
    column: int
    end: int

    def __len__(self) -> int:
        return min(self.end, CAPACITY - _SPARE)

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return (self.track.sample(self.column, index) for index in range(self.end - len(self), self.end))

    def last(self, number: int) -> list[tuple[float, float]]:
        """Return the newest `number` samples, oldest first."""
        return [self.track.sample(self.column, i) for i in range(self.end - min(number, len(self)), self.end)]

    def since(self, at: float) -> list[tuple[float, float]]:
        """Return the samples at or after the time `at`, oldest first."""
        index = self.end
        oldest = self.end - len(self)
        while index > oldest and self.track.sample(self.column, index - 1)[0] >= at:
            index -= 1
        return [self.track.sample(self.column, number) for number in range(index, self.end)]


@dataclass(frozen=True, slots=True)
class TrackView(Mapping[str, SeriesView]):
    """The history of all columns up to a moment; a column's view is made when it is asked for."""

    track: Track
    end: int

    def __getitem__(self, column: str) -> SeriesView:
        if column not in self.track.columns:
            raise KeyError(column)
        return SeriesView(self.track, self.track.columns.index(column), self.end)

    def __iter__(self) -> Iterator[str]:
        return iter(self.track.columns)

    def __len__(self) -> int:
        return len(self.track.columns)


EMPTY = Track(("none",)).view("none")
"""A history without samples."""
