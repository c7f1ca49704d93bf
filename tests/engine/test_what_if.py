"""What other parameters would have decided: exactly until the replicas would differ, estimated beyond."""

import random
from itertools import pairwise

import pytest
from msgspec.structs import replace

from aios_top.bundle.parameter_set import read_parameter_set
from aios_top.bundle.rule_process import RuleProcess
from aios_top.engine.offered_load import offered_load
from aios_top.engine.what_if import what_if
from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.rule_call import RuleError
from aios_top.model.text import Clean, clean
from aios_top.model.what_if import Question, WhatIf, figures, interval_seconds
from aios_top.render.what_if import verdict_sentence, what_if_lines
from aios_top.render.what_if_document import what_if_document
from aios_top.shipped import shipped
from fakes.decided import BUSY, SHIPPED, decided
from sim.closed_loop import PLAIN

SETS = {
    name: read_parameter_set(name, shipped("policy") / "parameters").parameters
    for name in ("tutorial", "conservative", "throughput")
}
RUNS: dict[str, list[Decision]] = {}


def recorded(name: str) -> list[Decision]:
    """An hour of 8 requests a minute under one set; made once."""
    if name not in RUNS:
        RUNS[name] = decided(SETS[name])
    return RUNS[name]


def ask(decisions: list[Decision], source: bytes = SHIPPED, in_force: dict | None = None, **changes: object) -> WhatIf:
    with RuleProcess(source) as rule:
        return what_if(rule, decisions, Question(Clean("block"), changes, in_force or {}))


@pytest.mark.parametrize("name", SETS)
def test_unchanged_parameters_reproduce_every_decision(name: str) -> None:
    decisions = recorded(name)
    answer = ask(decisions)
    assert answer.exact
    assert len(answer.retaken) == len(decisions) > 100
    assert all(entry.same for entry in answer.retaken)
    assert [entry.action for entry in answer.retaken] == [decision.action for decision in decisions]
    assert [entry.reason for entry in answer.retaken] == [decision.reason for decision in decisions]
    assert {decision.action for decision in decisions} == {Action.UP, Action.DOWN, Action.HOLD}
    assert (answer.divergence, answer.estimate, answer.others, answer.untold) == (None, None, 0, 0)
    assert verdict_sentence(answer) == f"All {len(decisions)} decisions would have done the same to the replicas."


def test_the_sets_own_values_are_no_change() -> None:
    assert ask(recorded("conservative"), **SETS["conservative"]).others == 0


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("tutorial", {"cooldown_seconds": 60}),
        ("tutorial", {"cooldown_seconds": 300}),
        ("tutorial", {"max_replicas": 3}),
        ("tutorial", {"scale_up_stabilization_window_seconds": 90}),
        ("conservative", {"scale_up_cooldown_seconds": 120, "cooldown_seconds": 120}),
        ("conservative", {"scale_up_stabilization_window_seconds": 300}),
        ("throughput", {"input_tokens_up_threshold": 900}),
        ("throughput", {"scale_down_stabilization_window_seconds": 120}),
    ],
)
def test_up_to_the_divergence_it_decides_as_a_run_with_these_parameters_does(name: str, changes: dict) -> None:
    """The simulator is deterministic: run anew with the parameters, it agrees up to the first other action."""
    answer = ask(recorded(name), **changes)
    anew = decided({**SETS[name], **changes})
    parted = next(
        number
        for number, (was, then) in enumerate(zip(recorded(name), anew, strict=True))
        if was.record["result"].get("operation") != then.record["result"].get("operation")
    )
    assert answer.divergence is not None
    assert len(answer.retaken) == parted + 1
    for entry, then in zip(answer.retaken, anew, strict=False):
        assert (entry.action, entry.code, entry.reason) == (then.action, then.code, then.reason)


