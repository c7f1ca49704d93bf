"""The state as a JSON document: schema 1, the same for `once --json`, `watch --jsonl` and `decisions --json`.

Every figure that could be mistaken carries its `origin`; a null that a reader may wonder about has a `note`.
Sizes are tokens per request (what the policy compares), rates are tokens per minute (from the counters).
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from aios_top.model.audit import AuditEntry
from aios_top.model.decision import Decision, Origin
from aios_top.model.policy_state import Voice
from aios_top.model.state import Averages, BlockState, CooldownPhase, EndpointState, FleetState, InstanceState
from aios_top.model.verdict import Verdict
from aios_top.model.window import AnyRolling, Window

SCHEMA = 1

Document = dict[str, Any]

_NEEDS_TWO_PUSHES = "a rate needs two pushes of an instance: wait for them with --settle"
_VOICE_NOTES = {
    Voice.SILENT: "the deployed policy does not tell it",
    Voice.ABSENT: "the block has no autoscaler policy",
    Voice.UNREACHABLE: "the autoscaler does not answer",
    Voice.UNASKED: "the autoscaler was not asked: no address of a management service answered",
}


def fleet_document(state: FleetState) -> Document:
    """Return everything that is known at one moment."""
    return {
        "schema": SCHEMA,
        "at": rfc3339(state.at),
        "context": state.context,
        "note": state.origin_note,
        "sequence": state.sequence,
        "verdict": _verdict(state.verdict),
        "blocks": [block_document(block, state.at) for block in state.blocks.values()],
        "endpoints": {name: _endpoint(endpoint, state.at) for name, endpoint in state.endpoints.items()},
    }


def block_document(block: BlockState, now: float, *, instances: bool = True) -> Document:
    """Return one block as of `now`, on request without its instances, of which there may be a thousand."""
    last = block.decisions[0] if block.decisions else block.policy.last_decision
    next_evaluation = None if block.next_evaluation_at is None else max(0.0, block.next_evaluation_at - now)
    silence = _VOICE_NOTES.get(block.policy.voice)
    return {
        "block_id": block.block_id,
        "cluster_id": None if block.record is None else block.record.cluster_id,
        "policy": policy_part(block),
        "replicas": _replicas(block, silence),
        "instances": instance_documents(block) if instances else [],
        "window": block.window.label,
        "averages": {window.label: _averages(block.averages.get(window)) for window in Window},
        "thresholds": _thresholds(block),
        "rates": _rates(block),
        "latency_seconds": figure(block.latency_seconds),
        "first_token_seconds": figure(block.first_token_seconds),
        "cooldown": _cooldown(block, now, silence),
        "next_evaluation_seconds": figure(next_evaluation, 1),
        "next_evaluation_note": silence if next_evaluation is None else None,
        "last_decision": None if last is None else decision_document(last),
        "last_decision_note": _no_decision(block) if last is None else None,
        "verdict": _verdict(block.verdict),
        "freshness": _freshness(block, now),
    }


def instance_documents(block: BlockState) -> list[Document]:
    """Return a block's instances."""
    return [_instance(instance) for instance in block.instances]


def decision_document(decision: Decision) -> Document:
    """Return one decision; times are those of the clock that made it."""
    return {
        "at": rfc3339(decision.at),
        "action": decision.action.value,
        "code": decision.code,
        "reason": decision.reason,
        "origin": decision.origin.value,
        "seq": decision.seq,
        "boot_id": decision.boot_id,
        "would": decision.would,
        "averages": {"input": figure(decision.input_average), "output": figure(decision.output_average)},
        "replicas": {
            "current": decision.current,
            "reporting": decision.reporting,
            "proposed": decision.proposed,
        },
        "cooldown_remaining_seconds": figure(decision.cooldown_remaining_seconds, 1),
        "confirmation": decision.confirmation,
    }


