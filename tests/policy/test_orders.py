"""What an operator can tell the policy: other parameters, a pause, a scaling by hand, a decision on trial."""

import math

import pytest

from policy.bench import Bench, busy, idle
from policy.harness import START, document, explained

# -- set_parameters


def test_set_parameters_takes_effect_at_the_next_evaluation():
    bench = Bench(document("in-a", 300))
    answer = bench.ask("set_parameters", {"parameters": {"input_tokens_up_threshold": 299, "max_replicas": 4.0}})
    assert answer == {
        "status": "ok",
        "dry_run": False,
        "changed": {"input_tokens_up_threshold": [500, 299], "max_replicas": [None, 4]},
        "generation": 2,
        "persisted": False,
        "applies": "next evaluation",
        "note": "in force until the autoscaler restarts; the block's record keeps its own values",
    }
    assert repr(bench.policy.max_replicas) == "4"
    record = bench.evaluate()
    assert (record["code"], record["generation"]) == ("ScaleUp", 2)
    assert record["parameters"] == {"input_tokens_up_threshold": 299, "max_replicas": 4}
    source = bench.ask("get_parameters")["source"]
    assert {name for name, origin in source.items() if origin == "runtime"} == {
        "input_tokens_up_threshold",
        "max_replicas",
    }


def test_a_dry_run_of_set_parameters_changes_nothing():
    bench = Bench(document("in-a", 300))
    before = bench.ask("get_parameters")
    answer = bench.ask("set_parameters", {"parameters": {"min_replicas": 2}, "dry_run": True})
    assert (answer["dry_run"], answer["changed"], answer["generation"]) == (True, {"min_replicas": [1, 2]}, 1)
    assert answer["applies"] == "nothing was changed"
    assert bench.ask("get_parameters") == before


def test_the_same_value_again_is_no_change():
    answer = Bench().set(min_replicas=1, mode="active")
    assert (answer["changed"], answer["generation"]) == ({}, 1)


def test_the_generation_guards_against_somebody_elses_change():
    bench = Bench()
    bench.set(min_replicas=2)
    data = {"parameters": {"min_replicas": 3}, "expect_generation": 1}
    text = "the generation is 2, not 1: read them again"
    assert bench.ask("set_parameters", data) == {
        "status": "error",
        "reason": f"The parameters have changed: {text}",
        "errors": {"expect_generation": text},
    }
    assert bench.policy.min_replicas == 2
    assert bench.ask("set_parameters", data | {"expect_generation": 2})["generation"] == 3


@pytest.mark.parametrize(
    ("parameters", "errors"),
    [
        ({"min_replicas": 0}, {"min_replicas": "0 is not a whole number of at least 1"}),
        ({"nonsense": 1}, {"nonsense": "is no parameter of this policy"}),
        ({"max_replicas": 2, "min_replicas": 3}, {"max_replicas": "2 is below min_replicas 3"}),
        (
            {"input_tokens_down_threshold": 501},
            {
                "input_tokens_down_threshold": "501 is above input_tokens_up_threshold 500: "
                "between them the block only ever scales up"
            },
        ),
        ({"mode": None}, {"mode": "None is not active or shadow"}),
        ({"cooldown_seconds": math.nan}, {"cooldown_seconds": "nan is not a number of at least 0"}),
        (
            {"protected_instances": [""]},
            {"protected_instances": "[''] is not a list of 0 to 64 different instance ids"},
        ),
        ({7: 1}, {"7": "is no parameter of this policy"}),
    ],
)
def test_all_or_nothing(parameters, errors):
    bench = Bench(document("in-a", 300))
    before = bench.ask("get_parameters")
    answer = bench.ask("set_parameters", {"parameters": {"averaging_period": "average_5m", **parameters}})
    reason = "; ".join(f"{name}: {text}" for name, text in errors.items())
    assert answer == {"status": "error", "reason": reason, "errors": errors}
    assert bench.ask("get_parameters") == before