def test_the_estimate_follows_the_change_and_shows_how_far_it_is_off() -> None:
    answer = ask(recorded("tutorial"), max_replicas=2)
    estimate = answer.estimate
    assert estimate is not None
    assert estimate.changed.replicas_peak == 2
    assert estimate.as_it_was.replicas_peak > 5
    assert estimate.changed.replica_hours < estimate.as_it_was.replica_hours / 2
    assert estimate.as_it_was.replica_hours == pytest.approx(estimate.recorded.replica_hours, rel=0.25)
    assert estimate.as_it_was.ups == pytest.approx(estimate.recorded.ups, abs=5)
    assert estimate.mean_requests_per_minute == pytest.approx(8.0, rel=0.15)
    assert estimate.replica_profile == "aios-gemma3"
    assert estimate.as_it_was.plan.replica_start_seconds == pytest.approx(120, abs=31)
    again = ask(recorded("tutorial"), max_replicas=2)
    assert again == answer


def test_before_and_after_are_the_whole_record() -> None:
    answer = ask(recorded("tutorial"), cooldown_seconds=300)
    whole = figures(recorded("tutorial"))
    assert answer.estimate is not None
    assert answer.before.ups + answer.estimate.recorded.ups == whole.ups == 15
    assert answer.before.replica_hours + answer.estimate.recorded.replica_hours == pytest.approx(whole.replica_hours)
    assert answer.before.seconds + answer.estimate.recorded.seconds == pytest.approx(whole.seconds)


def test_a_window_that_no_record_holds_is_estimated_only() -> None:
    answer = ask(recorded("tutorial"), averaging_period="average_15m")
    assert answer.untold == len(answer.retaken)
    assert "average_1m and nothing of average_15m" in answer.retaken[0].reason
    assert answer.estimate is not None
    assert verdict_sentence(answer).startswith("None of the decisions can be taken again")
    lines = what_if_lines(answer)
    told = " ".join(" ".join(lines).split())
    assert f"{len(answer.retaken)} decisions cannot be taken again: {answer.retaken[0].reason}" in told
    assert max(map(len, lines)) <= 80


def test_an_incomplete_record_is_told_and_passed_over() -> None:
    decisions = list(recorded("tutorial"))
    decisions[3] = replace(decisions[3], record={**decisions[3].record, "complete": False})
    answer = ask(decisions)
    assert answer.untold == 1
    assert answer.retaken[3].action is None
    assert answer.divergence is None
    assert "1 decision cannot be taken again" in verdict_sentence(answer)


def test_too_short_a_rest_is_not_estimated() -> None:
    answer = ask(recorded("tutorial")[:8], max_replicas=1)
    assert answer.divergence is not None
    assert answer.estimate is None
    assert "an estimate needs 5m" in answer.no_estimate


def test_other_code_that_keeps_no_records_runs_with_its_own_timers() -> None:
    answer = ask(recorded("tutorial"), source=PLAIN.read_bytes())
    assert not answer.exact
    assert len(answer.retaken) == len(recorded("tutorial"))
    assert answer.divergence is None
    assert [entry.action for entry in answer.retaken] == [decision.action for decision in recorded("tutorial")]
    parted = ask(recorded("tutorial"), source=PLAIN.read_bytes(), cooldown_seconds=300)
    assert parted.divergence is not None
    assert parted.divergence.was.at == ask(recorded("tutorial"), cooldown_seconds=300).divergence.was.at


def test_a_silent_policys_decisions_are_taken_from_what_was_seen() -> None:
    silent = [
        replace(decision, record={}, origin=Origin.INFERRED, seq=None, boot_id=None)
        for decision in recorded("tutorial")
    ]
    answer = ask(silent, in_force=dict(SETS["tutorial"]))
    assert not answer.exact
    assert answer.divergence is None
    assert ask(silent, in_force=dict(SETS["tutorial"]), cooldown_seconds=300).divergence is not None


def test_a_restart_of_the_policy_forgets_how_long_a_rule_was_met() -> None:
    first, second = recorded("conservative")[:40], recorded("conservative")[40:80]
    moved = [replace(decision, boot_id=clean("second"), at=decision.at) for decision in second]
    answer = ask([*first, *moved])
    assert answer.others == 0


