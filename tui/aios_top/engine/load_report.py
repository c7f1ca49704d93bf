"""A load test as files: the report, a line per request, and a latency log that HdrHistogram's tools read."""

import json
from collections.abc import Iterable
from typing import Any

from msgspec.structs import asdict

from aios_top import __version__
from aios_top.engine.hdr import log_text
from aios_top.model.lag import STEPS, LagBudget, ScaleUpGain
from aios_top.model.load import LoadLimits, LoadPlan, LoadState, Shape
from aios_top.model.load_job import LoadJob, RequestEnd
from aios_top.model.spread import Distribution, Spread

SCHEMA = 2
SLOW_LATENESS_SECONDS = 0.05
REPORT, REQUESTS, LATENCIES = "report.json", "requests.jsonl", "latency.hlog"
"""Names of the files of a run."""


def files(state: LoadState, job: LoadJob, ends: list[RequestEnd]) -> dict[str, bytes]:
    """Return the files of a run by name."""
    return {
        REPORT: (json.dumps(report(state, job, ends), allow_nan=False, indent=1) + "\n").encode(),
        REQUESTS: request_lines(ends, state.started_at),
        LATENCIES: log_text([end.latency for end in ends if end.ok], state.started_at, _seconds(state)).encode(),
    }


def request_lines(ends: Iterable[RequestEnd], started_at: float) -> bytes:
    """Return one JSON line per request, in the order of their planned times."""
    lines = []
    for end in sorted(ends, key=lambda end: end.number):
        row = asdict(end)
        row["planned_at"] = started_at + end.planned
        row["latency_seconds"], row["service_seconds"] = end.latency, end.service
        row["lateness_seconds"] = end.sent - end.planned
        lines.append(json.dumps(row, allow_nan=False))
    return "".join(f"{line}\n" for line in lines).encode()


def report(state: LoadState, job: LoadJob, ends: Iterable[RequestEnd]) -> dict[str, Any]:
    """Return a run as a JSON document; its schema is `guide/load-report.schema.json`."""
    plan, lag = state.plan, state.lag
    ends = list(ends)
    return {
        "schema": SCHEMA,
        "aios_top": __version__,
        "block_id": plan.block_id,
        "target": {"url": state.target, "address": state.address, "api": plan.api.value},
        "plan": plan_document(plan),
        "phase": state.phase.value,
        "stop_reason": state.stop_reason or None,
        "stop_cause": None if state.cause is None else state.cause.value,
        "started_at": state.started_at,
        "duration_seconds": _seconds(state) if state.ended_at is not None else None,
        "counts": {
            "planned": state.expected,
            "due": state.due,
            "sent": state.sent,
            "ok": state.ok,
            "failed": state.failed,
            "lost": state.lost,
            "in_flight": state.in_flight,
            "not_sent": max(0, state.expected - state.sent),
            "by_kind": dict(sorted(state.kinds.items())),
            "http_ok_but_failed": state.kinds.get("failed", 0),
        },
        "errors": [{"message": message, "count": count} for message, count in state.errors],
        "latency_seconds": spread(state.latency),
        "service_seconds": spread(state.service),
        "schedule": {
            "lateness_seconds": spread(state.lateness),
            "late": sum(end.sent - end.planned > SLOW_LATENESS_SECONDS for end in ends),
            "late_above_seconds": SLOW_LATENESS_SECONDS,
            "timer_delay_seconds": state.slip,
        },
        "throughput": _throughput(state, ends),
        "tokens": _tokens(state, ends),
        "server": _server(state),
        "stages": _stages(plan, ends),
        "per_second": [asdict(second) for second in state.seconds],
        "prediction": None if state.prediction is None else _prediction(state),
        "lag_budget": None if lag is None else lag_document(lag),
        "scale_ups": [gain_document(gain) for gain in state.gains],
        "replica_seconds": state.replica_seconds,
        "notes": notes(state, job.limits),
    }


def plan_document(plan: LoadPlan) -> dict[str, Any]:
    """Return everything that repeats the run: the seed makes the rest."""
    document = asdict(plan)
    trace = document.pop("trace")
    del document["block_id"], document["api"]
    document["stages"] = [asdict(stage) for stage in plan.stages]
    document["trace_requests"] = len(trace)
    return document


def spread(found: Spread) -> dict[str, Any]:
    """Return percentiles by nearest rank, null where too few values are known."""
    return {
        "n": found.n,
        "mean": found.mean,
        "p50": found.p50,
        "p90": found.p90,
        "p95": found.p95,
        "p99": found.p99,
        "max": found.maximum,
    }


