"""The documents of one block within a segment as they are read back: those are made that are asked for only."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, repeat
from typing import Any

import msgspec
from msgspec import Struct

from aios_top.model.frame import Newest
from aios_top.model.reading import Counted, InstanceReading
from aios_top.model.text import Clean, clean
from aios_top.store.columns import Gaps, Packed, Values, whole_numbers
from aios_top.store.payload import FIGURES, GENERATED, PROMPT, STAMP, PushTable, Row
from aios_top.store.picked import LateColumns, every, picked
from aios_top.store.table import LateDocuments, Table

_PUSHES: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(
    tuple.__class_getitem__((list[str], list[list[str | None]], *[Packed] * 5, *[msgspec.Raw] * FIGURES))
)
_NEAR = 4
"""Pushes of an instance that a minute spans, and one before it, at AIOS's period of 30 s."""


class Pushes(Struct, frozen=True):
    """The rows of one instance, oldest first; documents are made only of those that are asked for."""

    instance_id: Clean
    polls: Sequence[int]
    received: Sequence[float]
    """Times of receipt of rows from before the segment, also those of other instances."""
    before: int
    """Place of its own first one among those."""
    begin: int
    """Place of its first row among those of all instances."""
    table: Table

    def received_at(self, place: int, received: Sequence[float | None]) -> float:
        """Return when a row was received; `received` says when each poll of the segment was answered."""
        poll = self.polls[place]
        return self.received[self.before + place] if poll < 0 else received[poll] or 0.0

    def times(self, begin: int, end: int, received: Sequence[float | None]) -> list[float]:
        """Return when some rows were received."""
        if self.polls[begin] < 0:
            return [self.received_at(place, received) for place in range(begin, end)]
        return [received[poll] or 0.0 for poll in self.polls[begin:end]]

    def row(self, poll: int, back: int) -> int | None:
        """Return the place of the row that had so many newer ones at a poll, None when there is none."""
        place = bisect_right(self.polls, poll) - 1 - back
        return self.begin + place if place >= 0 else None

    def readings(self, places: range) -> list[InstanceReading]:
        """Return the documents of some rows."""
        rows = range(self.begin + places.start, self.begin + places.stop)
        return self.table.readings(rows, self.instance_id)


def figures_at(
    pushes: Mapping[Any, Pushes], poll: int, wanted: Iterable[tuple[str, int]], columns: Collection[int]
) -> dict[tuple[str, int], Sequence[Any]]:
    """Return the figures of some rows at a poll, with None for those of other columns.

    `wanted` are instances, each with how many newer rows the one that is wanted had then; those that had none are
    left out.
    """
    found: dict[tuple[str, int], int] = {}
    for instance_id, back in wanted:
        rows = pushes.get(instance_id)
        row = None if rows is None else rows.row(poll, back)
        if row is not None:
            found[instance_id, back] = row
    if not found:
        return {}
    table = next(iter(pushes.values())).table
    places = sorted(set(found.values()))
    gaps, nothing = Gaps(places), [None] * len(places)
    figures = [
        picked(values, places, gaps) if number in columns else nothing for number, values in enumerate(table.figures)
    ]
    made = dict(zip(places, zip(*figures, strict=True), strict=True))
    return {key: made[row] for key, row in found.items()}


def columns_at(
    pushes: Mapping[Any, Pushes], poll: int, wanted: Sequence[tuple[str, int]], columns: Sequence[int]
) -> list[list[Any]]:
    """Return some columns of the figures of rows at a poll, in the order in which they are wanted.

    `wanted` are instances, each with how many newer rows the one that is wanted had then; raises LookupError for one
    that there is not.
    """
    rows = [pushes[instance_id].row(poll, back) for instance_id, back in wanted]
    if None in rows:
        raise IndexError("a document that a decision was made with is missing")
    if not rows:
        return [[] for _ in columns]
    table = pushes[wanted[0][0]].table
    places = sorted({row for row in rows if row is not None})
    gaps, at = Gaps(places), {row: place for place, row in enumerate(places)}
    order = [at[row] for row in rows if row is not None]
    return [
        [values[place] for place in order]
        for values in (picked(table.figures[column], places, gaps) for column in columns)
    ]


