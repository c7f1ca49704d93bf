"""Simulated runs as lines of text: a table, a plot over time, the curve of a sweep. 80 columns, no colours."""

import math
from collections.abc import Sequence

from aios_top.model.simulation import Latency, SimulationReport
from aios_top.model.span import UNKNOWN, latency, length, span
from aios_top.render.numbers import amount
from aios_top.render.sparkline import BARS
from aios_top.render.wrap import COLUMNS, wrapped

PLOT_COLUMNS = 58
_BESIDE_PLOT = COLUMNS - PLOT_COLUMNS
"""Name on the left, scale on the right."""
_LABEL = 10
_NAME = 30
_VALUE = 16
_SCATTER_LINES = 12
_MARKS = "abcdefghijklmnopqrstuvwxyz"

NOTE = "simulated, not measured: replicas as queues, AIOS's timings, this policy"


def head_lines(report: SimulationReport) -> list[str]:
    """Return what was simulated."""
    plan = report.plan
    lengths = "" if plan.input_tokens is None and plan.output_tokens is None else _lengths(report)
    pace = f"{amount(report.requests_per_minute)} requests/min for {length(plan.seconds)}"
    replicas = (
        f"replicas start in {length(plan.replica_start_seconds)}, block min {plan.min_instances}"
        f" max {plan.max_instances}, cluster room {plan.room}"
    )
    return [f"{plan.profile}{lengths} at {pace}, seed {plan.seed}", replicas, NOTE]


def _lengths(report: SimulationReport) -> str:
    plan = report.plan
    tokens = [UNKNOWN if value is None else f"{value:g}" for value in (plan.input_tokens, plan.output_tokens)]
    return f" ({tokens[0]} tokens in, {tokens[1]} out)"


def figures(report: SimulationReport) -> list[tuple[str, str, float | None]]:
    """Return name, text and number of each figure of a run; the number is what two runs are compared by."""
    times = report.latency
    share = 100.0 * report.answered / report.arrived if report.arrived else 100.0
    over = report.over_threshold_minutes
    return [
        ("scale-ups", f"{report.ups}", report.ups),
        ("scale-downs", f"{report.downs}", report.downs),
        ("flaps (undone within 10m)", f"{report.flaps}", report.flaps),
        ("replica-hours", f"{report.replica_hours:.1f}", report.replica_hours),
        ("replicas, highest", f"{report.replicas_peak}", report.replicas_peak),
        ("replicas, at the end", f"{report.replicas_end}", report.replicas_end),
        ("minutes over threshold", f"{over:.1f}", over),
        *_latencies(times),
        ("queue, mean", f"{report.queue_mean:.1f}", report.queue_mean),
        ("queue, highest", f"{report.queue_peak}", report.queue_peak),
        ("requests", f"{report.arrived}", report.arrived),
        ("answered", f"{report.answered} {share:.1f}%", report.answered),
        ("unserved at the end", f"{report.unserved}", report.unserved),
        ("lost with a removed replica", f"{report.lost}", report.lost),
        ("scale calls without room", f"{report.failed}", report.failed),
        ("evaluations that failed", f"{report.errors}", report.errors),
    ]


def _latencies(times: Latency) -> list[tuple[str, str, float | None]]:
    named = (("p50", times.p50), ("p95", times.p95), ("p99", times.p99), ("max", times.highest))
    return [(f"latency {name}", latency(value), value) for name, value in named]


def report_lines(report: SimulationReport, columns: int = COLUMNS) -> list[str]:
    """Return one run: what was simulated, its figures, its course."""
    rows = [f"{name:<{_NAME}}{text:>{_VALUE}}" for name, text, _ in figures(report)]
    return [
        f"parameters {report.plan.name}",
        *head_lines(report),
        "",
        *rows,
        *warning_lines([report], columns),
        "",
        *plot(report, columns - _BESIDE_PLOT),
    ]


def compare_lines(first: SimulationReport, second: SimulationReport, columns: int = COLUMNS) -> list[str]:
    """Return two runs side by side, with what changes from the first to the second."""
    lines = [*head_lines(first), "", f"{'':<{_NAME}}{_cut(first):>{_VALUE}}{_cut(second):>{_VALUE}}{'change':>12}"]
    for (name, one, before), (_, other, after) in zip(figures(first), figures(second), strict=True):
        lines.append(f"{name:<{_NAME}}{one:>{_VALUE}}{other:>{_VALUE}}{_change(before, after):>12}")
    lines += warning_lines([first, second], columns)
    for report in (first, second):
        lines += ["", report.plan.name, *plot(report, columns - _BESIDE_PLOT)]
    return lines


def _cut(report: SimulationReport) -> str:
    name = report.plan.name
    return name if len(name) < _VALUE else f"{name[: _VALUE - 2]}…"


def _change(before: float | None, after: float | None) -> str:
    """Return the change in percent where that means something, else the difference."""
    if before is None or after is None:
        return UNKNOWN
    if before == after:
        return "="
    if abs(before) < 1:
        return f"{after - before:+.4g}"
    share = 100.0 * (after - before) / before
    return f"{share:+.0f}%" if abs(share) < 1000 else f"x{after / before:.0f}"


def warning_lines(reports: Sequence[SimulationReport], columns: int = COLUMNS) -> list[str]:
    """Return what the policy says about parameters that do not work as meant, and why evaluations of it failed."""
    return [
        line
        for report in reports
        for warning in (*_failures(report), *report.warnings)
        for line in wrapped(f"warning: {report.plan.name}: {warning}", columns)
    ]


