"""Replicas that change without the policy: told once, and never of what it asked for itself, however late that shows."""

import pytest
from msgspec.structs import replace

from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.text import clean
from aios_top.model.unasked import unasked
from fakes.recorded import Recorder

UP, DOWN, HOLD = (1, Action.UP), (-1, Action.DOWN), (0, Action.HOLD)


def life(*steps: tuple[int | None, tuple[int, Action]], every: float = 30.0) -> list[Decision]:
    """Return evaluations, newest first: what AIOS listed, and what was decided."""
    found = []
    for number, (current, (step, action)) in enumerate(steps):
        proposed = None if current is None else current + step
        decision = Decision(number * every, action, clean("x"), clean("y"), Origin.REPORTED, seq=number)
        found.append(replace(decision, current=current, proposed=proposed))
    return found[::-1]


def told(decisions: list[Decision]) -> list[tuple[float, int, int]]:
    return [(change.at, change.before, change.after) for change in unasked(decisions)]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(2, HOLD), (2, HOLD)], []),
        ([(2, HOLD), (5, HOLD), (5, HOLD)], [(30.0, 2, 5)]),
        ([(6, HOLD), (106, HOLD), (0, HOLD)], [(30.0, 6, 106), (60.0, 106, 0)]),
        ([(2, UP), (3, HOLD)], []),
        ([(2, UP), (2, HOLD), (2, HOLD), (3, HOLD)], []),  # a replica that takes its time
        ([(2, UP), (3, HOLD), (4, HOLD)], [(60.0, 3, 4)]),  # asked for once
        ([(2, UP), (4, HOLD)], [(30.0, 2, 4)]),
        ([(3, DOWN), (3, HOLD), (2, HOLD)], []),
        ([(3, UP), (2, HOLD)], [(30.0, 3, 2)]),
        ([(2, UP), (2, UP), (4, HOLD)], []),
        ([(2, UP), (3, DOWN), (2, HOLD)], []),
        ([(2, HOLD), (None, HOLD), (3, HOLD)], [(60.0, 2, 3)]),
    ],
)  # fmt: skip
def test_what_the_policy_asked_for_is_no_news(steps: list, expected: list[tuple[float, int, int]]) -> None:
    assert told(life(*steps)) == expected


def test_what_was_asked_for_long_ago_explains_nothing() -> None:
    assert told(life((2, UP), (2, HOLD), (3, HOLD), every=299.0)) == []
    assert told(life((2, UP), (2, HOLD), (2, HOLD), (3, HOLD), every=301.0)) == [(903.0, 2, 3)]


def test_what_the_console_concluded_itself_tells_nothing() -> None:
    assert told([replace(entry, origin=Origin.INFERRED) for entry in life((2, HOLD), (5, HOLD))]) == []


def test_the_real_policy_that_loses_its_replicas() -> None:
    recorder = Recorder()
    calm = dict.fromkeys(("in-a", "in-b", "in-c"), (300.0, 100.0))
    decisions = [recorder.evaluate(calm), recorder.evaluate({}), recorder.evaluate({})]
    (change,) = unasked(decisions[::-1])
    assert (change.before, change.after, change.at, change.since) == (3, 0, decisions[1].at, decisions[0].at)