def newest(
    pushes: Mapping[Clean, Pushes], received: Sequence[float | None], poll: int, seconds: float
) -> dict[Clean, Newest]:
    """Return every instance's newest document at a poll, and what those of the last seconds before it had counted.

    Those are one at least, and the first of them is older than that where there is such a one.
    """
    found = [(rows, end) for rows in pushes.values() if (end := bisect_right(rows.polls, poll))]
    if not found:
        return {}
    table = found[0][0].table
    looked_at: list[int] = []
    times: list[float] = []
    stamps: list[Any] = []
    bounds = [0]
    for (rows, end), (begin, own) in zip(found, _counted_from(table.figures[STAMP], found, seconds), strict=True):
        looked_at += range(rows.begin + begin, rows.begin + end)
        times += rows.times(begin, end, received)
        stamps += own
        bounds.append(len(looked_at))
    lasts = [bound - 1 for bound in bounds[1:]]
    all_of_them = LateDocuments(table, looked_at)
    prompts, generated = all_of_them.column(PROMPT), all_of_them.column(GENERATED)
    pushed = [time if stamp is None else stamp for time, stamp in zip(times, stamps, strict=True)]
    places = range(len(looked_at))
    counted = list(map(Counted, times, stamps, pushed, prompts, generated, repeat(all_of_them), places))
    names = [rows.instance_id for rows, _ in found]
    last_ones = LateDocuments(table, [looked_at[last] for last in lasts])
    readings = last_ones.readings(names, [(stamps[last], prompts[last], generated[last]) for last in lasts])
    return {
        name: Newest(reading, counted[first:end])
        for name, reading, (first, end) in zip(names, readings, pairwise(bounds), strict=True)
    }


def _counted_from(
    column: Sequence[Any], found: Sequence[tuple[Pushes, int]], seconds: float
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield for every instance from which row on rates look before its row at the end, and the rows' stamps."""
    near = [range(max(0, end - _NEAR), end) for _, end in found]
    stamps = picked(
        column, [rows.begin + place for (rows, _), places in zip(found, near, strict=True) for place in places]
    )
    taken = 0
    for (rows, end), places in zip(found, near, strict=True):
        own, start = stamps[taken : taken + len(places)], places.start
        taken += len(places)
        first = _first_counted(own, seconds)
        if start and not first:  # more pushes than usual
            own, start = every(column)[rows.begin : rows.begin + end], 0
            first = _first_counted(own, seconds)
        yield start + first, own[first:]


def _first_counted(stamps: Sequence[float | None], seconds: float) -> int:
    """Return from which row on rates look before the last one."""
    last = stamps[-1]
    begin = end = len(stamps) - 1
    while begin > 0:
        stamp = stamps[begin]
        if begin < end and last is not None and stamp is not None and stamp < last - seconds:
            break
        begin -= 1
    return begin


def pushes_unpacked(content: msgspec.Raw) -> dict[Clean, Pushes]:
    """Return the rows by instance."""
    names, texts, *columns = _PUSHES.decode(content)
    owners, polls = map(whole_numbers, columns[:2])
    received, present, numbers = map(Values, columns[2:5])
    table = Table(present, texts, numbers, LateColumns(columns[5:]))
    found: dict[Clean, Pushes] = {}
    begin = before = 0
    while begin < len(owners):
        end = bisect_right(owners, owners[begin], begin)
        own = polls[begin:end]
        old = bisect_right(own, -1)
        name = clean(names[owners[begin]], 1000)
        found[name] = Pushes(name, own, received, before, begin, table)
        begin, before = end, before + old
    return found


def pushes_of(table: PushTable) -> dict[Clean, Pushes]:
    """Return the rows of a table by instance, as `pushes_unpacked` does."""
    spans: list[tuple[str, Sequence[int], Sequence[float], int]] = []
    every_row: list[Row] = []
    for name, entries in table.instances():
        polls, rows = zip(*entries, strict=True)
        old = bisect_right(polls, -1)
        spans.append((name, polls, [row[1] for row in rows[:old]], len(every_row)))
        every_row += rows
    if not every_row:
        return {}
    _, _, present, texts, figures = zip(*every_row, strict=True)
    columns = Table(present, texts, range(len(every_row)), list(zip(*figures, strict=True)))
    return {
        (shown := clean(name, 1000)): Pushes(shown, polls, received, 0, begin, columns)
        for name, polls, received, begin in spans
    }
