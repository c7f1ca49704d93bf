"""Every exit of the policy is explained by its own record: the sentence, what decided, and who goes."""

import pytest
from msgspec.structs import replace

from aios_top.model.decision import Action, Decision, Origin, Thresholds
from aios_top.model.explain import explain
from aios_top.model.explained import decision_at, explained
from aios_top.model.explanation import Explanation, Match, Reevaluation, StageName
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.present import at_present
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.model.verification import Verification
from aios_top.render.explanation import explanation_lines
from aios_top.render.why import candidate_text, follow_up, origin_sentence, sentence
from fakes.recorded import START, Recorder

BLOCK = BlockState(clean("b"))


def story(name: str) -> Decision:
    """Return the decision of one exit."""
    recorder = Recorder({"max_replicas": 2} if name == "TooManyReplicas" else {})
    match name:
        case "ScaleUp":
            return recorder.evaluate({"in-a": (812, 144.25), "in-b": (700, 100)})
        case "ScaleDown":
            return recorder.evaluate({"in-a": (20, 4), "in-b": (12.1, 4), "in-c": (12.1, 4)})
        case "CooldownActive, up":
            recorder.evaluate({"in-a": (812, 144)})
            return recorder.evaluate({"in-a": (812, 144)}, after=79, starting=["in-b"])
        case "CooldownActive, nothing":
            recorder.evaluate({"in-a": (812, 144)})
            return recorder.evaluate({"in-a": (480, 270)}, after=79)
        case "CooldownActive, at minimum":
            recorder.evaluate({"in-a": (812, 144)})
            return recorder.evaluate({"in-a": (1, 1)}, after=79)
        case "WithinRange":
            return recorder.evaluate({"in-a": (480, 270), "in-b": (480, 270)})
        case "TooFewReplicas":
            return recorder.evaluate({"in-a": (6, 2)})
        case "NoMetrics":
            return recorder.evaluate({}, starting=["in-a", "in-b"])
        case "NoInstances":
            return recorder.evaluate({})
        case "EvalError":
            recorder.fails = ConnectionError("no route to host")
            return recorder.evaluate({"in-a": (6, 2)})
    raise KeyError(name)


STORIES = {
    "ScaleUp": (
        "Added 1 (2→3). Up rule is met (input 756 > 500). At or below input 500 and output 300 it would have held.",
        {StageName.UP},
    ),
    "ScaleDown": (
        (
            "Removed in-b (3→2). Down rule is met (input 14.73 < 100 and output 4 < 50). "
            "At or above input 100 or output 50 it would have held."
        ),
        {StageName.DOWN},
    ),
    "CooldownActive, up": (
        "Held: cooldown 41s left. Up rule is met (input 812 > 500). Without the cooldown it would have scaled up.",
        {StageName.COOLDOWN},
    ),
    "CooldownActive, nothing": (
        (
            "Held: cooldown 41s left. No rule is met (input 480 is 20 below 500, output 270 is 30 below 300). "
            "Without the cooldown it would have held as well."
        ),
        {StageName.COOLDOWN},
    ),
    "CooldownActive, at minimum": (
        (
            "Held: cooldown 41s left. Down rule is met (input 1 < 100 and output 1 < 50). "
            "Without the cooldown it would have held at the minimum."
        ),
        {StageName.COOLDOWN},
    ),
    "WithinRange": (
        (
            "Held: no rule is met. Input 480 is 20 below 500, output 270 is 30 below 300. "
            "It scales up at input > 500 or output > 300, down at input < 100 and output < 50."
        ),
        {StageName.UP, StageName.DOWN},
    ),
    "TooFewReplicas": (
        (
            "Held: at the minimum (reporting instances 1, min_replicas 1). "
            "Down rule is met (input 6 < 100 and output 2 < 50). It removes one only from more than that."
        ),
        {StageName.MINIMUM},
    ),
    "NoMetrics": (
        "Held: no listed instance has a metric document. The next push of an instance changes it.",
        {StageName.METRICS},
    ),
    "NoInstances": ("Held: AIOS lists no instances. A replica must be added by hand.", {StageName.METRICS}),
    "EvalError": ("Failed: An error occurred: no route to host.", {StageName.OTHER}),
}


