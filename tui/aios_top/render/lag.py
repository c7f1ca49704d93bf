"""The scaling lag of several runs: a line per run, and percentiles of each step."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from aios_top.model.lag import STEPS
from aios_top.model.spread import rank

_HEADS = ("crossed", "evaluated", "decided", "requested", "reporting", "recovered")


def history_rows(budgets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return median and 95th percentile of the seconds that each step took after the one before it."""
    rows = []
    for before, step in pairwise(STEPS):
        taken = sorted(
            budget["seconds"][step] - budget["seconds"][before]
            for budget in budgets
            if budget["seconds"][step] is not None and budget["seconds"][before] is not None
        )
        p50, p95 = (rank(taken, 50), rank(taken, 95) if len(taken) >= 20 else None) if taken else (None, None)
        rows.append(
            {"step": step, "since": before, "n": len(taken), "p50": p50, "p95": p95, "max": max(taken, default=None)}
        )
    return rows


def history_lines(block_id: str, budgets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the runs as a table, oldest first, and the steps below it."""
    lines = [f"scaling lag of {block_id}, seconds since the load started"]
    lines.append(f"{'run':<20}" + "".join(f"{head:>10}" for head in _HEADS) + f"{'gain':>8}")
    for budget in budgets:
        begun = datetime.fromtimestamp(budget["started_at"], UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        cells = "".join(f"{_seconds(budget['seconds'][step]):>10}" for step in STEPS[1:])
        gain = "?" if budget["gain"] is None else f"{budget['gain']:.2f}x"
        lines.append(f"{begun:<20}{cells}{gain:>8}")
    lines.append("")
    lines.append(f"{'seconds after the step before':<32}{'p50':>8}{'p95':>8}{'max':>8}{'n':>5}")
    for row in history_rows(budgets):
        cells = "".join(f"{_seconds(row[name]):>8}" for name in ("p50", "p95", "max"))
        lines.append(f"{row['step'].replace('_', ' '):<32}{cells}{row['n']:>5}")
    if len(budgets) < 20:
        lines.append("p95 needs 20 runs")
    return lines


def _seconds(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}"
