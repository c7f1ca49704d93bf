"""What a parameter's schema accepts, and what is said of a value that it does not."""

import pytest

from aios_top.model.schema import check, described, shown

COUNT = {"type": "integer", "minimum": 1, "maximum": 10}
MAYBE = {"type": ["integer", "null"], "minimum": 1}
EITHER = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}
WINDOW = {"type": "string", "enum": ["current", "average_1m"]}
SHARE = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
NAMES = {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (COUNT, 1), (COUNT, 10), (COUNT, 3.0), (MAYBE, None), (MAYBE, 1), (EITHER, None), (EITHER, 5),
        (WINDOW, "current"), (SHARE, 0.5), (NAMES, []), (NAMES, ["a"]), ({"type": "boolean"}, True),
        ({"const": "x"}, "x"), ({}, object()), ({"pattern": "(a+)+$"}, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"),
        ({"$ref": "http://elsewhere/schema"}, 1), ({"type": "object"}, {"a": 1}), ({"type": "unheard-of"}, 1),
    ],
)  # fmt: skip
def test_what_fits_has_no_problem(schema: dict, value: object) -> None:
    assert check(schema, value) == ""


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        (COUNT, 0, "0 must be at least 1"),
        (COUNT, 11, "11 must be at most 10"),
        (COUNT, 1.5, "1.5 is not a whole number, at least 1, at most 10"),
        (COUNT, True, "true is not a whole number, at least 1, at most 10"),
        (COUNT, "3", "3 is not a whole number, at least 1, at most 10"),
        (COUNT, float("nan"), "NaN is not a whole number, at least 1, at most 10"),
        (COUNT, float("inf"), "Infinity is not a whole number, at least 1, at most 10"),
        (MAYBE, 0, "0 must be at least 1"),
        (EITHER, 0, "0 must be at least 1 or 0 is not null"),
        (WINDOW, "avg_1m", "avg_1m is none of current, average_1m"),
        (WINDOW, 1, "1 is not current or average_1m"),
        (SHARE, 0, "0 must be more than 0"),
        (SHARE, 1, "1 must be less than 1"),
        (NAMES, ["a", 2], "2 is not a text"),
        ({"enum": [1]}, True, "true is none of 1"),
        ({"type": "boolean"}, 1, "1 is not true or false"),
    ],
)
def test_what_does_not_fit_is_said_in_words(schema: dict, value: object, problem: str) -> None:
    assert check(schema, value) == problem


def test_a_schema_that_nests_without_end_ends() -> None:
    deep: dict = {"type": "integer"}
    for _ in range(2000):
        deep = {"anyOf": [deep]}
    assert check(deep, "x") == ""
    assert described(deep) == "a value"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (COUNT, "a whole number, at least 1, at most 10"),
        (MAYBE, "a whole number or null, at least 1"),
        (EITHER, "a whole number, at least 1 or null"),
        (WINDOW, "current or average_1m"),
        ({}, "a value"),
        ({"enum": []}, ""),
    ],
)
def test_a_schema_is_described_in_words(schema: dict, words: str) -> None:
    assert described(schema) == words


def test_values_are_shown_short_and_safe() -> None:
    assert [shown(value) for value in (3.0, 0.5, None, True, ["a"], "a\x1b[31m")] == [
        "3", "0.5", "null", "true", '["a"]', "a\u241b[31m",
    ]  # fmt: skip
    assert len(shown("x" * 500)) == 60