def lag_document(lag: LagBudget) -> dict[str, Any]:
    """Return the budget: each step in seconds since the start of the load, with origin and note."""
    rows: dict[str, Any] = {}
    before: float | None = None
    for step in STEPS:
        entry, seconds = lag.steps[step], lag.seconds(step)
        since = seconds - before if seconds is not None and before is not None else None
        rows[step] = {
            "at": entry.at,
            "seconds": seconds,
            "seconds_since_previous": since,
            "origin": entry.origin.value,
            "note": entry.note or None,
        }
        before = seconds if seconds is not None else before
    return {"steps": rows, "instance_id": lag.instance_id or None}


def gain_document(gain: ScaleUpGain) -> dict[str, Any]:
    """Return what a scale-up did to the throughput."""
    return {
        "decided_at": gain.decided_at,
        "replicas_before": gain.replicas_before,
        "replicas_after": gain.replicas_after,
        "tokens_per_second_before": gain.before,
        "tokens_per_second_after": gain.after,
        "gain": gain.gain,
        "note": gain.note or None,
    }


def _seconds(state: LoadState) -> float:
    return 0.0 if state.ended_at is None else max(0.0, state.ended_at - state.started_at)


def _throughput(state: LoadState, ends: list[RequestEnd]) -> dict[str, Any]:
    """Return offered and achieved rates, over the time from the first planned to the last sent request."""
    if not ends:
        return {"offered_per_second": None, "achieved_per_second": None, "answered_per_second": None}
    planned = [end.planned for end in ends]
    offered = _rate(len(ends), max(planned) - min(planned))
    achieved = _rate(len(ends), max(end.sent for end in ends) - min(end.sent for end in ends))
    answered = _rate(state.ok, max(end.ended for end in ends) - min(planned) or None)
    return {"offered_per_second": offered, "achieved_per_second": achieved, "answered_per_second": answered}


def _rate(count: int, seconds: float | None) -> float | None:
    """Return how many per second, None where the time is too short to say."""
    return count / seconds if seconds and count > 1 else None


def _tokens(state: LoadState, ends: list[RequestEnd]) -> dict[str, Any]:
    server = state.server
    return {
        "input_words_sent": state.input_tokens,
        "output_asked_at_most": sum(end.max_output_tokens for end in ends),
        "input_counted_by_block": None if server is None else server.input_tokens,
        "output_counted_by_block": None if server is None else server.output_tokens,
        "calibration": state.calibration,
        "note": "one word is one token in five common vocabularies; calibration is what this block counted per word",
    }


def _server(state: LoadState) -> dict[str, Any] | None:
    server = state.server
    if server is None:
        return None
    return {
        "requests": server.requests,
        "first_token_seconds_mean": server.first_token_seconds,
        "per_output_token_seconds_mean": server.per_output_token_seconds,
        "replicas": [asdict(share) for share in server.replicas],
        "note": "means of the replicas' own counters, other clients' requests included; AIOS observes the first token "
        "after completion and publishes no percentiles",
    }


def _stages(plan: LoadPlan, ends: list[RequestEnd]) -> list[dict[str, Any]]:
    rows = []
    for number, stage in enumerate(plan.stages):
        mine = [end for end in ends if end.stage == number]
        latency = Distribution()
        for end in mine:
            if end.ok:
                latency.add(end.latency)
        rows.append(
            {
                "seconds": stage.seconds,
                "rate": stage.rate,
                "end_rate": stage.last_rate,
                "sent": len(mine),
                "ok": latency.spread().n,
                "latency_seconds": spread(latency.spread()),
            }
        )
    return rows


def _prediction(state: LoadState) -> dict[str, Any]:
    prediction, lag = state.prediction, state.lag
    if prediction is None:
        return {}
    decided = None if lag is None else lag.at("decision")
    trigger = prediction.trigger_at
    error = decided - trigger if decided is not None and trigger is not None else None
    seconds = None if trigger is None else trigger - state.started_at
    return {"trigger_at": trigger, "trigger_seconds": seconds, "error_seconds": error, "text": prediction.text}


def notes(state: LoadState, limits: LoadLimits) -> list[str]:
    """Say what limits the meaning of the figures."""
    found = ["latency is end to end: AIOS does not stream, so there is no time to the first token here"]
    places = limits.places(state.plan.api)
    if state.plan.shape is not Shape.CLOSED and (state.lateness.maximum or 0.0) > SLOW_LATENESS_SECONDS:
        found.append(
            f"at most {places} requests were in flight; others waited here, which their latency counts "
            "and their service time does not"
        )
    if state.latency.n < 100:
        found.append("p99 needs 100 good answers, p95 20, p90 10")
    if state.calibration is None:
        found.append("not calibrated: the block's counters hold other requests too, or have not been pushed since")
    return found
