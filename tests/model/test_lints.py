"""Every lint: a block that triggers it and one, as like it as possible, that does not."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from aios_top.model.decision import Action, Decision
from aios_top.model.lint import LINTS, Level
from aios_top.model.lint_facts import Facts, Served
from aios_top.model.lints import lint
from aios_top.model.policy_state import Pause
from aios_top.model.state import Phase
from aios_top.model.text import clean
from aios_top.model.window import Rolling
from aios_top.shipped import shipped
from model.lint_states import CODE, OTHER, decision, facts, instance, registered

ROLLING = {"signal": "rolling"}
ONLY_FIVE = Rolling(90.0, None, 90.0, 90.0)
SCHEMA = {"properties": {"cooldown_seconds": {"type": "number"}, "input_tokens_up_threshold": {"type": "number"}}}


def acted(confirmation: str) -> Decision:
    return replace(decision(1.0, action=Action.UP), confirmation=clean(confirmation))


class Case(NamedTuple):
    triggers: Facts
    does_not: Facts
    says: str
    """Words, numbers included, of the finding's sentence, reason or advice."""


TUTORIALS = {
    "NoMaximum", "BlockLimitsUnread", "SizeNotRate", "MissingCountsAsZero", "StaleMetricsCount", "RemovesBusyReplica",
    "ScalesDownAtOnce",
}  # fmt: skip


def over(**parts: Any) -> dict[str, Any]:
    return {"policies": (registered(**parts),)}


