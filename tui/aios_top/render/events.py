"""Everything that happened, on one list: decisions, operators' actions, load tests, data problems; newest first."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nlargest
from typing import Any

from msgspec import Struct

from aios_top.model.audit import AuditEntry
from aios_top.model.decision import Action, Origin, outlines
from aios_top.model.load import LoadState
from aios_top.model.span import latency
from aios_top.model.state import BlockState, FleetState, Link
from aios_top.model.text import clean
from aios_top.model.unasked import is_ours, unasked
from aios_top.render.cells import Cell, Role, Row, columns_of, fit, row, width
from aios_top.render.decisions import badge_of, step_text, why
from aios_top.render.load_text import plan_text
from aios_top.render.notes import data_notes
from aios_top.render.numbers import clock
from aios_top.render.wrap import wrap

_KINDS = {"decision": Role.TEXT, "outside": Role.WARN, "action": Role.ACCENT, "load": Role.INPUT, "data": Role.WARN}
_DEPLOY_STEPS = {
    "UploadArchive": "upload",
    "RegisterPolicy": "register",
    "UpdatePolicy": "register",
    "BindPolicy": "bind",
    "RestartExecutor": "restart",
}
_UNDER_WAY_SECONDS = 35.0
"""How long whoever sent a change may still wait for its answer, and write down what became of it."""
_NEWEST = 500
"""Events that are shown; older ones are in the audit file and in the blocks' logs."""
_SAME_SECONDS = 5.0
"""Longest time between the record of a load test and its start."""
_WHO_FROM = 100
"""Columns from which there is room for who did it."""


class Event(Struct, frozen=True):
    """One line of the list."""

    at: float
    kind: str
    """`decision`, `outside`, `action`, `load` or `data`."""
    block_id: str
    who: str
    what: str
    role: Role = Role.TEXT


def events(
    state: FleetState,
    audit: Sequence[AuditEntry],
    load: LoadState | None,
    matches: Callable[[str], bool],
    is_over: Callable[[], bool] = lambda: False,
) -> list[Event]:
    """Return the events of the blocks that match, newest first; what is about no block is always there.

    Where decisions are read out of a recording this may take a second; `is_over` is asked whether that still matters.
    """
    blocks = [block for block in state.blocks.values() if matches(str(block.block_id))]
    found = [
        *_decisions(blocks, is_over),
        *_outside(blocks, audit, is_over),
        *_actions(audit, load, state.at),
        *_loads(load),
        *_data(state),
    ]
    shown = [event for event in found if not event.block_id or matches(event.block_id)]
    return nlargest(_NEWEST, shown, key=lambda event: event.at)


def _decisions(blocks: Iterable[BlockState], is_over: Callable[[], bool]) -> Iterator[Event]:
    """Yield what changed something or failed; evaluations that only hold are in the block's own log."""
    for block in blocks:
        if is_over():
            return
        version = block.policy.policy_version
        for place, seen in enumerate(outlines(block.decisions, _NEWEST)):
            if seen.action is Action.HOLD:
                continue
            decision = block.decisions[place]
            badge = badge_of(decision)
            inferred = decision.origin is Origin.INFERRED
            who = "~ inferred" if inferred else f"policy {version}" if version else "policy"
            what = " ".join(part for part in (badge.text, step_text(decision), why(decision)) if part)
            yield Event(decision.at, "decision", str(block.block_id), who, what, badge.role)


def _outside(blocks: Iterable[BlockState], audit: Sequence[AuditEntry], is_over: Callable[[], bool]) -> Iterator[Event]:
    """Yield changes of the replicas that neither a policy asked for nor anybody here: they would be a riddle."""
    for block in blocks:
        if is_over():
            return
        for change in unasked(outlines(block.decisions, _NEWEST)):
            if not is_ours(change, block.block_id, audit):
                yield Event(change.at, "outside", str(block.block_id), "not known", change.sentence, Role.WARN)


def _actions(audit: Sequence[AuditEntry], load: LoadState | None, now: float) -> Iterator[Event]:
    """Yield one event per change: its intent with the outcome, if one was recorded.

    This console's own load test is left out: `_loads` tells more of it.
    """
    ends = {entry.fields.get("intent"): entry for entry in audit if entry.kind == "outcome"}
    for entry in audit:
        fields = entry.fields
        if entry.kind == "intent":
            if load is not None and _is_load(entry) and abs(entry.at - load.started_at) < _SAME_SECONDS:
                continue
            words, role = _end(entry, ends.get(entry.seq), now)
            yield _action(entry, f"{fields.get('title', '?')}{_step(entry)}: {words}", role)
        elif entry.kind == "refused":
            reason = fields.get("reason") or fields.get("message") or "?"
            yield _action(entry, f"{fields.get('title', '?')}: refused, {reason}", Role.WARN)
        elif entry.kind == "note":
            yield _action(entry, str(fields.get("title") or fields.get("message") or "note"), Role.DIM)


