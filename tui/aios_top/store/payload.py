"""The figures of one block within a segment as columns: documents of instances, of the executor, samples."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from aios_top.model.reading import AnyReading, InstanceReading, Mean
from aios_top.model.text import Clean, clean
from aios_top.model.window import AnyRolling, Rolling
from aios_top.store.columns import Packed, pack
from aios_top.store.rows import Rows

_NEWEST = 3
"""A policy's rates span the pushes of a minute, two or three."""
Row = list[Any]
"""Instance id, time of receipt, and what `figures` makes of a document."""
ROLLINGS = ("input_size", "output_size", "queue_length")
MEANS = ("inference", "first_token", "per_output_token")
SINGLES = (
    "timestamp",
    "prompt_tokens_total",
    "generated_tokens_total",
    "prompts_total",
    "errors_total",
    "active_sessions",
    "tokens_per_second",
)
FIGURES = 4 * len(ROLLINGS) + 2 * len(MEANS) + len(SINGLES)
PLACES = (
    {name: 4 * number for number, name in enumerate(ROLLINGS)}
    | {name: 4 * len(ROLLINGS) + 2 * number for number, name in enumerate(MEANS)}
    | {name: 4 * len(ROLLINGS) + 2 * len(MEANS) + number for number, name in enumerate(SINGLES)}
)
"""Place among the figures of each field's first one: a rolling metric has four, a mean its sum and count."""
_AT_ONCE = 5
"""Columns that are packed at once: all of them would take six times the room of the rows, of which they are read."""
HAS_INPUT, HAS_OUTPUT, HAS_QUEUE = (1 << bit for bit in range(len(ROLLINGS)))
"""Bits of a row's `present`."""
INPUT, OUTPUT, QUEUE = (PLACES[name] for name in ROLLINGS)
STAMP, PROMPT, GENERATED = (PLACES[name] for name in SINGLES[:3])
SESSIONS = PLACES["active_sessions"]


def row_of(received_at: float, reading: AnyReading) -> Row:
    """Return a document as a row."""
    present = 0
    figures: list[float | None] = []
    for place, name in enumerate(ROLLINGS):
        rolling: AnyRolling | None = getattr(reading, name)
        if rolling is None:
            figures += (None, None, None, None)
        else:
            present |= 1 << place
            figures += (rolling.current, rolling.average_1m, rolling.average_5m, rolling.average_15m)
    for name in MEANS:
        mean: Mean | None = getattr(reading, name)
        figures += (None, None) if mean is None else (mean.total, mean.count)
    figures += [getattr(reading, name) for name in SINGLES]
    texts = [str(reading.node_id)] if reading.node_id is not None else [None]
    return [str(reading.instance_id), received_at, present, [*texts, *map(str, reading.problems)], figures]


def reading_of(
    instance_id: Clean, present: int, texts: Sequence[str | None], figures: Sequence[Any]
) -> InstanceReading:
    """Return the document that a row was made of."""
    rollings = [
        Rolling(*figures[place : place + 4]) if present & has else None
        for has, place in ((HAS_INPUT, INPUT), (HAS_OUTPUT, OUTPUT), (HAS_QUEUE, QUEUE))
    ]
    totals = ((figures[PLACES[name]], figures[PLACES[name] + 1]) for name in MEANS)
    means = [None if total is None else Mean(total, count) for total, count in totals]
    timestamp, prompt, generated, prompts, errors, sessions, per_second = figures[STAMP:]
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
        node_of(texts),
        problems_of(texts),
    )


def node_of(texts: Sequence[str | None]) -> Clean | None:
    """Return the node that is named in a row's texts."""
    return None if texts[0] is None else clean(texts[0])


def problems_of(texts: Sequence[str | None]) -> tuple[Clean, ...]:
    """Return the problems that are named in a row's texts."""
    return tuple(clean(str(text)) for text in texts[1:])


class PushTable:
    """Rows with the poll that brought them."""

    def __init__(self) -> None:
        self._by_instance: dict[str, Rows] = {}
        self._newest: dict[str, deque[Sequence[Any]]] = {}
        """Figures of the newest rows, which every decision is compared with."""

    def append(self, poll: int, row: Row) -> None:
        """Add one."""
        name = row[0]
        if name not in self._by_instance:
            self._by_instance[name], self._newest[name] = Rows(), deque(maxlen=_NEWEST)
        self._by_instance[name].append(poll, row)
        self._newest[name].append(row[4])

    def figures(self, instance_id: str, back: int) -> Sequence[Any] | None:
        """Return the figures of an instance's document that has so many newer ones, None when there is none."""
        newest = self._newest.get(instance_id, ())
        if back < len(newest):
            return newest[-1 - back]
        rows = self._by_instance.get(instance_id)
        figures: Sequence[Any] | None = None if rows is None or back >= len(rows) else rows.row(-1 - back)[4]
        return figures

    def names(self) -> list[str]:
        """Return the instances, in order."""
        return sorted(self._by_instance)

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Yield the rows, those of an instance together, oldest first."""
        for name in self.names():
            yield from self._by_instance[name]

    def instances(self) -> list[tuple[str, Sequence[tuple[int, Row]]]]:
        """Return the instances with their rows, oldest first."""
        return [(name, tuple(rows)) for name, rows in sorted(self._by_instance.items())]


def pushes_packed(table: PushTable) -> list[Any]:
    """Return the rows as columns, an instance's rows side by side, for they resemble each other."""
    return [*_heads_packed(table), *_figures_packed(table)]


def _heads_packed(table: PushTable) -> list[Any]:
    """Return the instances, the texts, and the columns of what else a row has besides figures."""
    names = table.names()
    places = {name: place for place, name in enumerate(names)}
    texts: dict[tuple[str | None, ...], int] = {}
    heads = [
        (places[row[0]], poll, row[1] if poll < 0 else None, row[2], texts.setdefault(tuple(row[3]), len(texts)))
        for poll, row in table.rows()
    ]
    instances, polls, received, present, numbers = zip(*heads, strict=True) if heads else [()] * 5
    begun = [at for at in received if at is not None]
    return [names, [list(entry) for entry in texts], *map(pack, (instances, polls, begun, present, numbers))]


def _figures_packed(table: PushTable) -> Iterator[Packed]:
    """Yield the columns of the figures."""
    for begin in range(0, FIGURES, _AT_ONCE):
        figures = [row[4][begin : begin + _AT_ONCE] for _, row in table.rows()]
        yield from map(pack, zip(*figures, strict=True) if figures else [()] * _AT_ONCE)
