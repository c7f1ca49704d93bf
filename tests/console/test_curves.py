"""The plot: a curve lies on its limit's line when it has its value, and curves are told apart by role."""

import pytest

from aios_top.console.curves import plot
from aios_top.engine.memory import BLOCK_COLUMNS
from aios_top.model.decision import Thresholds
from aios_top.model.series import Track
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.model.window import Window
from aios_top.render.cells import Role, columns_of
from aios_top.render.timeline import MARGIN, Curve, Limit, Timeline
from aios_top.render.timeline import timeline as figures

START = 1_795_445_300.0


def flat(value: float, role: Role = Role.INPUT, start: float = 0, end: float = 300) -> Curve:
    return Curve(role, (tuple((START + at, value) for at in range(int(start), int(end) + 1, 3)),))


def timeline(*curves: Curve, limits: tuple[Limit, ...] = (), columns: int = 100, lines: int = 8) -> Timeline:
    return Timeline(columns, lines, START, START + 300, 700.0, curves, limits)


def braille_lines(line: Timeline) -> set[int]:
    return {
        number
        for number, row in enumerate(plot(line))
        if any(0x2800 < ord(character) < 0x2900 for character in row.text)
    }


def test_every_row_is_as_wide_as_the_panel() -> None:
    for columns, lines in ((10, 2), (100, 8), (191, 30)):
        rows = plot(timeline(flat(300.0), columns=columns, lines=lines))
        assert len(rows) == lines
        assert {columns_of(row.cells) for row in rows} == {MARGIN + columns}


def test_a_curve_with_the_value_of_a_limit_lies_on_its_line() -> None:
    for lines in (5, 8, 13):
        for value in (60.0, 110.0, 310.0, 510.0):  # none of them half way between two lines
            line = timeline(flat(value), lines=lines)
            assert braille_lines(line) == {line.line_of(value)}


def test_a_higher_value_is_higher() -> None:
    assert min(braille_lines(timeline(flat(600.0)))) < min(braille_lines(timeline(flat(100.0))))


def test_curves_keep_their_roles_and_share_cells() -> None:
    rows = plot(timeline(flat(500.0), flat(500.0, Role.OUTPUT, 150)))
    roles = {cell.role for row in rows for cell in row.cells if any(0x2800 < ord(c) < 0x2900 for c in cell.text)}
    assert roles == {Role.INPUT, Role.OUTPUT}


def test_a_value_beyond_the_scale_is_drawn_at_the_top() -> None:
    assert braille_lines(timeline(flat(5_000.0))) == {0}


def test_time_runs_from_left_to_right() -> None:
    row = next(row for row in plot(timeline(flat(300.0, start=150))) if any(ord(c) > 0x2800 for c in row.text))
    first = next(place for place, character in enumerate(row.text) if ord(character) > 0x2800)
    assert abs(first - MARGIN - 50) <= 1


def test_limits_are_named_and_two_on_one_line_do_not_hide_each_other() -> None:
    limits = (Limit(500.0, "in up 500", Role.INPUT), Limit(495.0, "out up 495", Role.OUTPUT))
    text = "\n".join(row.text for row in plot(timeline(limits=limits)))
    assert "in up 500" in text
    assert "out up 495" in text
    assert "┄" in text


def test_the_scale_names_top_and_zero() -> None:
    rows = plot(timeline(flat(300.0)))
    assert rows[0].text.startswith("  700┤")
    assert rows[-1].text.startswith("    0┤")


def test_one_sample_is_a_point_and_none_is_nothing() -> None:
    assert braille_lines(timeline(Curve(Role.INPUT, (((START + 150, 300.0),),))))
    assert braille_lines(timeline(Curve(Role.INPUT, ()))) == set()


ODD = (0.0, -5.0, 1e-9, 5e-324, 500.0, 3e38, 9e299, -9e299)


@pytest.mark.parametrize("limit", ODD)
@pytest.mark.parametrize("value", ODD)
def test_no_value_and_no_limit_is_too_odd_for_a_plot(value: float, limit: float) -> None:
    track = Track(BLOCK_COLUMNS)
    for at, figure in ((0.0, 100.0), (2.0, value), (1.0, value), (60.0, 0.0)):
        track.append(START + at, [figure] * len(BLOCK_COLUMNS))
    block = BlockState(clean("odd"), thresholds=Thresholds(input_up=limit, output_down=value), history=track.views())
    line = figures(block, Window.ONE_MINUTE, 300.0, START + 60, 100, 8)
    rows = plot(line)
    assert {columns_of(row.cells) for row in rows} == {MARGIN + 100}
    assert all(0 <= line.line_of(entry.value) < 8 for entry in line.limits)
