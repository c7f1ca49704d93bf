"""The one place that turns a number into text, with its unit; what is not known is `?`."""

import math
from datetime import UTC, datetime

UNKNOWN = "?"
_STEPS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def known(value: float | None) -> bool:
    """Return whether `value` is a number that can be shown."""
    return value is not None and math.isfinite(value)


def amount(value: float | None) -> str:
    """Return a quantity in at most five characters: 0.4, 12, 612, 8120, 41.2k, 1.3M."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if size >= 9_999.5:
        return _scaled(value)
    if size >= 9.95 or float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.1f}"


def _scaled(value: float) -> str:
    for step, suffix in _STEPS:
        if abs(value) >= step * 0.99995:
            scaled = value / step
            if abs(scaled) >= 9_999.5:
                return ">9999" + suffix
            return f"{scaled:.0f}{suffix}" if abs(scaled) >= 99.95 else f"{scaled:.1f}{suffix}"
    return f"{value:.0f}"


def percent(value: float | None, limit: float | None) -> str:
    """Return `value` as a share of `limit`, e.g. 122%; empty when either is missing."""
    if value is None or limit is None or limit <= 0 or not math.isfinite(value / limit):
        return ""
    share = 100 * value / limit
    return f"{share:.0f}%" if share < 1000 else ">999%"


def span(seconds: float | None) -> str:
    """Return a length of time for a countdown or an age: 0s, 76s, 120s, 3m10s, 1h02m, 2d05h."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole <= 120:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"


def age(seconds: float | None) -> str:
    """Return how old something is: a bound in steps while it is young, so that it does not change every second."""
    if seconds is None or not math.isfinite(seconds) or seconds >= 60:
        return span(seconds)
    return f"<{5 * (int(max(0.0, seconds)) // 5 + 1)}s"


def quickness(seconds: float | None) -> str:
    """Return a bound for how fast a service answers, which changes only when it matters: <50 ms, <1 s."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return UNKNOWN
    bound = next((bound for bound in (0.05, 0.1, 0.2, 0.5, 1, 2, 5) if seconds < bound), None)
    if bound is None:
        return latency(seconds)
    return f"<{bound:g} s" if bound >= 1 else f"<{1000 * bound:.0f} ms"


def length(seconds: float) -> str:
    """Return the length of a window or an axis: 75s, 5m, 3m45s, 30m."""
    whole = round(seconds)
    return f"{whole // 60}m" if whole % 60 == 0 else span(whole)


def latency(seconds: float | None) -> str:
    """Return a duration of one request: 38 ms, 1.84 s, 12.5 s, 3m10s."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return UNKNOWN
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if seconds < 99.95 else span(seconds)


def period(seconds: float) -> str:
    """Return a polling period: 2s, 0.5s, 30s."""
    return f"{seconds:.0f}s" if float(seconds).is_integer() else f"{seconds:.1f}s"


def clock(at: float) -> str:
    """Return the wall time of unix seconds in the operator's time zone, e.g. 14:53:25."""
    try:
        return datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return "--:--:--"


def stamp(at: float) -> str:
    """Return date and wall time of unix seconds in the operator's time zone, e.g. 11-24 14:53:25."""
    try:
        return datetime.fromtimestamp(at, UTC).astimezone().strftime("%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return "--:--:--"


def count(number: int, noun: str) -> str:
    """Return a number and its noun: 1 block, 5 blocks."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
