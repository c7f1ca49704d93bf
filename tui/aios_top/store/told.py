"""The report of a policy as it is recorded: without what it says twice, and without what its clocks showed."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from aios_top.model.decision import Decision
from aios_top.model.fact import PolicyTold
from aios_top.model.policy_state import ParameterReport, PolicyReport
from aios_top.store.typed import document, value

_CLOCKS = ("now", "uptime_s")
"""Readings of the policy's clocks, other ones at every poll and shown nowhere: left out."""
_AS_DECIDED = "="
"""Stands for a last decision that is the newest one of the decisions."""
_COUNTDOWNS = ("next_evaluation_seconds", "cooldown_remaining_seconds")
_STEADY = attrgetter(
    *(name for name in PolicyReport.__struct_fields__ if name not in {*_COUNTDOWNS, "state", "last_decision"})
)

Asked = Sequence[int | None]
"""When a report arrived and when its countdowns end, Unix milliseconds; 0 for a countdown that is over."""


def asked(told: PolicyTold) -> Asked | None:
    """Return the figures that differ from report to report, None when they would not come back as they are."""
    report = told.report
    if told.at is None:
        return None
    at = round(told.at * 1000.0)
    ends = [None if left is None else at + round(left * 1000.0) if left else 0 for left in _countdowns(report)]
    found = [at, *ends]
    return found if _moving(found) == (told.at, *_countdowns(report)) else None


def unmoved(told: PolicyTold, before: PolicyTold) -> bool:
    """Return whether a report says what the one before it said, but for its clocks."""
    report, earlier = told.report, before.report
    return (
        _STEADY(report) == _STEADY(earlier)
        and _is_again(report.last_decision, earlier.last_decision)
        and _without_clocks(report) == _without_clocks(earlier)
    )


def _is_again(decision: Decision | None, before: Decision | None) -> bool:
    """Return whether two decisions are the same; they are read of their records, which are compared much faster."""
    if decision is None or before is None or not decision.record:
        return decision == before
    return decision.record == before.record


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


def _without_clocks(report: PolicyReport) -> list[Any]:
    """Return the answer without its clocks, and without the last decision where that is the report's own."""
    plain = dict(report.state)
    for name in (*_CLOCKS, "next_eval_in_s"):
        plain.pop(name, None)
    if report.last_decision is not None and plain.get("last_decision") is report.last_decision.record:
        del plain["last_decision"]
    cooldown = plain.pop("cooldown", None)
    if not isinstance(cooldown, dict):
        return [plain, cooldown]
    return [plain, *cooldown, *map(_without_remaining, cooldown.values())]


def _without_remaining(timer: Any) -> Any:
    return {**timer, "remaining_s": None} if isinstance(timer, dict) else timer


def told_document(told: PolicyTold, newest: Decision | None, *, moving: bool) -> dict[str, Any]:
    """Return a report as a document without its parameters, which change rarely and are kept by themselves.

    `newest` is the decision that the policy told last; without `moving` the document lacks what `asked` returns.
    """
    report = told.report
    same = report.last_decision is not None and report.last_decision == newest
    state_without = {key: entry for key, entry in report.state.items() if key != "last_decision"}
    bare = replace(report, last_decision=None if same else report.last_decision, state=state_without)
    found: dict[str, Any] = document(replace(told, report=bare, parameters=None))
    last = report.last_decision
    state = {key: entry for key, entry in found["report"]["state"].items() if key not in _CLOCKS}
    if "next_eval_in_s" in state:
        state["next_eval_in_s"] = None
    if "last_decision" in report.state:
        sent = report.state["last_decision"]
        state["last_decision"] = None if last is not None and sent == last.record else document(sent)
    for timer in _timers(state):
        timer["remaining_s"] = None
    found["report"]["state"] = state
    if same:
        found["report"]["last_decision"] = _AS_DECIDED
    if not moving:
        found["at"] = None
        found["report"] |= dict.fromkeys(_COUNTDOWNS)
    return found


def told_value(
    found: Any, newest: Decision | None, parameters: ParameterReport | None, moving: Asked | None
) -> PolicyTold:
    """Return the report of a document.

    `newest` is the decision that the policy told last, `parameters` are its parameters, and `moving` is what
    `asked` returned, None where the document has it.
    """
    found["parameters"] = None
    report = found["report"]
    if moving is not None:
        found["at"], *left = _moving(moving)
        report |= zip(_COUNTDOWNS, left, strict=True)
    state = report["state"]
    as_decided = report["last_decision"] == _AS_DECIDED
    if as_decided:
        report["last_decision"] = None
    if "next_eval_in_s" in state:
        state["next_eval_in_s"] = report["next_evaluation_seconds"]
    for timer in _timers(state):
        timer["remaining_s"] = report["cooldown_remaining_seconds"]
    told = value(found, PolicyTold)
    last = newest if as_decided else told.report.last_decision
    if last is not None and "last_decision" in state and state["last_decision"] is None:
        state["last_decision"] = last.record
    return replace(told, report=replace(told.report, last_decision=last, state=state), parameters=parameters)


def _timers(state: Any) -> list[dict[str, Any]]:
    cooldown = state.get("cooldown")
    timers = [cooldown.get(name) for name in ("up", "down")] if isinstance(cooldown, dict) else []
    return [timer for timer in timers if isinstance(timer, dict) and "remaining_s" in timer]