def test_what_was_wrong_before_does_not_stop_another_change():
    bench = Bench(min_replicas=0, max_replicas="5", averaging_period="avg_1m")
    assert bench.code(*busy("in-a")) == "InvalidParameters"
    answer = bench.ask("set_parameters", {"parameters": {"max_replicas": None}})
    assert answer["changed"] == {"max_replicas": ["5", None]}
    assert bench.code() == "TooFewReplicas" if bench.policy.min_replicas else "WithinRange"
    assert "min_replicas" in bench.ask("get_parameters")["parameter_errors"]
    assert bench.ask("set_parameters", {"parameters": {"min_replicas": 0}})["status"] == "error"


def test_a_list_that_was_set_is_the_policys_own():
    bench = Bench()
    names = ["in-a"]
    bench.set(protected_instances=names)
    names.append("in-b")
    assert bench.policy.protected_instances == ["in-a"]


# -- pause, hold, resume


def test_a_pause_ends_by_itself():
    bench = Bench(*busy("in-a"))
    answer = bench.ask("pause", {"seconds": 60, "reason": "deploy"})
    paused = {"direction": "both", "reason": "deploy", "since": START, "until": START + 60, "remaining_s": 60.0}
    assert answer == {"status": "ok", "paused": paused}
    assert bench.state()["paused"] == paused
    record = bench.evaluate(after=30)
    assert (record["code"], record["reason"]) == ("Paused", "Scaling is paused for another 30 s: deploy")
    assert record["conditions"][0]["reason"] == "Paused"
    assert record["would"]["rule"] == "up"
    assert record["state_before"]["paused"] == {"direction": "both", "reason": "deploy", "remaining_s": 30.0}
    assert bench.code(after=29.5) == "Paused"
    assert bench.code(after=0.5) == "ScaleUp"
    assert bench.state()["paused"] is None


def test_an_expired_pause_is_not_reported():
    bench = Bench()
    bench.ask("pause", {"seconds": 60})
    bench.clock.advance(60)
    assert bench.state()["paused"] is None


def test_a_pause_holds_its_direction_only():
    bench = Bench(*idle("in-a", "in-b"))
    bench.ask("pause", {"seconds": 600, "direction": "down"})
    record = bench.evaluate()
    assert (record["code"], record["reason"]) == ("Paused", "Scaling down is paused for another 600 s.")
    assert bench.code(document("in-a", 300)) == "WithinRange"
    assert bench.code(*busy("in-a", "in-b")) == "ScaleUp"


def test_a_pause_of_both_directions_holds_also_without_a_rule():
    bench = Bench(document("in-a", 300))
    bench.ask("hold", {"seconds": 60})
    assert bench.evaluate()["reason"] == "Scaling is paused for another 60 s: hold"
    assert bench.code(document("in-z"), current=["in-a"]) == "NoMetrics"
    assert bench.state()["conditions"][0]["reason"] == "Paused"


def test_a_new_pause_takes_the_place_of_the_old():
    bench = Bench()
    bench.ask("pause", {"seconds": 6000})
    assert bench.ask("pause", {"seconds": 60, "direction": "up"})["paused"]["direction"] == "up"
    assert bench.state()["paused"]["remaining_s"] == 60.0


@pytest.mark.parametrize(
    ("paused", "resumed", "left"),
    [("both", None, None), ("both", "up", "down"), ("both", "down", "up"), ("up", "up", None), ("up", "both", None)],
)
def test_resume(paused, resumed, left):
    bench = Bench()
    bench.ask("pause", {"seconds": 60, "direction": paused})
    bench.clock.advance(10)
    answer = bench.ask("resume", None if resumed is None else {"direction": resumed})
    assert (answer["status"], answer["paused"] and answer["paused"]["direction"]) == ("ok", left)
    assert bench.state()["paused"] == answer["paused"]
    if left:
        assert answer["paused"]["until"] == START + 60


