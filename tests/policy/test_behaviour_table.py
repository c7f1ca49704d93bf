"""Every row of the tutorial policy's behaviour table, for the shipped policy and for the plain one."""

import math

import pytest

from policy.harness import INPUT, OUTPUT, START, Block, WallClock, document, new_explained, new_plain

HOLD = {"skip": True, "reason": "No scaling action required."}
COOLING = {"skip": True, "reason": "Cooldown active."}
UP = {
    "skip": False,
    "operation": "upscale",
    "instances_count": 1,
    "reason": "Token rate exceeded threshold (Input: 600.00, Output: 0.00)",
}


def failed(text):
    return {"skip": True, "reason": f"An error occurred: {text}"}


@pytest.fixture
def clock():
    return WallClock()


@pytest.fixture(params=[new_explained, new_plain], ids=["explained", "plain"])
def build(request, clock):
    """Build a policy and its one-argument evaluation for a block."""

    def _build(block, parameters=None, **settings):
        policy = request.param({"get_metrics": block.get_metrics, **settings}, parameters or {}, clock)
        return policy, lambda: policy.eval(policy.parameters, block.input_data(), None)

    _build.is_plain = request.param is new_plain
    return _build


def exactly(result, expected):
    """Equal, with the same keys in the same order."""
    return result == expected and list(result) == list(expected)


@pytest.mark.parametrize("collector", [None, "http://metrics", 5])
def test_row_1_no_usable_collector(build, collector):
    policy, evaluate = build(Block(document("in-a", 900)), get_metrics=collector)
    assert exactly(evaluate(), {"skip": True, "reason": "Metrics collector not configured."})
    assert policy.last_action_ts is None


def test_row_1_collector_absent(build):
    policy, evaluate = build(Block(document("in-a", 900)))
    del policy.settings["get_metrics"]
    assert evaluate()["reason"] == "Metrics collector not configured."


@pytest.mark.parametrize("current", [None, [], "", ()])
def test_rows_2_and_3_no_instances_after_one_collection(build, current):
    block = Block(document("in-a", 900))
    policy, evaluate = build(block)
    block.current = current
    assert exactly(evaluate(), {"skip": True, "reason": "No current instances provided."})
    assert (block.collections, policy.last_action_ts) == (1, None)


def test_row_3_comes_before_a_look_at_the_metrics(build):
    policy, _ = build(Block(), get_metrics=lambda: None)
    assert policy.eval({}, {}, None)["reason"] == "No current instances provided."


@pytest.mark.parametrize("metrics", [{}, {"block_metrics": []}, {"block_metrics": [document("executor", 900)]}])
def test_row_4_no_matching_document(build, metrics):
    policy, evaluate = build(Block(current=["in-a"]), get_metrics=lambda: metrics)
    assert exactly(evaluate(), {"skip": True, "reason": "No metrics found for the specified instances."})
    assert policy.last_action_ts is None


@pytest.mark.parametrize(
    ("documents", "means"),
    [
        ([document("in-a", 800), {"instanceId": "in-b"}], "400.00, Output: 400.00"),  # no rolling dict: 0
        ([document("in-a", 800), {"instanceId": "in-b", INPUT: {}, OUTPUT: {}}], "400.00, Output: 400.00"),  # no key: 0
        (
            [document("in-a", 800), document("in-a", 800), document("in-b")],
            "533.33, Output: 533.33",
        ),  # twice counts twice
        ([document("in-a", 800), document("in-z", 9000)], "800.00, Output: 800.00"),  # not current: ignored
        ([document("in-a", True), document("in-b", 0.5)], "0.75, Output: 0.75"),
    ],
)
def test_row_5_means_over_matching_documents(build, documents, means):
    for doc in documents:
        if OUTPUT in doc:
            doc[OUTPUT] = dict(doc[INPUT])
    block = Block(*documents, current=["in-a", "in-b"])
    _, evaluate = build(block, {"input_tokens_up_threshold": -1})
    assert evaluate()["reason"] == f"Token rate exceeded threshold (Input: {means})"


def test_row_6_the_cooldown_holds_and_errors_of_the_means_come_first(build, clock):
    block = Block(document("in-a", 600))
    policy, evaluate = build(block)
    assert exactly(evaluate(), UP)
    clock.advance(1)
    assert exactly(evaluate(), COOLING)
    assert policy.last_action_ts == START
    block.documents = [document("in-a", "600")]
    assert evaluate() == failed("unsupported operand type(s) for +=: 'int' and 'str'")
    assert policy.last_action_ts == START


def test_a_threshold_that_is_no_number_matters_only_after_the_cooldown(build, clock):
    block = Block(document("in-a", 600))
    policy, evaluate = build(block)
    evaluate()
    policy.input_up_threshold = "500"
    assert evaluate() == COOLING
    clock.advance(121)
    assert evaluate() == failed("'>' not supported between instances of 'float' and 'str'")


