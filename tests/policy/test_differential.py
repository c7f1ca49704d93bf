"""Both policies against the frozen transcription, over sequences of evaluations on arbitrary inputs.

AIOS_TOP_POLICY_EXAMPLES raises the number of examples; a raised run also draws new ones each time.
"""

import json
import os

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from policy.harness import INPUT, OUTPUT, WallClock, explained, new_explained, new_plain
from policy.seed import new_seed, seed_eval, seed_management
from policy.strategies import evaluation_step, parameters

ASKED = os.environ.get("AIOS_TOP_POLICY_EXAMPLES")
EXAMPLES = int(ASKED or 2000)


class Collector:
    """The `get_metrics` of one example; the step says what it returns."""

    def __init__(self):
        self.step = None

    def settings(self):
        """A new settings object, as AIOS builds one per policy."""
        if self.step["collector"] == "absent":
            return {}
        return {"get_metrics": 5 if self.step["collector"] == "not callable" else self}

    def __call__(self):
        if self.step["collector"] == "raises":
            raise RuntimeError("the metrics service said no")
        return self.step["metrics"]


def attempt(make):
    """The value, or the exception's type and text."""
    try:
        return make(), None
    except Exception as error:  # noqa: BLE001 (any difference is a finding)
        return None, (type(error), str(error))


def reevaluated(record):
    """What the frozen policy answers to the inputs that a complete record kept."""
    period = record["averages"]["period"]
    thresholds = record["thresholds"]
    given_parameters = {
        "input_tokens_up_threshold": thresholds["input_up"],
        "output_tokens_up_threshold": thresholds["output_up"],
        "input_tokens_down_threshold": thresholds["input_down"],
        "output_tokens_down_threshold": thresholds["output_down"],
        "min_replicas": record["replicas"]["min"],
        "averaging_period": period,
        "cooldown_seconds": record["cooldown"]["total_s"],
    }
    documents = [
        {
            "instanceId": entry["id"],
            INPUT: {} if entry["input"] is None else {period: entry["input"]},
            OUTPUT: {} if entry["output"] is None else {period: entry["output"]},
        }
        for entry in record["instances"]
        if entry["status"] != "missing"
    ]
    seed = new_seed({"get_metrics": lambda: {"block_metrics": documents}}, given_parameters)
    seed.last_action_ts = record["state_before"]["last_action_ts"]
    current = [entry["id"] for entry in record["instances"]]
    return seed_eval(seed, {"current_instances": current}, lambda: record["ts"])


def strict_json(value):
    return json.dumps(value, allow_nan=False)


def check_record(policy, result):
    """A record of every evaluation, JSON-safe, truthful, and enough to decide again when it says so."""
    state = policy.management("get_state", None)
    record = state["last_decision"]
    strict_json(state)
    strict_json(policy.management("get_parameters", None))
    assert record["seq"] == state["seq"] == sum(state["counts"].values())
    assert record["outcome"] == result.get("operation", "error" if record["code"] == "EvalError" else "hold")
    event(record["code"])
    if record["complete"]:
        assert reevaluated(record) == explained.reevaluate(record) == record["result"]
        event("complete record")
    return record


@settings(
    max_examples=EXAMPLES,
    derandomize=ASKED is None,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(given_parameters=parameters, steps=st.lists(evaluation_step, min_size=2, max_size=5))
def test_the_same_decisions_as_the_frozen_policy(given_parameters, steps):
    clock, collector = WallClock(), Collector()
    collector.step = steps[0]
    seed, refusal = attempt(lambda: new_seed(collector.settings(), given_parameters))
    shipped, shipped_refusal = attempt(lambda: new_explained(collector.settings(), given_parameters, clock))
    plain, plain_refusal = attempt(lambda: new_plain(collector.settings(), given_parameters, clock))
    assert shipped_refusal == plain_refusal == refusal
    if refusal is not None:
        return

    for step in steps:
        collector.step = step
        clock.advance(step["advance"])
        for policy in (seed, shipped, plain):
            policy.settings = collector.settings()
        if step["reset"]:
            expected = seed_management(seed, "reset_cooldown")
            assert shipped.management("reset_cooldown", None) == plain.management("reset_cooldown", {}) == expected
        stamp_before = seed.last_action_ts
        expected = seed_eval(seed, step["input_data"], clock.time)
        plain_result = plain.eval({}, step["input_data"], None)
        shipped_result = shipped.eval({}, step["input_data"], None)

        # repr shows types, key order and NaN, which == does not.
        assert repr(plain_result) == repr(expected)
        assert repr(shipped_result) == repr(expected)
        assert plain.last_action_ts == seed.last_action_ts
        record = check_record(shipped, shipped_result)
        if record["code"] == "NoVictim":  # the one deviation in a decision: no cooldown for no action
            assert seed.last_action_ts == clock.now
            seed.last_action_ts = plain.last_action_ts = stamp_before
        assert shipped.last_action_ts == seed.last_action_ts
