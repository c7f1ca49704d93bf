"""Every opt-in parameter: what it changes, at its exact bound, and what the record says of it."""

import pytest

from policy.bench import Bench, busy, condition, idle
from policy.harness import INPUT, START, document

# -- limits


@pytest.mark.parametrize(("maximum", "code"), [(2, "TooManyReplicas"), (1, "InvalidParameters"), (3, "ScaleUp")])
def test_no_upscale_at_or_above_the_maximum(maximum, code):
    record = Bench(*busy("in-a", "in-b"), max_replicas=maximum, min_replicas=2).evaluate()
    assert record["code"] == code
    assert record["replicas"]["max"] == maximum
    if code == "TooManyReplicas":
        assert record["reason"] == "At the maximum of 2 instances."
        assert condition(record, "ScalingLimited") == ("True", "TooManyReplicas")


def test_the_maximum_counts_instances_that_do_not_report_yet():
    assert Bench(*busy("in-a"), current=["in-a", "in-new"], max_replicas=2).code() == "TooManyReplicas"


def test_the_maximum_counts_instances_that_are_asked_for_and_not_listed():
    bench = Bench(*busy("in-a"), max_replicas=3, cooldown_seconds=10)
    assert [bench.code(), bench.code(after=11)] == ["ScaleUp", "ScaleUp"]
    record = bench.evaluate(after=11)
    assert (record["code"], record["state_before"]["unlisted"]) == ("ScaleUp", 1)
    bench = Bench(*busy("in-a"), max_replicas=2, cooldown_seconds=10)
    assert [bench.code(), bench.code(after=11)] == ["ScaleUp", "TooManyReplicas"]
    assert bench.code(after=110) == "ScaleUp"  # 121 s: that scale call failed


@pytest.mark.parametrize(
    ("limits", "parameters", "code"),
    [
        ({"maxInstances": 2}, {}, "ScaleUp"),
        ({"maxInstances": 2}, {"use_block_limits": True}, "TooManyReplicas"),
        ({"maxInstances": 3}, {"use_block_limits": True}, "ScaleUp"),
        ({"maxInstances": 3}, {"use_block_limits": True, "max_replicas": 2}, "TooManyReplicas"),
        ({"maxInstances": 2}, {"use_block_limits": True, "max_replicas": 3}, "TooManyReplicas"),
        ({"maxInstances": "2"}, {"use_block_limits": True}, "ScaleUp"),
        ({"maxInstances": 0}, {"use_block_limits": True}, "ScaleUp"),
        ({"maxInstances": None}, {"use_block_limits": True}, "ScaleUp"),
    ],
)
def test_the_maximum_of_the_blocks_record(limits, parameters, code):
    assert Bench(*busy("in-a", "in-b"), limits=limits, **parameters).code() == code


@pytest.mark.parametrize(
    ("limits", "parameters", "code", "minimum"),
    [
        ({"minInstances": 2}, {}, "ScaleDown", 1),
        ({"minInstances": 2}, {"use_block_limits": True}, "TooFewReplicas", 2),
        ({"minInstances": 1}, {"use_block_limits": True, "min_replicas": 2}, "TooFewReplicas", 2),
        ({"minInstances": True}, {"use_block_limits": True}, "ScaleDown", 1),
    ],
)
def test_the_minimum_of_the_blocks_record(limits, parameters, code, minimum):
    record = Bench(*idle("in-a", "in-b"), limits=limits, **parameters).evaluate()
    assert (record["code"], record["replicas"]["min"]) == (code, minimum)


def test_the_basis_of_the_minimum():
    listed = ["in-a", "in-b", "in-c"]
    assert Bench(*idle("in-a", "in-b"), current=listed, min_replicas=2).code() == "TooFewReplicas"
    bench = Bench(*idle("in-a", "in-b"), current=listed, min_replicas=2, replica_basis="current")
    assert bench.code() == "ScaleDown"


# -- signal


def push(name, timestamp, prompt, generated, **more):
    return document(
        name, timestamp=timestamp, llm_prompt_tokens_total=prompt, llm_tokens_generated_total=generated, **more
    )