def explain_alone(decision: Decision, **more: object) -> Explanation:
    return explain(decision, BLOCK, decision.at, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", STORIES)
def test_every_exit_has_its_sentence_and_its_deciding_stage(name: str) -> None:
    told, stages = STORIES[name]
    explanation = explain_alone(story(name))

    assert sentence(explanation) == told
    assert {stage.name for stage in explanation.stages if stage.decided} == stages
    assert origin_sentence(explanation) == "the policy's own record"


OPT_IN = [
    ({"max_replicas": 1}, (812, 1), "Held: at the maximum (reporting instances 1, max_replicas 1). Up rule is met"),
    ({"scale_up_stabilization_window_seconds": 120}, (812, 1), "Held: the rule has not been met for its whole stabil"),
    ({"scale_up_tolerance": 0.5}, (612, 1), "Held: the means are within the tolerance of a limit. Up rule is met"),
    ({"mode": "shadow"}, (812, 1), "Held: shadow mode only records. Up rule is met (input 812 > 500)."),
    ({"max_replicas": "x"}, (812, 1), "Held: a parameter cannot be used (parameters: invalid, max_replicas: 'x'"),
    ({"max_metric_age_seconds": 5}, (812, 1), "Held: all metrics are older than 5 s."),
    ({"queue_length_up_threshold": 5}, (300, 60), "Held: no rule is met. Input 300 is 200 below 500,"),
]


@pytest.mark.parametrize(("parameters", "sizes", "told"), OPT_IN, ids=[str(parameters) for parameters, _, _ in OPT_IN])
def test_what_is_opted_in_to_is_explained_too(
    parameters: dict[str, object], sizes: tuple[float, float], told: str
) -> None:
    explanation = explain_alone(Recorder(parameters).evaluate({"in-a": sizes}))

    assert sentence(explanation).startswith(told)
    assert any(stage.decided for stage in explanation.stages)


def test_a_pause_and_an_order_are_explained() -> None:
    paused, forced = Recorder(), Recorder()
    paused.policy.management("pause", {"seconds": 100, "reason": "deploy"})
    forced.policy.management("force_scale", {"operation": "upscale", "instances_count": 1})

    told = [sentence(explain_alone(recorder.evaluate({"in-a": (300, 60)}))) for recorder in (paused, forced)]
    assert told[0].startswith("Held: scaling is paused (pause: blocked, deploy).")
    assert told[1].startswith("Added 1 (1→2), forced by an operator. No rule is met")


def test_all_who_go_in_one_step_are_named() -> None:
    decision = Recorder({"max_scale_down_step": 2}).evaluate({"in-a": (1, 1), "in-b": (2, 1), "in-c": (3, 3)})
    explanation = explain_alone(decision)

    assert sentence(explanation).startswith("Removed in-a and in-b (3→1).")
    assert explanation.candidate is not None
    assert explanation.candidate.more == ("in-b",)


def test_with_a_queue_limit_the_change_names_it() -> None:
    told = sentence(explain_alone(Recorder({"queue_length_up_threshold": 5}).evaluate({"in-a": (812, 1)})))
    assert told.endswith("At or below input 500 and output 300 and queue 5 it would have held.")


def test_where_rates_are_compared_nobody_is_guessed_to_go() -> None:
    decision = Recorder({"signal": "counter_rate"}).evaluate({"in-a": (812, 1)})
    assert explain_alone(decision).candidate is None


def test_the_comparisons_carry_their_exact_numbers_and_parameters() -> None:
    explanation = explain_alone(story("CooldownActive, up"))
    up, cooldown = explanation.stage(StageName.UP), explanation.stage(StageName.COOLDOWN)

    assert up is not None
    assert [(pair.name, pair.value, pair.limit, pair.met, pair.parameter) for pair in up.comparisons] == [
        ("input", 812.0, 500.0, True, "input_tokens_up_threshold"),
        ("output", 144.0, 300.0, False, "output_tokens_up_threshold"),
    ]
    assert (up.met, explanation.asked) == (True, "up")
    assert cooldown is not None
    assert [(pair.value, pair.limit, pair.met) for pair in cooldown.comparisons] == [(79.0, 120.0, False)]
    assert cooldown.met is False


def test_the_instances_are_those_of_the_record_with_their_status() -> None:
    entries = explain_alone(story("CooldownActive, up")).instances

    assert [(entry.instance_id, entry.status) for entry in entries] == [("in-a", "ok"), ("in-b", "missing")]
    assert (entries[0].input_size, entries[0].sessions, round(entries[0].age_seconds or 0, 1)) == (812.0, 2.0, 11.4)


def test_who_goes_is_the_least_loaded_and_the_first_of_equals() -> None:
    removed, would = explain_alone(story("ScaleDown")).candidate, explain_alone(story("ScaleUp")).candidate

    assert removed is not None
    assert candidate_text(removed) == "in-b was removed: lowest input + output (16.10) of 3, first of 2 equals"
    assert would is not None
    assert candidate_text(would) == "in-b would go first: lowest input + output (800) of 2"
    assert explain_alone(story("NoMetrics")).candidate is None


def test_conditions_are_those_of_the_record() -> None:
    conditions = explain_alone(story("CooldownActive, up")).conditions

    assert [(entry.kind, entry.status, entry.reason) for entry in conditions] == [
        ("AbleToScale", "False", "CooldownActive"),
        ("ScalingActive", "True", "ValidMetricFound"),
        ("ScalingLimited", "False", "DesiredWithinRange"),
    ]
    assert all(entry.since is not None for entry in conditions)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("confirmed", "the replicas followed to 3 after 22s"),
        ("pending", "AIOS has not listed the change to 3 yet"),
        (
            "timed_out",
            "the replicas did not follow to 3 after 22s: the scale call failed or the pod cannot start",
        ),
        ("n/a", ""),
    ],
)
def test_what_became_of_an_action(state: str, told: str) -> None:
    decision = story("ScaleUp")
    record = {**decision.record, "confirm": {"state": state, "after_s": None if state == "pending" else 22.4}}
    assert follow_up(replace(decision, confirmation=clean(state), record=record)) == told


