"""Lengths of time are written as people type them, and read back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios_top.model.span import age, latency, length, offset, quickness, seconds_of, span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1d", 86400),
        ("0.5m", 30),
        (" 2 h ", 7200),
        ("1H", 3600),
        ("500ms", 0.5),
        ("1m30s", 90),
    ],
)
def test_a_length(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "ten", "-5", "10m5", "1w", "5 5", "1e3", "9" * 40, "1.2.3s", "10mm"])
def test_anything_else_is_none(text: str) -> None:
    assert seconds_of(text) is None


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
        (1e300, ">9999d"),
    ],
)
def test_span(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "?"),
        (math.inf, "inf"),
        (0, "0s"),
        (0.5, "500ms"),
        (0.001, "1ms"),
        (2.5, "2.5s"),
        (60, "60s"),
        (120, "120s"),
        (75, "75s"),
        (225, "3m45s"),
        (300, "5m"),
        (1800, "30m"),
        (3665, "1h01m05s"),
        (86_400, "24h"),
        (604_800, "7d"),
        (-30, "-30s"),
        (-300, "-5m"),
    ],
)
def test_length(seconds: float | None, text: str) -> None:
    assert length(seconds) == text


@given(
    st.integers(min_value=0, max_value=400 * 86_400) | st.integers(min_value=1, max_value=999).map(lambda n: n / 1000)
)
def test_what_was_written_is_read_back(seconds: float) -> None:
    assert seconds_of(length(seconds)) == pytest.approx(seconds)


@given(st.floats(min_value=0, max_value=9000 * 86_400))
def test_what_passes_is_read_back_in_its_two_units(seconds: float) -> None:
    read = seconds_of(span(seconds))
    assert read is not None
    assert read <= seconds
    assert seconds - read < (1 if seconds < 3600 else 60 if seconds < 86_400 else 3600)


@pytest.mark.parametrize(("seconds", "text"), [(12.54, "+12.5s"), (-0.0382, "-38ms"), (190, "+3m10s")])
def test_offset(seconds: float, text: str) -> None:
    assert offset(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (-1, "?"), (0.038, "38ms"), (0.9996, "1.00s"), (1.84, "1.84s"), (12.54, "12.5s"), (190, "3m10s")],
)
def test_latency(seconds: float | None, text: str) -> None:
    assert latency(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (-1, "<5s"), (0.2, "<5s"), (4.9, "<5s"), (5, "<10s"), (59, "<60s"), (60, "60s"), (310, "5m10s")],
)
def test_an_age_is_a_bound_while_it_is_young(seconds: float | None, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (0.01, "<50ms"), (0.05, "<100ms"), (0.7, "<1s"), (4.0, "<5s"), (6.54, "6.54s")],
)
def test_quickness_changes_only_when_it_matters(seconds: float | None, text: str) -> None:
    assert quickness(seconds) == text
