"""The report of a policy as it is recorded: without what it says twice, and without what its clocks showed."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from aios_top.model.decision import Decision
from aios_top.model.fact import PolicyTold
from aios_top.model.late import LateDocument, Once
from aios_top.model.policy_state import ParameterReport, PolicyReport
from aios_top.store.bearings import as_one_value, out_of_one_value
from aios_top.store.compression import BROKEN
from aios_top.store.typed import document, value

_CLOCKS = ("now", "uptime_s")
"""Readings of the policy's clocks, other ones at every poll and shown nowhere: left out."""
_AS_DECIDED = "="
"""Stands for a last decision that is the newest one of the decisions."""
_MOVING = frozenset({*_CLOCKS, "next_eval_in_s"})
"""Entries of the answer that differ from poll to poll."""
_LAST = "last_decision"
_TIMERS = ("up", "down")
"""Parts of its cooldown that count down."""
_COUNTDOWNS = ("next_evaluation_seconds", "cooldown_remaining_seconds")
_STEADY = attrgetter(*(name for name in PolicyReport.__struct_fields__ if name not in {*_COUNTDOWNS, "state"}))

Asked = Sequence[int | None]
"""When a report arrived and when its countdowns end, Unix milliseconds; 0 for a countdown that is over."""
Steady = tuple[Any, ...]
"""What a report says besides its clocks."""


def asked(told: PolicyTold) -> Asked | None:
    """Return the figures that differ from report to report, None when they would not come back as they are."""
    report = told.report
    if told.at is None:
        return None
    at = round(told.at * 1000.0)
    ends = [None if left is None else at + round(left * 1000.0) if left else 0 for left in _countdowns(report)]
    found = [at, *ends]
    return found if _moving(found) == (told.at, *_countdowns(report)) else None


def steady(told: PolicyTold) -> Steady:
    """Return what a report says besides its clocks; equal for reports of which the later one has no news.

    Its last decision is the same object while it is the same decision, so that comparing it takes no time.
    """
    report = told.report
    state = dict(report.state)
    for name in _MOVING:
        if name in state:
            state[name] = None
    if report.last_decision is not None and state.get(_LAST) is report.last_decision.record:
        state[_LAST] = None
    cooldown = state.get("cooldown")
    if isinstance(cooldown, dict):
        state["cooldown"] = cooldown = dict(cooldown)
        for direction in _TIMERS:
            timer = cooldown.get(direction)
            if isinstance(timer, dict) and "remaining_s" in timer:
                cooldown[direction] = {**timer, "remaining_s": None}
    return _STEADY(report), list(state), state


def _countdowns(report: PolicyReport) -> tuple[float | None, float | None]:
    return report.next_evaluation_seconds, report.cooldown_remaining_seconds


def _moving(found: Asked) -> tuple[float | None, ...]:
    """Return the time of a report and its countdowns."""
    at, *ends = found
    return None if at is None else at / 1000.0, *(_left(end, at) for end in ends)


def _left(end: int | None, at: int | None) -> float | None:
    if end is None or at is None:
        return None
    return (end - at) / 1000.0 if end else 0.0


def told_document(told: PolicyTold, newest: Decision | None, *, moving: bool) -> dict[str, Any]:
    """Return a report as a document without its parameters, which change rarely and are kept by themselves.

    `newest` is the decision that the policy told last; without `moving` the document lacks what `asked` returns.
    """
    report = told.report
    same = report.last_decision is not None and report.last_decision == newest
    state_without = {key: entry for key, entry in report.state.items() if key != _LAST}
    bare = replace(report, last_decision=None if same else report.last_decision, state=state_without)
    found: dict[str, Any] = document(replace(told, report=bare, parameters=None))
    last = report.last_decision
    state = {key: entry for key, entry in found["report"]["state"].items() if key not in _CLOCKS}
    if "next_eval_in_s" in state:
        state["next_eval_in_s"] = None
    if _LAST in report.state:
        sent = report.state[_LAST]
        state[_LAST] = None if last is not None and sent == last.record else as_one_value(sent)
    for timer in _timers(state):
        timer["remaining_s"] = None
    found["report"]["state"] = state
    if same:
        found["report"]["last_decision"] = _AS_DECIDED
    elif last is not None:
        found["report"]["last_decision"] = as_one_value(found["report"]["last_decision"])
    if not moving:
        found["at"] = None
        found["report"] |= dict.fromkeys(_COUNTDOWNS)
    return found


def told_value(
    found: Any,
    newest: Decision | None,
    parameters: ParameterReport | None,
    moving: Asked | None,
    read_state: Callable[[], dict[str, Any]] | None = None,
) -> PolicyTold:
    """Return the report of a document; takes it apart.

    `newest` is the decision that the policy told last, `parameters` are its parameters, and `moving` is what
    `asked` returned, None where the document has it. `read_state` reads the report's state when somebody looks at
    it, of a document that lacks it.
    """
    found["parameters"] = None
    report = found["report"]
    if moving is not None:
        found["at"], *left = _moving(moving)
        report |= zip(_COUNTDOWNS, left, strict=True)
    given = {} if read_state is not None else report.pop("state")
    as_decided = report["last_decision"] == _AS_DECIDED
    report["last_decision"] = None if as_decided else out_of_one_value(report["last_decision"])
    told = value(found, PolicyTold)
    last = newest if as_decided else told.report.last_decision
    whole = replace(told.report, last_decision=last)
    if read_state is None:
        state = _state(whole, given)
    else:
        state = LateDocument({}, Once(partial(_late_state, whole, read_state)))
    return replace(told, report=replace(whole, state=state), parameters=parameters)


def _late_state(report: PolicyReport, read_state: Callable[[], dict[str, Any]]) -> Mapping[str, Any]:
    """Return a report's state, an empty one where it is damaged."""
    try:
        return _state(report, read_state())
    except BROKEN:
        return {}


def _state(report: PolicyReport, state: dict[str, Any]) -> Mapping[str, Any]:
    """Return a report's state with what the report says, too; takes it apart."""
    if "next_eval_in_s" in state:
        state["next_eval_in_s"] = report.next_evaluation_seconds
    for timer in _timers(state):
        timer["remaining_s"] = report.cooldown_remaining_seconds
    if _LAST in state:
        sent, last = state[_LAST], report.last_decision
        state[_LAST] = last.record if sent is None and last is not None else out_of_one_value(sent)
    return state


def _timers(state: Any) -> list[dict[str, Any]]:
    cooldown = state.get("cooldown")
    timers = [cooldown.get(name) for name in _TIMERS] if isinstance(cooldown, dict) else []
    return [timer for timer in timers if isinstance(timer, dict) and "remaining_s" in timer]
