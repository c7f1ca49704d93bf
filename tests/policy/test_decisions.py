"""What the shipped policy tells about its decisions: records, codes, conditions, rates, confirmation."""

import json
import logging
import math

import pytest

from policy.harness import START, Block, SystemLikeClock, document, explained, new_explained


@pytest.fixture
def clock():
    return SystemLikeClock()


class Bench:
    """A policy over one block and one clock."""

    def __init__(self, clock, *documents, current=None, parameters=None, **settings):
        self.clock = clock
        self.block = Block(*documents, current=current)
        self.policy = new_explained({"get_metrics": self.block.get_metrics, **settings}, parameters or {}, clock)

    def evaluate(self):
        return self.policy.eval({}, self.block.input_data(), None)

    def record(self):
        """Evaluate once and return the record."""
        self.evaluate()
        return self.state()["last_decision"]

    def state(self):
        return self.policy.management("get_state", None)

    def decisions(self, **data):
        return self.policy.management("get_decisions", data)


def test_the_record_of_a_held_decision(clock):
    bench = Bench(clock, document("in-a", 600, timestamp=START - 10), current=["in-a"])
    bench.evaluate()
    clock.advance(30)
    bench.block.documents = [
        document("executor"),
        document("in-gone", 5, 5),
        document(
            "in-a",
            900,
            150,
            timestamp=START + 20,
            queue_length={"average_1m": 2},
            llm_active_sessions=3,
            llm_prompt_tokens_total=10,
        ),
        {"instanceId": "in-b"},
    ]
    bench.block.current = ["in-a", "in-b", "in-c"]
    nothing = dict.fromkeys(("input", "output", "rate_in", "rate_out", "queue", "sessions", "age_s", "timestamp"))
    record = bench.record()
    boot_id = bench.state()["boot_id"]
    timer = {"remaining_s": 90.0, "total_s": 120.0}
    assert record == {
        "schema": 1,
        "seq": 2,
        "boot_id": boot_id,
        "ts": START + 30,
        "eval_ms": 0.0,
        "mode": "active",
        "generation": 1,
        "outcome": "hold",
        "code": "CooldownActive",
        "reason": "Cooldown active.",
        "result": {"skip": True, "reason": "Cooldown active."},
        "would": {
            "rule": None,
            "input": 450.0,
            "output": 75.0,
            "margin": {"input": 0.9, "output": 0.25, "queue": None},
            "victims": [],
            "result": None,
        },
        "replicas": {
            "current": 3,
            "reporting": 2,
            "stale": 0,
            "missing": ["in-c"],
            "extra": 1,
            "min": 1,
            "max": None,
            "block_min": 1,
            "block_max": 3,
            "proposed": 3,
        },
        "averages": {
            "input": 450.0,
            "output": 75.0,
            "queue": None,
            "period": "average_1m",
            "signal": "rolling",
            "down": None,
        },
        "thresholds": {"input_up": 500, "output_up": 300, "input_down": 100, "output_down": 50, "queue_up": None},
        "instances": [
            {
                "id": "in-a",
                "input": 900.0,
                "output": 150.0,
                "rate_in": None,
                "rate_out": None,
                "queue": 2.0,
                "sessions": 3.0,
                "age_s": 10.0,
                "timestamp": START + 20,
                "counters": [10.0, None],
                "status": "ok",
            },
            {"id": "in-b", **nothing, "counters": [None, None], "status": "partial"},
            {"id": "in-c", **nothing, "counters": None, "status": "missing"},
        ],
        "cooldown": {"remaining_s": 90.0, "total_s": 120.0, "since": START, "up": timer, "down": timer},
        "conditions": [
            {"type": "AbleToScale", "status": "False", "reason": "CooldownActive", "since": START + 30},
            {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "since": START},
            {"type": "ScalingLimited", "status": "False", "reason": "DesiredWithinRange", "since": START},
        ],
        "steps": [
            {"stage": "collect", "result": "ok"},
            {"stage": "match", "result": "ok", "detail": "2 documents"},
            {"stage": "signal", "result": "ok", "detail": "input 450.00, output 75.00"},
            {"stage": "rule", "result": "none"},
            {"stage": "cooldown", "result": "blocked", "detail": "90.0 s left"},
        ],
        "force": None,
        "parameters": {},
        "state_before": {
            "last_action_ts": START,
            "cooldown": {"up": 30.0, "down": 30.0},
            "paused": None,
            "force": None,
            "windows": {"up": 30.0, "down": None},
            "seen": {"in-a": 30.0},
            "pending": [],
            "counters": {},
            "unlisted": 0,
        },
        "complete": True,
        "confirm": {"expected": None, "state": "n/a", "after_s": None},
    }


