"""Moments as people type them: `3m ago`, `14:02`, `2026-11-23T14:02:00Z`, unix seconds."""

import re
from datetime import datetime, timedelta

from aios_top.cli.exits import UsageError

FORMS = "3m ago, 1h30m ago, 14:02, 14:02:30, 2026-11-23T14:02:00Z or unix seconds"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGO = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = re.compile(r"\d{1,15}(?:\.\d+)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def moment(text: str, now: float) -> float:
    """Return unix seconds, the end of a minute or second that was named; raises UsageError.

    A time of the day is the last one that has passed, in the operator's time zone.
    """
    given = text.strip().lower()
    if given == "now":
        return now
    ago = given.removesuffix("ago").replace(" ", "")
    if given.endswith("ago") and _AGO.fullmatch(ago):
        return now - sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(ago))
    clock = _CLOCK.fullmatch(given)
    if clock is not None:
        return _of_the_day(text, clock, now)
    if _SECONDS.fullmatch(given):
        return float(given)
    try:
        return datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except ValueError:
        raise UsageError(f"--at {text!r} is no time; give {FORMS}") from None


def _of_the_day(text: str, clock: re.Match[str], now: float) -> float:
    hour, minute, second = clock.group(1), clock.group(2), clock.group(3)
    today = datetime.fromtimestamp(now).astimezone()
    try:
        named = today.replace(hour=int(hour), minute=int(minute), second=int(second or 59), microsecond=999_999)
    except ValueError:
        raise UsageError(f"--at {text!r} is no time of the day; give {FORMS}") from None
    begun = named if second else named.replace(second=0)
    return (named if begun.timestamp() <= now else named - timedelta(days=1)).timestamp()
