"""Management answers whatever an evaluation does, and what it is told counts for the decision that is under way."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from policy.bench import busy
from policy.harness import START, Block, WallClock, document, new_explained

ACTIONS = list(new_explained({}, {}, WallClock()).management("?", None)["supported"])


@pytest.fixture
def clock():
    return WallClock()


class HangingMetrics:
    """A `get_metrics` that answers when it is told to."""

    def __init__(self, documents):
        self.documents = documents
        self.entered, self.release = Event(), Event()

    def __call__(self):
        self.entered.set()
        assert self.release.wait(timeout=60)
        return {"block_metrics": self.documents}


MEANWHILE = {
    "update_thresholds": {"min_replicas": 2},
    "set_parameters": {"parameters": {"max_replicas": 5}},
    "pause": {"seconds": 60, "direction": "down"},
    "hold": {"seconds": 60},
    "force_scale": {"operation": "cancel"},
}


# The evaluation hangs until all of them have answered; AIOS's gateway gives each five seconds, and a command that waited
# for the evaluation would never answer at all. So no time is measured here.
def test_management_answers_while_an_evaluation_hangs(clock):
    metrics = HangingMetrics([document("in-a", 600)])
    policy = new_explained({"get_metrics": metrics}, {}, clock)
    policy.last_action_ts = clock.now
    with ThreadPoolExecutor(2) as pool:
        evaluation = pool.submit(policy.eval, {}, {"current_instances": ["in-a"]}, None)
        try:
            assert metrics.entered.wait(timeout=60)
            answers = {
                action: pool.submit(policy.management, action, MEANWHILE.get(action)).result(timeout=20)
                for action in ACTIONS
            }
        finally:
            metrics.release.set()
        # The reset arrived while the metrics were awaited, and counts.
        assert evaluation.result(timeout=60)["operation"] == "upscale"
    refused = {action for action, answer in answers.items() if answer["status"] != "ok"}
    assert refused == {"dry_run"}  # there are no inputs yet
    assert (answers["get_state"]["eval_in_progress_since"], answers["get_state"]["next_eval_in_s"]) == (START, None)
    assert policy.management("get_state", None)["eval_in_progress_since"] is None
    assert policy.management("get_state", None)["last_decision"]["generation"] == 3


def test_evaluations_and_management_in_parallel_lose_nothing(clock):
    block = Block(document("in-a", 300))
    policy = new_explained({"get_metrics": block.get_metrics}, {"cooldown_seconds": -1}, clock)

    def evaluate():
        for _ in range(100):
            policy.eval({}, block.input_data(), None)

    def ask():
        for _ in range(50):
            policy.management("update_thresholds", {"input_up_threshold": 100})
            policy.management("reset_cooldown", None)
            json.dumps(policy.management("get_state", None), allow_nan=False)
            policy.management("get_decisions", {"since": 0})

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(evaluate), pool.submit(ask), pool.submit(evaluate), pool.submit(ask)]:
            future.result(timeout=60)
    state = policy.management("get_state", None)
    assert (state["seq"], sum(state["counts"].values()), state["parameters_generation"]) == (200, 200, 101)
    assert [d["seq"] for d in policy.management("get_decisions", {"since": 0})["decisions"]] == list(range(1, 201))


@pytest.mark.parametrize(
    ("action", "data", "code"),
    [
        ("pause", {"seconds": 60}, "Paused"),
        ("set_parameters", {"parameters": {"mode": "shadow"}}, "Shadow"),
        ("set_parameters", {"parameters": {"max_replicas": 1}}, "TooManyReplicas"),
        ("force_scale", {"operation": "upscale", "instances_count": 3}, "ForcedScale"),
    ],
)
def test_an_order_counts_for_the_evaluation_that_is_waiting_for_metrics(clock, action, data, code):
    metrics = HangingMetrics(busy("in-a"))
    policy = new_explained({"get_metrics": metrics}, {}, clock)
    with ThreadPoolExecutor(1) as pool:
        evaluation = pool.submit(policy.eval, {}, {"current_instances": ["in-a"]}, None)
        try:
            assert metrics.entered.wait(timeout=60)
            assert policy.management(action, data)["status"] == "ok"
        finally:
            metrics.release.set()
        evaluation.result(timeout=60)
    assert policy.management("get_state", None)["last_decision"]["code"] == code


def test_metrics_that_arrive_after_a_later_decision_come_too_late(clock):
    late = HangingMetrics(busy("in-a"))
    policy = new_explained({"get_metrics": late}, {"cooldown_seconds": 0}, clock)
    with ThreadPoolExecutor(1) as pool:
        evaluation = pool.submit(policy.eval, {}, {"current_instances": ["in-a"]}, None)
        try:
            assert late.entered.wait(timeout=60)
            policy.settings = {"get_metrics": lambda: {"block_metrics": [document("in-a", 300)]}}
            assert policy.eval({}, {"current_instances": ["in-a"]}, None)["skip"] is True
        finally:
            late.release.set()
        assert evaluation.result(timeout=60) == {"skip": True, "reason": "A later evaluation has decided already."}
    codes = [d["code"] for d in policy.management("get_decisions", None)["decisions"]]
    assert codes == ["WithinRange", "Superseded"]
