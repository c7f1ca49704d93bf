"""How much load makes a policy decide, and when: from its own threshold, signal and rhythm."""

import pytest
from msgspec.structs import replace

from aios_top.model.aim import crossing_plan, predicted
from aios_top.model.load import LoadPlan, Shape, Stage, Until
from engine.blocks import BLOCK, block, replica

NOW = 1000.0


def test_an_idle_block_takes_requests_just_above_the_threshold():
    plan = crossing_plan(block(replica("in-1"), replica("in-2")), 10.0, 300.0)
    assert isinstance(plan, LoadPlan)
    assert (plan.input_tokens, plan.until, plan.shape) == (550, Until.UPSCALE, Shape.CONSTANT)
    assert plan.stages == (Stage(300.0, 2 * 2 / 30.0),)  # two requests for each replica within a push


def test_other_clients_small_requests_are_outweighed_by_larger_ones():
    alone = crossing_plan(block(replica("in-1", requests=500), size=50.0, request_rate=0.0), 10.0, 300.0)
    among = crossing_plan(block(replica("in-1", requests=500), size=50.0, request_rate=60.0), 10.0, 300.0)
    assert isinstance(alone, LoadPlan)
    assert isinstance(among, LoadPlan)
    assert 550 < alone.input_tokens <= among.input_tokens <= 8000
    assert among.stages[0].rate > alone.stages[0].rate
    # With so many of ours among theirs, the mean is where it was aimed.
    ours, theirs = among.stages[0].rate * 30, 60
    assert (ours * among.input_tokens + theirs * 50) / (ours + theirs) == pytest.approx(550, rel=0.01)


def test_a_rate_signal_takes_a_rate():
    state = replace(block(replica("in-1"), parameters={"signal": "counter_rate"}, up=6000.0), input_rate=1000.0)
    plan = crossing_plan(state, 0.0, 60.0)
    assert isinstance(plan, LoadPlan)
    assert plan.stages[0].rate * plan.input_tokens * 60 == pytest.approx(5000)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (block(replica("in-1"), up=None), "threshold is not known"),
        (block(replica("in-1"), up=9000.0), "more than 8000"),
    ],
)
def test_what_cannot_be_computed_is_said(state, why):
    assert why in str(crossing_plan(state, 10.0, 60.0))


def test_the_decision_is_foreseen_from_answer_push_evaluation_and_cooldown():
    fast = replica("in-1", requests=10, tokens=5000, age=10.0)
    plan = LoadPlan(BLOCK, 1, 1000, 1)
    state = block(fast, seen_at=NOW, next_evaluation_at=NOW + 5)
    found = predicted(plan, state, NOW)
    assert found.crossing_at == pytest.approx(NOW + 2.0, abs=0.1)  # 500 tokens a second
    assert found.trigger_at == NOW + 35  # pushed at +20, between the evaluations at +5 and +35
    cooling = block(fast, seen_at=NOW, next_evaluation_at=NOW + 5, cooldown_ends_at=NOW + 50)
    assert predicted(plan, cooling, NOW).trigger_at == NOW + 65


def test_small_requests_or_too_few_are_foreseen_to_change_nothing():
    state = block(replica("in-1", requests=100), size=50.0, request_rate=60.0, seen_at=NOW)
    assert "never lift a mean" in predicted(LoadPlan(BLOCK, 2000, 400), state, NOW).text
    assert "too few beside those of other clients" in predicted(LoadPlan(BLOCK, 1, 600), state, NOW).text
