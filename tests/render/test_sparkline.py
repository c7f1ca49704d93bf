"""History in a line: heights tell the rule without colour, gaps stay gaps."""

import math

from hypothesis import given
from hypothesis import strategies as st

from aios_top.render.cells import Cell, Role
from aios_top.render.sparkline import BARS, level, resample, sparkline

NAN = math.nan


def text(cells: tuple[Cell, ...]) -> str:
    return "".join(cell.text for cell in cells)


@given(
    st.floats(min_value=0, max_value=1e6), st.floats(min_value=1, max_value=1e4), st.floats(min_value=1, max_value=1e4)
)
def test_the_height_alone_tells_the_rule(value: float, down: float, gap: float) -> None:
    up = down + gap
    bar = level(value, down, up, max(value, up))
    assert (bar >= 6) == (value > up)
    assert (bar <= 1) == (value < down)


def test_roles_repeat_what_the_heights_say() -> None:
    cells = sparkline([50, 200, 400, 600], Role.INPUT, 100, 500)
    assert [cell.role for cell in cells] == [Role.DOWN, Role.INPUT, Role.UP]
    assert text(cells) == "▂▄▆▇"


def test_without_limits_the_scale_is_linear() -> None:
    assert text(sparkline([0, 350, 700], Role.INPUT)) == "▁▅█"


def test_a_gap_is_a_gap_and_nothing_is_not_zero() -> None:
    assert text(sparkline([100, NAN, 100], Role.INPUT, 50, 500))[1] == " "
    assert text(sparkline([NAN, NAN], Role.INPUT, 50, 500)) == "··"
    assert text(sparkline([0.0, 0.0], Role.INPUT, 50, 500)) == "▁▁"


def test_resample_means_each_part() -> None:
    samples = [(0.5, 10.0), (9.0, 20.0), (15.0, 40.0)]
    assert resample(samples, 19.9, 20, 2) == [15.0, 40.0]


def test_resample_holds_a_value_between_slow_samples_but_not_over_a_gap() -> None:
    samples = [(at, 7.0) for at in (0.0, 30.0, 60.0)] + [(90.0, NAN), (120.0, 9.0)]
    values = resample(samples, 129.9, 130, 13)
    assert values[:9] == [7.0] * 9
    assert all(math.isnan(value) for value in values[9:12])
    assert values[12] == 9.0


def test_resample_lets_a_silent_series_end() -> None:
    values = resample([(at, 5.0) for at in (0.0, 10.0, 20.0)], 99.9, 100, 10)
    assert values[2] == 5.0
    assert math.isnan(values[6])


@given(st.floats(min_value=1e9, max_value=2e9), st.integers(min_value=1, max_value=60))
def test_resample_moves_by_whole_columns_only(end: float, columns: int) -> None:
    samples = [(end - at, 1.0 + at) for at in range(290, 0, -3)]
    part = 300 / columns
    start = math.floor(end / part) * part
    assert resample(samples, start + part * 0.1, 300, columns) == resample(samples, start + part * 0.9, 300, columns)


def test_there_are_eight_bars() -> None:
    assert len(BARS) == 8


def test_resample_draws_what_was_filled_in_slowly_as_a_whole_before_what_comes_fast() -> None:
    """A minute of Prometheus's samples is no comb because the console's own ones come every two seconds."""
    filled, own = [(at, 4.0) for at in range(0, 120, 15)], [(at, 5.0) for at in range(120, 300, 2)]
    assert resample([*filled, *own], 299.9, 300, 100) == [4.0] * 40 + [5.0] * 60
    cut = resample([*filled[:4], (46, NAN), *own], 299.9, 300, 100)
    assert cut[:16] == [4.0] * 16
    assert all(math.isnan(value) for value in cut[16:40])
