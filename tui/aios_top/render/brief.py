"""Policy, load and connection in a few lines, for the corner of the main screen."""

from collections.abc import Mapping
from typing import Any

from aios_top.model.decision import Origin
from aios_top.model.load import LoadState
from aios_top.model.signal import Signal
from aios_top.model.span import length, quickness, span
from aios_top.model.state import BlockState, FleetState, Link
from aios_top.render.block import policy_cells
from aios_top.render.cells import Cell, Role, Row, row
from aios_top.render.numbers import amount


def brief_rows(state: FleetState, block: BlockState | None, load: LoadState | None, now: float) -> list[Row]:
    """Return what is in force for a block, the load test, and how the services answer."""
    rows = [] if block is None else _policy_rows(block)
    return [*rows, _load_row(load, now), *_endpoint_rows(state, now)]


def _policy_rows(block: BlockState) -> list[Row]:
    limits = block.thresholds
    parameters: Mapping[str, Any] = block.parameters.effective if block.parameters else {}
    total = block.cooldown.total_seconds
    origin = {Origin.DECLARED: "declared", Origin.REPORTED: "in force"}.get(block.thresholds_origin, "unknown")
    rows = [
        row(Cell(" "), *policy_cells(block)),
        row(
            Cell(f" limits {origin}: ", Role.DIM),
            f"up {amount(limits.input_up)}/{amount(limits.output_up)}",
            f"  down {amount(limits.input_down)}/{amount(limits.output_down)}",
            Cell(f" {block.signal.unit}" if block.signal is Signal.RATE else "", Role.DIM),
        ),
        row(
            Cell(" min ", Role.DIM),
            _number(parameters.get("min_replicas", block.replicas.minimum)),
            Cell("  cooldown ", Role.DIM),
            length(total),
            Cell("  reads mean ", Role.DIM),
            block.window.label,
        ),
    ]
    report = block.policy
    if report.code_sha256:
        told = "  ".join(f"{name} {number}" for name, number in report.counts.items() if number)
        rows.append(
            row(Cell(" code ", Role.DIM), report.code_sha256[:8], Cell("  decided ", Role.DIM), told or "nothing")
        )
    return rows


def _number(value: Any) -> str:
    return "?" if value is None else str(value)


def _load_row(load: LoadState | None, now: float) -> Row:
    if load is None:
        return row(Cell(" load test ", Role.DIM), "idle", Cell("  T start", Role.DIM))
    counts = (
        f"{load.sent}/{load.expected or load.plan.requests} sent  {load.ok} ok  {load.failed} failed  {load.lost} lost"
    )
    running = load.phase.sending
    ago = "" if running or load.ended_at is None else f" {span(now - load.ended_at)} ago"
    return row(
        Cell(" load test ", Role.DIM), Cell(f"{load.phase}{ago}  ", Role.LOUD if running else Role.TEXT), Cell(counts)
    )


def _endpoint_rows(state: FleetState, now: float) -> list[Row]:
    rows = []
    for endpoint in state.endpoints.values():
        if endpoint.link is Link.UP:
            answer = (Cell("● ", Role.OK), Cell(f"{endpoint.name} answers in {quickness(endpoint.latency_seconds)}"))
        elif endpoint.link is Link.DOWN:
            since = "never answered" if endpoint.last_ok is None else f"last answer {span(now - endpoint.last_ok)} ago"
            answer = (Cell("× ", Role.BAD), Cell(f"{endpoint.name}: {endpoint.problem or 'down'}; {since}", Role.BAD))
        else:
            answer = (Cell("◌ ", Role.DIM), Cell(f"{endpoint.name} not asked yet", Role.DIM))
        rows.append(row(Cell(" "), *answer))
    return rows
