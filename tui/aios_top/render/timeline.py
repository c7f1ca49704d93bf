"""The shared time axis as data: what to plot, where the limits lie, and the lines of text below the plot."""

import math
from collections.abc import Sequence

from msgspec import Struct

from aios_top.model.decision import Action, Decision, Origin, since
from aios_top.model.span import length
from aios_top.model.state import BlockState
from aios_top.model.window import Window
from aios_top.render.cells import Cell, Role, Row, row
from aios_top.render.decisions import badge_of
from aios_top.render.numbers import amount, clock
from aios_top.render.sparkline import resample

MARGIN = 6
"""Columns of the scale on the left."""
_MINUTES_FROM_SECONDS = 300.0
"""Length of the axis from which its labels need no seconds."""
BELOW = 3
"""Lines below the plot: replicas, events, time."""
_SOURCES = {"prometheus": "Prometheus", "recording": "a recording", "decisions": "the policy's decisions"}
_SMALLEST = 1e-9
"""Top of the scale below which there is nothing to see."""
_STEPS = 10
"""Parts of its length by which the axis moves on."""


class Curve(Struct, frozen=True):
    """One line to plot, in runs without a gap: (unix seconds, value)."""

    role: Role
    runs: tuple[tuple[tuple[float, float], ...], ...]


class Limit(Struct, frozen=True):
    """A horizontal line and its name."""

    value: float
    name: str
    role: Role


class Timeline(Struct, frozen=True):
    """Everything that decides how the plot looks; equal ones need not be drawn twice."""

    columns: int
    lines: int
    start: float
    end: float
    top: float
    curves: tuple[Curve, ...]
    limits: tuple[Limit, ...]

    def line_of(self, value: float) -> int:
        """Return the line of the plot, from the top, on which `value` lies."""
        return min(self.lines - 1, max(0, math.floor((1 - value / self.top) * (self.lines - 1) + 0.5)))


def timeline(block: BlockState, window: Window, seconds: float, now: float, columns: int, lines: int) -> Timeline:
    """Return the plot of a block's means against its limits.

    The axis moves on by tenths of itself and stands still in between, like paper in a recorder: a new sample then
    changes one column of the screen and not all of them, which is what a slow line can bear.
    """
    step = seconds / _STEPS
    end = (math.floor(now / step) + 1) * step
    curves = tuple(
        Curve(role, _runs(block, f"{side}_{window.value}", end - seconds, end))
        for side, role in (("input", Role.INPUT), ("output", Role.OUTPUT))
    )
    limits = _limits(block)
    highest = max(
        [value for curve in curves for run in curve.runs for _, value in run] + [limit.value for limit in limits],
        default=1.0,
    )
    return Timeline(columns, lines, end - seconds, end, _rounded_up(highest * 1.1), curves, limits)


def _runs(block: BlockState, column: str, start: float, end: float) -> tuple[tuple[tuple[float, float], ...], ...]:
    history = block.history.get(column)
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in [] if history is None else history.since(start):
        if math.isfinite(value) and at <= end:
            runs[-1].append((at, value))
        elif runs[-1]:
            runs.append([])
    return tuple(tuple(run) for run in runs if run)


def _limits(block: BlockState) -> tuple[Limit, ...]:
    limits = block.size_limits
    named = (
        (limits.input_up, "in up", Role.INPUT),
        (limits.output_up, "out up", Role.OUTPUT),
        (limits.input_down, "in down", Role.INPUT),
        (limits.output_down, "out down", Role.OUTPUT),
    )
    return tuple(Limit(value, f"{name} {amount(value)}", role) for value, name, role in named if value is not None)


def _rounded_up(value: float) -> float:
    """Return the next number of one or two digits, so that the scale changes seldom."""
    if value < _SMALLEST:
        return 1.0
    step = 10.0 ** math.floor(math.log10(value)) / 2
    return float(math.ceil(value / step) * step)


def legend_cells(window: Window, seconds: float) -> tuple[Cell, ...]:
    """Return what the curves are."""
    return (
        Cell(f" tokens/request, mean {window.label}  ", Role.DIM),
        Cell("⠒ input  ", Role.INPUT),
        Cell("⠒ output  ", Role.OUTPUT),
        Cell("┄ limits  ", Role.DIM),
        Cell("░ cooldown  ", Role.COOL),
        Cell(f"last {length(seconds)}", Role.DIM),
    )


