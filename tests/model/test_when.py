"""Moments as people type them."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from aios_top.model.when import WhenError, moment_of

NOW = datetime(2026, 11, 23, 14, 53, 25, tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds_ago"),
    [
        ("now", 0),
        ("3m ago", 180),
        ("90s ago", 90),
        ("1h30m ago", 5400),
        ("1h 30m ago", 5400),
        ("0.5h AGO", 1800),
        ("2d ago", 172_800),
        ("3m", 180),
        ("-5 minutes", 300),
        ("2 hours 3 min ago", 7380),
        ("14:53", 25),
        ("14:02", 3085),
        ("14:02:30", 3055),
        ("9:00", 21_205),
        ("14:54", 86_400 - 35),
        ("2026-11-23 14:02", 3085),
        ("2026-11-23T14:02:00Z", 3085),
        ("2026-11-23T15:02:00+01:00", 3085),
        (str(NOW - 7), 7),
    ],
)
def test_a_moment(text: str, seconds_ago: float) -> None:
    assert NOW - moment_of(text, NOW) == pytest.approx(seconds_ago, abs=1e-3)


@pytest.mark.parametrize(("text", "seconds_ago"), [("14:53", -35), ("14:02", 3025), ("14:02:30", 3054)])
def test_a_moment_that_ends_with_what_was_named(text: str, seconds_ago: float) -> None:
    assert NOW - moment_of(text, NOW, ends=True) == pytest.approx(seconds_ago, abs=1e-3)


def test_the_zone_of_a_time_without_one() -> None:
    zone = timezone(timedelta(hours=2))
    assert NOW - moment_of("16:02", NOW, zone=zone) == 3085
    assert NOW - moment_of("2026-11-23 16:02", NOW, zone=zone) == 3085
    assert NOW - moment_of("2026-11-23T14:02Z", NOW, zone=zone) == 3085


def test_yesterday_had_its_own_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the night when clocks go back, 23:00 is the evening's 23:00."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    now = datetime(2026, 10, 25, 11, 0, tzinfo=UTC).timestamp()
    assert moment_of("23:00", now) == datetime(2026, 10, 24, 21, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text", ["", "yesterday", "3 parsecs ago", "25:00", "14:61", "ago", "nan", "inf", "-1", "1e9", "0001-01-01"]
)
def test_what_is_no_moment_says_what_is(text: str) -> None:
    with pytest.raises(WhenError, match="3m ago") as caught:
        moment_of(text, NOW)
    assert "14:02" in str(caught.value)