def _failures(report: SimulationReport) -> list[str]:
    first = report.first_error
    if first is None:
        return []
    return [
        f"{report.errors} of {report.evaluations} evaluations failed, the first at {span(first.at)}: {first.reason}"
    ]


def sweep_lines(name: str, values: Sequence[float], reports: Sequence[SimulationReport]) -> list[str]:
    """Return the runs of a sweep as a table, and replica-hours against latency as a plot."""
    heading = f"  {'value':>8} replica-h  lat p95  lat p99   ups downs flaps over min unserved"
    rows = [
        f"{_MARKS[place % 26]} {value:>8g} {report.replica_hours:>9.1f} {latency(report.latency.p95):>8}"
        f" {latency(report.latency.p99):>8} {report.ups:>5} {report.downs:>5} {report.flaps:>5}"
        f" {report.over_threshold_minutes:>8.1f} {report.unserved:>8}"
        for place, (value, report) in enumerate(zip(values, reports, strict=True))
    ]
    points = [(report.replica_hours, report.latency.p95) for report in reports]
    return [
        *wrapped(f"sweep of {name}"),
        *head_lines(reports[0]),
        "",
        heading,
        *rows,
        *warning_lines(reports[:1]),
        "",
        *scatter(points),
    ]


def scatter(points: Sequence[tuple[float, float | None]]) -> list[str]:
    """Return replica-hours to the right, p95 upwards, one letter per run in its order; `*` is several."""
    seen = [(x, y, _MARKS[place % 26]) for place, (x, y) in enumerate(points) if y is not None]
    if not seen:
        return ["no latency to plot: too few requests were answered"]
    left, right = min(x for x, _, _ in seen), max(x for x, _, _ in seen)
    low, high = min(y for _, y, _ in seen), max(y for _, y, _ in seen)
    grid = [[" "] * PLOT_COLUMNS for _ in range(_SCATTER_LINES)]
    for x, y, mark in seen:
        column = _place(x, left, right, PLOT_COLUMNS)
        line = _SCATTER_LINES - 1 - _place(y, low, high, _SCATTER_LINES)
        grid[line][column] = mark if grid[line][column] == " " else "*"
    labels = {0: latency(high), _SCATTER_LINES - 1: latency(low)}
    lines = [f"{labels.get(number, ''):>{_LABEL}} │{''.join(line).rstrip()}" for number, line in enumerate(grid)]
    low_text, high_text = f"{left:.1f}", f"{right:.1f}"
    scale = f"{low_text}{'replica-hours':^{PLOT_COLUMNS - len(low_text) - len(high_text)}}{high_text}"
    return [f"{'p95':>{_LABEL}}", *lines, f"{'':>{_LABEL}} └{'─' * PLOT_COLUMNS}", f"{'':>{_LABEL}}  {scale}"]


def _place(value: float, low: float, high: float, cells: int) -> int:
    return 0 if high <= low else min(cells - 1, math.floor((value - low) / (high - low) * cells))


def plot(report: SimulationReport, columns: int = PLOT_COLUMNS) -> list[str]:
    """Return the run over time: replicas, actions, queue and p95 of what was answered then."""
    seconds = report.plan.seconds
    parts: list[list[int]] = [[] for _ in range(columns)]
    for number, sample in enumerate(report.samples):
        parts[min(columns - 1, int(sample.at / seconds * columns))].append(number)
    replicas = [max((report.samples[n].replicas for n in part), default=None) for part in parts]
    queued = [max((float(report.samples[n].queued) for n in part), default=None) for part in parts]
    times = [
        max((value for n in part if (value := report.samples[n].latency_p95) is not None), default=None)
        for part in parts
    ]
    return [
        _labelled("replicas", "".join(_digit(value) for value in replicas), _most(report.replicas_peak)),
        _labelled("actions", _actions(report, columns), "▲ up ▼ down"),
        _labelled("queue", _bars(queued), f"max {report.queue_peak}"),
        _labelled("p95", _bars(times), f"max {latency(max((t for t in times if t is not None), default=None))}"),
        _labelled("", _hours(report.plan.hours, columns), ""),
    ]


def _labelled(name: str, line: str, note: str) -> str:
    return f"{name:<{_LABEL - 1}}{line} {note}".rstrip()


def _most(replicas: int) -> str:
    return f"max {replicas}" if replicas < 10 else f"max {replicas}, +≥10"


def _digit(value: int | None) -> str:
    if value is None:
        return " "
    return str(value) if value < 10 else "+"


def _actions(report: SimulationReport, columns: int) -> str:
    marks = [" "] * columns
    glyphs = {"up": "▲", "down": "▼", "failed": "×", "error": "!"}
    for scaling in report.scalings:
        column = min(columns - 1, int(scaling.at / report.plan.seconds * columns))
        glyph = glyphs[scaling.kind]
        marks[column] = glyph if marks[column] in {" ", glyph} else "◆"
    return "".join(marks)


def _bars(values: Sequence[float | None]) -> str:
    """Return bars from 0 up; nothing at all where nothing was seen."""
    top = max((value for value in values if value is not None), default=0.0)
    if not top:
        return "".join(" " if value is None else BARS[0] for value in values)
    return "".join(" " if value is None else BARS[min(7, int(8 * value / top))] for value in values)


def _hours(hours: float, columns: int) -> str:
    unit, scale = ("h", hours) if hours >= 2 else ("min", 60 * hours)
    labels = [" "] * (columns + 8)
    for fourth in range(5):
        text = f"{scale * fourth / 4:g}{unit if fourth in {0, 4} else ''}"
        place = min(columns - len(text), round(columns * fourth / 4)) if fourth else 0
        labels[place : place + len(text)] = text
    return "".join(labels).rstrip()
