"""Time series in bounded memory: the history behind every sparkline and chart."""

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, overload

from msgspec import Struct

CAPACITY = 1024
"""Most samples of a track: over half an hour at a poll of 2 s."""
KEPT_SECONDS = 2048.0
"""How long samples are kept: nothing is drawn of what is older, however slowly samples come."""
_SPARE = 64
"""Samples that are dropped at once, and that a view leaves out of what there may be: a reader may still hold one."""
_LONG_AGO = (-math.inf, math.nan)


def as_kept(values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Return values with the sixteen significant bits that a block's history keeps: no chart shows more.

    A recording of it needs a third less room for them.
    """
    singles = array("f", [0.0 if value is None else value for value in values])
    bits = array("I", [(pattern + 0x80) & 0xFFFFFF00 for pattern in memoryview(singles).cast("B").cast("I")])
    kept = memoryview(bits).cast("B").cast("f")
    return tuple(None if value is None else near for value, near in zip(values, kept, strict=True))


class LateKept(Sequence[float | None]):
    """Figures as `as_kept` returns them, of which those that a function stands for are made when they are asked for."""

    __slots__ = ("_figures", "_kept")

    def __init__(self, figures: Sequence[float | Callable[[], float | None] | None]) -> None:
        self._figures = figures
        self._kept: tuple[float | None, ...] | None = None

    def __len__(self) -> int:
        return len(self._figures)

    @overload
    def __getitem__(self, place: int) -> float | None: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[float | None, ...]: ...
    def __getitem__(self, place: int | slice) -> float | tuple[float | None, ...] | None:
        if self._kept is not None or isinstance(place, slice):
            return self._every()[place]
        return as_kept((_made(self._figures[place]),))[0]

    def __iter__(self) -> Iterator[float | None]:
        return iter(self._every())

    def _every(self) -> tuple[float | None, ...]:
        if self._kept is None:
            self._kept = as_kept([_made(figure) for figure in self._figures])
            self._figures = self._kept  # and with it what they were made of
        return self._kept


def _made(figure: float | Callable[[], float | None] | None) -> float | None:
    return figure() if callable(figure) else figure


class _Kept(NamedTuple):
    """The samples of a track, replaced as a whole where some are dropped."""

    first: int
    """Running number of the first one."""
    times: "array[float]"
    columns: "list[array[float]]"


class Track:
    """Samples with one time and several columns, appended by one thread and read by others through views.

    A view remembers where the track ended when it was taken, so a reader sees a frozen history without a copy and
    without a lock: what is dropped are the oldest samples, and those of a view that are gone read as a gap long ago.
    """

    __slots__ = ("_kept", "columns", "count")

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._kept = _Kept(0, array("d"), [array("f") for _ in self.columns])
        self.count = 0

    def append(self, at: float, values: Sequence[float | None]) -> None:
        """Add a sample, one value per column; None is a gap, which is drawn as one."""
        first, times, columns = self._kept
        times.append(at)
        for column, value in zip(columns, values, strict=True):
            column.append(math.nan if value is None else value)
        self.count += 1
        if len(times) > _SPARE and (len(times) >= CAPACITY or times[_SPARE] < at - KEPT_SECONDS):
            self._kept = _Kept(first + _SPARE, times[_SPARE:], [column[_SPARE:] for column in columns])

    def extend(self, samples: Iterable[tuple[float, Sequence[float | None]]]) -> None:
        """Add samples, oldest first; many at once to an empty track, of which the newest stay."""
        rows = list(samples)[-CAPACITY + 1 :]
        if self.count or not rows:
            for at, values in rows:
                Track.append(self, at, values)
            return
        times, values = zip(*rows, strict=True)
        columns = [
            array("f", [math.nan if value is None else value for value in column])
            for column in zip(*values, strict=True)
        ]
        self._kept = _Kept(0, array("d", times), columns)
        self.count = len(rows)

    def view(self, column: str) -> "SeriesView":
        """Return the history of one column up to now."""
        return SeriesView(self, self.columns.index(column), self.count)

    def views(self) -> "TrackView":
        """Return the history of every column up to now."""
        return TrackView(self, self.count)

    def samples(self) -> list[tuple[float, tuple[float, ...]]]:
        """Return the history as rows; a gap is NaN."""
        views = [list(view) for view in self.views().values()]
        return [(row[0][0], tuple(value for _, value in row)) for row in zip(*views, strict=True)]

    def sample(self, column: int, index: int) -> tuple[float, float]:
        """Return time and value of the sample with the running number `index`; a gap is NaN."""
        first, times, columns = self._kept
        place = index - first
        return (times[place], columns[column][place]) if place >= 0 else _LONG_AGO

    @property
    def first(self) -> int:
        """Running number of the oldest sample."""
        return self._kept.first


class SeriesView(Struct, frozen=True):
    """The history of one column up to a moment: (unix seconds, value) pairs, a gap is NaN."""

    track: Track
    column: int
    end: int

    def __len__(self) -> int:
        return max(0, min(self.end - self.track.first, CAPACITY - _SPARE))

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


@dataclass(slots=True)
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


class Beginning(Protocol):
    """History from before a track, oldest first."""

    @property
    def times(self) -> Sequence[float]:
        """Unix seconds of the samples."""

    def column(self, place: int) -> Sequence[float | None]:
        """Return one column's values."""


class LateTrack(Track):
    """A track whose beginning is read when somebody looks at it, a column at a time; what is appended meanwhile waits.

    A screen draws one of many columns, and reading them all is most of the work of drawing it.
    """

    __slots__ = ("_begin", "_beginning", "_begun", "_unread", "_waiting")

    def __init__(self, columns: Sequence[str], begin: Callable[[], Beginning]) -> None:
        self.columns = tuple(columns)
        self.count = 0
        self._begin = begin
        self._beginning: Beginning | None = None
        self._begun: int | None = None
        """Samples of the beginning; None before it is read."""
        self._unread: set[int] = set()
        """Columns that are not read yet."""
        self._waiting: list[tuple[float, Sequence[float | None]]] = []

    def append(self, at: float, values: Sequence[float | None]) -> None:
        """Add a sample; `values` are looked at when the beginning is read, and have to stay as they are till then."""
        if self._begun is None:
            self._waiting.append((at, values))
            return
        for place in tuple(self._unread):
            self.read(place)
        super().append(at, values)

    def views(self) -> "TrackView":
        """Return the history of every column up to now, which is not read yet."""
        return LateTrackView(self, len(self._waiting) if self._begun is None else self.count - self._begun)

    def begun(self) -> int:
        """Look how long the beginning is, once; return how many samples it has, but for those too old to be kept."""
        if self._begun is None:
            kept = CAPACITY - 1 - len(self._waiting)
            self._beginning = self._begin()
            times = array("d", self._beginning.times[-kept:] if kept > 0 else ())
            self._kept = _Kept(0, times, [array("f") for _ in self.columns])
            self._begun = self.count = len(times)
            if kept > 0:
                times.extend(at for at, _ in self._waiting)
                self.count = len(times)
                self._unread = set(range(len(self.columns)))
            else:
                for at, values in self._waiting:
                    super().append(at, values)
        return self._begun

    def read(self, place: int) -> None:
        """Read one column, once."""
        if self._beginning is None or self._begun is None or place not in self._unread:
            return
        self._unread.discard(place)
        column = self._beginning.column(place)
        values = [*column[len(column) - self._begun :], *(values[place] for _, values in self._waiting)]
        self._kept.columns[place] = array("f", [math.nan if value is None else value for value in values])


class LateTrackView(TrackView):
    """The history of a late track; `end` counts from the end of its beginning."""

    def __getitem__(self, column: str) -> SeriesView:
        if column not in self.track.columns:
            raise KeyError(column)
        begun, place = 0, self.track.columns.index(column)
        if isinstance(self.track, LateTrack):
            begun = self.track.begun()
            self.track.read(place)
        return SeriesView(self.track, place, begun + self.end)


class _NoTrack(Track):
    """A track that keeps nothing."""

    __slots__ = ()

    def append(self, at: float, values: Sequence[float | None]) -> None:
        """Forget a sample."""


NO_TRACK = _NoTrack(())
"""For whoever needs no history."""
EMPTY = Track(("none",)).view("none")
"""A history without samples."""
