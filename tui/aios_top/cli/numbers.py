"""Turns the text of an argument into a number within bounds, or says what the bounds are."""

import argparse
import math
from collections.abc import Callable

from aios_top.model.span import length, seconds_of

LONGEST_SECONDS = 366 * 86_400.0
SWEEP_STEPS = 7
MOST_STEPS = 26


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Return an argparse type for whole numbers from `lowest` to `highest`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{value} is not between {lowest} and {highest}")
        return value

    return parse


def seconds(lowest: float, highest: float) -> Callable[[str], float]:
    """Return an argparse type for a length of time between two others: `30`, `30s`, `1m30s`; in seconds."""

    def parse(text: str) -> float:
        value = seconds_of(text)
        if value is None:
            raise argparse.ArgumentTypeError(f"'{text}' is no length of time such as 30s, 5m or 1h30m")
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text} is not between {length(lowest)} and {length(highest)}")
        return value

    return parse


def number(lowest: float, highest: float) -> Callable[[str], float]:
    """Return an argparse type for numbers from `lowest` to `highest`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
        if not (math.isfinite(value) and lowest <= value <= highest):
            raise argparse.ArgumentTypeError(f"{text} is not between {lowest:g} and {highest:g}")
        return value

    return parse


def rate(text: str) -> float:
    """Return a rate of requests per minute: `12/m`, or requests per second, `0.2` or `0.2/s`; an argparse type."""
    number, factor = (text.removesuffix("/m"), 1.0) if text.endswith("/m") else (text.removesuffix("/s"), 60.0)
    try:
        per_minute = float(number) * factor
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no rate; write 0.2 for requests/s or 12/m") from None
    if not (math.isfinite(per_minute) and 0.001 <= per_minute <= 60_000):
        raise argparse.ArgumentTypeError(f"{text} is not between 0.001/m and 1000/s")
    return per_minute


def sweep(text: str) -> tuple[str, tuple[float, ...]]:
    """Return name and values of `name=from..to[/steps]`, evenly spaced; whole ends give whole values."""
    name, sign, span = text.partition("=")
    ends, _, steps = span.partition("/")
    low_text, dots, high_text = ends.partition("..")
    try:
        low, high, number = float(low_text), float(high_text), int(steps or SWEEP_STEPS)
    except ValueError:
        low = high = math.nan
        number = 0
    if not (sign and dots and name.strip() and math.isfinite(low) and math.isfinite(high) and low < high):
        raise argparse.ArgumentTypeError(f"'{text}' is no sweep; write NAME=FROM..TO or NAME=FROM..TO/STEPS")
    if not 2 <= number <= MOST_STEPS:
        raise argparse.ArgumentTypeError(f"{number} steps; a sweep has 2 to {MOST_STEPS}")
    values = [low + (high - low) * step / (number - 1) for step in range(number)]
    if low.is_integer() and high.is_integer():
        values = sorted({round(value) for value in values})
    return name.strip(), tuple(values)
