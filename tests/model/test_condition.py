"""What a script can wait for."""

import pytest
from msgspec.structs import replace

from aios_top.model.condition import condition
from aios_top.model.decision import Action
from aios_top.model.state import BlockState, CooldownPhase, Replicas
from aios_top.model.text import clean
from aios_top.model.verdict import Severity, Verdict
from console import states

NOW = states.NOW
BLOCK = replace(
    states.scaling(),
    replicas=Replicas(current=3, reporting=2),
    decisions=(states.decision(10, Action.UP, "ScaleUp", "because"),),
    verdict=Verdict(Severity.BUSY, "at work"),
)


def test_a_count_that_nobody_told_meets_no_condition() -> None:
    unseen = replace(BLOCK, instances=(), executor=None, problem="no route", seen_at=None)
    told, untold = (replace(unseen, replicas=Replicas(current=current)) for current in (3, None))
    assert condition("replicas=3").holds(told, NOW, NOW)
    assert not condition("replicas=0").holds(untold, NOW, NOW)
    assert not condition("reporting=0").holds(told, NOW, NOW)
    assert condition("replicas>1").found(told, NOW) == "3 replicas, ? reporting"
    assert condition("replicas>1").found(untold, NOW) == "? replicas, ? reporting"


def holds(text: str, block: BlockState = BLOCK, since: float = NOW - 60) -> bool:
    return condition(text).holds(block, NOW, since)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("replicas=3", True), ("replicas=2", False), ("replicas>=3", True), ("replicas >= 4", False),
        ("replicas<=3", True), ("replicas<3", False), ("replicas>2", True), ("reporting=2", True),
        ("reporting>2", False), ("decision=upscale", True), ("decision=downscale", False),
        ("verdict=busy", True), ("verdict=healthy", False),
    ],
)  # fmt: skip
def test_what_holds(text: str, expected: bool) -> None:
    assert holds(text) is expected


def test_a_cooldown_that_ran_out_unseen_is_due_and_not_ready() -> None:
    cooling = replace(BLOCK, cooldown=replace(BLOCK.cooldown, phase=CooldownPhase.COOLING, ends_at=NOW + 5))
    assert holds("cooldown=cooling", cooling)
    over = replace(cooling, cooldown=replace(cooling.cooldown, ends_at=NOW - 1))
    assert not holds("cooldown=ready", over)
    assert holds("cooldown=due", over)


def test_an_older_decision_does_not_count() -> None:
    assert not holds("decision=upscale", since=NOW - 5)


def test_old_figures_and_a_wiped_store_fulfil_nothing() -> None:
    assert not holds("replicas=3", replace(BLOCK, missed_polls=2))
    assert not holds("replicas=0", replace(BLOCK, replicas=Replicas(reporting=0, wiped=True)))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no condition"), ("replicas", "no condition"), ("replicas==3", "whole number"),
        ("replicas=two", "whole number"), ("replicas=9999999", "whole number"), ("replicas=²", "whole number"),
        ("decision>upscale", "takes one of upscale, downscale"), ("decision=sideways", "takes one of"),
        ("tokens=3", "there is no 'tokens'; there are: replicas, reporting, cooldown, decision, verdict"),
    ],
)  # fmt: skip
def test_what_is_no_condition(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        condition(text)


@pytest.mark.parametrize(
    ("text", "block", "found"),
    [
        ("replicas=9", BLOCK, "3 replicas, 2 reporting"),
        ("decision=hold", BLOCK, "last decision upscale: because"),
        ("decision=hold", replace(BLOCK, decisions=()), "no decision is known"),
        ("verdict=healthy", BLOCK, "verdict: at work"),
        ("verdict=healthy", replace(BLOCK, verdict=None), "no verdict yet"),
        ("replicas=9", replace(BLOCK, missed_polls=2, problem=clean("503")), "its figures are old (503)"),
    ],
)
def test_what_was_there_instead(text: str, block: BlockState, found: str) -> None:
    assert condition(text).found(block, NOW) == found