def test_a_blocked_rule_is_visible(clock):
    bench = Bench(clock, document("in-a", 812, 144.2))
    bench.evaluate()
    clock.advance(30)
    record = bench.record()
    assert (record["code"], record["would"]["rule"]) == ("CooldownActive", "up")
    assert record["would"]["margin"]["input"] == pytest.approx(1.624)


@pytest.mark.parametrize("threshold", [0, -1, "500", None, math.inf])
def test_no_margin_towards_a_threshold_that_is_no_positive_number(clock, threshold):
    record = Bench(clock, document("in-a", 600, 150), parameters={"input_tokens_up_threshold": threshold}).record()
    assert record["would"]["margin"] == {"input": None, "output": 0.5, "queue": None}


def test_foreign_text_reaches_a_record_without_control_characters(clock):
    record = Bench(clock, document("in-\x1b[2J", 20), document("in-b", 30)).record()
    assert record["instances"][0]["id"] == record["result"]["instances_list"][0] == "in-\N{REPLACEMENT CHARACTER}[2J"


def boom():
    raise ConnectionError("metrics service unreachable")


TWO_IDLE = [document("in-a"), document("in-b")]


@pytest.mark.parametrize(
    ("documents", "current", "settings", "code", "outcome", "proposed"),
    [
        ([], ["in-a"], {"get_metrics": None}, "NoCollector", "hold", 1),
        ([], [], {}, "NoInstances", "hold", 0),
        ([], None, {}, "NoInstances", "hold", 0),
        ([], ["in-a"], {}, "NoMetrics", "hold", 1),
        ([document("in-a", 501)], None, {}, "ScaleUp", "upscale", 2),
        (TWO_IDLE, None, {}, "ScaleDown", "downscale", 1),
        ([document(""), document("in-b", 5)], None, {}, "NoVictim", "hold", 2),
        ([document("in-a", 300)], None, {}, "WithinRange", "hold", 1),
        ([document("in-a")], None, {}, "TooFewReplicas", "hold", 1),
        ([document("in-a", "x")], None, {}, "EvalError", "error", 1),
        ([], ["in-a"], {"get_metrics": boom}, "EvalError", "error", 1),
    ],
)
def test_every_exit_has_its_code(clock, documents, current, settings, code, outcome, proposed):
    bench = Bench(clock, *documents, current=current, **settings)
    record = bench.record()
    assert (record["code"], record["outcome"], record["replicas"]["proposed"]) == (code, outcome, proposed)
    kind = {"upscale": "up", "downscale": "down"}.get(outcome, outcome)
    assert bench.state()["counts"] == {"up": 0, "down": 0, "hold": 0, "error": 0} | {kind: 1}


