"""Rows as columns, as they are read back: of what a jump asks for a few, the rest stays packed."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import msgspec

from aios_top.store.columns import Gaps, Packed, Values, shared_numbers

_COLUMN = msgspec.msgpack.Decoder(Packed)
_COLUMNS = msgspec.msgpack.Decoder(list[msgspec.Raw])


class Columns:
    """Rows that are kept as columns; a row is made when it is asked for."""

    __slots__ = ("_columns", "polls")

    def __init__(self, polls: Sequence[int], columns: Sequence[Sequence[Any]]) -> None:
        self.polls = polls
        """Poll that brought each row, ascending."""
        self._columns = columns

    def row(self, place: int) -> tuple[Any, ...]:
        """Return a row."""
        return tuple(column[place] for column in self._columns)

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self._columns)

    def column(self, place: int, end: int) -> Sequence[Any]:
        """Return the values of one column before a row."""
        return every(self._columns[place])[:end]

    def some(self, places: range) -> list[tuple[Any, ...]]:
        """Return the rows at some places."""
        return list(zip(*(picked(column, places) for column in self._columns), strict=True))

    def rows(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Yield all rows with their polls, oldest first."""
        return zip(self.polls, zip(*self._columns, strict=True), strict=True) if self.polls else iter(())

    def latest(self, poll: int) -> int:
        """Return the place of the last row up to a poll, -1 when there is none."""
        return bisect_right(self.polls, poll) - 1


class LateColumns(Sequence[Sequence[Any]]):
    """Packed columns, each taken apart when it is asked for: a jump asks for a fifth of them."""

    __slots__ = ("_content", "_made")

    def __init__(self, content: Sequence[msgspec.Raw]) -> None:
        self._content = content
        self._made: dict[int, Values] = {}

    def __len__(self) -> int:
        return len(self._content)

    @overload
    def __getitem__(self, place: int) -> Values: ...
    @overload
    def __getitem__(self, place: slice) -> list[Values]: ...
    def __getitem__(self, place: int | slice) -> Values | list[Values]:
        if isinstance(place, slice):
            return [self[each] for each in range(len(self))[place]]
        made = self._made.get(place)
        if made is None:
            made = self._made[place] = Values(_COLUMN.decode(self._content[place]))
        return made


def columns_of(rows: Iterable[tuple[int, Sequence[Any]]]) -> Columns:
    """Return rows with their polls, oldest first, as columns."""
    known = tuple(rows)
    if not known:
        return Columns((), ())
    polls, values = zip(*known, strict=True)
    return Columns(polls, list(zip(*values, strict=True)))


def columns_unpacked(content: msgspec.Raw | bytes) -> Columns:
    """Return rows that were packed as columns, the polls first."""
    polls, *columns = _COLUMNS.decode(content)
    return Columns(shared_numbers(_COLUMN.decode(polls)), LateColumns(columns))


def every(column: Sequence[Any]) -> Sequence[Any]:
    """Return a column with all of its values made."""
    return column.every() if isinstance(column, Values) else column


def picked(column: Sequence[Any], places: Sequence[int], gaps: Gaps | None = None) -> Sequence[Any]:
    """Return the values at some places of a column, which ascend."""
    return column.pick(places, gaps) if isinstance(column, Values) else [column[place] for place in places]