def test_the_counter_rate_sees_many_small_requests_where_the_window_does_not():
    bench = Bench(signal="counter_rate", input_tokens_up_threshold=3000)
    record = bench.evaluate(push("in-a", START, 0, 0))
    assert (record["code"], record["reason"]) == ("NoUsableMetrics", "1 of 1 instances report no usable value.")
    assert condition(record, "ScalingActive") == ("False", "FailedGetPodsMetric")
    record = bench.evaluate(push("in-a", START + 30, 1501, 100), after=30)
    assert (record["code"], record["averages"]["input"]) == ("ScaleUp", 3002.0)
    assert record["averages"]["signal"] == "counter_rate"


def test_a_restarted_counter_gives_no_rate_and_no_downscale():
    bench = Bench(signal="counter_rate")
    bench.evaluate(push("in-a", START, 5000, 900), push("in-b", START, 9000, 900))
    fallen = [push("in-a", START + 30, 5, 0), push("in-b", START + 30, 3, 0)]
    assert bench.code(*fallen, after=30) == "NoUsableMetrics"
    bench.ask("set_parameters", {"parameters": {"missing_metrics": "skip"}})
    assert bench.code(push("in-a", START + 60, 6, 1), push("in-b", START + 60, 1, 0), after=30) == "NoUsableMetrics"


def test_a_rate_is_counted_over_the_averaging_period():
    bench = Bench(signal="counter_rate")
    for n, total in enumerate([0, 3000, 3000, 3000]):
        record = bench.evaluate(push("in-a", START + 30 * n, total, 0), after=30)
        bench.ask("reset_cooldown")
    rates = [d["instances"][0]["rate_in"] for d in bench.ask("get_decisions")["decisions"]]
    assert rates == [None, 6000.0, 3000.0, 0.0]
    assert record["state_before"]["counters"] == {"in-a": [START + 30, 3000.0, 0.0]}
    bench = Bench(signal="counter_rate", averaging_period="current")
    for n, total in enumerate([0, 3000, 3000]):
        record = bench.evaluate(push("in-a", START + 30 * n, total, 0), after=30)
    assert record["instances"][0]["rate_in"] == 0.0


def test_an_instance_without_a_rate_is_left_out_of_the_mean():
    bench = Bench(signal="counter_rate")
    bench.evaluate(push("in-a", START, 0, 0))
    record = bench.evaluate(push("in-a", START + 60, 600, 60), push("in-b", START + 60, 0, 0), after=60)
    assert (record["averages"]["input"], record["averages"]["output"]) == (600.0, 60.0)


@pytest.mark.parametrize(
    ("lengths", "code", "mean"),
    [
        ([5, 5], "WithinRange", 5.0),
        ([6, 5], "ScaleUp", 5.5),
        ([None, 11], "ScaleUp", 5.5),
        ([None, None], "WithinRange", 0),
    ],
)
def test_the_queue_scales_up_too(lengths, code, mean):
    documents = [document(f"in-{n}", 300, 100, queue_length={"average_1m": q}) for n, q in enumerate(lengths)]
    record = Bench(*documents, queue_length_up_threshold=5).evaluate()
    assert (record["code"], record["averages"]["queue"]) == (code, mean)
    assert record["would"]["margin"]["queue"] == mean / 5
    if code == "ScaleUp":
        assert record["reason"] == "Queue length 5.50 exceeded threshold (Input: 300.00, Output: 100.00)"


def test_tokens_are_named_before_the_queue():
    record = Bench(*busy("in-a", queue_length={"average_1m": 50}), queue_length_up_threshold=5).evaluate()
    assert record["reason"] == "Token rate exceeded threshold (Input: 900.00, Output: 100.00)"


# -- what is missing


@pytest.mark.parametrize(
    ("ages", "code", "stale"),
    [([90, 90], "ScaleUp", 0), ([90, 90.5], "ScaleUp", 1), ([91, 91], "StaleMetrics", 2), ([None, 91], "ScaleUp", 1)],
)
def test_metrics_beyond_the_age_are_left_out(ages, code, stale):
    stamps = [{} if age is None else {"timestamp": START - age} for age in ages]
    documents = [document("in-a", 900, **stamps[0]), document("in-b", 900, **stamps[1])]
    record = Bench(*documents, max_metric_age_seconds=90).evaluate()
    assert (record["code"], record["replicas"]["stale"]) == (code, stale)
    assert [i["status"] for i in record["instances"]].count("stale") == stale


def test_a_hung_instance_does_not_hide_the_load():
    documents = [document("in-a", 900, timestamp=START), document("in-hung", 0, timestamp=START - 900)]
    assert Bench(*documents).code() == "WithinRange"
    assert Bench(*documents, max_metric_age_seconds=90).code() == "ScaleUp"


