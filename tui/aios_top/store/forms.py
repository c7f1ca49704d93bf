"""The forms in which a column of numbers becomes whole numbers, without loss, of which neighbours differ little.

What AIOS measures is of few kinds: counters and stamps are whole or have few decimals, the rolling means are fractions
of small numbers (a sum of tokens over a count of requests), histories have single precision, and the rest differ in
the last bits of the mantissa.
"""

import math
from array import array
from collections.abc import Callable, Sequence
from functools import partial

SCALES = (1.0, 1000.0, 1_000_000.0)
"""What values are multiplied by, by form."""
WHOLE, THOUSANDTHS, MILLIONTHS, FRACTION, BITS, SINGLES = 0, 1, 2, 90, 91, 92
_LARGEST = 2.0**53
_MOST_REQUESTS = 1 << 16
"""Largest denominator to look for: more requests than one instance serves in 15 minutes."""
_LARGEST_MEAN = 1e6
"""Larger numbers are stamps and sums, which have few bits behind the point: a fraction would be found by chance."""


def in_form(known: list[float]) -> tuple[int, Sequence[list[int]]]:
    """Return the first form that gives every value back to the last bit, and the numbers that stand for them in it."""
    for form, numbers_of in _FORMS:
        numbers = numbers_of(known)
        if numbers is not None:
            return form, numbers
    return BITS, [list(array("q", array("d", known).tobytes()))]


def _wholes(known: list[float]) -> tuple[list[int]] | None:
    """Return whole numbers, None when one is none."""
    try:
        numbers = list(map(int, known))
    except (ValueError, OverflowError):  # a NaN, an infinity
        return None
    return _exact(numbers, known) if numbers == known else None


def _scaled(scale: float, known: list[float]) -> tuple[list[int]] | None:
    """Return the values times `scale` as whole numbers, None when one is not exactly that."""
    if not all(_is_scaled(value, scale) for value in (known[0], known[len(known) // 2], known[-1])):
        return None  # as it is with most columns of another kind
    try:
        numbers = [round(value * scale) for value in known]
    except (ValueError, OverflowError):
        return None
    return _exact(numbers, known) if [number / scale for number in numbers] == known else None


def _is_scaled(value: float, scale: float) -> bool:
    return abs(value) * scale < _LARGEST and round(value * scale) / scale == value


def _exact(numbers: list[int], known: list[float]) -> tuple[list[int]] | None:
    """Return the numbers unless one is larger than a float can count to, or stands for a -0.0."""
    if max(numbers) >= _LARGEST or min(numbers) <= -_LARGEST or (0 in numbers and _has_minus_zero(known)):
        return None
    return (numbers,)


def _has_minus_zero(known: list[float]) -> bool:
    return any(math.copysign(1.0, value) < 0 for value in known if not value)


def _singles(known: list[float]) -> tuple[list[int]] | None:
    """Return the bits of single precision, None when a value needs more."""
    singles = array("f", known)
    return (list(array("i", singles.tobytes())),) if singles.tolist() == known else None


def _fractions(known: list[float]) -> tuple[list[int], list[int]] | None:
    """Return numerators and denominators, None when a value is no fraction of small numbers."""
    found: dict[float, tuple[int, int]] = {}
    for value in known:
        if value not in found:
            parts = fraction(value)
            if parts is None:
                return None
            found[value] = parts
    if 0.0 in found and _has_minus_zero(known):
        return None
    pairs = [found[value] for value in known]
    return [above for above, _ in pairs], [below for _, below in pairs]


def fraction(value: float) -> tuple[int, int] | None:
    """Return the fraction of small whole numbers that divides to exactly `value`, None when there is none.

    The convergents of the continued fraction are the best approximations, so the fraction that the value was made of
    is one of them.
    """
    if not 0.0 <= value < _LARGEST_MEAN:
        return None
    above, below, above_before, below_before = int(value), 1, 1, 0
    rest = value - above
    while above / below != value:
        if rest < 1e-9:  # what is left is rounding
            return None
        turned = 1.0 / rest
        digit = int(turned)
        rest = turned - digit
        above, above_before = digit * above + above_before, above
        below, below_before = digit * below + below_before, below
        if below > _MOST_REQUESTS:
            return None
    return above, below


_FORMS: tuple[tuple[int, Callable[[list[float]], Sequence[list[int]] | None]], ...] = (
    (WHOLE, _wholes),
    (THOUSANDTHS, partial(_scaled, SCALES[THOUSANDTHS])),
    (SINGLES, _singles),
    (MILLIONTHS, partial(_scaled, SCALES[MILLIONTHS])),
    (FRACTION, _fractions),
)
"""How to pack a column, what costs fewer bytes first."""
