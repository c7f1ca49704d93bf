"""What other parameters would have decided, as one JSON document."""

from typing import Any

from aios_top.model.what_if import Estimate, Figures, Retaken, WhatIf
from aios_top.render.document import rfc3339
from aios_top.render.simulation_document import run_document
from aios_top.render.what_if import verdict_sentence

SCHEMA = 1


def what_if_document(answer: WhatIf) -> dict[str, Any]:
    """Return the answer; `estimate` is simulated, everything else was recorded or decided again."""
    divergence = answer.divergence
    return {
        "schema": SCHEMA,
        "block_id": answer.block_id,
        "changes": dict(answer.changes),
        "exact": answer.exact,
        "sentence": verdict_sentence(answer),
        "decisions": answer.decisions,
        "retaken": [_retaken(entry) for entry in answer.retaken],
        "same": sum(entry.same for entry in answer.retaken),
        "other": answer.others,
        "untold": answer.untold,
        "divergence": None if divergence is None else _retaken(divergence),
        "before": _figures(answer.before),
        "estimate": None if answer.estimate is None else _estimate(answer.estimate),
        "no_estimate": answer.no_estimate or None,
    }


def _retaken(entry: Retaken) -> dict[str, Any]:
    return {
        "at": rfc3339(entry.was.at),
        "seq": entry.was.seq,
        "recorded": {"action": entry.was.action, "code": entry.was.code, "reason": entry.was.reason},
        "what_if": None if entry.action is None else {"action": entry.action, "code": entry.code},
        "reason": entry.reason,
        "same": entry.same,
        "diverges": entry.diverges,
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "ups": figures.ups,
        "downs": figures.downs,
        "flaps": figures.flaps,
        "replica_hours": figures.replica_hours,
        "over_threshold_minutes": figures.over_threshold_minutes,
        "seconds": figures.seconds,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "origin": "simulated",
        "replica_profile": estimate.replica_profile,
        "requests_per_minute": estimate.mean_requests_per_minute,
        "recorded": _figures(estimate.recorded),
        "as_it_was": run_document(estimate.as_it_was),
        "what_if": run_document(estimate.changed),
    }
