"""Simulated runs in 80 columns: every figure has its unit, the plot its scale."""

import pytest
from msgspec.structs import replace

from aios_top.model.simulation import (
    Latency,
    Sample,
    Scaling,
    SimulationPlan,
    SimulationReport,
    flaps,
    percentile,
)
from aios_top.render.simulation import compare_lines, report_lines, scatter, sweep_lines
from aios_top.render.simulation_document import simulation_document

PLAN = SimulationPlan("conservative", "aios-gemma3", 24.0, {"cooldown_seconds": 60})
RUN = SimulationReport(
    plan=PLAN,
    requests_per_minute=4.0,
    evaluations=2877,
    scalings=(
        Scaling(3600.0, "up", 2, "input"),
        Scaling(43_200.0, "up", 12, "input"),
        Scaling(43_300.0, "down", 11, "quiet"),
        Scaling(80_000.0, "failed", 11, "no room"),
    ),
    replica_hours=61.24,
    over_threshold_minutes=88.0,
    latency=Latency(5757, 10.4, 24.5, None, 113.0),
    queue_mean=0.4,
    queue_peak=7,
    arrived=5757,
    answered=5750,
    lost=2,
    replicas_peak=12,
    replicas_end=11,
    samples=(Sample(0.0, 1, 0, None), Sample(43_200.0, 12, 7, 113.0), Sample(86_399.0, 11, 0, 10.0)),
    warnings=("cooldown: no parameter of this policy",),
)


def test_a_run_is_a_table_and_a_plot() -> None:
    lines = report_lines(RUN)
    text = "\n".join(lines)
    assert all(len(line) <= 80 for line in lines)
    for figure in (
        "parameters conservative",
        "aios-gemma3 at 4 requests/min for 24h, seed 42",
        "simulated, not measured",
        "scale-ups                                    2",
        "flaps (undone within 10m)                    1",
        "replica-hours                             61.2",
        "minutes over threshold                    88.0",
        "latency p95                              24.5s",
        "latency p99                                  ?",
        "answered                            5750 99.9%",
        "unserved at the end                          5",
        "scale calls without room                     1",
        "warning: conservative: cooldown: no parameter of this policy",
    ):
        assert figure in text
    replicas, actions, queue, slowest, hours = lines[-5:]
    assert replicas == f"replicas 1{'+':>29}{'+':>28} max 12, +≥10"
    assert actions[9 + 2] == "▲"
    assert actions[9 + 29] == "◆"
    assert actions[9 + 53] == "×"
    assert queue[9 + 29] == "█"
    assert slowest.endswith("max 113s")
    assert hours.split() == ["0h", "6", "12", "18", "24h"]


def test_two_runs_stand_side_by_side_with_their_difference() -> None:
    other = replace(RUN, plan=replace(PLAN, name="a-name-that-is-long"), replica_hours=30.62, scalings=())
    lines = compare_lines(RUN, other)
    text = "\n".join(lines)
    assert all(len(line) <= 80 for line in lines)
    assert "conservative" in text
    assert "a-name-that-is…" in text
    assert "replica-hours                             61.2            30.6        -50%" in text
    assert "scale-ups                                    2               0       -100%" in text
    assert "latency p99                                  ?               ?           ?" in text
    assert "queue, highest                               7               7           =" in text


def test_a_sweep_is_a_table_and_a_curve() -> None:
    runs = [
        replace(RUN, replica_hours=hours, latency=replace(RUN.latency, p95=p95))
        for hours, p95 in ((20.0, 90.0), (30.0, 40.0), (60.0, 20.0))
    ]
    lines = sweep_lines("cooldown_seconds", [30, 165, 300], runs)
    text = "\n".join(lines)
    assert all(len(line) <= 80 for line in lines)
    assert "a       30      20.0    90.0s        ?     2     1     1     88.0        5" in text
    grid = [line for line in lines if "│" in line]
    assert grid[0].endswith("│a")
    assert grid[-1].endswith(" c")
    assert "90.0s" in grid[0]
    assert "20.0s" in grid[-1]
    assert lines[-1].split() == ["20.0", "replica-hours", "60.0"]


def test_runs_in_one_place_are_one_star_and_nothing_is_said_to_be_nothing() -> None:
    assert any("*" in line for line in scatter([(1.0, 2.0), (1.0, 2.0)]))
    assert scatter([(1.0, None)]) == ["no latency to plot: too few requests were answered"]


def test_the_document_has_every_figure() -> None:
    document = simulation_document([RUN])
    assert document["origin"] == "simulated"
    (run,) = document["runs"]
    assert run["plan"]["parameters"] == {"cooldown_seconds": 60}
    assert run["plan"]["requests_per_minute"] == 4.0
    assert (run["ups"], run["downs"], run["flaps"], run["failed_scale_calls"]) == (2, 1, 1, 1)
    assert run["latency_seconds"] == {"number": 5757, "p50": 10.4, "p95": 24.5, "p99": None, "max": 113.0}
    assert run["requests"] == {"arrived": 5757, "answered": 5750, "unserved": 5, "lost": 2}
    assert run["scalings"][0] == {"at": 3600.0, "kind": "up", "replicas": 2, "reason": "input"}
    assert len(run["samples"]) == 3


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([], 0),
        ([(0, "up"), (300, "up")], 0),
        ([(0, "up"), (599, "down")], 1),
        ([(0, "up"), (600, "down")], 0),
        ([(0, "up"), (100, "failed"), (200, "down"), (300, "up")], 2),
    ],
)
def test_a_flap_undoes_the_action_before_within_ten_minutes(actions: list[tuple[float, str]], expected: int) -> None:
    assert flaps(actions) == expected


def test_a_percentile_needs_requests_beyond_it() -> None:
    assert percentile([float(n) for n in range(99)], 0.99) is None
    assert percentile([float(n) for n in range(100)], 0.99) == 99.0
    assert percentile([1.0, 2.0], 0.5) == 2.0
    assert percentile([], 0.5) is None


def test_why_evaluations_failed_is_told() -> None:
    failed = (Scaling(75.0, "error", 1, "RuntimeError: boom"), Scaling(105.0, "error", 1, "RuntimeError: later"))
    run = replace(RUN, evaluations=9, scalings=failed, warnings=())
    told = " ".join(" ".join(report_lines(run)).split())
    assert "warning: conservative: 2 of 9 evaluations failed, the first at 75s: RuntimeError: boom" in told
    assert "evaluations failed" not in " ".join(report_lines(RUN))