@pytest.mark.parametrize(
    ("documents", "settings", "able", "active", "limited"),
    [
        ([document("in-a", 300)], {}, "ReadyForNewScale", "ValidMetricFound", "DesiredWithinRange"),
        ([document("in-a")], {}, "ReadyForNewScale", "ValidMetricFound", "TooFewReplicas"),
        ([], {}, "ReadyForNewScale", "ScalingDisabled", "DesiredWithinRange"),
        (
            [document("in-a")],
            {"get_metrics": None},
            "ReadyForNewScale",
            "InvalidMetricSourceType",
            "DesiredWithinRange",
        ),
        ([document("in-a")], {"get_metrics": boom}, "ReadyForNewScale", "FailedGetPodsMetric", "DesiredWithinRange"),
        ([document("in-a", "x")], {}, "ReadyForNewScale", "FailedComputeMetricsReplicas", "DesiredWithinRange"),
    ],
)
def test_conditions_speak_the_language_of_the_pod_autoscaler(clock, documents, settings, able, active, limited):
    conditions = Bench(clock, *documents, **settings).record()["conditions"]
    assert [c["reason"] for c in conditions] == [able, active, limited]
    positive = {"ReadyForNewScale", "ValidMetricFound", "TooFewReplicas"}
    assert [c["status"] for c in conditions] == [str(r in positive) for r in (able, active, limited)]


def test_a_condition_keeps_the_time_of_its_last_change(clock):
    bench = Bench(clock, document("in-a", 600))
    bench.evaluate()
    for _ in range(2):
        clock.advance(30)
        able = bench.record()["conditions"][0]
        assert (able["status"], able["since"]) == ("False", START + 30)
    clock.advance(90)
    able = bench.record()["conditions"][0]
    assert (able["status"], able["since"]) == ("True", START + 150)


def push(instance_id, timestamp, prompt, generated):
    counters = {"llm_prompt_tokens_total": prompt, "llm_tokens_generated_total": generated}
    return document(instance_id, 300, timestamp=timestamp, **counters)


def rates(record):
    return [(i["rate_in"], i["rate_out"]) for i in record["instances"]]


def test_true_rates_come_from_the_counters_at_the_instances_own_times(clock):
    bench = Bench(clock, push("in-a", 1000.0, 0.0, 0.0), push("in-b", 500.0, 100, 40))
    assert rates(bench.record()) == [(None, None), (None, None)]
    bench.block.documents = [push("in-a", 1030.0, 600.0, 300.0), push("in-b", 560.0, 100, 160)]
    assert rates(bench.record()) == [(1200.0, 600.0), (0.0, 120.0)]
    assert rates(bench.record()) == [(1200.0, 600.0), (0.0, 120.0)]  # no new push: the rates known by then


@pytest.mark.parametrize(
    "second",
    [
        push("in-a", 1030.0, 5.0, 700.0),  # restarted: a counter fell
        push("in-a", 990.0, 900.0, 700.0),  # its clock went back
        push("in-a", None, 900.0, 700.0),
        push("in-a", "1030", 900.0, 700.0),
        push("in-a", 1030.0, None, "x"),
        push("in-a", math.nan, math.inf, 700.0),
    ],
)
def test_no_rate_is_better_than_a_wrong_one(clock, second):
    bench = Bench(clock, push("in-a", 1000.0, 600.0, 300.0))
    bench.evaluate()
    bench.block.documents = [second]
    assert rates(bench.record()) == [(None, None)]


def test_counters_survive_an_emptied_metrics_store_but_not_a_removed_instance(clock):
    bench = Bench(clock, push("in-a", 1000.0, 0.0, 0.0), push("in-b", 1000.0, 0.0, 0.0))
    bench.evaluate()
    bench.block.documents = []
    assert bench.record()["code"] == "NoMetrics"
    bench.block.documents = [push("in-a", 1060.0, 60.0, 6.0)]
    assert rates(bench.record())[0] == (60.0, 6.0)
    bench.block.documents = [push("in-b", 1060.0, 60.0, 6.0)]
    assert rates(bench.record())[0] == (None, None)


def test_an_upscale_is_confirmed_by_a_new_instance(clock):
    bench = Bench(clock, document("in-a", 600))
    confirm = bench.record()["confirm"]
    assert confirm == {"expected": 2, "state": "pending", "after_s": None}
    pending = {"op": "upscale", "expected": 2, "since": START, "confirmed": False}
    assert bench.state()["pending_action"] == pending
    clock.advance(30)
    bench.evaluate()
    assert bench.state()["pending_action"] == pending
    clock.advance(30)
    bench.block.current = ["in-a", "in-new"]
    bench.evaluate()
    first = bench.decisions(since=0)["decisions"][0]
    assert first["confirm"] == {"expected": 2, "state": "confirmed", "after_s": 60.0}
    assert bench.state()["pending_action"] is None


