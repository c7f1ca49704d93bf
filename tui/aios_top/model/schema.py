"""Checks a value against the JSON schema of a policy's parameter.

The schema comes from a registry that checks nothing, so it is read as data: no pattern is run, no reference followed.
What it says beyond these keywords is left to the policy itself.
"""

import json
from collections.abc import Callable, Mapping
from operator import ge, gt, le, lt
from typing import Any

from aios_top.model.text import clean

_TYPES = {
    "number": "a number", "integer": "a whole number", "string": "a text", "boolean": "true or false",
    "array": "a list", "object": "an object", "null": "null",
}  # fmt: skip
_LIMITS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("at least", ge),
    "maximum": ("at most", le),
    "exclusiveMinimum": ("more than", gt),
    "exclusiveMaximum": ("less than", lt),
}
_DEEPEST = 4


def check(schema: Mapping[str, Any], value: Any, depth: int = _DEEPEST) -> str:
    """Return what is wrong with `value`, empty when nothing is."""
    if not depth:
        return ""
    choices = schema.get("anyOf", schema.get("oneOf"))
    if isinstance(choices, list):
        problems = [check(choice, value, depth - 1) for choice in choices if isinstance(choice, Mapping)]
        if problems and all(problems):
            return " or ".join(dict.fromkeys(problems))
    return _type_problem(schema, value) or _choice_problem(schema, value) or _limit_problem(schema, value, depth)


def described(schema: Mapping[str, Any], depth: int = _DEEPEST) -> str:
    """Return what may be given, e.g. "a whole number, at least 1" or "zero, conservative or skip"."""
    if not depth:
        return "a value"
    if isinstance(schema.get("enum"), list):
        return _listed([shown(choice) for choice in schema["enum"]])
    choices = schema.get("anyOf", schema.get("oneOf"))
    if isinstance(choices, list):
        return _listed([described(choice, depth - 1) for choice in choices if isinstance(choice, Mapping)])
    kinds = [_TYPES[kind] for kind in _kinds(schema) if kind in _TYPES]
    limits = [f"{word} {shown(schema[name])}" for name, (word, _) in _LIMITS.items() if is_number(schema.get(name))]
    return ", ".join([_listed(kinds) or "a value", *limits])


def shown(value: Any) -> str:
    """Return a parameter's value in one short line."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return clean(value if isinstance(value, str) else json.dumps(value, default=str), 60)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; true is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def is_kind(value: Any, kind: str) -> bool:
    """Whether a value is of a JSON type."""
    match kind:
        case "number":
            return is_number(value)
        case "integer":
            return is_number(value) and value == int(value)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, Mapping)
        case "null":
            return value is None
    return True


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type")
    return [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)]


def _type_problem(schema: Mapping[str, Any], value: Any) -> str:
    kinds = _kinds(schema)
    if not kinds or any(is_kind(value, kind) for kind in kinds):
        return ""
    return f"{shown(value)} is not {described(schema)}"


def _choice_problem(schema: Mapping[str, Any], value: Any) -> str:
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(choices, list) or any(value == choice and type(value) is type(choice) for choice in choices):
        return ""
    return f"{shown(value)} is none of {', '.join(map(shown, choices[:12]))}"


def _limit_problem(schema: Mapping[str, Any], value: Any, depth: int) -> str:
    if is_number(value):
        for name, (word, holds) in _LIMITS.items():
            limit = schema.get(name)
            if is_number(limit) and not holds(value, limit):
                return f"{shown(value)} must be {word} {shown(limit)}"
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return next((problem for item in value if (problem := check(schema["items"], item, depth - 1))), "")
    return ""


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else ""