def test_resuming_the_other_direction_leaves_a_pause():
    bench = Bench()
    bench.ask("pause", {"seconds": 60, "direction": "up"})
    assert bench.ask("resume", {"direction": "down"})["paused"]["direction"] == "up"
    assert Bench().ask("resume") == {"status": "ok", "paused": None}


# -- force_scale

UP_2 = {"operation": "upscale", "instances_count": 2}
DOWN_A = {"operation": "downscale", "instances_list": ["in-a"]}


def test_a_forced_upscale_waits_for_the_next_evaluation():
    bench = Bench(document("in-a", 300))
    answer = bench.ask("force_scale", UP_2 | {"reason": "launch at noon"})
    force = {
        "operation": "upscale",
        "instances_count": 2,
        "ignore_cooldown": False,
        "reason": "launch at noon",
        "since": START,
        "until": START + 120,
        "remaining_s": 120.0,
    }
    assert answer == {"status": "ok", "applies": "next evaluation", "expires_at": START + 120, "force": force}
    assert bench.state()["force"] == force
    record = bench.evaluate(after=30)
    assert record["result"] == {
        "skip": False,
        "operation": "upscale",
        "instances_count": 2,
        "reason": "Forced by management: launch at noon",
    }
    assert (record["code"], record["confirm"]["expected"]) == ("ForcedScale", 3)
    assert record["force"] == {"operation": "upscale", "result": "done", "detail": None}
    assert bench.state()["force"] is None
    assert bench.code(*busy("in-a")) == "CooldownActive"


def test_a_forced_downscale():
    bench = Bench(*busy("in-a", "in-b", "in-c"))
    assert bench.ask("force_scale", {"operation": "downscale", "instances_list": ["in-c", "in-a"]})["status"] == "ok"
    record = bench.evaluate()
    assert record["result"]["instances_list"] == ["in-c", "in-a"]
    assert record["result"]["reason"] == "Forced by management."
    bench.evaluate(*busy("in-b"), after=30)
    assert bench.ask("get_decisions", {"since": 0})["decisions"][0]["confirm"]["state"] == "confirmed"


def test_a_forced_scaling_waits_for_the_cooldown_or_ignores_it():
    bench = Bench(*busy("in-a"))
    bench.evaluate()
    bench.ask("force_scale", UP_2)
    record = bench.evaluate(after=30)
    assert (record["code"], record["force"]["result"], record["force"]["detail"]) == (
        "CooldownActive",
        "waiting",
        "cooldown",
    )
    assert bench.state()["force"]["remaining_s"] == 90.0
    bench.ask("force_scale", UP_2 | {"ignore_cooldown": True})
    assert bench.code() == "ForcedScale"


def test_a_forced_scaling_expires():
    bench = Bench(document("in-a", 300))
    bench.ask("force_scale", UP_2 | {"expires_s": 20})
    bench.clock.advance(20)
    assert bench.state()["force"] is None
    record = bench.evaluate()
    assert (record["code"], record["force"]) == ("WithinRange", None)


def test_a_forced_scaling_can_be_taken_back():
    bench = Bench(document("in-a", 300))
    bench.ask("force_scale", UP_2)
    assert bench.ask("force_scale", {"operation": "cancel"}) == {"status": "ok", "force": None}
    assert bench.code() == "WithinRange"


def boom():
    raise ConnectionError("no metrics")


def test_a_forced_scaling_needs_no_metrics():
    for settings in ({"get_metrics": boom}, {"get_metrics": None}):
        bench = Bench(current=["in-a"], settings=settings)
        bench.ask("force_scale", UP_2)
        assert bench.code() == "ForcedScale"
    bench = Bench(current=[])
    bench.ask("force_scale", UP_2)
    record = bench.evaluate()
    assert (record["code"], record["force"]["detail"]) == ("NoInstances", "no instance list")