def rfc3339(at: float | None) -> str | None:
    """Return unix seconds as UTC with milliseconds, None for a time that no calendar has."""
    if at is None or not math.isfinite(at):
        return None
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def strict(value: Any) -> Any:
    """Return a value of a server or a file as JSON can carry it: a number that is none becomes null."""
    if isinstance(value, Mapping):
        return {str(key): strict(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [strict(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def figure(value: float | None, digits: int = 3) -> float | None:
    """Return a number that JSON can carry, rounded; None for what is unknown or not finite."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _verdict(verdict: Verdict | None) -> Document | None:
    if verdict is None:
        return None
    return {
        "severity": verdict.severity.name.lower(),
        "code": verdict.code,
        "sentence": verdict.sentence,
        "block_id": verdict.block_id,
    }


def policy_part(block: BlockState) -> Document:
    """Return what a block declares and what its policy says of itself."""
    report = block.policy
    declared = None if block.record is None else block.record.autoscaler
    return {
        "uri": None if declared is None else declared.uri,
        "voice": report.voice.value,
        "name": report.policy_name,
        "version": report.policy_version,
        "code_sha256": report.code_sha256,
        "boot_id": report.boot_id,
        "mode": report.mode,
        "interval_seconds": figure(report.interval_seconds),
        "problem": report.problem,
        "problem_kind": report.problem_kind,
        "note": _VOICE_NOTES.get(report.voice),
    }


def _replicas(block: BlockState, silence: str | None) -> Document:
    replicas = block.replicas
    note = None
    if replicas.wiped:
        note = "AIOS has just wiped its metric store: the counts return within a push"
    elif replicas.current is None:
        note = f"current: {silence or 'no evaluation has told it yet'}"
    return {
        "current": replicas.current,
        "reporting": replicas.reporting if block.counted else None,
        "starting": replicas.starting,
        "stale": replicas.stale,
        "ghosts": replicas.ghosts,
        "desired": replicas.desired,
        "min": replicas.minimum,
        "max": replicas.maximum,
        "origin": (replicas.origin if block.counted or replicas.current is not None else Origin.UNKNOWN).value,
        "wiped": replicas.wiped,
        "note": note,
    }


def _instance(instance: InstanceState) -> Document:
    reading = instance.reading
    return {
        "instance_id": instance.instance_id,
        "phase": instance.phase.value,
        "age_seconds": figure(instance.age_seconds, 1),
        "input_tokens_per_request": _sizes(None if reading is None else reading.input_size),
        "output_tokens_per_request": _sizes(None if reading is None else reading.output_size),
        "input_tokens_per_minute": figure(instance.input_rate, 1),
        "output_tokens_per_minute": figure(instance.output_rate, 1),
        "queue_length": _sizes(None if reading is None else reading.queue_length),
        "active_sessions": None if reading is None else figure(reading.active_sessions),
        "prompts_total": None if reading is None else figure(reading.prompts_total),
        "errors_total": None if reading is None else figure(reading.errors_total),
        "problems": [] if reading is None else list(reading.problems),
    }


def _sizes(rolling: AnyRolling | None) -> Document:
    return {window.label: None if rolling is None else figure(rolling.over(window)) for window in Window}


def _averages(averages: Averages | None) -> Document:
    known = averages or Averages()
    return {
        "input_tokens_per_request": figure(known.input_size),
        "output_tokens_per_request": figure(known.output_size),
        "counted": known.counted,
        "origin": known.origin.value,
    }


def _thresholds(block: BlockState) -> Document:
    limits = block.thresholds
    return {
        "input_up": figure(limits.input_up),
        "output_up": figure(limits.output_up),
        "input_down": figure(limits.input_down),
        "output_down": figure(limits.output_down),
        "unit": block.signal.long_unit,
        "origin": block.thresholds_origin.value,
    }


def _rates(block: BlockState) -> Document:
    """Return the true rates over the pushes of the last minute, else those of the policy's last evaluation."""
    inputs, outputs = block.input_rate, block.output_rate
    origin, note = Origin.MEASURED, None
    if inputs is None and outputs is None:
        inputs, outputs = _decision_rates(block.policy.last_decision)
        origin = Origin.REPORTED
        note = "as of the policy's last evaluation"
    if inputs is None and outputs is None:
        origin, note = Origin.UNKNOWN, _NEEDS_TWO_PUSHES
    return {
        "input_tokens_per_minute": figure(inputs, 1),
        "output_tokens_per_minute": figure(outputs, 1),
        "requests_per_minute": figure(block.request_rate, 1),
        "origin": origin.value,
        "note": note,
    }


def _decision_rates(decision: Decision | None) -> tuple[float | None, float | None]:
    rows = () if decision is None else decision.instances
    return _total(row.input_rate for row in rows), _total(row.output_rate for row in rows)


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _cooldown(block: BlockState, now: float, silence: str | None) -> Document:
    cooldown = block.cooldown
    return {
        "phase": cooldown.at(now).value,
        "remaining_seconds": figure(cooldown.remaining_seconds(now), 1),
        "total_seconds": figure(cooldown.total_seconds),
        "uncertainty_seconds": figure(cooldown.uncertainty_seconds, 1),
        "origin": cooldown.origin.value,
        "note": (silence or "not told yet") if cooldown.phase is CooldownPhase.UNKNOWN else None,
    }


def _no_decision(block: BlockState) -> str:
    if block.policy.voice is Voice.SILENT:
        return "the deployed policy does not tell it; it is inferred from changes, which one reading cannot show"
    return _VOICE_NOTES.get(block.policy.voice, "no evaluation since the autoscaler started")


def _freshness(block: BlockState, now: float) -> Document:
    ages = [instance.age_seconds for instance in block.instances if instance.age_seconds is not None]
    return {
        "seen_at": rfc3339(block.seen_at),
        "age_seconds": None if block.seen_at is None else figure(max(0.0, now - block.seen_at), 1),
        "newest_push_seconds": figure(min(ages), 1) if ages else None,
        "push_seconds": figure(block.push_seconds, 1),
        "missed_polls": block.missed_polls,
        "stale": block.stale,
        "problem": block.problem,
        "dropped": block.dropped,
        "duplicates": list(block.duplicates),
    }


def _endpoint(endpoint: EndpointState, now: float) -> Mapping[str, Any]:
    return {
        "link": endpoint.link.value,
        "problem": endpoint.problem,
        "problem_kind": endpoint.problem_kind,
        "last_ok": rfc3339(endpoint.last_ok),
        "last_ok_seconds": None if endpoint.last_ok is None else figure(max(0.0, now - endpoint.last_ok), 1),
        "latency_seconds": figure(endpoint.latency_seconds),
        "polls": endpoint.polls,
        "failures": endpoint.failures,
    }


def audit_document(entry: AuditEntry) -> Document:
    """Return one line of the operator's record."""
    return {"seq": entry.seq, "at": rfc3339(entry.at), "kind": entry.kind, "fields": strict(entry.fields)}
