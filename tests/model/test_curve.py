"""Histories of several that watched, as one: nothing is drawn twice, nothing where nobody looked."""

import math

from hypothesis import given
from hypothesis import strategies as st

from aios_top.model.curve import joined, with_gaps

GAP = (None, None)


def at(*times: float) -> list[tuple[float, tuple[float | None, ...]]]:
    return [(time, (time, None)) for time in times]


def test_what_was_added_lies_before_and_in_gaps_only() -> None:
    known = [*at(10, 20), (21, GAP), *at(50, 60)]
    found, taken = joined(known, at(5, 10, 15, 20.5, 21, 30, 40, 50, 55, 70))
    assert found == [*at(5, 10, 20), (21, GAP), *at(30, 40, 50, 60)]
    assert taken == [5, 30, 40]


def test_a_gap_at_the_end_is_open_and_nan_says_so_too() -> None:
    found, taken = joined([*at(1), (2, (math.nan, None))], at(1.5, 3))
    assert [time for time, _ in found] == [1, 2, 3]
    assert taken == [3]
    assert joined([], at(1, 2)) == (at(1, 2), [1, 2])
    assert joined(at(1, 2), []) == (at(1, 2), [])


def test_a_gap_stands_behind_what_is_not_followed_in_time() -> None:
    assert with_gaps([], 100.0) == []
    assert with_gaps(at(0, 10, 20, 50, 60), 61.0) == [*at(0, 10, 20), (30.0, GAP), *at(50, 60)]
    assert with_gaps(at(0, 10, 20), 50.0) == [*at(0, 10, 20), (30.0, GAP)]
    assert with_gaps(at(0), 70.0) == at(0)
    assert with_gaps(at(0), 80.0) == [*at(0), (30.0, GAP)]
    assert with_gaps(at(0, 100), 101.0, 15.0) == [*at(0), (15.0, GAP), *at(100)]
    assert with_gaps([*at(0, 10), (11, GAP), *at(90)], 91.0, 10.0) == [*at(0, 10), (11, GAP), *at(90)]


times = st.lists(st.integers(0, 60), unique=True).map(sorted)
rows = times.flatmap(
    lambda chosen: st.tuples(*(st.sampled_from([(float(time), (1.0, None)), (float(time), GAP)]) for time in chosen))
)


@given(rows, rows)
def test_what_is_known_stays_as_it_is_and_all_is_in_order(known: tuple, added: tuple) -> None:  # type: ignore[type-arg]
    found, taken = joined(known, added)
    order = [time for time, _ in found]
    assert order == sorted(order)
    assert len(order) == len(set(order))
    assert [entry for entry in found if entry in known and entry[0] not in taken] == list(known)
    assert {entry for entry in found if entry[0] in taken} <= set(added)
