"""Every management action of the shipped policy: exact answers, cursors, bad requests, threads."""

import hashlib
import json
import math

import pytest

from policy.harness import EXPLAINED, START, Block, WallClock, document, explained, load, new_explained

SUPPORTED = [
    "reset_cooldown",
    "update_thresholds",
    "get_state",
    "get_decisions",
    "get_parameters",
    "set_parameters",
    "pause",
    "hold",
    "resume",
    "force_scale",
    "dry_run",
]


DEFAULTS = {
    "input_tokens_up_threshold": 500,
    "output_tokens_up_threshold": 300,
    "input_tokens_down_threshold": 100,
    "output_tokens_down_threshold": 50,
    "min_replicas": 1,
    "averaging_period": "average_1m",
    "cooldown_seconds": 120,
    "max_replicas": None,
    "use_block_limits": False,
    "replica_basis": "reporting",
    "signal": "rolling",
    "queue_length_up_threshold": None,
    "max_metric_age_seconds": None,
    "missing_metrics": "zero",
    "min_reporting_fraction": 0,
    "scale_up_cooldown_seconds": None,
    "scale_down_cooldown_seconds": None,
    "scale_up_stabilization_window_seconds": 0,
    "scale_down_stabilization_window_seconds": 0,
    "scale_up_tolerance": 0,
    "scale_down_tolerance": 0,
    "scale_down_safety_check": False,
    "max_scale_up_step": 1,
    "max_scale_down_step": 1,
    "block_while_pending": False,
    "pending_timeout_seconds": 600,
    "scale_down_selection": "lowest_tokens",
    "protected_instances": [],
    "mode": "active",
    "decision_history_size": 512,
}


@pytest.fixture
def clock():
    return WallClock()


@pytest.fixture
def block():
    return Block(document("in-a", 300))


@pytest.fixture
def policy(block, clock):
    return new_explained({"get_metrics": block.get_metrics}, {}, clock)


@pytest.fixture
def run(policy, block, clock):
    """Evaluate a number of times, 30 seconds apart."""

    def _run(times):
        for _ in range(times):
            policy.eval({}, block.input_data(), None)
            clock.advance(30)

    return _run


@pytest.mark.parametrize("action", ["stop", "", "GET_STATE", "get_state ", "eval", "__init__"])
def test_an_unknown_action_names_the_known_ones(policy, action):
    answer = policy.management(action, {})
    assert answer == {"status": "not_implemented", "action": action, "supported": SUPPORTED}
    assert list(answer) == ["status", "action", "supported"]


@pytest.mark.parametrize("action", [None, 3, ["get_state"], {"a": 1}, math.nan])
def test_an_action_that_is_no_text_is_unknown(policy, action):
    answer = policy.management(action, None)
    assert answer["status"] == "not_implemented"
    json.dumps(answer, allow_nan=False)


def test_update_thresholds_sets_and_clamps(policy):
    data = {
        "input_up_threshold": 900,
        "output_up_threshold": 800.5,
        "input_down_threshold": 90,
        "output_down_threshold": 40,
        "min_replicas": 0,
        "cooldown_seconds": -5,
        "averaging_period": "average_5m",
    }
    answer = policy.management("update_thresholds", data)
    config = {
        "input_up_threshold": 900,
        "output_up_threshold": 800.5,
        "input_down_threshold": 90,
        "output_down_threshold": 40,
        "min_replicas": 1,
        "cooldown_seconds": 0,
    }
    assert answer == {"status": "ok", "message": "Thresholds updated successfully", "current_config": config}
    assert [list(answer), list(answer["current_config"])] == [["status", "message", "current_config"], list(config)]
    assert {name: getattr(policy, name) for name in config} == config
    assert policy.averaging_period == "average_1m"


def test_update_thresholds_takes_effect_at_the_next_evaluation(policy, block):
    assert policy.eval({}, block.input_data(), None)["skip"] is True
    policy.management("update_thresholds", {"input_up_threshold": 299})
    assert policy.eval({}, block.input_data(), None)["operation"] == "upscale"


@pytest.mark.parametrize("data", [{}, [], "", {"input_tokens_up_threshold": 5}, {"max_replicas": 3}])
def test_update_thresholds_without_a_known_key(policy, data):
    answer = policy.management("update_thresholds", data)
    assert answer == {"status": "error", "reason": "No valid threshold parameters provided"}


