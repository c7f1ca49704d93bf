"""The figures of one block within a segment as columns: documents of instances, of the executor, samples."""

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

    rows: list[tuple[int, Row]] = field(default_factory=list)

    def append(self, poll: int, row: Row) -> None:
        """Add one."""
        self.rows.append((poll, row))


def pushes_packed(table: PushTable) -> list[Any]:
    """Return the rows as columns, an instance's rows side by side, for they resemble each other."""
    names = sorted({row[0] for _, row in table.rows})
    places = {name: place for place, name in enumerate(names)}
    rows = sorted(table.rows, key=lambda entry: places[entry[1][0]])
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


@dataclass(frozen=True, slots=True)
class Pushes:
    """The rows of one instance, oldest first; documents are made only of those that are asked for."""

    instance_id: Clean
    polls: Sequence[int]
    received: Sequence[float]
    """Time of receipt of the rows from before the segment."""
    _present: Sequence[int]
    _texts: Sequence[Sequence[str | None]]
    _figures: Sequence[Sequence[Any]]

    def stamp(self, place: int) -> float | None:
        """Return a row's own time."""
        stamp: float | None = self._figures[place][18]
        return stamp

    def reading(self, place: int) -> InstanceReading:
        """Return a row's document."""
        return reading_of(self.instance_id, self._present[place], self._texts[place], self._figures[place])


def pushes_unpacked(content: Sequence[Any]) -> dict[Clean, Pushes]:
    """Return the rows by instance."""
    names, texts, *columns = content
    packed = [_column(entry) for entry in columns]
    owners, polls, received, present, numbers, *figures = packed
    rows = list(zip(*figures, strict=True))
    found: dict[Clean, Pushes] = {}
    begin = before = 0
    while begin < len(owners):
        end = begin
        while end < len(owners) and owners[end] == owners[begin]:
            end += 1
        old = sum(1 for poll in polls[begin:end] if poll < 0)
        name = clean(names[owners[begin]], 1000)
        found[name] = Pushes(
            name,
            polls[begin:end],
            received[before : before + old],
            present[begin:end],
            [texts[number] for number in numbers[begin:end]],
            rows[begin:end],
        )
        begin, before = end, before + old
    return found


def executors_unpacked(content: Sequence[Any]) -> list[tuple[int, ExecutorReading]]:
    """Return the executor's documents with their polls, oldest first."""
    polls, uptimes, tasks = (_column(entry) for entry in content)
    return [(poll, ExecutorReading(up, done)) for poll, up, done in zip(polls, uptimes, tasks, strict=True)]


def samples_unpacked(content: Sequence[Any]) -> Iterator[tuple[int, Sequence[float | None]]]:
    """Yield the samples with their polls, oldest first."""
    polls, *columns = (_column(entry) for entry in content)
    return zip(polls, zip(*columns, strict=True), strict=True) if columns else iter(())


def _column(entry: Any) -> list[Any]:
    count, form, parts, nulls, whole = entry
    return unpack(Packed(count, form, parts, nulls, whole))
