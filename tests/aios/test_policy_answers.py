"""What the deployed policy says, read back: the policy itself answers here, loaded as AIOS loads it."""

import importlib.util
import json
from types import SimpleNamespace
from typing import Any

import pytest

from aios_top.aios.reports import ReportReader
from aios_top.aios.wire_policy import read_decision, read_page, read_parameters, read_state
from aios_top.model.decision import Action, InstanceInput, Origin, Thresholds
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.shipped import shipped

NOW = 1_000_000.0


class Running:
    """A policy in the hands of an autoscaler, with a clock that stands still."""

    def __init__(self, parameters: dict[str, Any] | None = None) -> None:
        path = shipped("policy") / "code" / "function.py"
        spec = importlib.util.spec_from_file_location("deployed_policy", path)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        assert spec.loader is not None
        spec.loader.exec_module(module)
        self.now = NOW
        self.documents: list[dict[str, Any]] = []
        clock = SimpleNamespace(time=lambda: self.now, monotonic=lambda: self.now)
        settings = {"get_metrics": lambda: {"block_metrics": self.documents}, "clock": clock, "intervalSeconds": 30}
        self._policy = module.AIOSv1PolicyRule("", settings, parameters or {})

    def evaluate(self, *sizes: float, seconds: float = 30.0) -> None:
        """Let `seconds` pass and evaluate with one instance per input size."""
        self.now += seconds
        names = [f"in-{number:04}" for number in range(len(sizes))]
        rolling = "llm_{}_tokens_per_minute_rolling"
        self.documents = [
            {
                "instanceId": name,
                "timestamp": self.now - 5,
                rolling.format("input"): {"average_1m": size},
                rolling.format("output"): {"average_1m": size / 10},
                "llm_prompt_tokens_total": self.now * 2,
                "llm_tokens_generated_total": self.now,
            }
            for name, size in zip(names, sizes, strict=True)
        ]
        self._policy.eval({}, {"current_instances": names, "block_data": {}}, None)

    def ask(self, action: str, **data: Any) -> Any:
        """Return the answer as it arrives: through JSON."""
        return json.loads(json.dumps(self._policy.management(action, data)))


def test_a_state_is_read_whole():
    policy = Running({"cooldown_seconds": 60})
    policy.evaluate(200.0)
    policy.evaluate(900.0, 700.0)
    policy.now += 10

    report = read_state(policy.ask("get_state"))

    assert report.voice is Voice.FULL
    assert report.policy_name == "tokenautoscaler-explained"
    assert report.code_sha256 is not None
    assert len(report.code_sha256) == 64
    assert report.mode == "active"
    assert (report.cooldown_remaining_seconds, report.cooldown_total_seconds) == (50.0, 60.0)
    assert report.last_action_at == NOW + 60
    assert report.next_evaluation_seconds == 20.0
    assert report.interval_seconds == 30.0
    assert report.evaluating_since is None
    assert report.counts == {"up": 1, "down": 0, "hold": 1, "error": 0}
    assert report.state["parameters_generation"] == 1
    assert report.last_decision is not None
    assert report.last_decision.boot_id == report.boot_id


def test_a_decision_is_read_whole():
    policy = Running()
    policy.evaluate(200.0, 200.0)
    policy.evaluate(900.0, 700.0)

    decision = read_state(policy.ask("get_state")).last_decision

    assert decision is not None
    assert (decision.at, decision.action, decision.code) == (NOW + 60, Action.UP, "ScaleUp")
    assert decision.reason == "Token rate exceeded threshold (Input: 800.00, Output: 80.00)"
    assert decision.origin is Origin.REPORTED
    assert decision.seq == 2
    assert decision.would == "up"
    assert (decision.input_average, decision.output_average) == (800.0, 80.0)
    assert decision.thresholds == Thresholds(500.0, 300.0, 100.0, 50.0)
    assert (decision.current, decision.reporting, decision.proposed) == (2, 2, 3)
    assert decision.cooldown_remaining_seconds == 120.0
    assert decision.confirmation == "pending"
    assert decision.instances[0] == InstanceInput(
        "in-0000", input_size=900.0, output_size=90.0, input_rate=120.0, output_rate=60.0, age_seconds=5.0, status="ok"
    )
    assert decision.record["replicas"]["current"] == 2