@pytest.mark.parametrize(
    "data", [None, 5, "min_replicas", {"input_up_threshold": 1, "min_replicas": "3"}, {"cooldown_seconds": None}]
)
def test_update_thresholds_that_fails_changes_nothing(policy, data):
    before = policy.management("get_parameters", None)
    answer = policy.management("update_thresholds", data)
    assert answer == {"status": "not_implemented", "action": "update_thresholds"}
    assert policy.management("get_parameters", None) == before


def test_get_state_before_the_first_evaluation(policy, clock):
    clock.advance(5)
    state = policy.management("get_state", None)
    boot_id = state.pop("boot_id")
    assert len(boot_id) == 32
    assert state == {
        "status": "ok",
        "schema": 1,
        "policy_name": "tokenautoscaler-explained",
        "policy_version": "1.0",
        "policy_rule_uri": None,
        "code_sha256": hashlib.sha256(EXPLAINED.read_bytes()).hexdigest(),
        "now": START + 5,
        "uptime_s": 5.0,
        "mode": "active",
        "paused": None,
        "force": None,
        "seq": 0,
        "parameters_generation": 1,
        "eval_in_progress_since": None,
        "last_eval": None,
        "interval_observed_s": None,
        "next_eval_in_s": None,
        "cooldown": {
            "up": {"remaining_s": 0.0, "total_s": 120.0},
            "down": {"remaining_s": 0.0, "total_s": 120.0},
            "last_action_ts": None,
            "last_action": None,
        },
        "pending_action": None,
        "counts": {"up": 0, "down": 0, "hold": 0, "error": 0},
        "conditions": [],
        "last_decision": None,
    }


def test_get_state_after_an_action(policy, block, clock, run):
    run(1)
    block.documents = [document("in-a", 600)]
    run(1)
    clock.advance(-20)
    state = policy.management("get_state", {})
    assert state["policy_rule_uri"] == "tokenautoscaler-explained:1.0-stable"
    assert state["cooldown"] == {
        "up": {"remaining_s": 110.0, "total_s": 120.0},
        "down": {"remaining_s": 110.0, "total_s": 120.0},
        "last_action_ts": START + 30,
        "last_action": "upscale",
    }
    assert state["counts"] == {"up": 1, "down": 0, "hold": 1, "error": 0}
    assert state["last_eval"] == {"started": START + 30, "finished": START + 30, "duration_ms": 0.0}
    assert (state["interval_observed_s"], state["next_eval_in_s"]) == (30.0, 20.0)
    assert state["last_decision"] == policy.management("get_decisions", {"since": 1})["decisions"][0]
    assert state["conditions"] == state["last_decision"]["conditions"]
    policy.management("reset_cooldown", None)
    cooldown = policy.management("get_state", {})["cooldown"]
    assert (cooldown["up"]["remaining_s"], cooldown["last_action_ts"], cooldown["last_action"]) == (0.0, None, None)


@pytest.mark.parametrize(("interval", "expected"), [(45, 35.0), (None, None), ("45", None)])
def test_the_first_interval_is_the_configured_one_or_unknown(block, clock, interval, expected):
    settings = {} if interval is None else {"intervalSeconds": interval}
    policy = new_explained({"get_metrics": block.get_metrics, **settings}, {}, clock)
    policy.eval({}, block.input_data(), None)
    clock.advance(10)
    assert policy.management("get_state", None)["next_eval_in_s"] == expected
    clock.advance(500)
    assert policy.management("get_state", None)["next_eval_in_s"] == (None if expected is None else 0.0)


@pytest.mark.parametrize(("stamp", "cooldown_seconds"), [("yesterday", 120), (START, "120"), (math.nan, 120)])
def test_a_cooldown_that_is_no_number_is_reported_as_unknown(policy, stamp, cooldown_seconds):
    policy.last_action_ts, policy.cooldown_seconds = stamp, cooldown_seconds
    state = policy.management("get_state", None)
    assert state["cooldown"]["up"]["remaining_s"] is None
    json.dumps(state, allow_nan=False)


def page(policy, **data):
    answer = policy.management("get_decisions", data)
    keys = ["status", "boot_id", "oldest_seq", "latest_seq", "gap", "next_since", "decisions"]
    assert [list(answer), answer["status"]] == [keys, "ok"]
    return [d["seq"] for d in answer["decisions"]], answer["next_since"], answer["gap"]


