"""One place formats numbers: always with a unit where there is one, never wider than promised."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios_top.render.numbers import age, amount, clock, count, latency, length, percent, period, quickness, span


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
    ("seconds", "text"),
    [
        (None, "?"),
        (math.nan, "?"),
        (-3, "0s"),
        (0.9, "0s"),
        (76, "76s"),
        (120, "120s"),
        (121, "2m01s"),
        (190, "3m10s"),
        (3720, "1h02m"),
        (190_800, "2d05h"),
    ],
)
def test_span(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(75, "75s"), (300, "5m"), (225, "3m45s"), (1800, "30m")])
def test_length(seconds: float, text: str) -> None:
    assert length(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (-1, "?"), (0.038, "38 ms"), (0.9996, "1.00 s"), (1.84, "1.84 s"), (12.54, "12.5 s"), (190, "3m10s")],
)
def test_latency(seconds: float | None, text: str) -> None:
    assert latency(seconds) == text


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


def test_count_and_period() -> None:
    assert [count(1, "block"), count(5, "block")] == ["1 block", "5 blocks"]
    assert [period(2.0), period(0.5)] == ["2s", "0.5s"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (-1, "<5s"), (0.2, "<5s"), (4.9, "<5s"), (5, "<10s"), (59, "<60s"), (60, "60s"), (310, "5m10s")],
)
def test_an_age_is_a_bound_while_it_is_young(seconds: float | None, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (0.01, "<50 ms"), (0.05, "<100 ms"), (0.7, "<1 s"), (4.0, "<5 s"), (6.54, "6.54 s")],
)
def test_quickness_changes_only_when_it_matters(seconds: float | None, text: str) -> None:
    assert quickness(seconds) == text