def test_a_last_decision_that_is_sent_again_is_the_same_value():
    policy, reports = Running(), ReportReader()
    policy.evaluate(200.0)
    first = reports.read("b", policy.ask("get_state"))
    policy.now += 2
    answer = policy.ask("get_state")

    again = reports.read("b", answer)

    assert again == read_state(answer)
    assert list(again.state) == list(answer)
    assert again.last_decision is first.last_decision
    assert again.state["last_decision"] is again.last_decision.record
    assert again.state["conditions"] is first.state["conditions"]
    assert again.state["cooldown"] == answer["cooldown"]
    assert again.next_evaluation_seconds != first.next_evaluation_seconds


def test_a_last_decision_of_another_kind_of_number_is_another_one():
    policy, reports = Running(), ReportReader()
    policy.evaluate(200.0)
    answer = policy.ask("get_state")
    first = reports.read("b", answer)
    record = {**answer["last_decision"], "generation": float(answer["last_decision"]["generation"])}

    again = reports.read("b", {**answer, "last_decision": record})

    assert again.last_decision is not first.last_decision
    assert type(again.last_decision.record["generation"]) is float


@pytest.mark.parametrize("odd", [2**70, "\ud800", None, [], "text"])
def test_reports_are_read_alike_whatever_a_policy_sends(odd):
    policy, reports = Running(), ReportReader()
    policy.evaluate(200.0)
    answer = policy.ask("get_state")
    answers = [
        answer,
        {**answer, "last_decision": odd},
        {**answer, "last_decision": {**answer["last_decision"], "generation": odd}},
        answer,
        {**answer, "boot_id": odd},
        {"status": "error", "reason": "no access", "last_decision": answer["last_decision"]},
        odd,
    ]

    for one in (*answers, *answers):
        assert reports.read("b", one) == read_state(one)


def test_pages_follow_the_cursor():
    policy = Running()
    for _ in range(5):
        policy.evaluate(200.0)

    first = read_page(policy.ask("get_decisions", since=0, limit=3))
    second = read_page(policy.ask("get_decisions", since=first.next_since, boot_id=str(first.boot_id)))

    assert [decision.seq for decision in first.decisions] == [1, 2, 3]
    assert [decision.seq for decision in second.decisions] == [4, 5]
    assert (first.gap, second.gap, second.next_since) == (False, False, 5)


def test_the_cursor_of_an_earlier_boot_is_a_gap():
    policy = Running()
    policy.evaluate(200.0)

    page = read_page(policy.ask("get_decisions", since=700, boot_id="before"))

    assert page.gap
    assert [decision.seq for decision in page.decisions] == [1]


def test_parameters_are_what_is_in_force():
    policy = Running({"min_replicas": -1, "cooldown_seconds": 60, "typo": 5})
    policy.ask("update_thresholds", input_up_threshold=700)

    report = read_parameters(policy.ask("get_parameters"))

    assert report.effective["input_tokens_up_threshold"] == 700
    assert report.effective["cooldown_seconds"] == 60
    assert report.defaults["cooldown_seconds"] == 120
    assert report.source["input_tokens_up_threshold"] == "runtime"
    assert list(report.errors) == ["min_replicas"]
    assert report.unknown == ("typo",)
    assert report.unused_settings == ()
    assert report.generation == 2