@pytest.mark.parametrize(
    ("parameters", "data", "reason"),
    [
        ({"max_replicas": 3}, UP_2, "4 instances, the maximum is 3"),
        ({"min_replicas": 2}, DOWN_A, "1 instances, the minimum is 2"),
        ({"protected_instances": ["in-a"]}, DOWN_A, "protected: in-a"),
        ({}, DOWN_A | {"instances_list": ["in-a", "in-z", "in-y"]}, "not listed: in-y, in-z"),
        ({"mode": "shadow"}, UP_2, "mode is shadow, which never scales"),
        ({"max_replicas": "3"}, UP_2, "no scaling with invalid parameters: max_replicas"),
    ],
)
def test_what_cannot_be_done_is_refused_at_once(parameters, data, reason):
    bench = Bench(document("in-a", 300), document("in-b", 300), **parameters)
    bench.evaluate()
    answer = bench.ask("force_scale", data)
    assert (answer["status"], answer["reason"], bench.state()["force"]) == ("error", reason, None)


def test_what_became_impossible_is_refused_at_the_evaluation():
    bench = Bench(document("in-a", 300), document("in-b", 300))
    assert bench.ask("force_scale", UP_2)["status"] == "ok"
    bench.set(max_replicas=3)
    record = bench.evaluate()
    assert (record["code"], record["force"]["result"]) == ("WithinRange", "refused")
    assert record["steps"][-1] == {"stage": "force", "result": "refused", "detail": "4 instances, the maximum is 3"}
    assert bench.state()["force"] is None


def test_a_forced_upscale_counts_what_is_on_its_way():
    bench = Bench(*busy("in-a"), max_replicas=3)
    bench.evaluate()
    bench.ask("force_scale", {"operation": "upscale", "instances_count": 2, "ignore_cooldown": True})
    assert bench.evaluate(after=1)["force"]["detail"] == "4 instances, the maximum is 3"


def test_a_pause_and_shadow_mode_hold_also_for_a_forced_scaling():
    bench = Bench(document("in-a", 300))
    bench.ask("pause", {"seconds": 60, "direction": "up"})
    assert bench.ask("force_scale", UP_2)["reason"] == "paused for another 60 s; resume first"
    bench.ask("resume")
    bench.ask("force_scale", UP_2)
    bench.ask("pause", {"seconds": 60})
    record = bench.evaluate()
    assert (record["code"], record["force"]["detail"]) == ("Paused", "paused")
    assert bench.code(after=60) == "ForcedScale"
    bench.ask("force_scale", UP_2 | {"ignore_cooldown": True})
    bench.set(mode="shadow")
    record = bench.evaluate()
    assert (record["code"], record["would"]["result"]["instances_count"]) == ("Shadow", 2)


def test_a_minimum_that_is_no_number_refuses_instead_of_removing():
    bench = Bench(document("in-a", 300), document("in-b", 300), min_replicas="2")
    bench.ask("force_scale", DOWN_A)
    record = bench.evaluate()
    assert (record["code"], record["force"]["result"], bench.state()["force"]) == ("EvalError", "refused", None)


# -- dry_run


def test_a_dry_run_takes_the_last_decision_again():
    bench = Bench(document("in-a", 600), max_replicas=5)
    bench.evaluate()
    last = bench.evaluate(after=30)
    assert last["code"] == "CooldownActive"
    bench.clock.advance(500)
    collections, state = bench.block.collections, bench.state()
    record = bench.ask("dry_run")["record"]
    for name in ("seq", "ts", "code", "result", "would", "replicas", "state_before", "instances", "parameters"):
        assert record[name] == last[name], name
    record = bench.ask("dry_run", {"parameters": {"cooldown_seconds": 20, "max_scale_up_step": 3}})["record"]
    assert (record["code"], record["ts"], record["result"]["instances_count"]) == ("ScaleUp", START + 30, 1)
    assert (bench.block.collections, bench.state()) == (collections, state)
    assert len(bench.ask("get_decisions")["decisions"]) == 2


