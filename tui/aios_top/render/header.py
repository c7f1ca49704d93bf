"""The lines that are always there: where we are, whether the data are fresh, and who is the culprit."""

from msgspec import Struct

from aios_top.model.recording import RecordingState
from aios_top.model.span import length, quickness, span
from aios_top.model.state import FleetState, Link
from aios_top.model.verdict import Severity, Verdict
from aios_top.model.window import Window
from aios_top.render.cells import Cell, Role, Row, columns_of, row, spread
from aios_top.render.numbers import clock
from aios_top.render.timebar import Travel, recording_cells, travel_cells
from aios_top.render.wrap import wrap

_GRADES = {
    Severity.HEALTHY: ("✓ HEALTHY", Role.OK),
    Severity.BUSY: ("▸ WORKING", Role.ACCENT),
    Severity.DEGRADED: ("◆ DEGRADED", Role.WARN),
    Severity.BROKEN: ("✗ BROKEN", Role.BAD),
}


_RESUMED_SECONDS = 30.0
"""How long it is said that polling went on after a pause."""


class Mode(Struct, frozen=True):
    """How the console is set, for the header."""

    writable: bool
    read_only: bool
    production: bool
    paused: bool
    window: Window
    low_bandwidth: bool = False
    travel: Travel | None = None
    """Where in the past the console is; None: it is live."""
    recording: RecordingState | None = None


def header_row(state: FleetState, mode: Mode, now: float, columns: int) -> Row:
    """Return context, mode, freshness and clock; what does not fit is left out whole, the least needed first."""
    needed = [Cell(" aios-top ", Role.TITLE), *_context(state, mode), *_gate(mode), *_freshness(state, mode, now)]
    tail = [Cell(f"  {clock(now)} ", Role.DIM)] if mode.travel is None else []
    extras = [
        [Cell(f"  {state.origin_note}", Role.WARN)] if state.origin_note else [],
        _resumed(state, now),
        [] if mode.travel else recording_cells(mode.recording),
        [Cell("  drawn every 20s", Role.WARN)] if mode.low_bandwidth else [],
        [Cell("  averages ", Role.DIM), Cell(mode.window.label, Role.ACCENT)],
        _poll(state),
    ]
    head = list(needed)
    for extra in extras:
        if columns_of(head) + columns_of(extra) + columns_of(tail) < columns:
            head += extra
    return spread(head, tail, columns)


def _context(state: FleetState, mode: Mode) -> list[Cell]:
    name = state.context or "no context"
    if mode.production:
        return [Cell(" "), Cell(f" ctx:{name} PRODUCTION ", Role.LOUD)]
    return [Cell(f" ctx:{name}", Role.ACCENT)]


def _gate(mode: Mode) -> list[Cell]:
    if mode.read_only:
        return [Cell("  READ-ONLY", Role.OK)]
    return [Cell("  WRITE", Role.WARN)] if mode.writable else [Cell("  LOCKED", Role.OK)]


def _freshness(state: FleetState, mode: Mode, now: float) -> list[Cell]:
    age = now - state.at
    if mode.travel is not None:
        return travel_cells(mode.travel)
    if state.sequence == 0:
        return [Cell("  ◌ connecting", Role.WARN)]
    if mode.paused:
        return [Cell(f"  ■ PAUSED {span(age)}", Role.WARN)]
    if age > _late(state):
        return [Cell(f"  ! no poll for {span(age)}", Role.BAD)]
    lost = _silence(state, now)
    if lost:
        return [Cell(lost, Role.BAD)]
    return [Cell("  ● ", Role.OK), Cell(f"live {length(state.poll_seconds)}", Role.TEXT)]


def _silence(state: FleetState, now: float) -> str:
    """Return how long AIOS's metrics do not answer; empty while one of their services does, or missed a poll or two."""
    sources = [entry for name, entry in state.endpoints.items() if name in {"metrics", "cluster_metrics"}]
    if not sources or any(entry.link is not Link.DOWN for entry in sources):
        return ""
    answered = [entry.last_ok for entry in sources if entry.last_ok is not None]
    if not answered:
        return "  ! no answer yet"
    silent = now - max(answered)
    return f"  ! no answer for {span(silent)}" if silent > _late(state) else ""


def _late(state: FleetState) -> float:
    """Return after how many seconds something that comes with each poll is missed."""
    return 3 * state.poll_seconds + 1


def _resumed(state: FleetState, now: float) -> list[Cell]:
    """Say that the figures jumped because this process stood still."""
    if state.resumed_at is None or now - state.resumed_at > _RESUMED_SECONDS:
        return []
    return [Cell(f"  resumed after {span(state.paused_seconds)}", Role.WARN)]


def _poll(state: FleetState) -> list[Cell]:
    if state.sequence == 0:
        return []
    metrics = state.endpoints.get("metrics") or next(iter(state.endpoints.values()), None)
    took = "" if metrics is None else f"  poll {quickness(metrics.latency_seconds)}"
    return [
        Cell(took, Role.DIM),
        Cell(f"  failed {state.failures}", Role.BAD if state.failures else Role.DIM),
    ]


def verdict_rows(verdict: Verdict | None, columns: int, lines: int) -> list[Row]:
    """Return the verdict in `lines` lines: the grade in a word with its glyph, then the sentence."""
    if verdict is None:
        return [row(Cell(" ◌ WAITING", Role.WARN), "  for the first poll")]
    grade, role = _GRADES[verdict.severity]
    indent = len(grade) + 3
    wrapped = wrap(verdict.sentence, columns - indent - 1)
    if len(wrapped) > lines:
        wrapped = [*wrapped[: lines - 1], " ".join(wrapped[lines - 1 :])]
    first = row(Cell(f" {grade}  ", role), wrapped[0])
    return [first, *(row(" " * indent + line) for line in wrapped[1:])]