def test_a_downscale_is_confirmed_when_the_victim_is_gone(clock):
    bench = Bench(clock, document("in-a", 3), document("in-b"))
    assert bench.record()["confirm"]["expected"] == 1
    clock.advance(30)
    bench.block.current = ["in-a", "in-manual", "in-b"]
    bench.evaluate()
    assert bench.decisions(since=0)["decisions"][0]["confirm"]["state"] == "pending"
    clock.advance(30)
    bench.block.current = ["in-a", "in-manual"]
    bench.evaluate()
    assert bench.decisions(since=0)["decisions"][0]["confirm"]["state"] == "confirmed"


def test_a_scale_call_that_had_no_effect_times_out(clock):
    bench = Bench(clock, document("in-a", 600), parameters={"cooldown_seconds": 1000})
    bench.evaluate()
    clock.advance(120)
    bench.evaluate()
    assert bench.state()["pending_action"] is not None
    clock.advance(1)
    bench.evaluate()
    first = bench.decisions(since=0)["decisions"][0]
    assert first["confirm"] == {"expected": 2, "state": "timed_out", "after_s": 121.0}


def test_a_next_action_ends_the_wait_for_the_last_one(clock):
    bench = Bench(clock, document("in-a", 600), parameters={"cooldown_seconds": 10})
    bench.evaluate()
    clock.advance(11)
    bench.evaluate()
    first, second = bench.decisions(since=0)["decisions"]
    assert (first["confirm"]["state"], second["confirm"]["state"]) == ("timed_out", "pending")
    assert bench.state()["pending_action"]["since"] == START + 11


def test_a_list_that_is_no_list_cannot_confirm(clock):
    bench = Bench(clock, document("in-a", 600), current="in-a")
    record = bench.record()
    assert record["confirm"] == {"expected": None, "state": "n/a", "after_s": None}
    assert (record["replicas"]["current"], record["replicas"]["proposed"], record["complete"]) == (None, None, False)


def test_the_cooldown_ignores_a_clock_that_is_set(clock):
    bench = Bench(clock, document("in-a", 600))
    bench.evaluate()
    clock.set_back(3600)
    clock.advance(60)
    assert bench.state()["cooldown"]["up"] == {"remaining_s": 60.0, "total_s": 120.0}
    clock.set_back(-7200)
    record = bench.record()  # its wall times alone would say otherwise
    assert (record["code"], record["complete"]) == ("CooldownActive", True)
    assert explained.reevaluate(record) == record["result"]
    clock.advance(61)
    assert bench.record()["code"] == "ScaleUp"


def test_durations_ignore_a_clock_that_is_set(clock):
    bench = Bench(clock, document("in-a", 600))
    bench.evaluate()
    clock.set_back(3600)
    clock.advance(30)
    bench.block.current = ["in-a", "in-new"]
    bench.evaluate()
    state = bench.state()
    assert (state["uptime_s"], state["interval_observed_s"], state["next_eval_in_s"]) == (30.0, 30.0, 30.0)
    assert bench.decisions(since=0)["decisions"][0]["confirm"]["after_s"] == 30.0


def test_while_an_evaluation_runs_there_is_no_estimate_of_the_next(clock):
    states = []

    def metrics():
        states.append(bench.state())
        return {}

    bench = Bench(clock, current=["in-a"], get_metrics=metrics)
    bench.evaluate()
    clock.advance(30)
    bench.evaluate()
    assert [(s["eval_in_progress_since"], s["next_eval_in_s"]) for s in states] == [(START, None), (START + 30, None)]


@pytest.mark.parametrize(("victim", "result"), [("in-a", "in-a"), ("", "no id")])
def test_the_steps_name_the_victim(clock, victim, result):
    record = Bench(clock, document(victim), document("in-b", 5)).record()
    assert record["steps"][-1] == {"stage": "victim", "result": result}


