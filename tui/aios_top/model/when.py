"""Times as an operator types them: "3m ago", "14:02", "2026-11-24 14:02:10"."""

import re
from datetime import UTC, datetime, timedelta, timezone

_AGO = re.compile(r"^-?\s*((?:\d+(?:\.\d+)?\s*[a-z]+\s*)+?)(ago)?$")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")
_UNITS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_CLOCK = re.compile(r"^(\d{1,2}):(\d{2})(?::(\d{2}))?$")
EXAMPLES = '"3m ago", "14:02", "14:02:10", "2026-11-24 14:02"'


class WhenError(ValueError):
    """A time that cannot be understood; the message says what can be typed."""


def moment_of(text: str, now: float, utc_offset_seconds: float) -> float:
    """Return the unix seconds that `text` means at `now`; times of the day are in the zone of the offset.

    A time of the day is the last one that has passed. Raises WhenError.
    """
    typed = " ".join(text.strip().lower().split())
    ago = _AGO.match(typed)
    if ago is not None:
        return now - _seconds(ago[1], text)
    zone = timezone(timedelta(seconds=utc_offset_seconds))
    clock = _CLOCK.match(typed)
    if clock is not None:
        return _last(clock, now, zone, text)
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WhenError(f"not a time: {text.strip()[:40]!r}; type {EXAMPLES}") from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).timestamp()


def _seconds(text: str, typed: str) -> float:
    total = 0.0
    for number, unit in _PART.findall(text):
        factor = _UNITS.get(unit) or _UNITS.get(unit.rstrip("s")) or _UNITS.get(unit[:3]) or _UNITS.get(unit[:1])
        if factor is None:
            raise WhenError(f"no unit of time: {unit!r} in {typed.strip()[:40]!r}; type s, m, h or d")
        total += float(number) * factor
    return total


def _last(clock: re.Match[str], now: float, zone: timezone, text: str) -> float:
    hours, minutes, seconds = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise WhenError(f"not a time of the day: {text.strip()}; type {EXAMPLES}")
    here = datetime.fromtimestamp(now, UTC).astimezone(zone)
    found = here.replace(hour=hours, minute=minutes, second=seconds, microsecond=0)
    if found > here:
        found -= timedelta(days=1)
    return found.timestamp()
