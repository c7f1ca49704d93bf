"""A draft beside the running policy: how often they agree, where they do not."""

from typing import Any

from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.shadow import ShadowRow, ShadowState
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.render.cells import BLANK, Cell, Role, Row, field, fit, row, ruled
from aios_top.render.document import SCHEMA, decision_document, figure, rfc3339, strict
from aios_top.render.numbers import clock, count
from aios_top.render.why import exact
from aios_top.render.wrap import labelled, wrap

Document = dict[str, Any]

_LABEL = 11
_REASON = 120
_NEWEST = 5
"""Disagreements on the policy's page."""
_GLYPHS = {Action.UP: ("\u25b2", Role.UP), Action.DOWN: ("\u25bc", Role.DOWN), Action.HOLD: ("=", Role.DIM)}
LIMIT = (
    "Each decision is judged on the running policy's inputs and state. What a draft that had really acted "
    "would have seen later, `aios-top policy simulate` says."
)


def shadow_rows(state: ShadowState, columns: int) -> list[Row]:
    """Return the whole comparison in rows of at most `columns` columns."""
    rows = [
        *labelled("draft", state.plan.words, columns, indent=_LABEL),
        *labelled("agreement", agreement_text(state), columns, _role(state), indent=_LABEL),
    ]
    if state.problem is not None:
        return [
            *rows,
            *labelled("problem", f"the draft cannot be run: {state.problem}", columns, Role.BAD, indent=_LABEL),
        ]
    if state.first_disagreement is not None:
        told = _difference(state.first_disagreement)
        rows += labelled("first", told, columns, Role.WARN, indent=_LABEL)
    rows += [BLANK, *_table(state, columns), BLANK]
    return [*rows, *(row(Cell(line, Role.DIM)) for line in wrap(LIMIT, columns))]


def shadow_section(block: BlockState, state: ShadowState | None, columns: int) -> list[Row]:
    """Return the comparison for the policy's page: the draft, the share, the newest disagreements."""
    if state is None or state.plan.block_id != block.block_id:
        return []
    title = (Cell("a draft beside it", Role.TITLE), Cell("  o shows all", Role.DIM))
    told = labelled(" draft", f"{state.plan.words}: {agreement_text(state)}", columns, _role(state), indent=12)
    rows = [_table_row(entry) for entry in state.disagreements[:_NEWEST]]
    return [BLANK, ruled(title, columns), *told, *(Row((Cell(" "), *line.cells)) for line in rows)]


def agreement_text(state: ShadowState) -> str:
    """Return how often they agreed, e.g. `38 of 40 decisions (95%)`."""
    share = state.agreement
    skipped = f"; {state.skipped} could not be compared" if state.skipped else ""
    if share is None:
        return f"nothing compared yet{skipped}" if state.running else f"nothing was compared{skipped}"
    compared = state.agreed + state.disagreed
    live = sum(1 for entry in state.rows if entry.live)
    return f"{state.agreed} of {count(compared, 'decision')} ({_percent(share)}), {live} of them live{skipped}"


def shadow_line(entry: ShadowRow) -> str:
    """Return one evaluation of both as a line of text."""
    if entry.draft is None:
        return f"{rfc3339(entry.running.at)} not compared: {entry.note}"
    word = "agree" if entry.agrees else "DIFFER"
    return f"{rfc3339(entry.running.at)} {word}: {_difference(entry)}"


def shadow_document(state: ShadowState) -> Document:
    """Return the comparison as JSON; rows oldest first."""
    first = state.first_disagreement
    return {
        "schema": SCHEMA,
        "block_id": state.plan.block_id,
        "file": state.plan.file.name,
        "file_sha256": state.plan.file.sha256,
        "changes": strict(state.plan.changes),
        "started_at": rfc3339(state.started_at),
        "agreed": state.agreed,
        "disagreed": state.disagreed,
        "not_compared": state.skipped,
        "agreement": figure(state.agreement),
        "first_disagreement": None if first is None else _row_document(first),
        "rows": [_row_document(entry) for entry in reversed(state.rows)],
        "problem": state.problem,
    }


def _role(state: ShadowState) -> Role:
    return Role.WARN if state.disagreed else Role.OK if state.agreed else Role.DIM


def _percent(share: float) -> str:
    """Never round a disagreement away."""
    return f"{100 * share:.0f}%" if share in {0.0, 1.0} else f"{min(99.9, max(0.1, 100 * share)):.1f}%"


def _difference(entry: ShadowRow) -> str:
    draft = "?" if entry.draft is None else _words(entry.draft)
    sizes = f"input {exact(entry.running.input_average)}, output {exact(entry.running.output_average)}"
    return f"{clock(entry.running.at)} running {_words(entry.running)}, draft {draft} ({sizes})"


def _words(decision: Decision) -> str:
    about = "~" if decision.origin is Origin.INFERRED else ""
    if decision.action is Action.ERROR:
        return f"failed: {clean(decision.reason, _REASON)}"
    return f"{about}{decision.action} {decision.code}"


def _table(state: ShadowState, columns: int) -> list[Row]:
    rows = state.disagreements
    if not rows:
        return [row(Cell(line, Role.DIM)) for line in wrap(_none(state), columns)]
    head = f"{'TIME':<9}{'RUNNING':<21}{'DRAFT':<21}{'INPUT':>8}{'OUTPUT':>8}"
    return [row(Cell(fit(head, columns), Role.DIM)), *(_table_row(entry) for entry in rows)]


def _none(state: ShadowState) -> str:
    if state.agreed:
        return "No disagreement so far."
    reasons = [entry.note for entry in state.rows if entry.note]
    if reasons:
        return f"Nothing could be compared: {reasons[0]}."
    return "The next decision is awaited." if state.running else "There was no decision to compare."


def _table_row(entry: ShadowRow) -> Row:
    return row(
        Cell(f"{clock(entry.running.at):<9}", Role.DIM),
        *_cells(entry.running),
        *_cells(entry.draft),
        Cell(f"{exact(entry.running.input_average):>8}{exact(entry.running.output_average):>8}"),
        Cell("" if entry.live else "  kept", Role.DIM),
    )


def _cells(decision: Decision | None) -> tuple[Cell, ...]:
    if decision is None:
        return (field("?", 21),)
    glyph, role = _GLYPHS.get(decision.action, ("\u00d7", Role.BAD))
    about = "~" if decision.origin is Origin.INFERRED else ""
    return Cell(f"{about}{glyph} ", role), field(decision.code, 19 - len(about))


def _row_document(entry: ShadowRow) -> Document:
    return {
        "agrees": entry.agrees,
        "live": entry.live,
        "note": entry.note,
        "running": decision_document(entry.running),
        "draft": None if entry.draft is None else decision_document(entry.draft),
    }
