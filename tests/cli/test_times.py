"""Moments as people type them."""

import time
from datetime import UTC, datetime

import pytest

from aios_top.cli.exits import UsageError
from aios_top.cli.times import moment

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
        ("14:53", -34.999999),
        ("14:02", 3025.000001 + 60 * 0 + 0),
        ("14:02:30", 3054.000001),
        ("9:00", 21_145.000001),
        ("14:54", 86_400 - 94.999999),
        ("2026-11-23T14:02:00Z", 3085),
        ("2026-11-23T15:02:00+01:00", 3085),
        (str(NOW - 7), 7),
    ],
)
def test_a_moment(text: str, seconds_ago: float) -> None:
    assert NOW - moment(text, NOW) == pytest.approx(seconds_ago, abs=1e-3)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "3 parsecs ago", "25:00", "14:61", "ago", "3m", "nan", "inf", "-1", "1e9"]
)
def test_what_is_no_moment_says_what_is(text: str) -> None:
    with pytest.raises(UsageError, match="3m ago") as caught:
        moment(text, NOW)
    assert "14:02" in str(caught.value)
