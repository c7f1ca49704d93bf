"""Facts that no other test needs, each found by a changed program that still passed: the mutation test's findings."""

import pytest

from policy.bench import Bench, busy, condition, idle
from policy.harness import INPUT, START, document, explained
from policy.test_opt_in import push


def test_the_time_of_a_decision_is_when_the_metrics_arrived():
    bench = Bench(document("in-a", 300))

    def slow():
        bench.clock.advance(5)
        return bench.block.get_metrics()

    bench.policy.settings = {"get_metrics": slow}
    record = bench.evaluate()
    assert (record["ts"], record["eval_ms"]) == (START + 5, 5000.0)
    assert bench.state()["last_eval"] == {"started": START, "finished": START + 5, "duration_ms": 5000.0}
    bench.clock.advance(0.0625)  # the clock between two milliseconds
    assert bench.state()["next_eval_in_s"] is None


@pytest.mark.parametrize(
    ("bench", "step"),
    [
        (Bench(current=["in-a"], settings={"get_metrics": None}), ("collect", "no collector", None)),
        (Bench(*busy("in-a"), mode="x"), ("parameters", "invalid", "mode: 'x' is not active or shadow")),
        (
            Bench(*idle("in-a", timestamp=START - 99), max_metric_age_seconds=9),
            ("age", "stale", "1 of 1 documents"),
        ),
        (
            Bench(*busy("in-a"), current=["in-a", "in-b"], min_reporting_fraction=1),
            ("reporting", "too few", "1 of 2"),
        ),
        (Bench(*busy("in-a")), ("cooldown", "over", None)),
        (
            Bench(*busy("in-a"), scale_up_stabilization_window_seconds=60),
            ("stabilization", "blocked", "0.0 of 60 s"),
        ),
        (Bench(*busy("in-a"), max_replicas=1), ("limits", "at maximum", "1 listed, 0 on the way, maximum 1")),
        (Bench(*busy("in-a"), queue_length_up_threshold=1), ("queue", "unknown", "0.00")),
        (
            Bench(*busy("in-a", queue_length={"average_1m": 1}), queue_length_up_threshold=1),
            ("queue", "ok", "1.00"),
        ),
    ],
)
def test_the_steps_tell_what_each_stage_found(bench, step):
    found = [(s["stage"], s["result"], s.get("detail")) for s in bench.evaluate()["steps"]]
    assert step in found


def test_a_pause_and_a_dry_run_have_their_steps():
    bench = Bench(*busy("in-a"))
    bench.ask("pause", {"seconds": 60, "reason": "deploy"})
    assert {"stage": "pause", "result": "blocked", "detail": "deploy"} in bench.evaluate()["steps"]
    assert bench.ask("dry_run")["record"]["steps"][0] == {"stage": "collect", "result": "stored"}


def test_a_block_with_room_for_one():
    assert Bench(*busy("in-a"), limits={"maxInstances": 1}, use_block_limits=True).code() == "TooManyReplicas"


def test_a_downscale_leaves_nothing_to_be_listed():
    bench = Bench(*idle("in-a", "in-b"))
    assert bench.code() == "ScaleDown"
    assert bench.evaluate(after=30)["state_before"]["unlisted"] == 0


def test_an_instance_seen_for_the_first_time_is_the_newest():
    bench = Bench(*idle("in-a", "in-b"), scale_down_selection="newest", scale_down_stabilization_window_seconds=0.5)
    assert bench.code() == "Stabilizing"
    assert bench.evaluate(*idle("in-a", "in-b", "in-c"), after=0.5)["result"]["instances_list"] == ["in-c"]


def test_an_instance_seen_for_the_first_time_is_waited_for():
    bench = Bench(*busy("in-a"), current=["in-a", "in-b"], block_while_pending=True, pending_timeout_seconds=1)
    assert bench.code() == "ReplicasPending"


def test_an_instance_with_two_documents_is_removed_once():
    bench = Bench(*idle("in-a", "in-a", "in-b", "in-c"), current=["in-a", "in-b", "in-c"], max_scale_down_step=2)
    assert bench.evaluate()["result"]["instances_list"] == ["in-a", "in-b"]


def test_the_cooldown_after_an_action_is_whole():
    timer = {"remaining_s": 120.0, "total_s": 120.0}
    assert Bench(*busy("in-a")).evaluate()["cooldown"] == {**timer, "since": START, "up": timer, "down": timer}