def test_the_load_is_what_was_counted_and_what_piled_up() -> None:
    load = offered_load(recorded("conservative"))
    assert load is not None
    assert load.requests_per_minute == pytest.approx(8.0, rel=0.15)
    sizes = [phase.input_tokens for phase in load.phases]
    assert sum(sizes) / len(sizes) == pytest.approx(676, rel=0.2)
    for earlier, later in pairwise(load.phases):
        assert earlier.until <= later.at
    assert offered_load([replace(decision, instances=()) for decision in recorded("conservative")]) is None


def test_gaps_count_for_nobody() -> None:
    decisions = recorded("conservative")
    late = [replace(decision, at=decision.at + 7200) for decision in decisions[60:]]
    assert interval_seconds([*decisions[:60], *late]) == pytest.approx(30.0, abs=0.1)
    assert figures([*decisions[:60], *late]).seconds == pytest.approx(figures(decisions).seconds, abs=31)


def test_the_lines_fit_and_name_what_is_simulated() -> None:
    random.seed(1)
    for changes in ({}, {"max_replicas": 2}, {"averaging_period": "average_15m"}, {"cooldown_seconds": 60}):
        lines = what_if_lines(ask(recorded("tutorial"), **changes))
        assert all(len(line) <= 80 for line in lines), [line for line in lines if len(line) > 80]
    text = "\n".join(what_if_lines(ask(recorded("tutorial"), max_replicas=2)))
    assert "block: what if max_replicas=2" in text
    assert "exact: the policy's own records" in text
    assert "▲ upscale ScaleUp" in text
    assert "= hold TooManyReplicas" in text
    assert "← diverges" in text
    assert "First other action at" in text
    assert "sim as it was" in text
    assert "off what was recorded" in text


def test_the_document_tells_recorded_from_simulated() -> None:
    document = what_if_document(ask(recorded("tutorial"), max_replicas=2))
    assert document["exact"] is True
    assert document["divergence"]["what_if"] == {"action": "hold", "code": "TooManyReplicas"}
    assert document["divergence"]["recorded"]["action"] == "upscale"
    assert document["estimate"]["origin"] == "simulated"
    assert document["estimate"]["what_if"]["replicas_peak"] == 2
    assert document["same"] + document["other"] + document["untold"] == len(document["retaken"])


def test_nothing_to_ask_of_is_refused() -> None:
    with pytest.raises(ValueError, match="no decision"):
        ask([])


def test_progress_runs_over_both_simulations() -> None:
    shares: list[float] = []
    with RuleProcess(SHIPPED) as rule:
        what_if(rule, recorded("tutorial"), Question(Clean("b"), {"max_replicas": 2}, {}), shares.append)
    assert shares == sorted(shares)
    assert shares[0] < 0.1
    assert shares[-1] > 0.9
    assert BUSY.hours == 1.0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cooldwn_seconds": 60}, "cannot use cooldwn_seconds: no parameter of this policy"),
        ({"cooldown_seconds": "abc"}, "cannot use cooldown_seconds: 'abc' is not a number"),
    ],
)
def test_a_change_that_the_policy_does_not_use_is_no_question(changes: dict[str, object], told: str) -> None:
    with pytest.raises(RuleError, match=told):
        ask(recorded("tutorial"), **changes)


IDLE = b"""class AIOSv1PolicyRule:
    def __init__(self, rule_id, settings, parameters): pass
    def eval(self, parameters, input_data, context): return {"skip": True}
    def management(self, action, data): return {}
"""


def test_another_policy_is_compared_with_what_decided_and_not_with_itself() -> None:
    with RuleProcess(SHIPPED) as shipped_rule, RuleProcess(IDLE) as idle:
        answer = what_if(idle, recorded("tutorial"), Question(Clean("block"), {}, {}), was=shipped_rule)
    assert answer.estimate is not None
    assert answer.estimate.as_it_was.ups > 0
    assert answer.estimate.changed.ups == 0
    told = " ".join(" ".join(what_if_lines(answer)).split())
    assert "Simulated as it was, by the shipped policy with the recorded parameters, replica-hours are" in told
