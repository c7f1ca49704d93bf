"""The figures of one block within a segment as columns: documents of instances, of the executor, samples."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios_top.model.reading import ExecutorReading, InstanceReading, Mean
from aios_top.model.text import Clean, clean
from aios_top.model.window import Rolling
from aios_top.store.columns import Packed, pack, unpack

Row = list[Any]
"""Instance id, time of receipt, and what `figures` makes of a document."""
_ROLLINGS = ("input_size", "output_size", "queue_length")
_MEANS = ("inference", "first_token", "per_output_token")
_SINGLES = (
    "timestamp",
    "prompt_tokens_total",
    "generated_tokens_total",
    "prompts_total",
    "errors_total",
    "active_sessions",
    "tokens_per_second",
)
_FIGURES = 4 * len(_ROLLINGS) + 2 * len(_MEANS) + len(_SINGLES)
INPUT, OUTPUT, QUEUE = 0, 4, 8
"""Places among the figures of the first of a rolling metric's windows."""
STAMP, PROMPT, GENERATED, SESSIONS = (4 * len(_ROLLINGS) + 2 * len(_MEANS) + place for place in (0, 1, 2, 5))
_COUNTED = (STAMP, PROMPT, GENERATED, *(4 * len(_ROLLINGS) + place for place in range(4)))


def row_of(received_at: float, reading: InstanceReading) -> Row:
    """Return a document as a row."""
    present = 0
    figures: list[float | None] = []
    for place, name in enumerate(_ROLLINGS):
        rolling: Rolling | None = getattr(reading, name)
        if rolling is None:
            figures += (None, None, None, None)
        else:
            present |= 1 << place
            figures += (rolling.current, rolling.average_1m, rolling.average_5m, rolling.average_15m)
    for name in _MEANS:
        mean: Mean | None = getattr(reading, name)
        figures += (None, None) if mean is None else (mean.total, mean.count)
    figures += [getattr(reading, name) for name in _SINGLES]
    texts = [str(reading.node_id)] if reading.node_id is not None else [None]
    return [str(reading.instance_id), received_at, present, [*texts, *map(str, reading.problems)], figures]


def reading_of(
    instance_id: Clean, present: int, texts: Sequence[str | None], figures: Sequence[Any]
) -> InstanceReading:
    """Return the document that a row was made of."""
    rollings = [Rolling(*figures[4 * place : 4 * place + 4]) if present >> place & 1 else None for place in range(3)]
    means = [None if figures[place] is None else Mean(figures[place], figures[place + 1]) for place in (12, 14, 16)]
    timestamp, prompt, generated, prompts, errors, sessions, per_second = figures[18:]
    return InstanceReading(
        instance_id,
        timestamp,
        rollings[0],
        rollings[1],
        prompt,
        generated,
        prompts,
        errors,
        means[0],
        means[1],
        means[2],
        sessions,
        rollings[2],
        per_second,
        None if texts[0] is None else clean(texts[0]),
        tuple(clean(str(text)) for text in texts[1:]),
    )


@dataclass(slots=True)
class PushTable:
    """Rows with the poll that brought them."""

    _by_instance: dict[str, list[tuple[int, Row]]] = field(default_factory=dict)

    def append(self, poll: int, row: Row) -> None:
        """Add one."""
        self._by_instance.setdefault(row[0], []).append((poll, row))

    def figures(self, instance_id: str, back: int) -> Sequence[Any] | None:
        """Return the figures of an instance's document that has so many newer ones, None when there is none."""
        rows = self._by_instance.get(instance_id, ())
        return rows[-1 - back][1][4] if back < len(rows) else None

    def instances(self) -> list[tuple[str, Sequence[tuple[int, Row]]]]:
        """Return the instances with their rows, oldest first."""
        return [(name, tuple(rows)) for name, rows in sorted(self._by_instance.items())]


