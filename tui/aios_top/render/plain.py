"""Lines for people without a screen: a table of the blocks, one line per decision. 80 columns, no colours."""

import json

from aios_top.model.audit import AuditEntry
from aios_top.model.decision import Decision, Origin
from aios_top.model.span import span
from aios_top.model.state import Averages, BlockState, FleetState
from aios_top.model.text import Clean
from aios_top.render.cells import fit
from aios_top.render.decisions import badge_of, cooldown_text, step_text, why
from aios_top.render.document import rfc3339
from aios_top.render.gauge import replica_count
from aios_top.render.numbers import amount
from aios_top.render.wrap import wrapped

_WIDTHS = (22, 9, 8, 8, 8, 8, 10, 7)
"""Block, replicas, input and output per request, input and output per minute, cooldown, next evaluation."""


def fleet_table(state: FleetState) -> list[str]:
    """Return the verdict, a table of the blocks, and the last decision of each."""
    note = f", {state.origin_note}" if state.origin_note else ""
    lines = [f"{state.context}{note} at {rfc3339(state.at)}"]
    if state.verdict is not None:
        lines += wrapped(f"{state.verdict.severity.name} {state.verdict.sentence}")
    if not state.blocks:
        return lines
    windows = sorted({block.window.label for block in state.blocks.values()})
    over = "/".join(windows)
    lines += ["", f"{f'tokens/request {over}':>47}{'tokens/min':>16}{'next':>17}"]
    lines.append(_cells("BLOCK", "REPLICAS", "IN", "OUT", "IN", "OUT", "COOLDOWN", "EVAL"))
    lines += [_block_row(block, state.at) for block in state.blocks.values()]
    lines.append("")
    for block in state.blocks.values():
        if block.decisions:
            lines += wrapped(decision_line(block.block_id, block.decisions[0]))
    return lines


def decision_line(block_id: Clean, decision: Decision) -> str:
    """Return one decision as a line: when, where, what, the policy's reason and the numbers; `~` marks the inferred."""
    mark = "~" if decision.origin is Origin.INFERRED else ""
    what = " ".join(filter(None, (mark + badge_of(decision).word, step_text(decision), decision.code)))
    numbers = why(decision)
    because = decision.reason if numbers == decision.reason else f"{decision.reason} [{numbers}]"
    return f"{rfc3339(decision.at)} {block_id} {what}: {because}"


def restart_line(block_id: Clean, at: float, before: Clean, after: Clean) -> str:
    """Return the line that separates the decisions of two lives of an autoscaler."""
    return f"{rfc3339(at)} {block_id} autoscaler restarted (boot {before[:8]} → {after[:8]}): its cooldown is gone"


def audit_line(entry: AuditEntry) -> str:
    """Return one line of the operator's record."""
    fields = json.dumps(entry.fields, ensure_ascii=True, sort_keys=True)
    return f"{entry.seq:>5} {rfc3339(entry.at)} {entry.kind:<8} {fields}"


def _block_row(block: BlockState, now: float) -> str:
    averages = block.averages.get(block.window, Averages())
    next_evaluation = None if block.next_evaluation_at is None else max(0.0, block.next_evaluation_at - now)
    return _cells(
        block.block_id,
        "wiped" if block.replicas.wiped else replica_count(block.replicas, known=block.counted),
        amount(averages.input_size),
        amount(averages.output_size),
        amount(block.input_rate),
        amount(block.output_rate),
        cooldown_text(block, now)[0],
        span(next_evaluation),
    )


def _cells(*texts: str) -> str:
    cells = [
        fit(text, width, right=number > 1) for number, (text, width) in enumerate(zip(texts, _WIDTHS, strict=True))
    ]
    return "".join(cells).rstrip()