def test_without_a_rule_the_longest_cooldown_is_shown():
    for up, down in ((30, 300), (300, 30)):
        bench = Bench(*busy("in-a"), scale_up_cooldown_seconds=up, scale_down_cooldown_seconds=down)
        bench.evaluate()
        assert bench.evaluate(document("in-a", 300), after=10)["cooldown"]["remaining_s"] == 290.0


def test_who_would_go_is_shown_one_by_one_and_as_forced():
    bench = Bench(*busy("in-a", "in-b", "in-c"))
    bench.evaluate()
    assert bench.evaluate(*idle("in-a", "in-b", "in-c"), after=30)["would"]["victims"] == ["in-a"]
    bench.ask("force_scale", {"operation": "downscale", "instances_list": ["in-c", "in-b"], "ignore_cooldown": True})
    record = bench.evaluate()
    assert (record["code"], record["would"]["victims"]) == ("ForcedScale", ["in-c", "in-b"])
    assert record["replicas"]["extra"] == 0


def test_foreign_values_are_cut_at_a_depth():
    nested = "bottom"
    for _ in range(10):
        nested = [{"a": nested}]
    effective = Bench(averaging_period=nested).ask("get_parameters")["effective"]["averaging_period"]
    assert effective == [{"a": [{"a": [{"a": str(nested[0]["a"][0]["a"][0]["a"])}]}]}]


def test_the_load_of_an_instance_is_input_plus_output():
    bench = Bench(signal="counter_rate")
    bench.evaluate(push("in-a", START, 0, 0), push("in-b", START, 0, 0))
    record = bench.evaluate(push("in-a", START + 60, 50, 40), push("in-b", START + 60, 60, 10), after=60)
    assert record["result"]["instances_list"] == ["in-b"]


def test_half_a_report_is_not_idle():
    half = {"instanceId": "in-half", INPUT: {"average_1m": 0}}
    record = Bench(half, *idle(*(f"in-{n}" for n in range(9))), missing_metrics="conservative").evaluate()
    assert record["result"]["instances_list"] == ["in-0"]


def test_means_of_what_is_there():
    record = Bench(document("in-a", 200, 100), document("in-b", 400, 200), missing_metrics="skip").evaluate()
    assert (record["averages"]["input"], record["averages"]["output"]) == (300.0, 150.0)
    bench = Bench(signal="counter_rate")
    bench.evaluate(push("in-a", START, 0, 0), push("in-b", START, 0, None))
    record = bench.evaluate(push("in-a", START + 60, 100, 60), push("in-b", START + 60, 300, None), after=60)
    assert (record["averages"]["input"], record["averages"]["output"]) == (200.0, 60.0)


def test_a_step_that_just_fits_is_not_limited():
    up = Bench(*(document(n, 1500) for n in ("in-a", "in-b")), max_scale_up_step=4, max_replicas=6).evaluate()
    down = Bench(*(document(f"in-{n}", 0) for n in range(5)), max_scale_down_step=4).evaluate()
    assert (up["result"]["instances_count"], len(down["result"]["instances_list"])) == (4, 4)
    assert {condition(record, "ScalingLimited")[1] for record in (up, down)} == {"DesiredWithinRange"}


def test_a_rate_over_five_minutes():
    bench = Bench(signal="counter_rate", averaging_period="average_5m")
    for n in range(13):
        record = bench.evaluate(push("in-a", START + 30 * n, 0, 0), after=30)
    assert record["state_before"]["counters"]["in-a"][0] == START + 60


@pytest.mark.parametrize("record", [None, "x", [], {}, {"complete": False}, {"complete": True}, {"complete": "true"}])
def test_what_is_no_complete_record_cannot_be_decided_again(record):
    with pytest.raises(ValueError, match=r"not complete|not a record"):
        explained.reevaluate(record)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"operation": "sideways"}, "operation must be upscale, downscale or cancel, not 'sideways'"),
        ({"operation": "downscale"}, "instances_list is missing: a list of 1 to 10 different instance ids"),
    ],
)
def test_a_forced_scaling_says_what_it_lacks(data, reason):
    assert Bench().ask("force_scale", data) == {"status": "error", "reason": reason}


@pytest.mark.parametrize(("value", "complete"), [(2**53, True), (2**53 + 2, False), (-(2**53) - 2, False)])
def test_numbers_that_readers_would_round_make_a_record_incomplete(value, complete):
    record = Bench(document("in-a", value)).evaluate()
    assert record["complete"] is complete
    assert isinstance(record["instances"][0]["input"], int) is complete
