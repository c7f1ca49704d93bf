"""Rolling metrics are the means of the observations in the windows, never rates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios_top.sim.rolling import RETENTION_SECONDS, Rolling, RollingTable

WINDOWS = {"average_1m": 60.0, "average_5m": 300.0, "average_15m": 900.0}


def naive(observations: list[tuple[float, float]], now: float) -> dict[str, float]:
    """Compute the document from all observations, the obvious way."""
    means = {}
    for key, seconds in WINDOWS.items():
        seen = [value for at, value in observations if at >= now - seconds]
        means[key] = sum(seen) / len(seen) if seen else 0
    recent = [value for at, value in observations if at >= now - RETENTION_SECONDS]
    return {"current": recent[-1] if recent else 0, **means}


@given(
    st.lists(st.tuples(st.floats(0, 400), st.integers(0, 40_000)), max_size=40),
    st.lists(st.floats(0, 400), max_size=5),
)
def test_it_agrees_with_the_obvious_computation(steps: list[tuple[float, int]], looks: list[float]) -> None:
    rolling, now, observations = Rolling(), 0.0, []
    for gap, value in steps:
        now += gap
        rolling.add(now, value)
        observations.append((now, value))
        assert rolling.document(now) == naive(observations, now)
    for gap in looks:
        now += gap
        assert rolling.document(now) == naive(observations, now)


def test_one_and_fifty_requests_of_one_size_look_the_same() -> None:
    once, often = Rolling(), Rolling()
    once.add(10.0, 300)
    for second in range(50):
        often.add(float(second), 300)
    assert once.document(50.0)["average_1m"] == often.document(50.0)["average_1m"] == 300.0


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0.0, {"current": 7, "average_1m": 7.0, "average_5m": 7.0, "average_15m": 7.0}),
        (60.0, {"current": 7, "average_1m": 7.0, "average_5m": 7.0, "average_15m": 7.0}),
        (61.0, {"current": 7, "average_1m": 0, "average_5m": 7.0, "average_15m": 7.0}),
        (301.0, {"current": 7, "average_1m": 0, "average_5m": 0, "average_15m": 7.0}),
        (901.0, {"current": 0, "average_1m": 0, "average_5m": 0, "average_15m": 0}),
    ],
)
def test_an_observation_leaves_each_window_in_turn(age: float, expected: dict[str, float]) -> None:
    rolling = Rolling()
    rolling.add(100.0, 7)
    document = rolling.document(100.0 + age)
    assert document == expected
    assert [type(value) for value in document.values()] == [type(value) for value in expected.values()]


def test_it_is_empty_until_the_first_observation_and_never_again() -> None:
    rolling = Rolling()
    assert rolling.empty
    rolling.add(0.0, 0)
    assert not rolling.empty
    rolling.document(10_000.0)
    assert not rolling.empty


def test_columns_are_observed_together() -> None:
    table = RollingTable(columns=2)
    table.add(0.0, (10, 0.5))
    table.add(50.0, (20, 1.5))
    tokens, seconds = table.documents(70.0)
    assert tokens == {"current": 20, "average_1m": 20.0, "average_5m": 15.0, "average_15m": 15.0}
    assert seconds == {"current": 1.5, "average_1m": 1.5, "average_5m": 1.0, "average_15m": 1.0}


def test_what_left_the_longest_window_is_forgotten() -> None:
    table = RollingTable(columns=1)
    for second in range(20_000):
        table.add(float(second), (second,))
    assert len(table._times) < 2 * RETENTION_SECONDS + 1100
    assert table.documents(19_999.0)[0] == naive([(float(s), s) for s in range(20_000)], 19_999.0)
