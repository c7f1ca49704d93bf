"""The one way of every change from the screen: is it allowed, what would it do, a yes, one request, its outcome."""

import asyncio
from collections.abc import Callable
from typing import Any

from aios_top.console.dialogs.confirm import ConfirmDialog
from aios_top.console.ports import Console
from aios_top.model.change import Fate, Outcome, Plan
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.span import span
from aios_top.model.state import BlockState
from aios_top.model.verdict import Severity
from aios_top.render.numbers import clock

_ANSWER_SECONDS = 30
"""The longest that a change may take to be answered; then its outcome is unknown."""
SEVERITIES = {
    Fate.DONE: Severity.HEALTHY,
    Fate.FAILED: Severity.BROKEN,
    Fate.REFUSED: Severity.DEGRADED,
    Fate.UNKNOWN: Severity.BROKEN,
}


def changeable(console: Console) -> BlockState | None:
    """Return the selected block when a change may be asked for; otherwise say why not."""
    gate = console.cockpit.gate
    block = console.view.block(console.cockpit.latest())
    if console.view.travel is not None:
        there = "a recording" if console.view.travel.replay else f"{clock(console.view.travel.at)}; L goes back to now"
        console.toast(f"Nothing is sent from the past: you look at {there}.", Severity.DEGRADED)
    elif gate.read_only:
        console.toast("read-only: this console sends no change.", Severity.DEGRADED)
    elif not gate.writable:
        console.toast("Write mode is off: W turns it on.", Severity.DEGRADED)
    elif console.view.tiny:
        console.toast("The terminal is too small to show what would be sent: 40x10 at least.", Severity.DEGRADED)
    elif block is None:
        console.toast("No block is selected.", Severity.DEGRADED)
    elif block.stale:
        age = "" if block.seen_at is None else f", the newest data is {span(console.cockpit.now() - block.seen_at)} old"
        console.toast(f"{block.block_id}: {block.missed_polls} polls failed{age}; nothing is sent.", Severity.DEGRADED)
    else:
        return block
    return None


def typed_name(console: Console, block: BlockState) -> str | None:
    """Return the name that a production context wants typed."""
    return str(block.block_id) if console.cockpit.production else None


async def planned(console: Console, make: Callable[..., Any], *arguments: Any) -> Plan | None:
    """Return the engine's plan, or say why there is none."""
    try:
        plan: Plan = await console.engine(make, *arguments)
    except (ActionRefusedError, ReadError) as error:
        console.toast(f"Refused: {error}", Severity.DEGRADED)
        return None
    return plan


async def confirm_and_send(console: Console, block: BlockState, make: Callable[..., Any], *arguments: Any) -> bool:
    """Plan, ask, send once, tell: the one way of every change from the screen. True when it is done."""
    plan = await planned(console, make, str(block.block_id), *arguments)
    if plan is None or not await console.ask(ConfirmDialog(plan, typed_name(console, block))):
        return False
    sending = asyncio.ensure_future(console.engine(console.cockpit.execute, plan))
    waited = 0
    while not (await asyncio.wait({sending}, timeout=1))[0]:
        waited += 1
        bar = "\u25a0" * (10 * min(waited, _ANSWER_SECONDS) // _ANSWER_SECONDS)
        console.toast(f"{plan.title}: sent, no answer yet [{bar:\u00b7<10}] {waited}s of {_ANSWER_SECONDS}s")
    try:
        outcome = sending.result()
    except (ActionRefusedError, ReadError) as error:
        console.toast(f"Refused: {error}", Severity.DEGRADED)
        return False
    console.toast(told(outcome), SEVERITIES[outcome.fate])
    return outcome.fate is Fate.DONE


def told(outcome: Outcome) -> str:
    """Return the end of a change in one line; of one without an answer also when it was sent, to look for it."""
    sent = f"sent {clock(outcome.sent_at)}, " if outcome.fate is Fate.UNKNOWN and outcome.sent_at is not None else ""
    return f"{outcome.fate.value.upper()}: {sent}{outcome.message.removeprefix('sent, but ')}"