def replica_row(block: BlockState, line: Timeline) -> Row:
    """Return the replicas over time, one digit per column; ten and more are `+`."""
    history = block.history.get("reporting")
    if history is None or line.columns < 1:
        return row(Cell(f"{'rep':>{MARGIN - 1}} ", Role.DIM))
    seconds = line.end - line.start
    values = resample(history.since(line.start), line.end - 1e-6, seconds, line.columns)
    digits = "".join(_digit(value) for value in values)
    return row(Cell(f"{'rep':>{MARGIN - 1}} ", Role.DIM), Cell(digits, Role.ACCENT))


def _digit(value: float) -> str:
    if not math.isfinite(value):
        return " "
    whole = round(value)
    return str(whole) if whole < 10 else "+"


def event_row(block: BlockState, line: Timeline) -> Row:
    """Return decisions over time on top of the shaded cooldown; an action hides a hold in the same column."""
    marks = [Cell(" ")] * line.columns
    seconds = line.end - line.start
    history = block.history.get("cooldown")
    if history is not None and line.columns:
        cooling = resample(history.since(line.start), line.end - 1e-6, seconds, line.columns)
        marks = [Cell("░", Role.COOL) if math.isfinite(value) and value >= 0.5 else Cell(" ") for value in cooling]
    for decision in reversed(since(block.decisions, line.start)):
        column = math.floor((decision.at - line.start) / seconds * line.columns)
        if 0 <= column < line.columns and _weight(decision) > 0:
            marks[column] = Cell(badge_of(decision).glyph, badge_of(decision).role)
    return row(Cell(f"{'ev':>{MARGIN - 1}} ", Role.DIM), *_merged(marks))


def _weight(decision: Decision) -> int:
    """Return whether a decision is worth a mark: those that changed something or failed."""
    return 1 if decision.action in {Action.UP, Action.DOWN, Action.ERROR} else 0


def _merged(cells: Sequence[Cell]) -> list[Cell]:
    merged: list[Cell] = []
    for cell in cells:
        if merged and merged[-1].role is cell.role:
            merged[-1] = Cell(merged[-1].text + cell.text, cell.role)
        else:
            merged.append(cell)
    return merged


def time_row(line: Timeline, now: float) -> Row:
    """Return the labels of the time axis: wall time at every fifth, and where now is, its end where that is earlier."""
    labels = [" "] * line.columns
    seconds = line.end - line.start
    shown = 5 if seconds >= _MINUTES_FROM_SECONDS else 8  # 14:52, or 14:52:31 where minutes would repeat
    marks = [(clock(line.start + seconds * fifth / 5)[:shown], seconds * fifth / 5) for fifth in range(5)]
    last = ("now", now - line.start) if now <= line.end else (clock(line.end)[:shown], seconds)
    free = line.columns
    for text, offset in [last, *reversed(marks)]:
        place = min(line.columns - len(text), math.floor(offset / seconds * line.columns))
        if place >= 0 and place + len(text) <= free:
            labels[place : place + len(text)] = text
            free = place - 1
    return row(Cell(" " * MARGIN), Cell("".join(labels), Role.DIM))


def empty_note(block: BlockState, line: Timeline) -> str:
    """Return why nothing is plotted; empty when something is."""
    if any(curve.runs for curve in line.curves):
        return ""
    if not block.instances:
        return "no token metrics: no replica has reported"
    return "no token metrics yet: they begin with the first served request"


def earlier_notes(block: BlockState, since: float) -> tuple[tuple[Cell, ...], ...]:
    """Return where what is drawn after `since` comes from as far as the console did not see it, shorter and shorter."""
    found = [entry for entry in block.earlier if entry.end > since]
    if not found:
        return ((),)
    until = f"until {clock(max(entry.end for entry in found))[:5]}"
    names = dict.fromkeys(_SOURCES.get(entry.source, entry.source) for entry in found)
    told = (f"{until} from {' and '.join(names)}", f"{until} not seen here")
    return tuple((Cell(f"  {text}", Role.DIM),) for text in told)


def inferred_note(block: BlockState) -> str:
    """Return a warning when the marks are the console's own conclusions."""
    inferred = bool(block.decisions) and block.decisions[0].origin is Origin.INFERRED
    return "marks inferred (the policy does not tell)" if inferred else ""
