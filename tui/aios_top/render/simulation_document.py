"""Simulated runs as one JSON document."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import asdict

from aios_top.model.simulation import SimulationReport

SCHEMA = 1


def simulation_document(reports: Sequence[SimulationReport]) -> dict[str, Any]:
    """Return the runs in their order; lengths of time carry their unit in the name, moments are seconds from 0."""
    return {"schema": SCHEMA, "origin": "simulated", "runs": [run_document(report) for report in reports]}


def run_document(report: SimulationReport) -> dict[str, Any]:
    """Return one run."""
    latency = report.latency
    return {
        "plan": {**asdict(report.plan), "requests_per_minute": report.requests_per_minute},
        "evaluations": report.evaluations,
        "ups": report.ups,
        "downs": report.downs,
        "flaps": report.flaps,
        "failed_scale_calls": report.failed,
        "evaluation_errors": report.errors,
        "replica_hours": report.replica_hours,
        "replicas_peak": report.replicas_peak,
        "replicas_end": report.replicas_end,
        "over_threshold_minutes": report.over_threshold_minutes,
        "latency_seconds": {
            "number": latency.number,
            "p50": latency.p50,
            "p95": latency.p95,
            "p99": latency.p99,
            "max": latency.highest,
        },
        "queue_mean": report.queue_mean,
        "queue_peak": report.queue_peak,
        "requests": {
            "arrived": report.arrived,
            "answered": report.answered,
            "unserved": report.unserved,
            "lost": report.lost,
        },
        "scalings": [asdict(scaling) for scaling in report.scalings],
        "samples": [asdict(sample) for sample in report.samples],
        "warnings": list(report.warnings),
    }