STATE = {"status": "ok", "boot_id": "x"}
RECORD = {"ts": 5.0, "outcome": "hold", "code": "WithinRange"}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        True,
        5,
        "ok",
        [],
        {},
        {"status": "not_implemented", "action": "get_state"},
        {"status": "ok", "message": "Cooldown timer reset successfully"},
        {"echo": ["get_state", {}], "evals": 12},
        {"boot_id": ""},
        {"boot_id": 5},
    ],
)
def test_a_policy_that_tells_no_state_is_silent(answer):
    assert read_state(answer) == PolicyReport(Voice.SILENT)
    assert read_page(answer) is None
    assert read_parameters(answer) is None


def test_a_policy_that_refuses_says_why():
    report = read_state({"status": "error", "reason": "no \x1b access"})

    assert (report.voice, report.problem) == (Voice.SILENT, "no \u241b access")


@pytest.mark.parametrize("remaining", [-5, None, "12", True, [], {}])
def test_a_cooldown_that_is_no_number_is_unknown(remaining):
    timer = {"remaining_s": remaining, "total_s": 120}
    for cooldown in (
        {"up": timer, "down": timer},
        {"up": timer, "down": {"remaining_s": 3, "total_s": 9}},
        {},
        timer,
        5,
    ):
        report = read_state({**STATE, "cooldown": cooldown})
        assert (report.voice, report.cooldown_remaining_seconds) == (Voice.FULL, None)


def test_the_cooldown_that_ends_last_counts():
    cooldown = {"up": {"remaining_s": 3, "total_s": 60}, "down": {"remaining_s": 90, "total_s": 300}}
    report = read_state({**STATE, "cooldown": cooldown})

    assert (report.cooldown_remaining_seconds, report.cooldown_total_seconds) == (90.0, 300.0)


@pytest.mark.parametrize(
    "record",
    [None, {}, [], "x", {**RECORD, "ts": None}, {**RECORD, "ts": "5"}, {**RECORD, "ts": -1}, {**RECORD, "outcome": "explode"}, {**RECORD, "outcome": 5}, {**RECORD, "code": ""}, {key: RECORD[key] for key in ("ts", "outcome")}],
)  # fmt: skip
def test_a_record_without_time_outcome_or_code_is_none(record):
    assert read_decision(record) is None
    assert read_state({**STATE, "last_decision": record}).last_decision is None
    assert read_page({"boot_id": "x", "next_since": 1, "decisions": [record, RECORD]}).decisions == (
        read_decision(RECORD),
    )


ODD = (None, True, "x", [], {}, -1, 10**400, 1e308)


@pytest.mark.parametrize("odd", ODD, ids=lambda value: repr(value)[:12])
def test_odd_fields_of_a_record_are_left_out_and_never_coerced(odd):
    names = (
        "reason",
        "seq",
        "boot_id",
        "would",
        "replicas",
        "averages",
        "thresholds",
        "cooldown",
        "confirm",
        "instances",
    )
    decision = read_decision({**RECORD, **dict.fromkeys(names, odd)})

    assert decision is not None
    assert decision.thresholds == Thresholds()
    assert decision.current is None
    assert decision.instances == ()
    assert decision.seq in (None, odd)
    assert decision.seq is not True


@pytest.mark.parametrize("odd", ODD, ids=lambda value: repr(value)[:12])
def test_odd_fields_of_a_state_are_left_out_and_never_coerced(odd):
    names = ("policy_name", "mode", "cooldown", "next_eval_in_s", "interval_observed_s", "counts", "last_decision")
    report = read_state({**STATE, **dict.fromkeys(names, odd)})

    assert report.voice is Voice.FULL
    assert report.counts == {}
    assert report.last_decision is None
    assert report.next_evaluation_seconds in (None, 1e308)


def test_text_of_a_policy_becomes_clean():
    decision = read_decision({**RECORD, "code": "\x1b]0;x", "reason": "a\r\nb" + "c" * 999, "boot_id": "\u202e"})

    assert decision.code == "\u241b]0;x"
    assert decision.reason.startswith("a\u240d\u240ab")
    assert len(decision.reason) == 300
    assert decision.boot_id == "<U+202E>"
