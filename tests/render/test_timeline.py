"""The time axis as data: everything lies in the column of its moment."""

from dataclasses import replace

from aios_top.model.decision import Thresholds
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.model.window import Window
from aios_top.render.cells import columns_of
from aios_top.render.timeline import MARGIN, empty_note, event_row, inferred_note, replica_row, time_row, timeline
from console import states

COLUMNS, LINES = 100, 8
BLOCK = states.scaling()


def drawn(block: BlockState = BLOCK, now: float = states.NOW, columns: int = COLUMNS):
    return timeline(block, Window.ONE_MINUTE, 300, now, columns, LINES)


def test_time_moves_by_whole_columns_so_that_equal_pictures_are_equal() -> None:
    start = states.NOW - states.NOW % 3
    assert drawn(now=start + 0.1) == drawn(now=start + 2.9)
    assert drawn(now=start + 0.1) != drawn(now=start + 3.1)


def test_rows_are_as_wide_as_the_plot() -> None:
    for columns in (12, 60, 191):
        line = drawn(columns=columns)
        for row in (replica_row(BLOCK, line), event_row(BLOCK, line), time_row(line)):
            assert columns_of(row.cells) == MARGIN + columns


def test_a_decision_stands_in_the_column_of_its_moment() -> None:
    line = drawn()
    text = event_row(BLOCK, line).text[MARGIN:]
    marks = {entry.code: int((entry.at - line.start) / 300 * COLUMNS) for entry in BLOCK.decisions}
    assert text[marks["EvalError"]] == "×"
    assert text[marks["ScaleDown"]] == "▼"
    assert text.count("▲") == 2
    assert "=" not in text


def test_the_cooldown_is_shaded_where_it_ran() -> None:
    text = event_row(BLOCK, drawn()).text[MARGIN:]
    assert text[50] == "░"
    assert text[70] == " "
    assert text[98] == "░"


def test_replicas_are_digits_over_time() -> None:
    text = replica_row(BLOCK, drawn()).text[MARGIN:]
    assert text.strip().startswith("1")
    assert text.strip().endswith("3")
    assert replica_row(replace(BLOCK, history={}), drawn()).text.strip() == "rep"


def test_limits_without_thresholds_are_not_drawn() -> None:
    assert drawn(replace(BLOCK, thresholds=Thresholds())).limits == ()
    assert [limit.name for limit in drawn().limits] == ["in up 500", "out up 300", "in down 100", "out down 50"]


def test_a_gap_splits_a_curve() -> None:
    line = drawn()
    assert len(line.curves[0].runs) == 1
    entry = BLOCK.instances[1]  # its history begins with a gap
    gapped = timeline(replace(BLOCK, history=entry.history), Window.ONE_MINUTE, 300, states.NOW, COLUMNS, LINES)
    assert gapped.curves[0].runs[0][0][0] > line.curves[0].runs[0][0][0]


def test_an_empty_plot_says_why() -> None:
    empty = replace(BLOCK, history={})
    assert "no token metrics yet" in empty_note(empty, drawn(empty))
    bare = states.bare()
    assert "no replica" in empty_note(bare, drawn(bare))
    assert empty_note(BLOCK, drawn()) == ""


def test_inferred_marks_are_named() -> None:
    assert inferred_note(states.silent()).startswith("marks inferred")
    assert inferred_note(BLOCK) == ""


def test_the_axis_ends_now() -> None:
    text = time_row(drawn()).text
    assert text.endswith("now")
    assert "-5m" in text
    assert clean(text) == text
