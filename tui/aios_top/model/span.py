"""Lengths of time as text: written here and nowhere else, in the form in which people type them.

It is that of Go and Kubernetes: 38ms, 1.84s, 89s, 3m10s, 1h02m, 2d05h; in a cell and in a sentence alike.
"""

import math
import re

UNKNOWN = "?"
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhd]?)")
_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MOST_DAYS = 9999
_QUICK = (0.05, 0.1, 0.2, 0.5, 1, 2, 5)
"""Seconds between which nobody cares how fast a service answers."""


def seconds_of(text: str) -> float | None:
    """Return the seconds of `90`, `90s`, `10m`, `1h30m`, `1d`, `500ms`; None for anything else."""
    typed = text.strip().lower()
    parts = list(_PART.finditer(typed))
    if not parts or _PART.sub("", typed).strip() or len(typed) > 20:
        return None
    if len(parts) > 1 and not all(part[2] for part in parts):
        return None
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)


def span(seconds: float | None) -> str:
    """Return what passes, as a countdown or an age, in its two largest units: 0s, 76s, 120s, 3m10s, 1h02m, 2d05h."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole <= 2 * _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    days = whole // _DAY
    return f"{days}d{whole % _DAY // _HOUR:02d}h" if days <= _MOST_DAYS else f">{_MOST_DAYS}d"


def length(seconds: float | None) -> str:
    """Return what was set, as a period or a window, in all its units: 500ms, 120s, 5m, 3m45s, 1h01m05s, 24h, 7d."""
    if seconds is None:
        return UNKNOWN
    if not math.isfinite(seconds):
        return f"{seconds:g}"
    if abs(seconds) < 1 and seconds:
        return f"{round(1000 * seconds, 3):g}ms"
    if abs(seconds) <= 2 * _MINUTE:
        return f"{round(seconds, 3):g}s"
    (first, unit), *rest = _parts(abs(round(seconds)))
    text = f"{first}{unit}" + "".join(f"{number:02d}{unit}" for number, unit in rest)
    return text if seconds >= 0 else f"-{text}"


def _parts(whole: int) -> list[tuple[int, str]]:
    """Return the numbers of days, hours, minutes and seconds that are not 0; a day or two are told in hours."""
    days = whole // _DAY if whole >= 2 * _DAY else 0
    rest = whole - days * _DAY
    numbers = ((days, "d"), (rest // _HOUR, "h"), (rest % _HOUR // _MINUTE, "m"), (rest % _MINUTE, "s"))
    return [(number, unit) for number, unit in numbers if number]


def latency(seconds: float | None) -> str:
    """Return what was measured, as the time of a request, to three digits: 38ms, 1.84s, 12.5s, 3m10s."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return UNKNOWN
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f}ms"
    if seconds < 9.995:
        return f"{seconds:.2f}s"
    return f"{seconds:.1f}s" if seconds < 99.95 else span(seconds)


def offset(seconds: float) -> str:
    """Return how far two moments are apart, and in which direction: +12.5s, -3m10s."""
    return f"{'-' if seconds < 0 else '+'}{latency(abs(seconds))}"


def age(seconds: float | None) -> str:
    """Return how old something is: a bound in steps while it is young, so that it does not change every second."""
    if seconds is None or not math.isfinite(seconds) or seconds >= _MINUTE:
        return span(seconds)
    return f"<{5 * (int(max(0.0, seconds)) // 5 + 1)}s"


def quickness(seconds: float | None) -> str:
    """Return a bound for how fast a service answers, which changes only when it matters: <50ms, <1s."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return UNKNOWN
    bound = next((bound for bound in _QUICK if seconds < bound), None)
    if bound is None:
        return latency(seconds)
    return f"<{bound:g}s" if bound >= 1 else f"<{1000 * bound:.0f}ms"