def _step(intent: AuditEntry) -> str:
    """Return which of a deploy's requests this was: they are recorded one by one under one title."""
    request = intent.fields.get("request")
    step = _DEPLOY_STEPS.get(str(request.get("change"))) if isinstance(request, dict) else None
    return f", {step}" if step and str(intent.fields.get("title", "")).startswith("Deploy ") else ""


def _is_load(intent: AuditEntry) -> bool:
    request = intent.fields.get("request")
    return isinstance(request, dict) and request.get("change") == "LoadTest"


def _end(intent: AuditEntry, outcome: AuditEntry | None, now: float) -> tuple[str, Role]:
    if outcome is None and _is_load(intent):
        return "no end recorded: it runs, or was cut off", Role.WARN
    if outcome is None and now - intent.at < _UNDER_WAY_SECONDS:
        return "sent, no answer yet", Role.WARN
    if outcome is None:
        return "no outcome recorded: it may or may not have happened", Role.BAD
    fate = str(outcome.fields.get("fate", "?"))
    seconds = outcome.fields.get("seconds")
    took = f" in {latency(float(seconds))}" if isinstance(seconds, int | float) else ""
    role = {"done": Role.OK, "refused": Role.WARN}.get(fate, Role.BAD)
    message = outcome.fields.get("message") or ""
    return f"{fate}{took}" + (f", {message}" if fate != "done" and message else ""), role


def _action(entry: AuditEntry, what: str, role: Role) -> Event:
    request = entry.fields.get("request")
    block_id: Any = request.get("block_id") if isinstance(request, dict) else None
    who = str(entry.fields.get("by") or "?")
    return Event(
        entry.at,
        "load" if _is_load(entry) else "action",
        clean(str(block_id or ""), 60),
        clean(who, 40),
        clean(what, 300),
        role,
    )


def _loads(load: LoadState | None) -> Iterator[Event]:
    if load is None:
        return
    plan = load.plan
    block_id = clean(plan.block_id, 60)
    wish = plan_text(plan)
    yield Event(load.started_at, "load", block_id, "this console", f"load test started, {wish}", Role.INPUT)
    if load.ended_at is not None:
        counts = f"{load.ok} ok, {load.failed} failed, {load.lost} lost"
        reason = f" ({load.stop_reason})" if load.stop_reason else ""
        what = clean(f"load test {load.phase}: {counts}{reason}", 300)
        yield Event(load.ended_at, "load", block_id, "this console", what, Role.INPUT)


def _data(state: FleetState) -> Iterator[Event]:
    """Yield what is wrong with the data now, at the time of the last good answer."""
    for endpoint in state.endpoints.values():
        if endpoint.link is Link.DOWN:
            at = state.at if endpoint.last_ok is None else endpoint.last_ok
            yield Event(at, "data", "", "poller", f"{endpoint.name} down: {endpoint.problem or 'no answer'}", Role.BAD)
    for block in state.blocks.values():
        if block.problem:
            at = state.at if block.seen_at is None else block.seen_at
            what = f"{block.missed_polls} polls failed since then: {block.problem}"
            yield Event(at, "data", str(block.block_id), "poller", what, Role.BAD)
        for note in data_notes(block):
            yield Event(state.at, "data", str(block.block_id), "poller", clean(note, 300), Role.WARN)


def event_rows(shown: Sequence[Event], columns: int) -> list[Row]:
    """Return the column names and the events below; what is too long for its line goes on in the next."""
    blocks = min(24, max((width(event.block_id) for event in shown), default=5), max(5, columns // 4))
    who = min(18, max((width(event.who) for event in shown), default=3)) if columns >= _WHO_FROM else 0
    head = f" {'TIME':<9} {'KIND':<9}{fit('BLOCK', blocks)} {fit('WHO', who) + ' ' if who else ''}WHAT"
    rows = [row(Cell(head, Role.DIM))]
    for event in shown:
        rows += _event_rows(event, blocks, who, columns)
    return rows


def _event_rows(event: Event, blocks: int, who: int, columns: int) -> Iterator[Row]:
    cells = [
        Cell(f" {clock(event.at):<9} ", Role.DIM),
        Cell(f"{event.kind:<9}", _KINDS[event.kind]),
        Cell(fit(event.block_id, blocks) + " "),
        Cell(fit(event.who, who) + " " if who else "", Role.DIM),
    ]
    used = columns_of(cells)
    first, *others = wrap(event.what, max(12, columns - used))
    yield Row((*cells, Cell(first, event.role)))
    for line in others:
        yield row(Cell(" " * used), Cell(line, event.role))


def empty_note(filtered: bool) -> str:
    """Return why the list is empty."""
    if filtered:
        return "nothing has happened to the blocks that the filter shows: esc on the fleet clears it"
    return "nothing has happened yet: scaling decisions, changes by operators, load tests and data problems come here"