CASES: dict[str, Case] = {
    "InvalidParameter": Case(
        facts(told={"errors": {"cooldown_seconds": "'60' is not a number of at least 0"}}), facts(),
        "cooldown_seconds: '60' is not a number of at least 0",
    ),
    "MinAboveMax": Case(
        facts({"min_replicas": 5}, limits=(1, 8)), facts({"min_replicas": 4}, limits=(1, 8)),
        "the policy's minimum 5 is above its maximum 4",
    ),
    "ThresholdsInverted": Case(
        facts({"input_tokens_down_threshold": 500}), facts({"input_tokens_down_threshold": 249}),
        "input: scales down below 500, but up above 500",
    ),
    "NoMaximum": Case(
        facts({"max_replicas": None, "use_block_limits": False}), facts({"max_replicas": None}),
        "it adds one every 120s, 30 an hour beyond the 1 there are",
    ),
    "ScaleToZero": Case(facts({"min_replicas": 0}, limits=(0, 4)), facts(), "min_replicas is 0"),
    "UnknownWindow": Case(
        facts({**ROLLING, "averaging_period": "avg_1m"}), facts({**ROLLING, "averaging_period": "average_5m"}),
        "averaging_period avg_1m is none of AIOS's windows",
    ),
    "NoTokenMetrics": Case(
        facts(ROLLING, instances=(instance(size=None),)), facts(ROLLING),
        "1 instances have served requests, but none pushes llm_input_tokens_per_minute_rolling",
    ),
    "MetricsAlwaysStale": Case(
        facts({"max_metric_age_seconds": 20}), facts({"max_metric_age_seconds": 31}),
        "max_metric_age_seconds 20 is below the push period of 30s",
    ),
    "UnregisteredPolicy": Case(
        facts(policies=(registered(uri=clean("tokens:1.9-stable")),)), facts(), "(tokens:1.9-stable) with policy rollback",
    ),
    "ConflictingRegistrations": Case(
        facts(policies=(registered(), registered(code=clean("http://files/b.zip")))),
        facts(policies=(registered(), registered())), "is registered 2 times with different content",
    ),
    "CodeNotServed": Case(
        facts(served=Served("http://files/a.zip", problem="files answers 404")), facts(),
        "http://files/a.zip does not give the code: files answers 404",
    ),
    "ArchiveUnusable": Case(
        facts(served=Served("http://files/a.zip", CODE.__class__("d1", problems=("code/function.py is missing",)))),
        facts(), "code/function.py is missing",
    ),
    "NoAutoscaler": Case(facts(bound=False), facts(), "the block has no policy autoscaler"),
    "OscillationPossible": Case(
        facts({"input_tokens_down_threshold": 250}), facts({"input_tokens_down_threshold": 249.9}),
        "with 1 just above 500, an idle new one makes the mean 250, not above 250",
    ),
    "CooldownShorterThanStartup": Case(
        facts(startup_seconds=(110.0, 130.0, 300.0)), facts(startup_seconds=(110.0, 119.0, 300.0)),
        "takes 2m10s to serve (median of 3, longest 5m00s), the cooldown ends after 120s",
    ),
    "WindowLongerThanCooldown": Case(
        facts({"averaging_period": "average_5m"}),
        facts({"averaging_period": "average_5m", "scale_up_cooldown_seconds": 300}), "for 3m more",
    ),
    "SizeNotRate": Case(facts(ROLLING), facts(), "a single one above 500 tokens does"),
    "MissingCountsAsZero": Case(
        facts({"missing_metrics": "zero"}), facts({"missing_metrics": "skip"}),
        "a busy block loses one replica every 120s down to 1",
    ),
    "BlockLimitsUnread": Case(
        facts({"use_block_limits": False}, limits=(1, 3)), facts({"use_block_limits": False}, limits=(1, 4)),
        "the block declares maxInstances 3 (the policy's own: 4)",
    ),
    "RegistryOverridesParameters": Case(
        facts(own={"cooldown_seconds": 60}, **over(parameters={"cooldown_seconds": 999})),
        facts(own={"cooldown_seconds": 60}, **over(parameters={"cooldown_seconds": 60})),
        "cooldown_seconds: block 60, registry 999",
    ),
    "RegistryOverridesSettings": Case(
        facts(own_settings={"intervalSeconds": 30}, **over(settings={"intervalSeconds": 20})),
        facts(own_settings={}, **over(settings={"intervalSeconds": 20})), "intervalSeconds: block 30, registry 20",
    ),
    "IgnoredParameter": Case(
        facts(own={"cooldown_secs": 60}, told={"unknown": ("cooldown_secs",)}), facts(own={"cooldown_seconds": 60}),
        "parameter cooldown_secs = 60 is ignored",
    ),
    "IgnoredSetting": Case(
        facts(own_settings={"scale_up_cooldown": 45}, told={"unused_settings": ("scale_up_cooldown",)}),
        facts(own_settings={"intervalSeconds": 45}), "give it as parameter scale_up_cooldown_seconds",
    ),
    "RuntimeOnly": Case(
        facts({"cooldown_seconds": 60}, told={"source": {"cooldown_seconds": "runtime"}}),
        facts({"cooldown_seconds": 90}, told={"source": {"cooldown_seconds": "given"}}),
        "cooldown_seconds 60, after a restart 120",
    ),
    "RunningIsNotBound": Case(facts(version="1.9"), facts(), "tokens 1.9 runs, the block names tokens:2.0-stable"),
    "DuplicateRegistration": Case(
        facts(policies=(registered(), registered())), facts(), "tokens:2.0-stable is registered 2 times",
    ),
    "ServedBytesDiffer": Case(facts(local=OTHER), facts(local=CODE), "c0dec0dec0de, policy/ 0dd00dd00dd0"),
    "RestartChangesCode": Case(
        facts(served=Served("http://f/a.zip", OTHER), local=OTHER), facts(), "code c0dec0dec0de runs, 0dd00dd00dd0 is served",
    ),
    "RequirementsNeedNetwork": Case(
        facts(served=Served("http://f/a.zip", CODE.__class__("a1", CODE.code_sha256, "", ("requests==2.32.0",)))), facts(),
        "code/requirements.txt wants requests==2.32.0",
    ),
    "PlaceholderAddress": Case(
        facts(**over(code=clean("http://MANAGEMENTMASTER:32555/a.zip"))), facts(), "is the documentation's word for your host",
    ),
    "ShadowMode": Case(facts({"mode": "shadow"}), facts(), "the policy runs in shadow mode"),
    "StaleMetricsCount": Case(
        facts({"max_metric_age_seconds": None}, instances=(instance(), instance("in-b", phase=Phase.STALE))), facts(),
        "1 of 2 documents are stale now",
    ),
    "CooldownShorterThanInterval": Case(
        facts({"cooldown_seconds": 20}), facts({"cooldown_seconds": 30}), "the cooldown of 20s is over before",
    ),
    "StabilizationTooShort": Case(
        facts({"scale_down_stabilization_window_seconds": 29}), facts({"scale_down_stabilization_window_seconds": 30}),
        "scale_down_stabilization_window_seconds 29 is shorter than the 30s between evaluations",
    ),
    "EvaluatesOldMetrics": Case(
        facts(own_settings={"intervalSeconds": 10}), facts(own_settings={"intervalSeconds": 30}),
        "about 3 evaluations see the same figures",
    ),
    "MinimumCountsReporting": Case(
        facts({"replica_basis": "reporting", "min_replicas": 2}), facts({"min_replicas": 2}),
        "with 3 replicas of which 2 report, an idle block never shrinks",
    ),
    "RemovesBusyReplica": Case(
        facts({"scale_down_selection": "lowest_tokens"}), facts({"scale_down_selection": "newest"}),
        "1 of 1 instances are working on requests now",
    ),
    "ActionsUnconfirmed": Case(
        facts(decisions=(acted("timed_out"), acted("confirmed"), acted("pending"))), facts(decisions=(acted("confirmed"),)),
        "1 of the last 3 scalings were not followed",
    ),
    "LastRequestDecides": Case(
        facts({**ROLLING, "averaging_period": "current"}), facts({"averaging_period": "current"}), "one large request scales up",
    ),
    "ScalesDownAtOnce": Case(
        facts({"scale_down_stabilization_window_seconds": 0}), facts({"scale_down_stabilization_window_seconds": 60}),
        "10 evaluations must agree then",
    ),
    "PolicyPaused": Case(
        facts(paused=Pause(clean("up"), 9.0, clean("release"))), facts(), "scaling up is paused: release",
    ),
}  # fmt: skip


