"""Packs a column of numbers without loss into a few bytes per number, for a general compressor to finish.

A column becomes whole numbers, and of these the differences from one to the next are kept: neighbours differ little.
"""

import sys
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import sub, truediv
from typing import Any, Union, overload

import msgspec

from aios_top.store.forms import BITS, FRACTION, SCALES, SINGLES, WHOLE, in_form

_WIDTHS = (("b", 1), ("h", 2), ("i", 4), ("q", 8))
_CODES = {width: code for code, width in _WIDTHS}
_WIDEST = 8
_ALIKE = 512
"""Columns of numbers of polls and rows that are kept unpacked."""
_OFTEN = 5
"""Picks after which all values are made: who goes on step by step asks for all of them in the end."""
_FEW = 6
"""To add up the differences from one place to the next costs a fixed part, which is that of so many differences."""

Column = Sequence[float | int | None]


class Packed(msgspec.Struct, array_like=True, gc=False):
    """One packed column."""

    count: int
    form: int
    parts: list[bytes]
    nulls: bytes = b""
    """One bit per value, set where there is none; empty when there is a value everywhere."""
    whole: bool = False
    """Whether the values were ints, which JSON tells from floats."""


def pack(values: Column) -> Packed:
    """Return the column packed; every float and int comes back as it was, a NaN as a NaN."""
    nulls = b""
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        nulls = _bits([value is None for value in values])
    whole = bool(known) and all(type(value) is int for value in known)
    form, parts = in_form(known) if known else (WHOLE, [])
    return Packed(len(values), form, [_deltas(part) for part in parts], nulls, whole)


def unpack(packed: Packed) -> list[float | int | None]:
    """Return the column."""
    if packed.form == WHOLE and packed.parts and not packed.nulls:  # most columns; the way through the rest is long
        steps = _steps(packed.parts[0])
        if isinstance(steps, int):
            return [steps if packed.whole else float(steps)] * packed.count
        sums = _sums(steps, packed.count)
        return [*sums] if packed.whole else [*map(float, sums)]
    known = _made(packed, _parts(packed))
    if not packed.nulls:
        return known if isinstance(known, list) else list(known)
    if not known:
        return [None] * packed.count
    following = iter(known)
    return [None if null else next(following) for null in unbits(packed.nulls, packed.count)]


def whole_numbers(packed: Packed) -> list[int]:
    """Return a column of ints without gaps."""
    numbers: list[int] = unpack(packed)  # type: ignore[assignment]  # they were ints
    return numbers


def shared_numbers(packed: Packed) -> Sequence[int]:
    """Return a column of ints without gaps; to be left as it is, for who asks for the same one gets the same list.

    For numbers of polls and rows: they are the same for most blocks.
    """
    if packed.form == WHOLE and len(packed.parts) == 1 and packed.whole and not packed.nulls:
        return _numbers(packed.parts[0], packed.count)
    return whole_numbers(packed)


@lru_cache(maxsize=_ALIKE)
def _numbers(content: bytes, count: int) -> list[int]:
    return _sums(_steps(content), count)


class Values(Sequence[Any]):
    """A packed column of which a value is made when it is asked for: a jump asks for a few of many."""

    __slots__ = ("_nulls", "_packed", "_picks", "_steps", "_whole")

    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        self._nulls = int.from_bytes(packed.nulls, "little") if packed.nulls else 0
        self._picks = 0
        self._steps: list[_Steps] | None = None
        self._whole: list[Any] | None = None

    def __len__(self) -> int:
        return self._packed.count

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> list[Any]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice) or self._whole is not None:
            return self.every()[place]
        packed = self._packed
        if not 0 <= place < packed.count:
            raise IndexError(place)
        if self._nulls or self._picks >= _OFTEN:
            return self.pick((place,))[0]
        self._picks += 1
        return _made(packed, [[_sum_at(part, place)] for part in packed.parts])[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.every())

    def every(self) -> list[Any]:
        """Return all of them."""
        if self._whole is None:
            self._whole = unpack(self._packed)
        return self._whole

    def pick(self, places: Sequence[int], gaps: "Gaps | None" = None) -> list[Any]:
        """Return those of some places, which have to ascend and to be within the column.

        `gaps` is for who picks the same places of many columns.
        """
        self._picks += 1
        if self._whole is not None or self._picks > _OFTEN:
            whole = self.every()
            return [whole[place] for place in places]
        if self._steps is None:
            self._steps = [_steps(part) for part in self._packed.parts]
        if not self._nulls:
            return _picked(self._packed, self._steps, places)
        empty, known = (gaps or Gaps(places)).of(self._nulls)
        if not known:
            return [None] * len(places)
        made = iter(_picked(self._packed, self._steps, known))
        return [None if null else next(made) for null in empty]


class Gaps:
    """Which of some places of a column have no value, and where among the values those of the others are."""

    def __init__(self, places: Sequence[int]) -> None:
        self._places = places
        self._found: dict[int, tuple[list[bool], list[int]]] = {}

    def of(self, nulls: int) -> tuple[list[bool], list[int]]:
        """Return that for a bitmap; the columns of a table have few different ones."""
        found = self._found.get(nulls)
        if found is None:
            empty = [bool(nulls >> place & 1) for place in self._places]
            known = [
                place - (nulls & (1 << place) - 1).bit_count()
                for place, null in zip(self._places, empty, strict=True)
                if not null
            ]
            found = self._found[nulls] = empty, known
        return found