TYPO = {"averaging_period": "average_5m"}


def test_an_absent_window_removes_a_busy_instance_unless_told_otherwise():
    documents = busy("in-a", "in-b")
    assert Bench(*documents, **TYPO).code() == "ScaleDown"
    for missing in ("conservative", "skip"):
        assert Bench(*documents, **TYPO, missing_metrics=missing).code() == "NoUsableMetrics"


def test_conservative_counts_the_silent_as_idle_upwards_and_as_busy_downwards():
    record = Bench(document("in-a", 900, 90), {"instanceId": "in-b"}, missing_metrics="conservative").evaluate()
    assert (record["code"], record["averages"]["input"]) == ("WithinRange", 450.0)
    assert record["averages"]["down"] == {"input": 700.0, "output": 195.0}
    record = Bench(document("in-a", 1001, 0), current=["in-a", "in-b"], missing_metrics="conservative").evaluate()
    assert (record["code"], record["averages"]["input"]) == ("ScaleUp", 500.5)
    assert Bench(*idle("in-a", "in-b"), current=["in-a", "in-b", "in-c"]).code() == "ScaleDown"
    bench = Bench(*idle("in-a", "in-b"), current=["in-a", "in-b", "in-c"], missing_metrics="conservative")
    assert bench.code() == "WithinRange"
    assert Bench(*idle("in-a", "in-b"), missing_metrics="conservative").evaluate()["averages"]["down"] is None


def test_conservative_never_removes_the_silent():
    documents = [*idle(*(f"in-{n}" for n in range(9))), {"instanceId": "in-silent"}]
    limits = {"output_tokens_up_threshold": 60}
    record = Bench(*documents, missing_metrics="conservative", **limits).evaluate()
    assert record["result"]["instances_list"] == ["in-0"]


def test_skip_waits_for_everybody():
    record = Bench(*busy("in-a"), current=["in-a", "in-b"], missing_metrics="skip").evaluate()
    assert (record["code"], record["reason"]) == ("NoUsableMetrics", "1 of 2 instances report no usable value.")
    assert Bench(*busy("in-a", "in-b"), missing_metrics="skip").code() == "ScaleUp"


@pytest.mark.parametrize(("fraction", "code"), [(0.5, "ScaleUp"), (0.51, "NoUsableMetrics"), (1, "NoUsableMetrics")])
def test_too_few_reporting_instances(fraction, code):
    record = Bench(*busy("in-a"), current=["in-a", "in-b"], min_reporting_fraction=fraction).evaluate()
    assert record["code"] == code
    if code == "NoUsableMetrics":
        assert record["reason"] == "Only 1 of 2 instances report."


# -- patience


def test_each_direction_waits_its_own_time_after_any_action():
    bench = Bench(scale_up_cooldown_seconds=30, scale_down_cooldown_seconds=300)
    assert bench.code(*busy("in-a", "in-b")) == "ScaleUp"
    record = bench.evaluate(after=30)
    assert (record["code"], record["cooldown"]["remaining_s"]) == ("CooldownActive", 0.0)
    assert bench.code(after=0.5) == "ScaleUp"
    record = bench.evaluate(*idle("in-a", "in-b"), after=300)
    assert (record["code"], record["cooldown"]["total_s"]) == ("CooldownActive", 300.0)
    assert record["cooldown"]["up"] == {"remaining_s": 0.0, "total_s": 30.0}
    assert bench.code(document("in-a", 300)) == "WithinRange"  # one direction is free
    assert bench.code(*idle("in-a", "in-b"), after=0.5) == "ScaleDown"
    assert bench.code(*busy("in-a", "in-b"), after=31) == "ScaleUp"


def test_one_direction_can_be_reset():
    bench = Bench(*busy("in-a", "in-b"))
    bench.evaluate()
    bench.ask("reset_cooldown", {"direction": "down"})
    assert bench.code() == "CooldownActive"
    assert bench.code(*idle("in-a", "in-b")) == "ScaleDown"
    bench.ask("reset_cooldown", {"direction": "up"})
    assert bench.code() == "CooldownActive"
    assert bench.code(*busy("in-a", "in-b")) == "ScaleUp"
    answer = bench.ask("reset_cooldown", {"direction": "upwards"})
    assert answer == {"status": "error", "reason": "direction must be both, up or down, not 'upwards'"}


