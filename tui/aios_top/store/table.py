"""The documents of all instances of a block within a segment, as columns."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from aios_top.model.reading import InstanceReading, LateReading, Mean, ServerMeans
from aios_top.model.text import Clean
from aios_top.model.window import LateRolling
from aios_top.store.columns import Gaps
from aios_top.store.compression import BROKEN
from aios_top.store.payload import (
    HAS_INPUT,
    HAS_OUTPUT,
    HAS_QUEUE,
    INPUT,
    MEANS,
    OUTPUT,
    PLACES,
    QUEUE,
    node_of,
    problems_of,
    reading_of,
)
from aios_top.store.picked import picked


class Table(Struct, frozen=True):
    """The columns of all instances of a block, an instance's rows side by side."""

    present: Sequence[int]
    texts: Sequence[Sequence[str | None]]
    """The different texts."""
    text: Sequence[int]
    """For each row which of them it has."""
    figures: Sequence[Sequence[Any]]

    def readings(self, rows: Sequence[int], name: Clean) -> list[InstanceReading]:
        """Return the documents of some rows of one instance."""
        gaps = Gaps(rows)
        present, text = picked(self.present, rows, gaps), picked(self.text, rows, gaps)
        figures = zip(*(picked(column, rows, gaps) for column in self.figures), strict=True)
        return [
            reading_of(name, has, self.texts[number], row)
            for has, number, row in zip(present, text, figures, strict=True)
        ]


class LateDocuments:
    """The documents in some rows of a table, which ascend; of most columns nothing is read until it is asked for.

    What is damaged then is None: a document that is looked at late cannot be given up any more.
    """

    __slots__ = ("_gaps", "_made", "_present", "_rows", "_table", "_text")

    def __init__(self, table: Table, rows: Sequence[int]) -> None:
        self._table, self._rows, self._gaps = table, rows, Gaps(rows)
        self._made: dict[int, Sequence[Any]] = {}
        self._present: Sequence[int] = ()
        self._text: Sequence[int] | None = None

    def column(self, place: int) -> Sequence[Any]:
        """Return one of the figures of every row; raises what a damaged column raises."""
        made = self._made[place] = picked(self._table.figures[place], self._rows, self._gaps)
        return made

    def readings(self, names: Sequence[Clean], counters: Sequence[tuple[Any, Any, Any]]) -> list[LateReading]:
        """Return the documents; known are the instances, and timestamp, prompt and generated tokens of each."""
        present = self._present = picked(self._table.present, self._rows, self._gaps)
        figure, read = self._figure, self._field
        return [
            LateReading(
                name,
                *known,
                LateRolling(figure, row, INPUT) if has & HAS_INPUT else None,
                LateRolling(figure, row, OUTPUT) if has & HAS_OUTPUT else None,
                read,
                row,
            )
            for row, (name, known, has) in enumerate(zip(names, counters, present, strict=True))
        ]

    def server_means(self, row: int) -> ServerMeans:
        """Return the histograms of a row that server-side means are made of."""
        return ServerMeans(self._mean(row, "inference"), self._mean(row, "first_token"))

    def _field(self, row: int, name: str) -> Any:
        if name == "queue_length":
            return LateRolling(self._figure, row, QUEUE) if self._present[row] & HAS_QUEUE else None
        if name in MEANS:
            return self._mean(row, name)
        if name in PLACES:
            return self._figure(row, PLACES[name])
        texts = self._texts(row)
        if name == "node_id":
            return node_of(texts)
        return problems_of(texts) if len(texts) > 1 else ()

    def _mean(self, row: int, name: str) -> Mean | None:
        place = PLACES[name]
        total, number = self._figure(row, place), self._figure(row, place + 1)
        return None if total is None or number is None else Mean(total, number)

    def _texts(self, row: int) -> Sequence[str | None]:
        try:
            if self._text is None:
                self._text = picked(self._table.text, self._rows, self._gaps)
            return self._table.texts[self._text[row]]
        except BROKEN:
            return (None,)

    def _figure(self, row: int, place: int) -> float | None:
        made = self._made.get(place)
        if made is None:
            try:
                made = self.column(place)
            except BROKEN:
                made = self._made[place] = ()
        figure: float | None = made[row] if row < len(made) else None
        return figure
