"""One place formats numbers: always with a unit where there is one, never wider than promised."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios_top.render.numbers import amount, clock, count, percent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "?"),
        (math.nan, "?"),
        (math.inf, "?"),
        (0, "0"),
        (0.4, "0.4"),
        (4.0, "4"),
        (9.94, "9.9"),
        (12.1, "12"),
        (540.2, "540"),
        (8120, "8120"),
        (9_999.6, "10.0k"),
        (41_200, "41.2k"),
        (99_960, "100k"),
        (999_999, "1.0M"),
        (1_250_000, "1.2M"),
        (3e9, "3.0G"),
        (-41_200, "-41.2k"),
    ],
)
def test_amount(value: float | None, text: str) -> None:
    assert amount(value) == text


@given(st.floats(min_value=0, max_value=9e12))
def test_an_amount_fits_its_column(value: float) -> None:
    assert len(amount(value)) <= 5


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        (612, 500, "122%"),
        (0, 500, "0%"),
        (None, 500, ""),
        (1, None, ""),
        (1, 0, ""),
        (9e9, 1, ">999%"),
        (math.nan, 5, ""),
    ],
)
def test_percent(value: float | None, limit: float | None, text: str) -> None:
    assert percent(value, limit) == text


def test_a_time_that_is_none_is_not_a_crash() -> None:
    assert clock(1e30) == "--:--:--"
    assert clock(1_795_445_605.0).endswith(":25")


def test_count() -> None:
    assert [count(1, "block"), count(5, "block")] == ["1 block", "5 blocks"]
