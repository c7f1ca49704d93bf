"""Histories are bounded, keep their order, and a view stays as it was."""

import math
from collections.abc import Callable

import pytest

from aios_top.model.series import CAPACITY, EMPTY, KEPT_SECONDS, NO_TRACK, LateKept, Track, as_kept


def filled(samples: int) -> Track:
    track = Track(("a", "b"))
    for index in range(samples):
        track.append(float(index), [float(index), None])
    return track


def test_a_view_reads_in_order_and_shows_gaps_as_nan() -> None:
    track = filled(3)
    assert list(track.view("a")) == [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]
    assert all(math.isnan(value) for _, value in track.view("b"))
    assert track.view("a").last(2) == [(1.0, 1.0), (2.0, 2.0)]
    assert track.view("a").since(1.0) == [(1.0, 1.0), (2.0, 2.0)]


def test_a_view_does_not_grow_with_its_track() -> None:
    track = filled(5)
    views = track.views()
    track.append(5.0, [5.0, None])
    assert len(views["a"]) == 5
    assert views["a"].last(1) == [(4.0, 4.0)]


def test_an_old_view_survives_a_full_ring() -> None:
    track = filled(3 * CAPACITY)
    view = track.view("a")
    for index in range(50):
        track.append(float(3 * CAPACITY + index), [0.0, 0.0])
    values = [value for _, value in view]
    assert values == sorted(values)
    assert len(values) < CAPACITY


@pytest.mark.parametrize("seconds", [0.5, 2.0, 3.0, 30.0, 3600.0])
def test_samples_are_kept_as_long_as_they_are_drawn_however_often_they_come(seconds: float) -> None:
    track = Track(("a",))
    for index in range(5000):
        track.append(index * seconds, [float(index)])
    newest = 4999 * seconds
    found = list(track.view("a"))
    assert found == [(index * seconds, float(index)) for index in range(5000 - len(found), 5000)]
    assert len(found) >= min(900, 1 + KEPT_SECONDS // seconds)
    assert len(found) <= 1 + KEPT_SECONDS // seconds + 64
    assert track.view("a").since(newest - 5 * seconds) == found[-6:]
    assert track.samples() == [(at, (value,)) for at, value in found]


def test_what_an_old_view_had_and_is_gone_is_left_out() -> None:
    track = filled(100)
    view = track.view("a")
    for index in range(20):
        track.append(100_000.0 + index, [float(index), None])
    values = [value for _, value in view]
    assert values == [float(index) for index in range(100 - len(values), 100)]
    assert len(values) < 50
    for index in range(2000):
        track.append(200_000.0 + index, [float(index), None])
    assert list(view) == view.last(5) == view.since(0.0) == []
    assert track.sample(0, 3)[0] < 0


def test_unknown_columns_are_named() -> None:
    with pytest.raises(KeyError, match="c"):
        filled(1).views()["c"]
    assert list(EMPTY) == []


def test_a_block_keeps_sixteen_bits_of_every_value() -> None:
    values = (1859.123, None, 0.0, 1.0, 65535.0, 0.1, 1e6, -3.7)
    kept = as_kept(values)
    assert kept[1] is None
    for value, near in zip(values, kept, strict=True):
        if value is not None and near is not None:
            assert abs(near - value) <= abs(value) * 2.0**-16
    assert [kept[place] for place in (2, 3, 4)] == [0.0, 1.0, 65535.0]
    assert as_kept(kept) == kept
    assert all(near is None or math.isfinite(near) for near in kept)
    assert all(math.isnan(near) for near in as_kept((math.nan,)) if near is not None)


@pytest.mark.parametrize("samples", [0, 3, CAPACITY + 5])
def test_many_samples_at_once_are_as_if_one_by_one(samples: int) -> None:
    track = Track(("a", "b"))
    track.extend((float(index), [float(index), None]) for index in range(samples))
    track.extend([(float(samples), [1.0, 2.0])])
    expected = filled(samples)
    expected.append(float(samples), [1.0, 2.0])
    for column in ("a", "b"):
        assert str(list(track.view(column))) == str(list(expected.view(column)))


def test_what_keeps_nothing_keeps_nothing() -> None:
    NO_TRACK.append(1.0, [])
    assert NO_TRACK.count == 0


def test_late_figures_are_what_a_history_keeps_of_them_and_are_made_once() -> None:
    asked: list[str] = []

    def made(name: str, value: float | None) -> Callable[[], float | None]:
        def make() -> float | None:
            asked.append(name)
            return value

        return make

    row = LateKept((made("first", 1 / 3), None, made("none", None), 2 / 3))
    assert row[3] == as_kept((2 / 3,))[0]
    assert asked == []
    assert row[0] == as_kept((1 / 3,))[0]
    assert asked == ["first"]
    assert tuple(row) == as_kept((1 / 3, None, None, 2 / 3))
    assert row[1:] == (None, None, row[3])
    assert (len(row), row[0]) == (4, as_kept((1 / 3,))[0])
    assert asked == ["first", "first", "none"]
