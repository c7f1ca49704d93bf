"""Every state of a block and every decision has a glyph, a word and a sentence with its numbers."""

import pytest
from msgspec.structs import replace

from aios_top.model.decision import Action, Decision, Origin, Thresholds
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.reading import ExecutorReading
from aios_top.model.state import BlockState, Cooldown, CooldownPhase, InstanceState, Phase, Replicas
from aios_top.model.text import clean
from aios_top.model.verdict import Severity, Verdict
from aios_top.render.cells import Cell, columns_of
from aios_top.render.decisions import block_badge, briefly, cooldown_text, decision_cells, step_text, why

NOW = 1_000_000.0
LIMITS = Thresholds(500.0, 300.0, 100.0, 50.0)
SERVING = InstanceState(clean("i-1"), Phase.SERVING, None, 1.0, 0.0)
READY = Cooldown(CooldownPhase.READY, Origin.REPORTED, total_seconds=120.0)
COOLING = Cooldown(CooldownPhase.COOLING, Origin.REPORTED, NOW + 76, 120.0)


def decided(action: Action = Action.HOLD, code: str = "WithinRange", **changes: object) -> Decision:
    entry = Decision(NOW - 10, action, clean(code), clean("its own words"), Origin.REPORTED, thresholds=LIMITS)
    return replace(entry, **changes)  # type: ignore[arg-type]


def block(*decisions: Decision, cooldown: Cooldown = READY, **changes: object) -> BlockState:
    state = BlockState(
        clean("b"),
        policy=PolicyReport(Voice.FULL),
        instances=(SERVING,),
        executor=ExecutorReading(),
        cooldown=cooldown,
        decisions=decisions,
    )
    return replace(state, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "badge"),
    [
        (block(missed_polls=2), "! STALE"),
        (block(instances=(), executor=None), "? NODATA"),
        (block(policy=PolicyReport(Voice.ABSENT)), "- MANUAL"),
        (block(policy=PolicyReport(Voice.UNREACHABLE)), "× DOWN"),
        (block(verdict=Verdict(Severity.DEGRADED, "at max", code="AtMaximum")), "▲ AT MAX"),
        (block(replicas=Replicas(starting=1)), "▲ START"),
        (block(), "= HOLD"),
        (block(cooldown=COOLING), "◷ COOL"),
        (block(decided(Action.UP, "ScaleUp")), "▲ UP"),
        (block(decided(Action.DOWN, "ScaleDown")), "▼ DOWN"),
        (block(decided(Action.UP, "ScaleUp", at=NOW - 600)), "= HOLD"),
        (block(decided(Action.UP, "ScaleUp", at=NOW - 70), cooldown=COOLING), "▲ UP"),
        (block(decided(), cooldown=COOLING), "◷ COOL"),
        (block(decided(code="CooldownActive"), cooldown=COOLING), "◷ COOL"),
        (block(decided(code="CooldownActive")), "= HOLD"),
        (block(decided(code="TooFewReplicas")), "= MIN"),
        (block(decided(Action.ERROR, "EvalError")), "× ERROR"),
        (block(decided(Action.ERROR, "SomethingNew")), "× ERROR"),
    ],
)
def test_badge(state: BlockState, badge: str) -> None:
    assert block_badge(state, NOW).text == badge


@pytest.mark.parametrize(
    ("cooldown", "text"),
    [
        (COOLING, "◷ 76s"),
        (replace(COOLING, origin=Origin.INFERRED), "◷ ~76s"),
        (replace(COOLING, ends_at=NOW), "◷ due"),
        (READY, "ready"),
        (replace(READY, origin=Origin.INFERRED), "~ready"),
        (Cooldown(CooldownPhase.UNKNOWN, Origin.UNKNOWN), "?"),
    ],
)
def test_cooldown(cooldown: Cooldown, text: str) -> None:
    assert cooldown_text(block(cooldown=cooldown), NOW)[0] == text


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (decided(Action.UP, "ScaleUp", input_average=540.2, output_average=290.0), "input 540.2 > 500"),
        (
            decided(Action.UP, "ScaleUp", input_average=540.2, output_average=310.0),
            "input 540.2 > 500 and output 310.0 > 300",
        ),
        (decided(Action.UP, "ScaleUp"), "its own words"),
        (
            decided(Action.DOWN, "ScaleDown", input_average=12.1, output_average=4.0),
            "input 12.1 < 100, output 4.0 < 50",
        ),
        (decided(input_average=480.0, output_average=270.0), "within limits: input 480.0, output 270.0"),
        (decided(), "its own words"),
        (
            decided(code="CooldownActive", cooldown_remaining_seconds=84.0, would=clean("up")),
            "cooldown, 84s left; rule asks up",
        ),
        (decided(code="CooldownActive"), "cooldown"),
        (decided(code="TooFewReplicas", would=clean("down")), "at min replicas; rule asks down"),
        (decided(Action.ERROR, "EvalError", input_average=540.0), "its own words"),
        (decided(Action.UP, "ScaleUp", input_average=540.2, origin=Origin.INFERRED), "its own words"),
    ],
)
def test_why(entry: Decision, sentence: str) -> None:
    assert why(entry) == sentence


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (decided(code="CooldownActive", cooldown_remaining_seconds=84.0, would=clean("up")), "cooldown 84s, asks up"),
        (decided(code="TooFewReplicas", would=clean("down")), "at min replicas, asks down"),
        (decided(input_average=480.0, output_average=270.0), "within: 480 in, 270 out"),
        (decided(Action.DOWN, "ScaleDown", input_average=12.1, output_average=4.0), "12.1 < 100, 4.0 < 50"),
        (decided(Action.UP, "ScaleUp", input_average=540.2, output_average=290.0), "input 540.2 > 500"),
        (decided(Action.ERROR, "EvalError"), "its own words"),
    ],
)
def test_a_narrow_column_says_why_in_the_fewest_words(entry: Decision, words: str) -> None:
    assert briefly(entry) == words
    assert columns_of((Cell(" "), *decision_cells(entry, brief=True))) <= 38


def test_an_inferred_decision_says_so_twice() -> None:
    line = "".join(cell.text for cell in decision_cells(decided(origin=Origin.INFERRED)))
    assert "~" in line
    assert line.endswith("(inferred)")
    assert "inferred" not in "".join(cell.text for cell in decision_cells(decided()))


def test_a_step_counts_from_what_the_policy_saw() -> None:
    assert step_text(decided(Action.UP, proposed=4, current=3)) == "3→4"
    assert step_text(decided(Action.UP, proposed=4, reporting=2)) == "2→4"
    assert step_text(decided(Action.UP, proposed=4)) == "?→4"
    assert step_text(decided(proposed=3, current=3)) == ""
