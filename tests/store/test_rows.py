"""Rows of an open segment: as they were, in little room."""

import math

from aios_top.model.reading import InstanceReading
from aios_top.model.text import clean
from aios_top.model.window import Rolling
from aios_top.store.payload import PROMPT, PushTable, row_of
from aios_top.store.rows import Rows


def test_rows_come_back_as_they_were():
    rows = Rows()
    kept = [[1.5, None, -0.0, 7, "name", ["a", None]], [math.inf, 5e-324, 2**53, -1, "", []], []]
    for poll, row in enumerate(kept, -1):
        rows.append(poll, row)

    assert [poll for poll, _ in rows] == [-1, 0, 1]
    assert repr([row for _, row in rows]) == repr(kept)
    assert rows.row(-3) == kept[0]
    assert len(rows) == 3


def test_the_figures_of_every_earlier_document_are_found():
    table = PushTable()
    for number in range(8):
        reading = InstanceReading(clean("in-1"), 100.0 + number, Rolling(1.0), prompt_tokens_total=float(number))
        table.append(number, row_of(100.0, reading))

    found = [table.figures("in-1", back) for back in range(9)]

    assert [None if figures is None else figures[PROMPT] for figures in found] == [7, 6, 5, 4, 3, 2, 1, 0, None]
    assert table.figures("in-2", 0) is None