@pytest.mark.parametrize(("direction", "documents"), [("up", busy("in-a")), ("down", idle("in-a", "in-b"))])
def test_a_stabilization_window_wants_the_rule_met_throughout(direction, documents):
    bench = Bench(*documents, **{f"scale_{direction}_stabilization_window_seconds": 60})
    record = bench.evaluate()
    assert (record["code"], record["would"]["rule"]) == ("Stabilizing", direction)
    assert record["reason"] == f"Scaling {direction} has been asked for during 0 of 60 s."
    assert condition(record, "AbleToScale") == ("True", f"Scale{direction.capitalize()}Stabilized")
    assert bench.code(after=59) == "Stabilizing"
    assert bench.code(document("in-a", 300), after=0.5) == "WithinRange"
    assert bench.code(*documents, after=0.5) == "Stabilizing"
    assert bench.code(after=59.5) == "Stabilizing"
    assert bench.code(after=0.5) == f"Scale{direction.capitalize()}"


def test_an_evaluation_without_a_verdict_breaks_the_window():
    bench = Bench(*busy("in-a"), scale_up_stabilization_window_seconds=60)
    bench.evaluate()
    assert bench.code(document("in-z"), current=["in-a"], after=30) == "NoMetrics"
    assert [bench.code(*busy("in-a"), after=30), bench.code(after=60)] == ["Stabilizing", "ScaleUp"]


def test_tolerances():
    assert Bench(document("in-a", 550), scale_up_tolerance=0.1).code() == "WithinTolerance"
    assert Bench(document("in-a", 550.5), scale_up_tolerance=0.1).code() == "ScaleUp"
    nearly = [document("in-a", 95), document("in-b", 95)]
    assert Bench(*nearly, scale_down_tolerance=0.1).code() == "WithinTolerance"
    assert Bench(*nearly).code() == "ScaleDown"
    assert Bench(document("in-a", 400), scale_up_tolerance=0.1).code() == "WithinRange"
    queued = document("in-a", 300, queue_length={"average_1m": 5.25})
    assert Bench(queued, queue_length_up_threshold=5, scale_up_tolerance=0.1).code() == "WithinTolerance"


def test_no_downscale_that_would_have_to_be_taken_back():
    documents = [document("in-a", 95), document("in-b", 95)]
    bench = Bench(*documents, scale_down_safety_check=True, input_tokens_up_threshold=189)
    assert bench.code() == "UnsafeScaleDown"
    bench = Bench(*documents, scale_down_safety_check=True, input_tokens_up_threshold=190)
    assert bench.code() == "ScaleDown"
    outputs = [document("in-a", 0, 40), document("in-b", 0, 40)]
    assert Bench(*outputs, scale_down_safety_check=True, output_tokens_up_threshold=79).code() == "UnsafeScaleDown"
    only = [document("in-a"), document("in-b", 0, 0)]
    assert Bench(only[0], current=["in-a", "in-b"], replica_basis="current", scale_down_safety_check=True).code() == (
        "UnsafeScaleDown"
    )


# -- steps


@pytest.mark.parametrize(
    ("tokens", "most", "count", "limited"),
    [
        (900, 1, 1, "DesiredWithinRange"),
        (900, 10, 2, "DesiredWithinRange"),  # 2 x 1.8 = 3.6 -> 4
        (1500, 10, 4, "DesiredWithinRange"),
        (1501, 10, 5, "DesiredWithinRange"),
        (5000, 10, 10, "ScaleUpLimit"),
        (501, 10, 1, "DesiredWithinRange"),
    ],
)
def test_an_upscale_in_proportion_to_the_load(tokens, most, count, limited):
    record = Bench(document("in-a", tokens), document("in-b", tokens), max_scale_up_step=most).evaluate()
    assert record["result"]["instances_count"] == count
    assert condition(record, "ScalingLimited")[1] == limited
    assert record["confirm"]["expected"] == 2 + count


def test_the_maximum_clips_a_step():
    record = Bench(*busy("in-a", "in-b"), max_scale_up_step=10, max_replicas=3).evaluate()
    assert (record["result"]["instances_count"], condition(record, "ScalingLimited")[1]) == (1, "TooManyReplicas")


def test_the_output_and_the_queue_ask_for_steps_too():
    record = Bench(document("in-a", 0, 900), max_scale_up_step=10).evaluate()
    assert record["result"]["instances_count"] == 2
    queued = document("in-a", 0, 0, queue_length={"average_1m": 20})
    record = Bench(queued, max_scale_up_step=10, queue_length_up_threshold=5).evaluate()
    assert record["result"]["instances_count"] == 3


