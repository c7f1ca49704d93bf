"""The one place that turns a number into text, with its unit; what is not known is `?`.

Lengths of time are written in `model.span`, for the sentences of the model tell them too.
"""

import math
from datetime import UTC, datetime

from aios_top.model.span import UNKNOWN

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
                return ">999" + suffix
            return f"{scaled:.0f}{suffix}" if abs(scaled) >= 99.95 else f"{scaled:.1f}{suffix}"
    return f"{value:.0f}"


def percent(value: float | None, limit: float | None) -> str:
    """Return `value` as a share of `limit`, e.g. 122%; empty when either is missing."""
    if value is None or limit is None or limit <= 0 or not math.isfinite(value / limit):
        return ""
    share = 100 * value / limit
    return f"{share:.0f}%" if share < 1000 else ">999%"


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