def found(given: Facts) -> dict[str, str]:
    return {entry.code: f"{entry.sentence} / {entry.why} / {entry.advice}" for entry in lint(given, 1.0).findings}


def test_every_lint_is_in_the_table() -> None:
    assert CASES.keys() == LINTS.keys()


@pytest.mark.parametrize("code", CASES)
def test_a_lint_is_triggered_by_the_one_and_not_by_the_other(code: str) -> None:
    case = CASES[code]
    assert case.says in found(case.triggers)[code]
    assert code not in found(case.does_not)


@pytest.mark.parametrize("code", CASES)
def test_every_finding_says_what_why_and_what_to_do(code: str) -> None:
    finding = next(entry for entry in lint(CASES[code].triggers, 1.0).findings if entry.code == code)
    assert finding.level is LINTS[code][0]
    for text in (finding.sentence, finding.why, finding.advice):
        assert len(text) > 10
        assert text == text.strip()
        assert not re.search(r"None|\{|nan|  ", text), text


def test_a_sound_block_has_no_finding_and_nothing_left_to_check() -> None:
    report = lint(facts(), 7.0)
    assert (report.findings, report.not_checked, report.failed, report.at) == ((), (), False, 7.0)


def test_the_worst_comes_first() -> None:
    given = facts({"scale_down_selection": "lowest_tokens", "missing_metrics": "zero", "min_replicas": 9})
    levels = [entry.level for entry in lint(given, 1.0).findings]
    assert levels == sorted(levels, key=list(Level).index)
    assert set(levels) == set(Level)


@pytest.mark.parametrize("kind", ["input", "output"])
@pytest.mark.parametrize(("replicas", "down"), [(1, 250), (2, 333.4), (3, 375)])
def test_oscillation_is_judged_from_the_minimum_on(kind: str, replicas: int, down: float) -> None:
    values = {f"{kind}_tokens_up_threshold": 500, f"{kind}_tokens_down_threshold": down, "min_replicas": replicas}
    assert "OscillationPossible" in found(facts(values))
    values[f"{kind}_tokens_down_threshold"] = down - 1
    assert "OscillationPossible" not in found(facts(values))


@pytest.mark.parametrize("ends", [{"max_replicas": 1}, {"scale_down_safety_check": True}, {"scale_up_tolerance": 0.1}])
def test_what_makes_the_swing_impossible_is_known(ends: dict[str, Any]) -> None:
    swinging = {"input_tokens_down_threshold": 250}
    assert "OscillationPossible" in found(facts(swinging))
    assert "OscillationPossible" not in found(facts(swinging | ends))


def test_a_policy_that_waits_for_its_replicas_needs_no_long_cooldown() -> None:
    given = facts({"block_while_pending": True}, startup_seconds=(400.0,))
    assert "CooldownShorterThanStartup" not in found(given)


def test_a_block_whose_own_limits_contradict_is_named() -> None:
    assert "minInstances 5 and maxInstances 2" in found(facts(limits=(5, 2)))["MinAboveMax"]


def test_a_window_that_no_document_has_is_found_though_its_name_is_right() -> None:
    given = facts({**ROLLING, "averaging_period": "average_1m"}, instances=(instance(size=ONLY_FIVE),))
    assert "averaging_period average_1m is in none of the 2 metrics" in found(given)["UnknownWindow"]