def test_an_upscale_of_several_is_confirmed_when_all_are_listed():
    bench = Bench(document("in-a", 1500), max_scale_up_step=5)
    assert bench.evaluate()["result"]["instances_count"] == 2
    record = bench.evaluate(current=["in-a", "in-b"], after=30)
    assert record["state_before"]["unlisted"] == 1
    assert bench.state()["pending_action"]["expected"] == 3
    bench.evaluate(current=["in-a", "in-b", "in-c"], after=30)
    assert bench.state()["pending_action"] is None


@pytest.mark.parametrize(
    ("tokens", "parameters", "removed", "limited"),
    [
        (0, {}, 1, "DesiredWithinRange"),
        (0, {"max_scale_down_step": 3}, 3, "ScaleDownLimit"),
        (0, {"max_scale_down_step": 10}, 4, "DesiredWithinRange"),
        (0, {"max_scale_down_step": 10, "min_replicas": 3}, 2, "DesiredWithinRange"),
        (50, {"max_scale_down_step": 10}, 2, "DesiredWithinRange"),  # 5 x 0.5 = 2.5 -> 3 stay
        (99, {"max_scale_down_step": 10}, 1, "DesiredWithinRange"),
        (90, {"max_scale_down_step": 10, "scale_down_safety_check": True}, 1, "DesiredWithinRange"),
        (50, {"max_scale_down_step": 10, "scale_down_safety_check": True, "input_tokens_up_threshold": 100}, 2, None),
        (50, {"max_scale_down_step": 10, "scale_down_safety_check": True, "input_tokens_up_threshold": 83}, 1, None),
    ],
)
def test_a_downscale_in_proportion_to_the_load(tokens, parameters, removed, limited):
    record = Bench(*(document(f"in-{n}", tokens) for n in range(5)), **parameters).evaluate()
    assert record["result"]["instances_list"] == [f"in-{n}" for n in range(removed)]
    assert record["would"]["victims"] == record["result"]["instances_list"]
    if limited:
        assert condition(record, "ScalingLimited")[1] == limited


# -- pending instances


def test_no_upscale_while_an_instance_is_on_its_way():
    bench = Bench(*busy("in-a"), block_while_pending=True, pending_timeout_seconds=300, cooldown_seconds=10)
    assert bench.code() == "ScaleUp"
    record = bench.evaluate(after=30)  # asked for, not listed yet
    assert (record["code"], record["reason"]) == ("ReplicasPending", "1 instances have not reported yet.")
    assert condition(record, "AbleToScale") == ("False", "ReplicasPending")
    assert bench.code(*busy("in-a"), current=["in-a", "in-new"], after=30) == "ReplicasPending"  # listed, silent
    assert bench.code(after=299) == "ReplicasPending"
    assert bench.code(after=1) == "ScaleUp"  # one stuck instance does not freeze scaling


def test_an_instance_that_reported_once_is_not_pending():
    bench = Bench(*busy("in-a"), block_while_pending=True, cooldown_seconds=10)
    assert bench.code() == "ScaleUp"
    assert bench.code(*busy("in-a", "in-new"), after=30) == "ScaleUp"
    assert bench.code(*busy("in-a"), current=["in-a", "in-new", "in-next"], after=200) == "ReplicasPending"
    assert bench.code(*busy("in-a", "in-next"), current=["in-a", "in-new", "in-next"], after=11) == "ScaleUp"


def test_a_pending_instance_does_not_hold_back_a_downscale():
    bench = Bench(*idle("in-a", "in-b"), current=["in-a", "in-b", "in-new"], block_while_pending=True)
    assert bench.code() == "ScaleDown"


# -- who goes


ACTIVE = [
    document("in-a", 1, 1, llm_active_sessions=2, queue_length={"average_1m": 0}),
    document("in-b", 9, 9, llm_active_sessions=1, queue_length={"average_1m": 3}),
    document("in-c", 8, 8, llm_active_sessions=1, queue_length={"average_1m": 1}),
    document("in-d", 0, 0),
]


