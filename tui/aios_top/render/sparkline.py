"""History in one line of characters, against the limits that the policy compares.

The scale is cut at the limits, so that the height alone tells the rule: below the down limit a bar is one of the two
lowest, above the up limit one of the two highest, in between one of the four in the middle. A gap stays a gap.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from aios_top.render.cells import Cell, Role

BARS = "▁▂▃▄▅▆▇█"
GAP = " "
EMPTY = "·"
"""Drawn all along when there is no sample at all, so that nothing cannot be mistaken for zero."""

_LOWEST, _HIGHEST = 2, 6
"""Levels below which a value is under the down limit, and from which it is above the up limit."""


def resample(samples: Iterable[tuple[float, float]], end: float, seconds: float, columns: int) -> list[float]:
    """Return the mean of each of `columns` equal parts of the last `seconds`; a part without a sample is NaN.

    The parts are aligned to whole multiples of their own length, so that the picture moves by columns and only then.
    A part without a sample repeats the one before when samples come slower than parts do.
    """
    part = seconds / columns
    last = math.floor(end / part)
    sums = [0.0] * columns
    counts = [0] * columns
    blank = [False] * columns
    times: list[float] = []
    for at, value in samples:
        column = math.floor(at / part) - last + columns - 1
        if not 0 <= column < columns:
            continue
        times.append(at)
        if math.isfinite(value):
            sums[column] += value
            counts[column] += 1
        else:
            blank[column] = True
    means = [total / number if number else math.nan for total, number in zip(sums, counts, strict=True)]
    return _held(means, blank, _parts_per_sample(times, part))


def _parts_per_sample(times: Sequence[float], part: float) -> int:
    """Return how many parts one sample stands for, from the usual distance between samples."""
    if len(times) < 2:
        return 0
    distances = sorted(after - before for before, after in pairwise(times))
    return math.ceil(1.5 * distances[len(distances) // 2] / part)


def _held(means: list[float], blank: list[bool], parts: int) -> list[float]:
    held, age = list(means), parts + 1
    for column, mean in enumerate(means):
        age = 0 if math.isfinite(mean) else age + 1
        if age and age <= parts and not blank[column]:
            held[column] = held[column - 1]
        elif blank[column] and age:
            age = parts + 1
    return held


def level(value: float, down: float | None, up: float | None, top: float) -> int:
    """Return the bar for `value`, 0 to 7, on a scale cut at the limits."""
    if up is None or up <= 0:
        return _share(value, 0.0, top, 0, 7)
    low = down if down is not None and 0 < down < up else 0.0
    if value > up:
        return _share(value, up, max(top, up * 1.5), _HIGHEST, 7)
    if low and value < low:
        return _share(value, 0.0, low, 0, _LOWEST - 1)
    return _share(value, low, up, _LOWEST if low else 0, _HIGHEST - 1)


def _share(value: float, low: float, high: float, first: int, last: int) -> int:
    if high <= low:
        return first
    steps = last - first + 1
    return first + min(steps - 1, max(0, int(steps * (value - low) / (high - low))))


def sparkline(
    values: Sequence[float], role: Role, down: float | None = None, up: float | None = None
) -> tuple[Cell, ...]:
    """Return one character per value: above the up limit in role UP, below the down limit in role DOWN."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return (Cell(EMPTY * len(values), Role.DIM),)
    top = max(finite)
    cells: list[Cell] = []
    for value in values:
        if not math.isfinite(value):
            text, meaning = GAP, role
        else:
            text, meaning = BARS[level(value, down, up, top)], _meaning(value, role, down, up)
        if cells and cells[-1].role is meaning:
            cells[-1] = Cell(cells[-1].text + text, meaning)
        else:
            cells.append(Cell(text, meaning))
    return tuple(cells)


def _meaning(value: float, role: Role, down: float | None, up: float | None) -> Role:
    if up is not None and value > up:
        return Role.UP
    if down is not None and value < down:
        return Role.DOWN
    return role