@pytest.mark.parametrize(("name", "codes"), [("conservative", set()), ("throughput", set()), ("tutorial", TUTORIALS)])
def test_the_parameter_sets_that_ship_are_judged_as_they_are_meant(name: str, codes: set[str]) -> None:
    """What is recommended has nothing wrong with it; what the tutorial deploys has, and the lints say it."""
    record = json.loads((shipped("policy") / "registration.json").read_text())
    defaults = {key: schema["default"] for key, schema in record["policy_parameters_schema"]["properties"].items()}
    chosen = json.loads((shipped("policy") / "parameters" / f"{name}.json").read_text())["parameters"]
    report = lint(facts({**defaults, **chosen}, told={"defaults": defaults}), 1.0)
    assert {entry.code for entry in report.findings} == codes


class TestSilentPolicy:
    """The plain tutorial policy tells nothing: records and its known defaults must do."""

    def test_its_defaults_are_judged_and_the_assumption_is_told(self) -> None:
        report = lint(facts(speaks=False), 1.0)
        codes = {entry.code for entry in report.findings}
        assert {"NoMaximum", "SizeNotRate", "MissingCountsAsZero", "BlockLimitsUnread"} <= codes
        assert any("the tutorial's rule and defaults are assumed" in entry.why for entry in report.not_checked)

    def test_the_names_of_the_tutorials_own_allocation_file_are_found(self) -> None:
        given = facts(speaks=False, own_settings={"scale_up_cooldown": 45, "scale_down_cooldown": 90})
        report = lint(given, 1.0)
        ignored = [entry for entry in report.findings if entry.code == "IgnoredSetting"]
        assert [entry.sentence for entry in ignored] == [
            "setting scale_down_cooldown = 90 is ignored", "setting scale_up_cooldown = 45 is ignored",
        ]  # fmt: skip
        assert "the cooldown in force is 120s" in ignored[0].why
        assert "cooldown_seconds, which counts for both directions" in ignored[0].advice

    def test_a_registered_schema_judges_values_and_names(self) -> None:
        record = {"document": {"policy_parameters_schema": SCHEMA}}
        given = facts(speaks=False, own={"cooldown_seconds": "60", "cooldown_secnds": 5}, **over(**record))
        said = found(given)
        assert "cooldown_seconds: 60 is not a number" in said["InvalidParameter"]
        assert "did you mean cooldown_seconds?" in said["IgnoredParameter"]

    def test_a_policy_of_another_kind_is_not_judged_by_token_thresholds(self) -> None:
        record = {"document": {"policy_parameters_schema": {"properties": {"target_queue": {"type": "number"}}}}}
        report = lint(facts(speaks=False, **over(**record)), 1.0)
        assert {entry.code for entry in report.findings} == set()
        assert "its rule is not known here" in next(e.why for e in report.not_checked if e.code == "NoMaximum")

    def test_an_unknown_name_without_a_schema_is_no_finding(self) -> None:
        report = lint(facts(speaks=False, own={"my_own": 1}), 1.0)
        assert "IgnoredParameter" not in {entry.code for entry in report.findings}
        assert any("whether the policy reads my_own is unknown" in entry.why for entry in report.not_checked)


@pytest.mark.parametrize(
    ("missing", "codes"),
    [
        ({"policies": None, "served": None}, {"UnregisteredPolicy", "CodeNotServed", "RestartChangesCode"}),
        ({"local": None}, {"ServedBytesDiffer"}),
        ({"startup_seconds": ()}, {"CooldownShorterThanStartup"}),
        ({"instances": (instance(served=False),)}, {"NoTokenMetrics"}),
    ],
)
def test_what_could_not_be_looked_at_is_said(missing: dict[str, Any], codes: set[str]) -> None:
    report = lint(facts(**missing), 1.0)
    assert codes <= {entry.code for entry in report.not_checked}
    assert not codes & {entry.code for entry in report.findings}


def test_a_drafts_values_stand_for_those_in_force() -> None:
    given = facts(parameters={"max_replicas": None, "use_block_limits": False})
    assert "NoMaximum" in found(given)
    assert "NoMaximum" not in found(facts())


def test_the_guide_explains_every_lint() -> None:
    guide = Path(__file__).parents[2] / "tui" / "aios_top" / "guide" / "lints.md"
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", guide.read_text(), re.MULTILINE))
    assert rows == {code: level.value for code, (level, _) in LINTS.items()}