@pytest.mark.parametrize(
    ("elapsed", "cooldown", "expected"),
    [(120, 120, COOLING), (120.25, 120, UP), (0, 0, COOLING), (0.25, 0, UP), (0, -1, UP), (-3600, 120, COOLING)],
)
def test_row_6_elapsed_must_exceed_the_cooldown(build, clock, elapsed, cooldown, expected):
    _, evaluate = build(Block(document("in-a", 600)), {"cooldown_seconds": cooldown})
    assert evaluate() == UP
    clock.advance(elapsed)
    assert evaluate() == expected


@pytest.mark.parametrize(
    ("tokens_in", "tokens_out", "scales"),
    [(500, 300, False), (500.01, 0, True), (0, 300.01, True), (501, 301, True), (math.inf, 0, True)],
)
def test_row_7_either_mean_above_its_threshold_scales_up(build, tokens_in, tokens_out, scales):
    policy, evaluate = build(Block(document("in-a", tokens_in, tokens_out)))
    result = evaluate()
    if scales:
        reason = f"Token rate exceeded threshold (Input: {tokens_in:.2f}, Output: {tokens_out:.2f})"
        assert exactly(result, {**UP, "reason": reason})
    else:
        assert exactly(result, HOLD)
    assert policy.last_action_ts == (START if scales else None)


def test_row_8_removes_the_least_loaded_instance(build):
    block = Block(document("in-a", 30, 9), document("in-b", 20, 8), document("in-c", 25, 2))
    policy, evaluate = build(block)
    expected = {
        "skip": False,
        "operation": "downscale",
        "instances_list": ["in-c"],
        "reason": "Token rate below threshold (Input: 25.00, Output: 6.33)",
    }
    assert exactly(evaluate(), expected)
    assert policy.last_action_ts == START
    assert [d["instanceId"] for d in block.documents] == ["in-a", "in-b", "in-c"]


def test_row_8_ties_go_to_the_first_in_metrics_order(build):
    _, evaluate = build(Block(document("in-b"), document("in-a"), current=["in-a", "in-b"]))
    assert evaluate()["instances_list"] == ["in-b"]


@pytest.mark.parametrize(("tokens_in", "tokens_out"), [(100, 0), (0, 50), (99.9, 50), (300, 100), (math.nan, math.nan)])
def test_row_9_between_the_thresholds_nothing_happens(build, tokens_in, tokens_out):
    documents = [document("in-a", tokens_in, tokens_out), document("in-b", tokens_in, tokens_out)]
    policy, evaluate = build(Block(*documents))
    assert exactly(evaluate(), HOLD)
    assert policy.last_action_ts is None


@pytest.mark.parametrize(("minimum", "scales"), [(1, True), (2, True), (3, False), (4, False)])
def test_row_8_only_above_the_minimum_of_reporting_instances(build, minimum, scales):
    documents = [document("in-a"), document("in-b"), document("in-c")]
    block = Block(*documents, current=["in-a", "in-b", "in-c", "in-starting"])
    _, evaluate = build(block, {"min_replicas": minimum})
    assert (evaluate() != HOLD) is scales


@pytest.mark.parametrize("victim", ["", None, 0])
def test_row_10_a_victim_without_id_is_not_removed(build, victim):
    """The tutorial starts the cooldown for nothing; the shipped policy does not."""
    block = Block(document(victim), document("in-b", 5), current=[victim, "in-b"])
    policy, evaluate = build(block)
    assert exactly(evaluate(), HOLD)
    assert policy.last_action_ts == (START if build.is_plain else None)


@pytest.mark.parametrize(
    ("metrics", "current", "text"),
    [
        (None, ["in-a"], "'NoneType' object has no attribute 'get'"),
        ({"block_metrics": None}, ["in-a"], "'NoneType' object is not iterable"),
        ({"block_metrics": [7]}, ["in-a"], "'int' object has no attribute 'get'"),
        ({"block_metrics": [document("in-a")]}, 5, "argument of type 'int' is not iterable"),
        ({"block_metrics": [document(None)]}, "in-a", "'in <string>' requires string as left operand, not NoneType"),
        ({"block_metrics": [{"instanceId": "in-a", INPUT: 3}]}, ["in-a"], "'int' object has no attribute 'get'"),
        (
            {"block_metrics": [document("in-a", None)]},
            ["in-a"],
            "unsupported operand type(s) for +=: 'int' and 'NoneType'",
        ),
        (
            {"block_metrics": [document("in-a", "600", [])]},
            ["in-a"],
            "unsupported operand type(s) for +=: 'int' and 'str'",
        ),
        (
            {"block_metrics": [document("in-a", 1, [])]},
            ["in-a"],
            "unsupported operand type(s) for +=: 'int' and 'list'",
        ),
        (
            {"block_metrics": [document("in-a", 0.5), document("in-a", "1")]},
            ["in-a"],
            "unsupported operand type(s) for +=: 'float' and 'str'",
        ),
    ],
)
def test_row_11_bad_input_is_a_skip_with_the_error_text(build, metrics, current, text):
    policy, evaluate = build(Block(current=current), get_metrics=lambda: metrics)
    assert exactly(evaluate(), failed(text))
    assert policy.last_action_ts is None


