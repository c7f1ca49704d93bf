"""A draft as typed: what a value becomes, what is wrong with it, and what it would change."""

from typing import Any

import pytest

from aios_top.model.draft import changes, check_draft, parse_assignment, parse_value
from model.lint_states import SOUND, facts, registered

SCHEMAS = {
    "max_replicas": {"type": ["integer", "null"], "minimum": 1},
    "averaging_period": {"type": "string", "enum": ["current", "average_1m"]},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5), (" 0.5 ", 0.5), ("true", True), ("null", None), ("average_1m", "average_1m"), ('"5"', "5"),
        ('["in-a"]', ["in-a"]), ("True", "True"), ("1e3", 1000.0), ("-3", -3), ("{", "{"),
    ],
)  # fmt: skip
def test_a_value_is_json_where_it_is_json(text: str, value: Any) -> None:
    found = parse_value(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["", "  ", "NaN", "-Infinity", "1e999", "[" * 100_000, "9" * 5000])
def test_what_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_value(text)


def test_an_assignment_names_what_it_sets() -> None:
    assert parse_assignment("cooldown_seconds=60") == ("cooldown_seconds", 60)
    assert parse_assignment("a = b=c") == ("a", "b=c")


@pytest.mark.parametrize(
    ("text", "said"), [("cooldown", "write NAME=VALUE"), ("=5", "write NAME=VALUE"), ("a=", "a: type a value")]
)
def test_a_broken_assignment_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_assignment(text)


def test_only_what_differs_is_a_change() -> None:
    wanted = {"min_replicas": 1.0, "max_replicas": 5, "use_block_limits": 1, "nonsense": 2}
    assert changes(facts(), wanted) == {"max_replicas": 5, "use_block_limits": 1, "nonsense": 2}


PROBLEMS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"max_replicas": 6}, {}),
    ({"max_replicas": None}, {}),
    ({"max_replicas": 0}, {"max_replicas": "0 must be at least 1"}),
    ({"max_replicas": "6"}, {"max_replicas": "6 is not a whole number or null, at least 1"}),
    ({"averaging_period": "avg_1m"}, {"averaging_period": "avg_1m is none of current, average_1m"}),
    ({"max_replica": 6}, {"max_replica": "the policy has no such parameter; did you mean max_replicas?"}),
    ({"zzz": 6}, {"zzz": "the policy has no such parameter"}),
    ({"min_replicas": 5}, {"min_replicas": "the policy's minimum 5 is above its maximum 4"}),
    ({"min_replicas": 5, "max_replicas": 8, "use_block_limits": False}, {}),
    (
        {"input_tokens_down_threshold": 500},
        {"input_tokens_down_threshold": "input: scales down below 500, but up above 500"},
    ),
    (
        {"output_tokens_up_threshold": 50},
        {"output_tokens_up_threshold": "output: scales down below 50, but up above 50"},
    ),
]


@pytest.mark.parametrize(("values", "problems"), PROBLEMS)
def test_each_value_and_what_they_mean_together(values: dict[str, Any], problems: dict[str, str]) -> None:
    given = facts(told={"schemas": SCHEMAS})
    assert check_draft(given, values).problems == problems


def test_the_registered_schema_does_where_the_policy_tells_none() -> None:
    record = registered(document={"policy_parameters_schema": {"properties": SCHEMAS}})
    assert "max_replicas" in check_draft(facts(policies=(record,)), {"max_replicas": 0}).problems


def test_what_runs_wrong_already_does_not_hinder_another_change() -> None:
    running = facts({"min_replicas": 9, "use_block_limits": False})
    assert check_draft(running, {"cooldown_seconds": 60}).problems == {}
    assert check_draft(running, {"min_replicas": 8}).problems != {}


def test_findings_that_it_brings_and_ends_are_told() -> None:
    check = check_draft(
        facts({"missing_metrics": "zero"}), {"missing_metrics": "skip", "averaging_period": "average_15m"}
    )
    assert [entry.code for entry in check.cautions] == ["WindowLongerThanCooldown"]
    assert check.solves == ("MissingCountsAsZero",)


@pytest.mark.parametrize(("value", "fits"), [(60, True), (0.5, True), ("60", False), (True, False), (None, False)])
def test_without_any_schema_the_kind_must_be_the_one_in_force(value: Any, fits: bool) -> None:
    silent = facts(speaks=False)
    assert (check_draft(silent, {"cooldown_seconds": value}).problems == {}) is fits


def test_a_name_that_the_tutorial_lacks_is_refused_for_a_silent_policy() -> None:
    assert "max_replicas" in check_draft(facts(speaks=False), {"max_replicas": 3}).problems
    assert "max_replicas" in SOUND
