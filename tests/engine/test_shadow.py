"""A draft decides beside the running policy on the same inputs: where they agree, and where first they do not."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.cli.wiring import RuleProcesses
from aios_top.engine.shadow import Shadow
from aios_top.model.decision import Action, Decision, Origin, Thresholds
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.present import at_present
from aios_top.model.reading import InstanceReading
from aios_top.model.shadow import ShadowPlan, ShadowState
from aios_top.model.state import Averages, BlockState, InstanceState, Phase
from aios_top.model.text import clean
from aios_top.model.verification import PolicyFile
from aios_top.model.window import Rolling, Window
from aios_top.render.shadow import agreement_text, shadow_document, shadow_line, shadow_rows
from fakes.recorded import START, Recorder
from policy.harness import EXPLAINED, PLAIN

OURS, TUTORIAL = EXPLAINED.read_bytes(), PLAIN.read_bytes()


def life() -> tuple[Decision, ...]:
    """Return decisions, oldest first: up, cooling, cooling, up, within, an error, down of three."""
    recorder = Recorder()
    made = [
        recorder.evaluate({"in-a": (812, 1)}),
        recorder.evaluate({"in-a": (700, 1)}),
        recorder.evaluate({"in-a": (700, 1)}),
        recorder.evaluate({"in-a": (700, 1)}, after=90),
        recorder.evaluate({"in-a": (300, 1)}, after=121),
    ]
    recorder.fails = ConnectionError("boom")
    made.append(recorder.evaluate({"in-a": (300, 1)}))
    recorder.fails = None
    made.append(recorder.evaluate({"in-a": (9, 1), "in-b": (1, 1), "in-c": (5, 1)}))
    assert [entry.code for entry in made] == [
        "ScaleUp",
        "CooldownActive",
        "CooldownActive",
        "ScaleUp",
        "WithinRange",
        "EvalError",
        "ScaleDown",
    ]
    return tuple(made)


def block(decisions: Sequence[Decision]) -> BlockState:
    return BlockState(clean("b"), policy=PolicyReport(Voice.FULL), decisions=tuple(reversed(decisions)))


def shadow(source: bytes, started: float = START, **changes: Any) -> Shadow:
    plan = ShadowPlan(clean("b"), PolicyFile(clean("draft.py"), source, "00"), changes)
    return Shadow(RuleProcesses(), plan, lambda: started)


async def compared(draft: Shadow, state: BlockState) -> ShadowState:
    await draft.finish({"b": state})
    return draft.state


@pytest.mark.parametrize("source", [OURS, TUTORIAL], ids=["by its own function", "by evaluation"])
async def test_the_same_code_and_parameters_always_agree(source: bytes) -> None:
    state = await compared(shadow(source), block(life()))

    assert (state.agreed, state.disagreed, state.skipped) == (6, 0, 1)
    assert state.agreement == 1.0
    assert [row.note is not None for row in reversed(state.rows)] == [False] * 5 + [True, False]
    assert agreement_text(state) == "6 of 6 decisions (100%), 7 of them live; 1 could not be compared"
    assert "No disagreement so far." in "\n".join(line.text for line in shadow_rows(state, 80))


@pytest.mark.parametrize("source", [OURS, TUTORIAL], ids=["by its own function", "by evaluation"])
async def test_other_parameters_disagree_where_they_decide_otherwise(source: bytes) -> None:
    decisions = life()
    state = await compared(shadow(source, cooldown_seconds=45, input_tokens_up_threshold=750), block(decisions))
    found = [(row.running.code, row.draft.code if row.draft else None, row.agrees) for row in reversed(state.rows)]

    assert found == [
        ("ScaleUp", "ScaleUp", True),
        ("CooldownActive", "CooldownActive", True),
        ("CooldownActive", "WithinRange", True),
        ("ScaleUp", "WithinRange", False),
        ("WithinRange", "WithinRange", True),
        ("EvalError", None, None),
        ("ScaleDown", "ScaleDown", True),
    ]
    assert state.first_disagreement is not None
    assert state.first_disagreement.running == decisions[3]
    assert state.agreement == pytest.approx(5 / 6)
    text = "\n".join(line.text for line in shadow_rows(state, 80))
    assert "5 of 6 decisions (83.3%)" in text
    assert "running upscale ScaleUp, draft hold WithinRange (input 700, output 1)" in " ".join(text.split())
    assert [line for line in text.splitlines() if len(line) > 80] == []


async def test_another_victim_is_a_disagreement() -> None:
    other = TUTORIAL.replace(b"documents[0].get", b"documents[1].get")
    assert other != TUTORIAL
    state = await compared(shadow(other), block(life()[-1:]))
    assert (state.agreed, state.disagreed) == (0, 1)


async def test_only_new_decisions_are_compared_and_which_are_live_is_known() -> None:
    decisions = life()
    draft = shadow(OURS, started=decisions[3].at)
    await compared(draft, block(decisions[:3]))
    state = await compared(draft, block(decisions))

    assert state.agreed + state.disagreed + state.skipped == len(decisions)
    assert [row.live for row in reversed(state.rows)] == [False] * 3 + [True] * 4
    assert (await compared(draft, block(decisions))) is state


async def test_a_stopped_comparison_takes_nothing_more() -> None:
    draft = shadow(OURS)
    draft.offer({"b": block(life()[:2])})
    await draft.stop()
    draft.offer({"b": block(life())})

    assert (draft.state.running, len(draft.state.rows)) == (False, 2)


async def test_a_draft_that_cannot_run_says_why() -> None:
    state = await compared(shadow(b"import requests\n" + OURS), block(life()))

    assert state.problem is not None
    assert not state.running
    assert "the draft cannot be run: cannot be imported: ModuleNotFoundError" in " ".join(
        "\n".join(line.text for line in shadow_rows(state, 80)).split()
    )


async def test_a_window_that_was_not_recorded_is_not_guessed() -> None:
    state = await compared(shadow(OURS, averaging_period="average_5m"), block(life()[:2]))

    assert (state.agreement, state.skipped) == (None, 2)
    assert {row.note for row in state.rows} == {"only the values of average_1m are known, not those of average_5m"}
    same = await compared(shadow(OURS, averaging_period="average_1m"), block(life()[:2]))
    assert same.agreed == 2


def silent(tokens: float) -> BlockState:
    reading = InstanceReading(clean("in-a"), START, Rolling(average_1m=tokens), Rolling(average_1m=1.0))
    return BlockState(
        clean("b"),
        policy=PolicyReport(Voice.SILENT),
        thresholds=Thresholds(500, 300, 100, 50),
        instances=(InstanceState(clean("in-a"), Phase.SERVING, reading, 1.0, START),),
        averages={Window.ONE_MINUTE: Averages(tokens, 1.0, origin=Origin.MEASURED)},
    )


async def test_of_a_policy_that_tells_nothing_the_rules_are_compared() -> None:
    state = silent(700)
    newly_met = at_present(state, START)
    noticed = replace(newly_met, at=START + 1, action=Action.UP)
    for limit, agrees in ((600, True), (800, False)):
        draft = shadow(TUTORIAL, input_tokens_up_threshold=limit)
        found = await compared(draft, replace(state, decisions=(noticed, newly_met)))
        assert [row.agrees for row in reversed(found.rows)] == [agrees, None]
        assert "~hold RuleMet" in shadow_line(found.rows[1])


async def test_the_document_has_every_row_and_the_first_disagreement() -> None:
    document = shadow_document(await compared(shadow(OURS, input_tokens_up_threshold=750), block(life())))

    assert (document["agreed"], document["disagreed"], document["not_compared"]) == (5, 1, 1)
    assert document["changes"] == {"input_tokens_up_threshold": 750}
    assert [row["agrees"] for row in document["rows"]] == [True, True, True, False, True, None, True]
    assert document["first_disagreement"]["running"]["seq"] == 4
    assert document["first_disagreement"]["draft"]["code"] == "WithinRange"


@pytest.mark.parametrize("body", ["raise RuntimeError('boom')", "return {'skip': False, 'operation': 'sideways'}"])
async def test_a_draft_that_fails_agrees_with_no_decision(body: str) -> None:
    source = f"""class AIOSv1PolicyRule:
    def __init__(self, rule_id, settings, parameters): pass
    def eval(self, parameters, input_data, context): {body}
"""
    decisions = life()
    state = await compared(shadow(source.encode()), block(decisions))
    failed = [entry.code for entry in decisions].count("EvalError")

    assert (state.agreed, state.disagreed, state.skipped) == (0, len(decisions) - failed, failed)
    assert state.first_disagreement is not None
    told = " ".join(row.text for row in shadow_rows(state, 200))
    assert "draft failed: " in told
    assert ("boom" in told) is ("boom" in body)