def test_no_decisions_yet(policy):
    answer = policy.management("get_decisions", None)
    assert (answer["oldest_seq"], answer["latest_seq"]) == (None, 0)
    assert page(policy) == page(policy, since=0) == ([], 0, False)


def test_a_cursor_walks_through_every_decision_once(policy, run):
    run(7)
    boot_id = policy.management("get_state", None)["boot_id"]
    assert page(policy, since=0, boot_id=boot_id, limit=3) == ([1, 2, 3], 3, False)
    assert page(policy, since=3, boot_id=boot_id, limit=3) == ([4, 5, 6], 6, False)
    assert page(policy, since=6, boot_id=boot_id, limit=3) == ([7], 7, False)
    assert page(policy, since=7, boot_id=boot_id, limit=3) == ([], 7, False)
    run(1)
    assert page(policy, since=7, boot_id=boot_id) == ([8], 8, False)


def test_without_a_cursor_the_newest(policy, run):
    run(7)
    assert page(policy, limit=2) == ([6, 7], 7, False)
    assert page(policy) == ([1, 2, 3, 4, 5, 6, 7], 7, False)


def test_a_cursor_of_another_start_begins_again_with_a_gap(policy, run):
    run(4)
    assert page(policy, since=2, boot_id="another") == ([1, 2, 3, 4], 4, True)
    assert page(policy, since=900) == ([1, 2, 3, 4], 4, True)


def test_an_evicted_cursor_has_a_gap(policy, run):
    run(explained.MAX_RECORDS + 10)
    answer = policy.management("get_decisions", {"since": 9, "limit": 1})
    assert (answer["oldest_seq"], answer["latest_seq"]) == (11, explained.MAX_RECORDS + 10)
    assert page(policy, since=9, limit=1) == ([11], 11, True)
    assert page(policy, since=10, limit=1) == ([11], 11, False)
    seqs, next_since, gap = page(policy, since=0, limit=10_000)
    assert (len(seqs), seqs[0], next_since, gap) == (256, 11, 266, True)


def test_brief_decisions_leave_out_the_long_fields(policy, run):
    run(1)
    full = policy.management("get_decisions", {"detail": "full"})["decisions"][0]
    brief = policy.management("get_decisions", {"detail": "brief"})["decisions"][0]
    left_out = {"result", "thresholds", "instances", "conditions", "steps", "state_before", "parameters"}
    assert brief == {name: value for name, value in full.items() if name not in left_out}
    assert left_out < set(full)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([], "data must be an object, not []"),
        ("since", "data must be an object, not 'since'"),
        ({"since": "4"}, "since must be a whole number of at least 0, not '4'"),
        ({"since": -1}, "since must be a whole number of at least 0, not -1"),
        ({"since": True}, "since must be a whole number of at least 0, not True"),
        ({"since": 1.5}, "since must be a whole number of at least 0, not 1.5"),
        ({"boot_id": ["odd"]}, "boot_id must be text of at most 500 characters, not ['odd']"),
        ({"limit": 0}, "limit must be a whole number of at least 1, not 0"),
        ({"limit": None}, "limit must be a whole number of at least 1, not None"),
        ({"detail": "long"}, "detail must be full or brief, not 'long'"),
        ({"detail": []}, "detail must be full or brief, not []"),
    ],
)
def test_a_bad_request_for_decisions_says_what_is_wrong(policy, data, reason):
    assert policy.management("get_decisions", data) == {"status": "error", "reason": reason}


def test_answers_are_copies(policy, run):
    run(2)
    expected = json.dumps(policy.management("get_decisions", {}))
    for action in ("get_decisions", "get_state"):
        answer = policy.management(action, {})
        record = answer["decisions"][-1] if action == "get_decisions" else answer["last_decision"]
        record["instances"][0]["id"] = "changed"
        record["steps"].clear()
        record["confirm"]["state"] = "changed"
    assert json.dumps(policy.management("get_decisions", {})) == expected


def test_get_parameters_of_an_untouched_policy(policy):
    defaults = DEFAULTS
    answer = policy.management("get_parameters", None)
    schemas = answer.pop("schemas")
    assert answer == {
        "status": "ok",
        "generation": 1,
        "effective": defaults,
        "defaults": defaults,
        "source": dict.fromkeys(defaults, "default"),
        "parameter_errors": {},
        "unknown_parameters": [],
        "unused_settings": [],
    }
    assert {name: schema["default"] for name, schema in schemas.items()} == defaults
    assert schemas["min_replicas"]["type"] == "integer"
    assert schemas["averaging_period"]["enum"] == ["current", "average_1m", "average_5m", "average_15m"]


