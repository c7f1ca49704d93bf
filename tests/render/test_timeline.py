"""The time axis as data: everything lies in the column of its moment."""

from msgspec.structs import replace

from aios_top.model.curve import Earlier
from aios_top.model.decision import Thresholds
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.model.window import Window
from aios_top.render.cells import columns_of
from aios_top.render.numbers import clock
from aios_top.render.timeline import (
    MARGIN,
    earlier_notes,
    empty_note,
    event_row,
    inferred_note,
    replica_row,
    time_row,
    timeline,
)
from console import states

COLUMNS, LINES = 100, 8
BLOCK = states.scaling()


def drawn(block: BlockState = BLOCK, now: float = states.NOW, columns: int = COLUMNS):
    return timeline(block, Window.ONE_MINUTE, 300, now, columns, LINES)


def test_the_axis_stands_still_and_moves_on_by_tenths() -> None:
    start = states.NOW - states.NOW % 30
    assert drawn(now=start + 0.1) == drawn(now=start + 29.9)
    assert drawn(now=start + 30.1).start == drawn(now=start + 0.1).start + 30


def test_a_new_sample_changes_the_end_of_a_row_only() -> None:
    start = states.NOW - states.NOW % 30
    line = drawn(now=start + 12)
    before, after = time_row(line, start + 12).text, time_row(line, start + 15).text
    changed = [column for column, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    assert min(changed) > MARGIN + 90


def test_rows_are_as_wide_as_the_plot() -> None:
    for columns in (12, 60, 191):
        line = drawn(columns=columns)
        for row in (replica_row(BLOCK, line), event_row(BLOCK, line), time_row(line, states.NOW)):
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
    part = 300 / COLUMNS
    cooled = drawn().start
    assert text[int((states.NOW - 300 + 0.5 * 300 - cooled) / part)] == "░"
    assert text[int((states.NOW - 300 + 0.7 * 300 - cooled) / part)] == " "
    assert text[int((states.NOW - 3 - cooled) / part)] == "░"


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


def test_the_axis_names_wall_time_and_now() -> None:
    line = drawn()
    text = time_row(line, states.NOW).text
    assert text.index("now") == MARGIN + min(COLUMNS - 3, int((states.NOW - line.start) / 300 * COLUMNS))
    assert text[MARGIN : MARGIN + 5] == clock(line.start)[:5]
    assert clean(text) == text


def test_an_axis_that_ended_names_its_end_and_not_now() -> None:
    line = drawn()
    text = time_row(line, line.end + 600.0).text
    assert "now" not in text
    assert text.rstrip().endswith(f" {clock(line.end)[:5]}")


def test_a_short_axis_has_seconds_and_its_labels_never_run_into_now() -> None:
    line = timeline(BLOCK, Window.ONE_MINUTE, 77, states.NOW, 53, 5)
    text = time_row(line, states.NOW).text
    assert text.count(":") % 2 == 0
    assert text.rstrip().endswith(" now")
    assert len(set(text.split())) == len(text.split())


def test_where_curves_come_from_that_nobody_saw_here_is_said_while_they_are_drawn() -> None:
    start, end = states.NOW - 400.0, states.NOW - 200.0
    spans = [Earlier("recording", start, end - 60.0), Earlier("decisions", end - 50.0, end)]
    block = replace(BLOCK, earlier=tuple(spans))
    said = ["".join(cell.text for cell in note).strip() for note in earlier_notes(block, states.NOW - 300.0)]
    until = f"until {clock(end)[:5]}"
    assert said == [f"{until} from a recording and the policy's decisions", f"{until} not seen here"]
    (said, _) = ("".join(cell.text for cell in note) for note in earlier_notes(block, end - 55.0))
    assert said.endswith("from the policy's decisions")
    assert earlier_notes(block, end) == earlier_notes(BLOCK, 0.0) == ((),)