@pytest.mark.parametrize(
    ("parameters", "victim"),
    [
        ({}, "in-d"),
        ({"scale_down_selection": "least_active"}, "in-c"),
        ({"scale_down_selection": "least_active", "protected_instances": ["in-c"]}, "in-b"),
        ({"protected_instances": ["in-d"]}, "in-a"),
        ({"scale_down_selection": "newest"}, "in-a"),
    ],
)
def test_the_choice_of_who_goes(parameters, victim):
    assert Bench(*ACTIVE, **parameters).evaluate()["result"]["instances_list"] == [victim]


def test_the_newest_goes():
    bench = Bench(*idle("in-a", "in-b"), scale_down_selection="newest", input_tokens_down_threshold=5)
    bench.evaluate()
    bench.ask("set_parameters", {"parameters": {"input_tokens_down_threshold": 100}})
    record = bench.evaluate(*idle("in-a", "in-b", "in-late"), after=30)
    assert record["result"]["instances_list"] == ["in-late"]
    assert record["state_before"]["seen"] == {"in-a": 30.0, "in-b": 30.0}


def test_nobody_may_go():
    record = Bench(*idle("in-a", "in-b"), protected_instances=["in-a", "in-b"]).evaluate()
    assert (record["code"], record["steps"][-1]) == ("NoVictim", {"stage": "victim", "result": "none may go"})


# -- shadow, history, mistakes


def test_shadow_mode_decides_and_does_nothing():
    bench = Bench(*busy("in-a"), mode="shadow")
    for _ in range(2):
        record = bench.evaluate(after=30)
        assert (record["code"], record["outcome"], record["mode"]) == ("Shadow", "hold", "shadow")
        assert record["would"]["result"]["operation"] == "upscale"
        assert record["reason"].startswith("Shadow mode, not done: upscale. Token rate exceeded threshold")
    state = bench.state()
    assert (state["mode"], state["cooldown"]["last_action_ts"], state["pending_action"]) == ("shadow", None, None)
    assert condition(record, "AbleToScale") == ("False", "Shadow")
    assert bench.code(document("in-a", 300)) == "WithinRange"


def test_the_history_has_the_size_that_is_asked_for():
    bench = Bench(*busy("in-a"), decision_history_size=3)
    for _ in range(5):
        bench.evaluate()
    page = bench.ask("get_decisions", {"since": 0})
    assert ([d["seq"] for d in page["decisions"]], page["gap"]) == ([3, 4, 5], True)
    bench.ask("set_parameters", {"parameters": {"decision_history_size": 4}})
    for _ in range(3):
        bench.evaluate()
    page = bench.ask("get_decisions", {"since": 0})
    assert [d["seq"] for d in page["decisions"]] == [5, 6, 7, 8]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"max_replicas": "3"}, "max_replicas: '3' is not a whole number of at least 1"),
        ({"max_replicas": 2, "min_replicas": 3}, "max_replicas: 2 is below min_replicas 3"),
        ({"mode": "shadwo"}, "mode: 'shadwo' is not active or shadow"),
        ({"scale_up_tolerance": 1.5}, "scale_up_tolerance: 1.5 is not a number of at least 0 and at most 1"),
        ({"use_block_limits": 1}, "use_block_limits: 1 is not true or false"),
        (
            {"protected_instances": "in-a"},
            "protected_instances: 'in-a' is not a list of 0 to 64 different instance ids",
        ),
        ({"max_metric_age_seconds": "90"}, "max_metric_age_seconds: '90' is not a number of at least 1"),
        ({"scale_up_cooldown_seconds": "90"}, "scale_up_cooldown_seconds: '90' is not a number of at least 0"),
        ({"decision_history_size": 0}, "decision_history_size: 0 is not a whole number of at least 1 and at most 4096"),
    ],
)
def test_a_wrong_opt_in_parameter_stops_scaling_and_says_why(parameters, text):
    bench = Bench(*busy("in-a"), **parameters)
    record = bench.evaluate()
    assert (record["code"], record["reason"]) == ("InvalidParameters", f"Invalid parameters: {text}")
    assert condition(record, "ScalingActive") == ("False", "InvalidParameters")
    name = text.split(":")[0]
    assert name in bench.ask("get_parameters")["parameter_errors"]


def test_a_wrong_parameter_of_the_tutorials_is_reported_and_stays_in_force():
    bench = Bench({"instanceId": "in-a", INPUT: {"average_1m": 600}}, min_replicas=0, max_replicas=5)
    assert bench.code() == "ScaleUp"
    assert list(bench.ask("get_parameters")["parameter_errors"]) == ["min_replicas"]