def test_get_parameters_tells_where_each_value_comes_from(block, clock):
    parameters = {"input_tokens_up_threshold": 1500, "min_replicas": 1, "cooldown_seconds": 60, "maximum": 4}
    settings = {"get_metrics": block.get_metrics, "intervalSeconds": 30, "scale_up_cooldown": 45, "a": 1}
    policy = new_explained(settings, parameters, clock)
    policy.management("update_thresholds", {"cooldown_seconds": 60, "output_up_threshold": 10})
    policy.input_down_threshold = 7
    answer = policy.management("get_parameters", {})
    assert answer["source"] == dict.fromkeys(DEFAULTS, "default") | {
        "input_tokens_up_threshold": "given",
        "output_tokens_up_threshold": "runtime",
        "input_tokens_down_threshold": "runtime",
        "output_tokens_down_threshold": "default",
        "min_replicas": "given",
        "averaging_period": "default",
        "cooldown_seconds": "runtime",
    }
    assert (answer["generation"], answer["effective"]["input_tokens_down_threshold"]) == (2, 7)
    assert answer["unknown_parameters"] == ["maximum"]
    assert answer["unused_settings"] == ["a", "scale_up_cooldown"]


@pytest.mark.parametrize(
    ("parameters", "errors"),
    [
        ({"min_replicas": 0}, {"min_replicas": "0 is not a whole number of at least 1"}),
        ({"min_replicas": 1.5}, {"min_replicas": "1.5 is not a whole number of at least 1"}),
        ({"cooldown_seconds": "60"}, {"cooldown_seconds": "'60' is not a number of at least 0"}),
        ({"cooldown_seconds": math.nan}, {"cooldown_seconds": "nan is not a number of at least 0"}),
        ({"cooldown_seconds": True}, {"cooldown_seconds": "True is not a number of at least 0"}),
        (
            {"averaging_period": "avg_1m"},
            {"averaging_period": "'avg_1m' is not current, average_1m, average_5m or average_15m"},
        ),
        (
            {"output_tokens_down_threshold": 301},
            {
                "output_tokens_down_threshold": "301 is above output_tokens_up_threshold 300: "
                "between them the block only ever scales up"
            },
        ),
        (
            {"input_tokens_up_threshold": [], "input_tokens_down_threshold": -1},
            {
                "input_tokens_up_threshold": "[] is not a number of at least 0",
                "input_tokens_down_threshold": "-1 is not a number of at least 0",
            },
        ),
        ({"input_tokens_up_threshold": 100.0, "min_replicas": 2.0, 7: 1}, {}),
    ],
)
def test_bad_parameters_are_named_and_stay_in_force(parameters, errors):
    policy = new_explained({}, parameters, WallClock())
    answer = policy.management("get_parameters", None)
    assert answer["parameter_errors"] == errors
    assert {name: policy.parameters[name] for name in errors} == {name: parameters[name] for name in errors}
    json.dumps(answer, allow_nan=False)


def test_a_failure_inside_an_answer_is_an_answer(policy, monkeypatch, caplog):
    def broken():
        raise OSError("no clock")

    monkeypatch.setattr(policy._clock, "read", broken)
    answer = policy.management("get_state", None)
    assert answer == {"status": "error", "reason": "Management action failed:no clock "}
    assert "get_state failed" in caplog.text


def test_each_start_has_its_own_boot_id():
    first, second = (new_explained({}, {}, WallClock()).management("get_state", None)["boot_id"] for _ in range(2))
    assert first != second


def test_code_that_was_not_loaded_from_a_file_has_no_hash(tmp_path):
    namespace = {"__name__": "policy_from_text"}
    exec(compile(EXPLAINED.read_text(), "function.py", "exec"), namespace)
    assert namespace["AIOSv1PolicyRule"]("", {}, {}).management("get_state", None)["code_sha256"] is None
    copy = tmp_path / "code" / "sub" / "function.py"
    copy.parent.mkdir(parents=True)
    copy.write_text("# another version\n" + EXPLAINED.read_text())
    reported = load(copy).AIOSv1PolicyRule("", {}, {}).management("get_state", None)["code_sha256"]
    assert reported == hashlib.sha256(copy.read_bytes()).hexdigest() != explained.CODE_SHA256
