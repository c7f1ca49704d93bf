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
    A part without a sample repeats the one before when samples come slower than parts do there: what was filled in from
    elsewhere comes more slowly than what the console sees itself.
    """
    part = seconds / columns
    last = math.floor(end / part)
    sums = [0.0] * columns
    counts = [0] * columns
    blank = [False] * columns
    times: list[float] = []
    places: list[int] = []
    for at, value in samples:
        column = math.floor(at / part) - last + columns - 1
        if not 0 <= column < columns:
            continue
        if math.isfinite(value):
            sums[column] += value
            counts[column] += 1
            blank[column] = False
            times.append(at)
            places.append(column)
        else:
            blank[column] = True
    means = [total / number if number else math.nan for total, number in zip(sums, counts, strict=True)]
    parts = [0] * columns
    for column, distance in zip(places, _distances(times), strict=True):
        parts[column] = math.ceil(1.5 * distance / part)
    return _held(means, blank, parts)


def _distances(times: Sequence[float]) -> Sequence[float]:
    """Return the usual distance between samples around each: the smaller one of those to its neighbours."""
    if len(times) < 2:
        return [0.0] * len(times)
    between = [after - before for before, after in pairwise(times)]
    return [min(pair) for pair in zip([between[0], *between], [*between, between[-1]], strict=True)]


def _held(means: list[float], blank: list[bool], parts: list[int]) -> list[float]:
    """Repeat means over the columns that each stands for, never over a gap; `blank` are the columns that end in one."""
    held, left = list(means), 0
    for column, mean in enumerate(means):
        if math.isfinite(mean):
            left = 0 if blank[column] else parts[column]
        elif blank[column] or not left:
            left = 0
        else:
            held[column] = held[column - 1]
            left -= 1
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