def test_a_written_stamp_is_judged_by_the_wall_clock(clock):
    bench = Bench(clock, document("in-a", 600))
    bench.evaluate()
    bench.policy.last_action_ts = START - 121
    assert bench.record()["code"] == "ScaleUp"
    bench.policy.last_action_ts = START + 3600
    assert bench.record()["code"] == "CooldownActive"


def test_callables_and_the_time_module_are_clocks_and_text_is_not():
    assert Bench(lambda: 1234.5).record()["ts"] == 1234.5
    bench = Bench("utc", document("in-a", 300))
    assert bench.record()["ts"] > START / 2
    assert "settings.clock" in bench.policy.management("get_parameters", None)["parameter_errors"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, True, None, "7", [1]])
def test_values_that_json_cannot_carry_are_null_and_the_instance_invalid(clock, value):
    bench = Bench(clock, document("in-a", value), document("in-b", 5))
    record = bench.record()
    assert [i["status"] for i in record["instances"]] == ["invalid", "ok"]
    assert record["instances"][0]["input"] is None
    assert record["complete"] is False
    json.dumps(bench.decisions(), allow_nan=False)


@pytest.mark.parametrize(
    "parameters",
    [{"min_replicas": math.nan}, {"input_tokens_up_threshold": math.inf}, {"cooldown_seconds": math.inf}],
)
def test_parameters_that_json_cannot_carry_make_a_record_incomplete(clock, parameters):
    record = Bench(clock, document("in-a", 300), parameters=parameters).record()
    json.dumps(record, allow_nan=False)
    assert record["complete"] is False


def test_more_than_64_instances_are_counted_but_not_kept(clock):
    bench = Bench(clock, *(document(f"in-{n:03}", 300) for n in range(64)))
    assert bench.record()["complete"] is True
    bench.block.current = [*bench.block.current, "in-late"]
    record = bench.record()
    assert (record["complete"], len(record["instances"]), record["replicas"]["missing"]) == (False, 64, ["in-late"])
    bench.block.documents += [document(f"in-x{n}", 300) for n in range(100)]
    bench.block.current = [d["instanceId"] for d in bench.block.documents]
    record = bench.record()
    assert (record["complete"], len(record["instances"]), record["replicas"]["reporting"]) == (False, 64, 164)


class Unreadable(dict):
    """A document that only the record stumbles over."""

    def get(self, key, default=None):
        if key == "timestamp":
            raise RuntimeError("torn")
        return super().get(key, default)


def test_a_record_that_cannot_be_made_does_not_change_the_decision(clock, caplog):
    bench = Bench(clock, Unreadable(document("in-a", 600)))
    assert bench.evaluate()["operation"] == "upscale"
    assert "stands but could not be recorded" in caplog.text
    state = bench.state()
    assert (state["seq"], state["counts"]["up"], state["last_decision"]) == (1, 1, None)
    assert (bench.policy.last_action_ts, state["eval_in_progress_since"]) == (START, None)
    bench.block.documents = [document("in-a", 600)]
    assert bench.evaluate() == {"skip": True, "reason": "Cooldown active."}
    assert [d["seq"] for d in bench.decisions(since=1)["decisions"]] == [2]


def test_one_info_line_per_decision_and_no_payload(clock, caplog):
    caplog.set_level(logging.INFO)
    bench = Bench(clock, document("in-secret", 600))
    bench.evaluate()
    bench.block.documents = [document("in-secret", "x\ny")]
    bench.evaluate()
    assert [r.getMessage() for r in caplog.records] == [
        "upscale ScaleUp: Token rate exceeded threshold (Input: 600.00, Output: 0.00)",
        "error EvalError: An error occurred: unsupported operand type(s) for +=: 'int' and 'str'",
    ]
    caplog.set_level(logging.DEBUG)
    bench.evaluate()
    assert "in-secret" in caplog.text
