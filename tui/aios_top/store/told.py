"""The report of a policy as it is recorded: without what it says twice, and without what its clocks showed."""

from dataclasses import replace
from typing import Any

from aios_top.model.decision import Decision
from aios_top.model.fact import PolicyTold
from aios_top.store.typed import document, value

_CLOCKS = ("now", "uptime_s")
"""Readings of the policy's clocks, other ones at every poll and shown nowhere: left out."""
_AS_DECIDED = "="
"""Stands for a last decision that is the newest one of the decisions."""


def told_document(told: PolicyTold, newest: Decision | None) -> dict[str, Any]:
    """Return a report as a document without its parameters, which change rarely and are kept by themselves.

    `newest` is the decision that the policy told last.
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
    return found


def told_value(found: Any, newest: Any, parameters: Any) -> PolicyTold:
    """Return the report of a document.

    `newest` is the document of the decision that the policy told last, `parameters` that of its parameters.
    """
    found["parameters"] = parameters
    report = found["report"]
    state = report["state"]
    if report["last_decision"] == _AS_DECIDED:
        report["last_decision"] = newest
    if report["last_decision"] is not None and "last_decision" in state and state["last_decision"] is None:
        state["last_decision"] = report["last_decision"]["record"]
    if "next_eval_in_s" in state:
        state["next_eval_in_s"] = report["next_evaluation_seconds"]
    for timer in _timers(state):
        timer["remaining_s"] = report["cooldown_remaining_seconds"]
    return value(found, PolicyTold)


def _timers(state: Any) -> list[dict[str, Any]]:
    cooldown = state.get("cooldown")
    timers = [cooldown.get(name) for name in ("up", "down")] if isinstance(cooldown, dict) else []
    return [timer for timer in timers if isinstance(timer, dict) and "remaining_s" in timer]
