"""Times as an operator types them: "3m ago", "14:02", "2026-11-24 14:02:10", RFC 3339, unix seconds."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

_AGO = re.compile(r"-?\s*((?:\d+(?:\.\d+)?\s*[a-z]+\s*)+?)(ago)?")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")
_UNITS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_SECONDS = re.compile(r"\d{1,15}(?:\.\d+)?")
_ALMOST = 0.999_999
"""Of a second: what is named to the second ends here."""
EXAMPLES = '"3m ago", "14:02", "14:02:10", "2026-11-24 14:02"'


class WhenError(ValueError):
    """A time that cannot be understood; the message says what can be typed."""


def moment_of(text: str, now: float, *, ends: bool = False, zone: tzinfo | None = None) -> float:
    """Return the unix seconds that `text` means at `now`; raises WhenError.

    A time of the day is the last one that has passed; it begins with its minute or second, or `ends` with it. Times
    without a zone are in the operator's, else in `zone`.
    """
    typed = " ".join(text.strip().lower().split())
    if typed == "now":
        return now
    if _SECONDS.fullmatch(typed):
        return float(typed)
    ago = _AGO.fullmatch(typed)
    if ago is not None:
        return now - _seconds(ago[1], text)
    clock = _CLOCK.fullmatch(typed)
    if clock is not None:
        return _of_the_day(clock, now, zone, text) + (_rest(clock) if ends else 0.0)
    try:
        return _unix(datetime.fromisoformat(text.strip()), zone)
    except (ValueError, OverflowError):
        raise WhenError(f"not a time: {text.strip()[:40]!r}; type {EXAMPLES}") from None


def _seconds(text: str, typed: str) -> float:
    total = 0.0
    for number, unit in _PART.findall(text):
        factor = _UNITS.get(unit) or _UNITS.get(unit.rstrip("s")) or _UNITS.get(unit[:3]) or _UNITS.get(unit[:1])
        if factor is None:
            raise WhenError(f"no unit of time: {unit!r} in {typed.strip()[:40]!r}; type s, m, h or d: {EXAMPLES}")
        total += float(number) * factor
    return total


def _of_the_day(clock: re.Match[str], now: float, zone: tzinfo | None, text: str) -> float:
    hours, minutes, seconds = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise WhenError(f"not a time of the day: {text.strip()}; type {EXAMPLES}")
    today = datetime.fromtimestamp(now, UTC).astimezone(zone).replace(tzinfo=None)
    named = today.replace(hour=hours, minute=minutes, second=seconds, microsecond=0)
    found = _unix(named, zone)
    return found if found <= now else _unix(named - timedelta(days=1), zone)


def _rest(clock: re.Match[str]) -> float:
    return _ALMOST if clock[3] else 59 + _ALMOST


def _unix(named: datetime, zone: tzinfo | None) -> float:
    """Return unix seconds; a time without a zone is one of the system's, with the offset that holds on that day."""
    return (named if named.tzinfo is not None or zone is None else named.replace(tzinfo=zone)).timestamp()
