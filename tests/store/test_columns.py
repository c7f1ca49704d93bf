"""Columns of numbers: whole, or a few values of many."""

import math
import random
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios_top.store.columns import Packed, Values, pack, unpack
from aios_top.store.forms import BITS
from aios_top.store.forms import WHOLE as WHOLE_FORM

WHOLE = st.integers(-(2**53), 2**53)
COUNTERS = st.lists(st.integers(0, 400), max_size=60).map(lambda steps: [float(sum(steps[:end])) for end in range(60)])
MEANS = st.tuples(st.integers(0, 5000), st.integers(1, 300)).map(lambda pair: pair[0] / pair[1])
STAMPS = st.integers(1_700_000_000_000, 1_800_000_000_000).map(lambda stamp: stamp / 1000.0)
SINGLES = st.floats(width=32)
ZEROS = st.sampled_from([0.0, -0.0])
KINDS = (
    WHOLE,
    MEANS,
    STAMPS,
    SINGLES,
    st.floats(),
    st.just(7.0),
    *(st.one_of(kind, ZEROS) for kind in (MEANS, STAMPS)),
)
COLUMN = st.one_of(COUNTERS, *(st.lists(st.one_of(st.none(), kind), max_size=60) for kind in KINDS))


def exact(values: Sequence[Any]) -> list[tuple[type, str]]:
    """Values by kind and text, so that 1 is not 1.0, 0.0 not -0.0, and a NaN is itself."""
    return [(type(value), "nan" if value != value else repr(value)) for value in values]  # noqa: PLR0124 - NaN


@given(COLUMN)
def test_a_column_comes_back_as_it_was(column: list[Any]) -> None:
    known = [value for value in column if value is not None]
    if all(type(value) is type(known[0]) for value in known):
        assert exact(unpack(pack(column))) == exact(column)


@given(COLUMN, st.data())
def test_a_few_values_are_those_of_the_whole_column(column: list[Any], data: st.DataObject) -> None:
    packed = pack(column)
    places = sorted(data.draw(st.sets(st.sampled_from(range(len(column))), max_size=12))) if column else []
    whole = unpack(packed)
    assert exact(Values(packed).pick(places)) == exact([whole[place] for place in places])
    opened = Values(packed)
    assert exact([opened[place] for place in reversed(places)]) == exact([whole[place] for place in reversed(places)])
    assert exact(list(opened)) == exact(whole)
    assert exact(opened.pick(places)) == exact([whole[place] for place in places])
    assert exact(opened[2:9]) == exact(whole[2:9])


def test_single_values_are_read_of_differences_that_wrap_around():
    column = [1e300, -1e300, 5e-324, -5e-324] * 3
    packed = pack(column)
    assert [packed.form, packed.parts[0][0]] == [BITS, 8]
    assert [Values(packed)[place] for place in range(len(column))] == column


@pytest.mark.parametrize("content", [bytes([3]) + bytes(12), bytes([8]) + bytes(24), bytes([1]) + bytes(3)])
def test_a_single_value_of_planes_that_are_damaged_is_an_error(content: bytes) -> None:
    with pytest.raises(IndexError):
        Values(Packed(4, WHOLE_FORM, [content], whole=True))[3]


@given(COLUMN, st.integers(0, 20), st.integers(0, 20), st.sampled_from([1, 2, 7]))
def test_values_side_by_side_are_those_of_the_whole_column(column: list[Any], begin: int, more: int, step: int) -> None:
    packed = pack(column)
    places = range(len(column))[begin : begin + more : step]
    assert exact(Values(packed).pick(places)) == exact(unpack(packed)[begin : begin + more : step])


@pytest.mark.parametrize("place", [-1, 3])
def test_a_place_outside_of_a_column_is_an_error(place: int) -> None:
    with pytest.raises(IndexError):
        Values(pack([1.0, None, math.pi]))[place]


def test_the_sixteen_bits_of_a_history_take_less_room_than_that():
    """Such values are whole millionths, too, but the differences of these have twice the bits."""
    chance = random.Random(1)
    steps = accumulate((round(chance.gauss(0, 60)) for _ in range(450)), initial=56_000)
    column = array("f", (step / 64 for step in steps)).tolist()

    assert len(zlib.compress(pack(column).parts[0])) < 450 * 2
    assert exact(unpack(pack(column))) == exact(column)
