"""Both policies against the frozen transcription, over sequences of evaluations on arbitrary inputs.

AIOS_TOP_POLICY_CASES sets the number of compared evaluations; such a run also draws new ones each time.
"""

import json
import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, seed, settings

from policy.harness import INPUT, OUTPUT, WallClock, explained, new_explained, new_plain
from policy.seed import new_seed, seed_eval, seed_management
from policy.strategies import scenario, steps_of

ASKED = os.environ.get("AIOS_TOP_POLICY_CASES")
CASES = int(ASKED or 20_000)
PARTS = 2
"""Each draws its own cases, so that two workers share the work."""


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
    record = policy.management("get_decisions", {"limit": 1})["decisions"][0]
    strict_json(record)
    assert record["outcome"] == result.get("operation", "error" if record["code"] == "EvalError" else "hold")
    if record["complete"]:
        assert reevaluated(record) == explained.reevaluate(record) == record["result"]
    return record


def compare(drawn):
    """Take one scenario with all three; return the codes of the evaluations that were compared."""
    clock, collector = WallClock(), Collector()
    collector.step = next(steps_of(drawn))
    frozen, refusal = attempt(lambda: new_seed(collector.settings(), drawn["parameters"]))
    shipped, shipped_refusal = attempt(lambda: new_explained(collector.settings(), drawn["parameters"], clock))
    plain, plain_refusal = attempt(lambda: new_plain(collector.settings(), drawn["parameters"], clock))
    assert shipped_refusal == plain_refusal == refusal
    codes = []
    if refusal is not None:
        return codes
    for step in steps_of(drawn):
        collector.step = step
        clock.advance(step["advance"])
        for policy in (frozen, shipped, plain):
            policy.settings = collector.settings()
        if step["reset"]:
            expected = seed_management(frozen, "reset_cooldown")
            assert shipped.management("reset_cooldown", None) == plain.management("reset_cooldown", {}) == expected
        codes += compare_step(step["input_data"], clock, frozen, shipped, plain)
    state = shipped.management("get_state", None)
    strict_json(state)
    strict_json(shipped.management("get_parameters", None))
    assert state["seq"] == sum(state["counts"].values()) == len(drawn["walk"])
    return codes


def compare_step(input_data, clock, frozen, shipped, plain):
    """Compare one evaluation; return its code, and `complete` when it was also decided again."""
    stamp_before = frozen.last_action_ts
    expected = seed_eval(frozen, input_data, clock.time)
    plain_result = plain.eval({}, input_data, None)
    shipped_result = shipped.eval({}, input_data, None)

    # repr shows types, key order and NaN, which == does not.
    assert repr(plain_result) == repr(expected)
    assert repr(shipped_result) == repr(expected)
    assert plain.last_action_ts == frozen.last_action_ts
    record = check_record(shipped, shipped_result)
    if record["code"] == "NoVictim":  # the one deviation in a decision: no cooldown for no action
        assert frozen.last_action_ts == clock.now
        frozen.last_action_ts = plain.last_action_ts = stamp_before
    assert shipped.last_action_ts == frozen.last_action_ts
    return [record["code"], *(["complete"] if record["complete"] else [])]


OFTEN = (
    "NoInstances",
    "NoMetrics",
    "CooldownActive",
    "ScaleUp",
    "ScaleDown",
    "TooFewReplicas",
    "WithinRange",
    "EvalError",
)
SELDOM = ("NoCollector", "NoVictim")
"""What the cases reach; seldom ones need not come in every run."""


@pytest.mark.parametrize("part", range(PARTS))
def test_the_same_decisions_as_the_frozen_policy(part):
    codes = Counter()

    @settings(
        max_examples=CASES // PARTS // 10,
        derandomize=False,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(drawn=scenario)
    def run(drawn):
        codes.update(compare(drawn))

    (run if ASKED else seed(part)(run))()
    complete = codes.pop("complete")
    assert codes.total() >= CASES // PARTS
    if not ASKED:  # fewer cases need not come everywhere
        assert complete > codes.total() / 2
        assert set(OFTEN) <= set(codes) <= {*OFTEN, *SELDOM}
        assert min(codes[code] for code in OFTEN) > 10
