"""A draft of parameters: what somebody typed, checked before anything is sent."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from aios_top.model.lint import Finding, Level
from aios_top.model.lint_facts import Facts
from aios_top.model.lints import lint
from aios_top.model.schema import shown

CONTRADICTIONS = frozenset({"MinAboveMax", "ThresholdsInverted"})
"""Findings about two values together with which the policy could not work as meant: such a draft is not sent."""


class DraftCheck(Struct, frozen=True):
    """What a draft would do to the findings of a block."""

    problems: Mapping[str, str]
    """What is wrong, by the parameter's name; nothing is sent while there is any."""
    cautions: tuple[Finding, ...] = ()
    """Findings that the draft brings."""
    solves: tuple[str, ...] = ()
    """Codes of the findings that it ends."""


def parse_value(text: str) -> Any:
    """Return a value as typed: JSON where it is JSON, else the text; raises ValueError for NaN and for nothing."""
    typed = text.strip()
    if not typed:
        raise ValueError("type a value; null takes a value away")
    try:
        return json.loads(typed, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError:
        return typed
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def parse_assignment(text: str) -> tuple[str, Any]:
    """Return name and value of `name=value`; raises ValueError that says what is wrong."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise ValueError(f"{shown(text)}: write NAME=VALUE")
    try:
        return name.strip(), parse_value(value)
    except ValueError as error:
        raise ValueError(f"{shown(name.strip())}: {error}") from error


def assignment(name: str, value: Any) -> str:
    """Return `name=value` as it is typed for this value."""
    try:
        typed = isinstance(value, str) and parse_value(value) == value
    except ValueError:
        typed = False
    return f"{name}={value if typed else json.dumps(value, ensure_ascii=False, default=str)}"


def changes(facts: Facts, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values that differ from those in force."""
    in_force = replace(facts, parameters={}).in_force
    return {name: value for name, value in values.items() if name not in in_force or not same(in_force[name], value)}


def same(one: Any, other: Any) -> bool:
    """Whether two values mean the same to a policy; true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def check_draft(facts: Facts, values: Mapping[str, Any]) -> DraftCheck:
    """Check each value, and what they mean together; `facts` are those of the block as it runs."""
    problems: dict[str, str] = {}
    for name, value in values.items():
        if not facts.has(name):
            problems[name] = _stranger(facts, name)
        elif facts.known is None and not _plausible(facts, name, value):
            problems[name] = f"{shown(value)} is not of the kind of {shown(facts.in_force.get(name))}"
    before, after = lint(replace(facts, parameters={}), 0.0), lint(replace(facts, parameters=values), 0.0)
    known = {(finding.code, finding.sentence) for finding in before.findings}
    fresh = [entry for entry in after.findings if (entry.code, entry.sentence) not in known]
    wrong = replace(facts, parameters=values).value_problems()
    problems |= {name: problem for name, problem in wrong.items() if name in values}
    for finding in fresh:
        if finding.code in CONTRADICTIONS:
            problems.setdefault(_blamed(finding, values), finding.sentence)
    codes = {finding.code for finding in after.findings}
    cautions = [entry for entry in fresh if entry.code not in {*CONTRADICTIONS, "InvalidParameter"}]
    solves = dict.fromkeys(entry.code for entry in before.findings if entry.code not in codes)
    return DraftCheck(problems, tuple(entry for entry in cautions if entry.level is not Level.NOTE), tuple(solves))


def _blamed(finding: Finding, values: Mapping[str, Any]) -> str:
    """Return the changed parameter that a contradiction is shown at."""
    kind = finding.sentence.partition(":")[0]
    names = [f"{kind}_tokens_down_threshold", f"{kind}_tokens_up_threshold", "max_replicas", "min_replicas"]
    return next((name for name in names if name in values), finding.code)


def _stranger(facts: Facts, name: str) -> str:
    close = get_close_matches(name, list(facts.in_force), n=1, cutoff=0.6)
    return "the policy has no such parameter" + (f"; did you mean {close[0]}?" if close else "")


def _plausible(facts: Facts, name: str, value: Any) -> bool:
    """Whether a value is of the kind that is in force, where no schema says what may be given."""
    now = replace(facts, parameters={}).in_force.get(name)
    numbers = isinstance(now, int | float) and isinstance(value, int | float)
    return isinstance(value, bool) == isinstance(now, bool) and (numbers or type(value) is type(now))


def _finite(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(f"{shown(text)} is too large")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no value")