def _picked(packed: Packed, steps: Sequence["_Steps"], places: Sequence[int]) -> list[Any]:
    """Return some of the values that there are; this is where a jump spends most of its time."""
    if len(steps) == 1 and packed.form == WHOLE:  # most columns, and of those most have one value
        only = steps[0]
        if isinstance(only, int):
            return [only if packed.whole else float(only)] * len(places)
        sums = _sums_at(only, places)
        return sums if packed.whole else [*map(float, sums)]
    return [*_made(packed, [_sums_at(part, places) for part in steps])]


def _parts(packed: Packed) -> list[list[int]]:
    """Return the whole numbers that the known values are made of."""
    known = packed.count - int.from_bytes(packed.nulls).bit_count() if packed.nulls else packed.count
    return [_sums(_steps(part), known) for part in packed.parts]


def _made(packed: Packed, parts: Sequence[list[int]]) -> Sequence[float | int]:
    """Return the values that are made of these whole numbers."""
    if not parts:
        return []
    first = parts[0]
    if packed.form == WHOLE:
        return first if packed.whole else [*map(float, first)]
    known = _floats(packed.form, first, parts)
    return [int(value) for value in known] if packed.whole else known


def _floats(form: int, first: list[int], parts: Sequence[list[int]]) -> Sequence[float]:
    if form == FRACTION:
        return [*map(truediv, first, parts[1])]
    if form == SINGLES:
        return array("f", array("i", first).tobytes())
    if form == BITS:
        return array("d", array("q", first).tobytes())
    scale = SCALES[form]
    return [value / scale for value in first]


def _deltas(numbers: list[int]) -> bytes:
    """Return the differences in the narrowest width, byte planes apart; the first byte is the width.

    Width 0 is that of a column of one value only, which follows.
    """
    if numbers.count(numbers[0]) == len(numbers):
        return bytes([0]) + numbers[0].to_bytes(8, "little", signed=True)
    steps = [numbers[0], *map(sub, numbers[1:], numbers)]
    if max(steps) >= 2**63 or min(steps) < -(2**63):
        steps = [numbers[0], *(_wrapped(step) for step in steps[1:])]
    low, high = min(steps), max(steps)
    code, width = next(
        (code, width) for code, width in _WIDTHS if -(1 << 8 * width - 1) <= low <= high < 1 << 8 * width - 1
    )
    packed = array(code, steps)
    if sys.byteorder == "big":
        packed.byteswap()
    content = packed.tobytes()
    return bytes([width]) + b"".join(content[plane::width] for plane in range(width))


_Steps = Union["array[int]", int]
"""The differences of whole numbers, or the one that all of them are."""


def _steps(content: bytes) -> _Steps:
    width = content[0]
    if width == 1:
        return array("b", content[1:])
    if not width:
        return int.from_bytes(content[1:], "little", signed=True)
    count = (len(content) - 1) // width
    joined = bytearray(count * width)
    for plane in range(width):
        joined[plane::width] = content[1 + plane * count : 1 + (plane + 1) * count]
    steps = array(_CODES[width], bytes(joined))
    if sys.byteorder == "big":
        steps.byteswap()
    return steps


def _sums(steps: _Steps, known: int) -> list[int]:
    """Return the numbers that the differences lead to."""
    if isinstance(steps, int):
        return [steps] * known
    sums = list(accumulate(steps))
    if steps.itemsize == _WIDEST and (max(sums) >= 2**63 or min(sums) < -(2**63)):
        return [_wrapped(number) for number in sums]
    return sums


def _sums_at(steps: _Steps, places: Sequence[int]) -> list[int]:
    """Return the numbers at some places, which ascend; for few of them not all differences are added up one by one."""
    if isinstance(steps, int):
        return [steps] * len(places)
    if isinstance(places, range) and places:
        begin = places.start
        found = [*accumulate(steps[begin : places.stop], initial=sum(steps[:begin]))][1 :: places.step]
    elif len(places) * _FEW > len(steps):
        sums = list(accumulate(steps))
        found = [sums[place] for place in places]
    else:
        found = []
        total = end = 0
        for place in places:
            total += steps[place] if place == end else sum(steps[end : place + 1])
            end = place + 1
            found.append(total)
    if steps.itemsize == _WIDEST and found and not -(2**63) <= min(found) <= max(found) < 2**63:
        return [*map(_wrapped, found)]
    return found


def _sum_at(content: bytes, place: int) -> int:
    """Return the number at one place, without putting the planes together."""
    width = content[0]
    if not width:
        return int.from_bytes(content[1:], "little", signed=True)
    count = (len(content) - 1) // width
    if width not in _CODES or place >= count:
        raise IndexError(place)
    total = shift = 0
    for begin in range(1, 1 + (width - 1) * count, count):
        total += sum(content[begin : begin + place + 1]) << shift
        shift += 8
    begin = len(content) - count
    total += sum(array("b", content[begin : begin + place + 1])) << shift
    return _wrapped(total) if width == _WIDEST else total


def _wrapped(number: int) -> int:
    """Return a number modulo 2^64 within the range of a signed one."""
    return (number + 2**63) % 2**64 - 2**63


def _bits(flags: Sequence[bool]) -> bytes:
    """Return the flags as a bitmap, the first one in the lowest bit."""
    text = "".join("1" if flag else "0" for flag in reversed(flags))
    return int(text, 2).to_bytes((len(flags) + 7) // 8, "little")


def unbits(content: bytes, count: int) -> list[bool]:
    """Return the flags of a bitmap."""
    number = int.from_bytes(content, "little")
    return [character == "1" for character in reversed(f"{number:0{count}b}")] if count else []