def pushes_packed(table: PushTable) -> list[Any]:
    """Return the rows as columns, an instance's rows side by side, for they resemble each other."""
    instances = table.instances()
    names = [name for name, _ in instances]
    places = {name: place for place, name in enumerate(names)}
    rows = [entry for _, entries in instances for entry in entries]
    texts: dict[tuple[str | None, ...], int] = {}
    numbers = [texts.setdefault(tuple(row[3]), len(texts)) for _, row in rows]
    figures = list(zip(*(row[4] for _, row in rows), strict=True)) or [()] * _FIGURES
    return [
        names,
        [list(entry) for entry in texts],
        pack([places[row[0]] for _, row in rows]),
        pack([poll for poll, _ in rows]),
        pack([row[1] for poll, row in rows if poll < 0]),
        pack([row[2] for _, row in rows]),
        pack(numbers),
        *map(pack, figures),
    ]


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

    def rows(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Yield all rows with their polls, oldest first."""
        return zip(self.polls, zip(*self._columns, strict=True), strict=True) if self.polls else iter(())

    def latest(self, poll: int) -> int:
        """Return the place of the last row up to a poll, -1 when there is none."""
        return bisect_right(self.polls, poll) - 1


@dataclass(frozen=True, slots=True)
class Pushes:
    """The rows of one instance, oldest first; documents are made only of those that are asked for."""

    instance_id: Clean
    polls: Sequence[int]
    received: Sequence[float]
    """Time of receipt of the rows from before the segment."""
    _begin: int
    """Place of its first row among those of all instances."""
    _present: Sequence[int]
    _texts: Sequence[Sequence[str | None]]
    """The different texts, and for each row which of them it has."""
    _text: Sequence[int]
    _figures: Sequence[Sequence[Any]]
    """The columns of all instances."""

    def stamp(self, place: int) -> float | None:
        """Return a row's own time."""
        stamp: float | None = self._figures[STAMP][self._begin + place]
        return stamp

    def figures(self, poll: int, back: int) -> Sequence[Any] | None:
        """Return the figures of the row that had so many newer ones at a poll, None when there is none."""
        place = bisect_right(self.polls, poll) - 1 - back
        return self._row(place) if place >= 0 else None

    def reading(self, place: int) -> InstanceReading:
        """Return a row's document."""
        row = self._begin + place
        return reading_of(self.instance_id, self._present[row], self._texts[self._text[row]], self._row(place))

    def counters(self, place: int) -> InstanceReading:
        """Return of a row's document what rates are counted from: a third of the work."""
        row = self._begin + place
        stamp, prompt, generated, *means = (self._figures[column][row] for column in _COUNTED)
        inference, first_token = (None if means[at] is None else Mean(means[at], means[at + 1]) for at in (0, 2))
        return InstanceReading(
            self.instance_id,
            stamp,
            prompt_tokens_total=prompt,
            generated_tokens_total=generated,
            inference=inference,
            first_token=first_token,
        )

    def _row(self, place: int) -> Sequence[Any]:
        return [column[self._begin + place] for column in self._figures]


def pushes_unpacked(content: Sequence[Any]) -> dict[Clean, Pushes]:
    """Return the rows by instance."""
    names, texts, *columns = content
    owners, polls, received, present, numbers, *figures = map(_column, columns)
    found: dict[Clean, Pushes] = {}
    begin = before = 0
    while begin < len(owners):
        end = bisect_right(owners, owners[begin], begin)
        own = polls[begin:end]
        old = bisect_right(own, -1)
        name = clean(names[owners[begin]], 1000)
        found[name] = Pushes(name, own, received[before : before + old], begin, present, texts, numbers, figures)
        begin, before = end, before + old
    return found


def pushes_of(table: PushTable) -> dict[Clean, Pushes]:
    """Return the rows of a table by instance, as `pushes_unpacked` does."""
    found: dict[Clean, Pushes] = {}
    for name, entries in table.instances():
        polls, rows = zip(*entries, strict=True)
        _, received, present, texts, figures = zip(*rows, strict=True)
        old = bisect_right(polls, -1)
        shown = clean(name, 1000)
        columns = list(zip(*figures, strict=True))
        found[shown] = Pushes(shown, polls, received[:old], 0, present, texts, range(len(polls)), columns)
    return found


def executor_of(row: Sequence[Any]) -> ExecutorReading:
    """Return the executor's document of a row."""
    return ExecutorReading(*row)


def columns_of(rows: Sequence[tuple[int, Sequence[Any]]]) -> Columns:
    """Return rows with their polls, oldest first, as columns."""
    if not rows:
        return Columns((), ())
    polls, values = zip(*rows, strict=True)
    return Columns(polls, list(zip(*values, strict=True)))


def columns_unpacked(content: Sequence[Any]) -> Columns:
    """Return rows that were packed as columns, the polls first."""
    polls, *columns = map(_column, content)
    return Columns(polls, columns)


def _column(entry: Any) -> list[Any]:
    count, form, parts, nulls, whole = entry
    return unpack(Packed(count, form, parts, nulls, whole))
