"""Histories are bounded, keep their order, and a view stays as it was."""

import math

import pytest

from aios_top.model.series import CAPACITY, EMPTY, Track


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


def test_unknown_columns_are_named() -> None:
    with pytest.raises(KeyError, match="c"):
        filled(1).views()["c"]
    assert list(EMPTY) == []
