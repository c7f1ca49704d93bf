"""A load test and its block on one time axis: what was offered and answered, latency, the policy's value, replicas."""

import math
from collections.abc import Callable, Sequence

from aios_top.model.decision import Action, Decision
from aios_top.model.load import LoadSecond, LoadState
from aios_top.model.span import latency, span
from aios_top.model.state import BlockState
from aios_top.model.window import Window
from aios_top.render.cells import Cell, Role, Row, clip, row, ruled
from aios_top.render.decisions import badge_of, step_text, why
from aios_top.render.numbers import amount
from aios_top.render.sparkline import resample, sparkline
from aios_top.render.timeline import MARGIN, Timeline, event_row, replica_row, time_row

_FIGURES = 24
_AFTER_SECONDS = 120


def axis_rows(load: LoadState, block: BlockState | None, now: float, columns: int) -> list[Row]:
    """Return the rows of the axis, from a little before the start until now or two minutes after the end."""
    end = now if load.ended_at is None else min(now, load.ended_at + _AFTER_SECONDS)
    seconds = max(60.0, (end - load.started_at) * 1.1)
    line = Timeline(max(10, columns - MARGIN - _FIGURES), 1, end - seconds, end, 1.0, (), ())
    title = f"effect on {load.plan.block_id if block is None else block.block_id}"
    rows = [ruled((Cell(title, Role.TITLE), Cell(f"  last {span(seconds)}", Role.DIM)), columns)]
    if load.seconds:
        rows.append(_second_row(load, line, "sent", lambda second: second.sent, "sent/s", Role.ACCENT))
        rows.append(_second_row(load, line, "ok", lambda second: second.ok, "ok/s", Role.OK))
        rows.append(_second_row(load, line, "p95", lambda second: second.p95, "of 5s", Role.WARN))
    if block is None:
        return [*rows, row(Cell(" its block is gone", Role.WARN))]
    window = block.window
    for side, role in (("input", Role.INPUT), ("output", Role.OUTPUT)):
        rows.append(_size_row(block, side, role, line, window))
    rows.append(_rate_row(block, line))
    return [*rows, replica_row(block, line), event_row(block, line), time_row(line, now)]


def _second_row(
    load: LoadState, line: Timeline, label: str, value: Callable[[LoadSecond], float | None], unit: str, role: Role
) -> Row:
    points = [(load.started_at + second.at, value(second)) for second in load.seconds]
    samples = [(at, math.nan if found is None else float(found)) for at, found in points]
    columns = resample(samples, line.end, line.end - line.start, line.columns)
    # The newest second is not over; a rate is told of the one before it.
    known = [found for _, found in points[:-1] if found is not None]
    newest = known[-1] if known else None
    shown = latency(newest) if unit == "of 5s" else amount(newest)
    return row(
        Cell(f"{label:>{MARGIN - 1}} ", Role.DIM),
        *sparkline(columns, role),
        Cell(f" {shown:>5}"),
        Cell(f" {unit}", Role.DIM),
    )


def _samples(block: BlockState, column: str, line: Timeline) -> list[float]:
    history = block.history.get(column)
    samples: Sequence[tuple[float, float]] = [] if history is None else history.since(line.start)
    return resample(samples, line.end, line.end - line.start, line.columns)


def _size_row(block: BlockState, side: str, role: Role, line: Timeline, window: Window) -> Row:
    limits = block.size_limits
    up, down = (limits.input_up, limits.input_down) if side == "input" else (limits.output_up, limits.output_down)
    means = block.averages.get(window)
    value = None if means is None else means.input_size if side == "input" else means.output_size
    label = "in" if side == "input" else "out"
    above = up is not None and value is not None and value > up
    return row(
        Cell(f"{label:>{MARGIN - 1}} ", Role.DIM),
        *sparkline(_samples(block, f"{side}_{window.value}", line), role, down, up),
        Cell(f" {amount(value):>5}", Role.UP if above else Role.TEXT),
        Cell(f"/{amount(up)} tok/req {window.label}", Role.DIM),
    )


def _rate_row(block: BlockState, line: Timeline) -> Row:
    return row(
        Cell(f"{'rate':>{MARGIN - 1}} ", Role.DIM),
        *sparkline(_samples(block, "input_rate", line), Role.INPUT),
        Cell(f" {amount(block.input_rate):>5}"),
        Cell(" in tok/min", Role.DIM),
    )


def story_rows(load: LoadState, block: BlockState, columns: int) -> list[Row]:
    """Return the decisions that followed the start, with the time they took."""
    after = [entry for entry in reversed(block.decisions) if entry.at >= load.started_at]
    acted = [entry for entry in after if entry.action in {Action.UP, Action.DOWN, Action.ERROR}]
    if not acted:
        why_not = "no scaling decision since the start"
        newest = f": {why(after[-1])}" if after else ", and no evaluation has been seen"
        return [Row(clip((Cell(f" {why_not}{newest}", Role.DIM),), columns))]
    return [_lag_row(load, entry, columns) for entry in acted[-4:]]


def _lag_row(load: LoadState, entry: Decision, columns: int) -> Row:
    badge = badge_of(entry)
    cells = (
        Cell(f" +{span(entry.at - load.started_at)} ".ljust(9), Role.DIM),
        Cell(f"{badge.text} {step_text(entry)} ", badge.role),
        Cell(why(entry)),
    )
    return Row(clip(cells, columns))