def test_a_code_that_is_not_known_is_told_in_the_policys_words() -> None:
    steps = [{"stage": "collect", "result": "ok"}, {"stage": "stabilization", "result": "waits", "detail": "120 s"}]
    decision = replace(
        story("WithinRange"), code=clean("SomethingNew"), reason=clean("Not yet."), record={"steps": steps}
    )
    explanation = explain_alone(decision)

    assert sentence(explanation).startswith("Held: not yet (stabilization: waits, 120 s).")
    assert [stage.note for stage in explanation.stages if stage.decided] == ["stabilization: waits, 120 s"]


@pytest.mark.parametrize("record", [{}, {"steps": 3, "replicas": "x", "conditions": [4], "state_before": []}])
def test_a_record_of_another_shape_is_explained_by_what_is_known(record: object) -> None:
    decision = Decision(
        START,
        Action.HOLD,
        clean("CooldownActive"),
        clean("Cooldown active."),
        Origin.REPORTED,
        record=record,  # type: ignore[arg-type]
    )
    assert sentence(explain_alone(decision)) == "Held: cooldown. Without the cooldown it would have held as well."


def test_without_a_record_it_is_inference_and_says_so() -> None:
    decision = Decision(
        START,
        Action.HOLD,
        clean("RuleMet"),
        clean("above an up threshold: asks +1"),
        Origin.INFERRED,
        input_average=812.0,
        output_average=10.0,
        thresholds=Thresholds(500, 300, 100, 50),
    )
    explanation = explain_alone(decision)

    assert sentence(explanation) == "Held: above an up threshold: asks +1. Up rule is met (input 812 > 500)."
    assert origin_sentence(explanation) == "inferred by the console from what it polled: no record tells it"


def test_the_decision_in_force_at_a_moment() -> None:
    recorder = Recorder()
    first, second = (recorder.evaluate({"in-a": (480, 270)}) for _ in range(2))
    block = replace(BLOCK, decisions=(second, first))

    assert decision_at(block, None, second.at + 5) is second
    assert decision_at(block, second.at - 1, second.at + 5) is first
    assert decision_at(block, first.at, second.at + 5) is first
    assert decision_at(block, first.at - 1, second.at + 5) is None


def test_a_block_without_decisions_is_explained_by_the_present() -> None:
    told = decision_at(BLOCK, None, START)

    assert told == at_present(BLOCK, START)
    assert told is not None
    assert (told.code, told.origin) == ("NoMetrics", Origin.INFERRED)
    assert decision_at(BLOCK, START - 60, START) is None


def test_what_a_file_returned_stands_for_a_decision_that_nobody_recorded() -> None:
    seen = at_present(BLOCK, START)
    replayed = replace(seen, origin=Origin.REEVALUATED, code=clean("WithinRange"))
    unheard = Reevaluation(Match.NOT_VERIFIABLE, clean("no record"))
    known = Verification(clean("f"), "00", {seen.key: unheard}, {seen.key: replayed})
    explanation = explained(replace(BLOCK, verification=known, decisions=(seen,)), seen, START)

    assert explanation.origin is Origin.REEVALUATED
    assert explanation.reevaluation is unheard
    assert origin_sentence(explanation) == "the policy file at hand, run on what the console polled"


def test_of_a_block_without_a_policy_no_decision_is_made_up() -> None:
    block = replace(BLOCK, policy=PolicyReport(Voice.ABSENT))
    explanation = explained(block, at_present(block, START), START)

    assert sentence(explanation).startswith("Nobody decides: the block has no autoscaler policy. ")
    assert origin_sentence(explanation) == "the block's record, which binds no autoscaler policy"
    assert (explanation.stages, explanation.candidate, explanation.outlook) == ((), None, None)


def test_a_file_that_cannot_be_run_is_told_with_the_decision() -> None:
    decision = Recorder().evaluate({"in-a": (812, 1)})
    known = Verification(clean("mine.py"), "00", problem=clean("used more than 2s of processor time"))
    block = replace(BLOCK, verification=known, decisions=(decision,))

    told = explanation_lines(explained(block, decision, START), 120)
    assert "verified  no: mine.py cannot be run: used more than 2s of processor time" in told