def test_a_dry_run_needs_inputs_and_good_parameters():
    bench = Bench(current=["in-a"], settings={"get_metrics": boom})
    refused = {
        "status": "error",
        "reason": "no inputs yet: the last evaluation got no metrics, or there was none",
    }
    assert bench.ask("dry_run") == refused
    bench.evaluate()
    assert bench.ask("dry_run") == refused
    bench.policy.settings = {"get_metrics": bench.block.get_metrics}
    bench.evaluate()
    assert bench.ask("dry_run")["status"] == "ok"
    assert bench.ask("dry_run", {"parameters": {"mode": "x"}})["errors"] == {"mode": "'x' is not active or shadow"}


# -- what every command refuses


@pytest.mark.parametrize(
    ("action", "data", "reason"),
    [
        ("set_parameters", None, "parameters is missing: an object"),
        ("set_parameters", {"parameters": []}, "parameters must be an object, not []"),
        (
            "set_parameters",
            {"parameters": {}, "expect_generation": "1"},
            "expect_generation must be a whole number of ",
        ),
        ("set_parameters", {"parameters": {}, "dryrun": True}, "unknown: dryrun; known are parameters, "),
        ("pause", {}, "seconds is missing: a number of at least 1 and at most 86400"),
        ("pause", {"seconds": 0.5}, "seconds must be a number of at least 1 and at most 86400, not 0.5"),
        ("pause", {"seconds": 86_401}, "seconds must be"),
        ("pause", {"seconds": 5, "direction": "sideways"}, "direction must be both, up or down, not 'sideways'"),
        ("pause", {"seconds": 5, "directon": "up"}, "unknown: directon; known are seconds, direction, reason"),
        ("pause", {"seconds": 5, "reason": 7}, "reason must be text of at most 500 characters, not 7"),
        ("pause", "60", "data must be an object, not '60'"),
        ("hold", {"seconds": None}, "seconds must be"),
        ("hold", {"seconds": 5, "direction": "up"}, "unknown: direction; known are seconds"),
        ("resume", {"direction": None}, "direction must be"),
        ("force_scale", None, "operation must be upscale, downscale or cancel, not None"),
        ("force_scale", {"operation": ["upscale"]}, "operation must be"),
        ("force_scale", {"operation": "upscale"}, "instances_count is missing: a whole number of at least 1 and "),
        ("force_scale", UP_2 | {"instances_count": 11}, "instances_count must be"),
        ("force_scale", UP_2 | {"instances_count": True}, "instances_count must be"),
        ("force_scale", UP_2 | {"instances_list": ["in-a"]}, "unknown: instances_list; known are"),
        ("force_scale", UP_2 | {"expires_s": 0}, "expires_s must be"),
        ("force_scale", UP_2 | {"ignore_cooldown": "yes"}, "ignore_cooldown must be true or false, not 'yes'"),
        ("force_scale", DOWN_A | {"instances_list": []}, "instances_list must be"),
        ("force_scale", DOWN_A | {"instances_list": ["in-a", "in-a"]}, "instances_list must be"),
        ("force_scale", {"operation": "cancel", "reason": ""}, "unknown: reason; known are operation"),
        ("dry_run", {"parameters": 5}, "parameters must be an object, not 5"),
        ("dry_run", {"params": {}}, "unknown: params; known are parameters"),
    ],
)
def test_a_bad_command_says_what_is_wrong_and_changes_nothing(action, data, reason):
    bench = Bench(document("in-a", 300), document("in-b", 300))
    bench.evaluate()
    before = (bench.state(), bench.ask("get_parameters"))
    answer = bench.ask(action, data)
    assert answer["status"] == "error"
    assert answer["reason"].startswith(reason)
    assert (bench.state(), bench.ask("get_parameters")) == before


def test_foreign_text_in_a_reason_is_made_safe():
    bench = Bench(*busy("in-a"))
    bench.ask("pause", {"seconds": 60, "reason": "a\x1b[2Jb"})
    assert "\x1b" not in bench.evaluate()["reason"]


def test_every_request_is_documented_by_a_schema():
    assert {name.split()[0] for name in explained.REQUESTS} < set(Bench().ask("?")["supported"])