def test_row_11_a_failing_collector(build):
    def boom():
        raise ConnectionError("boom")

    _, evaluate = build(Block(current=["in-a"]), get_metrics=boom)
    assert exactly(evaluate(), failed("boom"))


def test_row_11_input_data_and_settings_that_are_no_objects(build):
    policy, _ = build(Block(document("in-a")))
    assert policy.eval({}, None, None) == failed("'NoneType' object has no attribute 'get'")
    policy.settings = None
    assert policy.eval({}, {}, None) == failed("'NoneType' object has no attribute 'get'")


def test_inverted_thresholds_scale_up(build):
    documents = [document("in-a", 600), document("in-b", 600)]
    parameters = {"input_tokens_down_threshold": 1000, "output_tokens_down_threshold": 1000}
    _, evaluate = build(Block(*documents), parameters)
    assert evaluate()["operation"] == "upscale"


def test_current_instances_as_text_match_by_substring(build):
    _, evaluate = build(Block(document("in-a", 600), current="in-a,in-b"))
    assert exactly(evaluate(), UP)


def test_another_averaging_period(build):
    block = Block({"instanceId": "in-a", INPUT: {"average_1m": 0, "average_5m": 600}})
    _, evaluate = build(block, {"averaging_period": "average_5m"})
    assert exactly(evaluate(), UP)


def test_an_unknown_averaging_period_reads_zero_and_removes_a_busy_instance(build):
    """A known flaw of the tutorial, kept: `get_parameters` names it."""
    _, evaluate = build(Block(document("in-a", 900), document("in-b", 950)), {"averaging_period": "avg_1m"})
    assert evaluate()["instances_list"] == ["in-a"]


def test_the_arguments_parameters_and_context_are_ignored(build):
    block = Block(document("in-a", 600))
    policy, _ = build(block)
    assert exactly(policy.eval({"input_tokens_up_threshold": 10_000}, block.input_data(), object()), UP)


def test_attributes_hold_the_parameters_and_are_read_at_every_evaluation(build):
    policy, evaluate = build(Block(document("in-a", 600)))
    attributes = {
        "rule_id": "",
        "input_up_threshold": 500,
        "output_up_threshold": 300,
        "input_down_threshold": 100,
        "output_down_threshold": 50,
        "min_replicas": 1,
        "averaging_period": "average_1m",
        "cooldown_seconds": 120,
        "last_action_ts": None,
    }
    assert {name: getattr(policy, name) for name in attributes} == attributes
    assert policy.logger.name == "TokensAutoscalerPolicy-"
    policy.input_up_threshold = 600
    assert exactly(evaluate(), HOLD)
    policy.input_up_threshold = 599
    assert exactly(evaluate(), UP)


def test_a_written_time_of_the_last_action_counts_on_the_wall_clock(build, clock):
    policy, evaluate = build(Block(document("in-a", 600)))
    policy.last_action_ts = clock.now - 120
    assert policy._cooldown_ok(clock.now) is False
    assert evaluate() == COOLING
    policy.last_action_ts = clock.now - 120.25
    assert policy._cooldown_ok(clock.now) is True
    assert evaluate() == UP


@pytest.mark.parametrize("parameters", [None, [], "text"])
def test_parameters_that_are_no_object_fail_at_construction(parameters):
    for make in (new_explained, new_plain):
        with pytest.raises(AttributeError, match="has no attribute 'get'"):
            make({}, parameters, WallClock())


@pytest.mark.parametrize("data", [{}, None, "anything"])
def test_reset_cooldown_lets_the_next_evaluation_act(build, data):
    policy, evaluate = build(Block(document("in-a", 600)))
    assert [evaluate(), evaluate()] == [UP, COOLING]
    answer = policy.management("reset_cooldown", data)
    assert exactly(answer, {"status": "ok", "message": "Cooldown timer reset successfully"})
    assert policy.last_action_ts is None
    assert evaluate() == UP


@pytest.mark.parametrize("action", ["update_thresholds", "get_state", "", None, 3, []])
def test_the_plain_policy_answers_nothing_else(action):
    assert new_plain({}, {}, WallClock()).management(action, {}) is None
