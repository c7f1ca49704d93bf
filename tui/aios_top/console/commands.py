"""What the keys do that ask, send or leave; moving and looking are the app's own."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aios_top.console.commandline import run_line
from aios_top.console.dialogs.choice import ChoiceDialog
from aios_top.console.dialogs.command import CommandDialog
from aios_top.console.dialogs.config import ConfigDialog
from aios_top.console.dialogs.confirm import ConfirmDialog
from aios_top.console.dialogs.deploy import DeployDialog
from aios_top.console.dialogs.filter import FilterDialog
from aios_top.console.dialogs.help import HelpDialog
from aios_top.console.dialogs.load import LoadDialog
from aios_top.console.dialogs.notice import QuestionDialog
from aios_top.console.dialogs.scale import ScaleDialog
from aios_top.console.ports import Command, Console
from aios_top.console.view import Page
from aios_top.model.change import Fate, Plan
from aios_top.model.deploy import DeployState
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.load import LoadPhase
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.model.verdict import Severity
from aios_top.render.numbers import span

_ANSWER_SECONDS = 30
"""The longest that a change may take to be answered; then its outcome is unknown."""
_SEVERITIES = {
    Fate.DONE: Severity.HEALTHY,
    Fate.FAILED: Severity.BROKEN,
    Fate.REFUSED: Severity.DEGRADED,
    Fate.UNKNOWN: Severity.BROKEN,
}


async def reset_cooldown(console: Console) -> None:
    """End the selected block's cooldown."""
    block = _changeable(console)
    if block is not None:
        await _confirm_and_send(console, block, console.cockpit.plan_reset)


async def scale(console: Console) -> None:
    """Add or remove replicas of the selected block."""
    block = _changeable(console)
    if block is None:
        return
    wish = await console.ask(ScaleDialog(block))
    if wish is not None:
        await _confirm_and_send(console, block, console.cockpit.plan_scale, wish.replicas, wish.change)


async def load_test(console: Console) -> None:
    """Send a burst of requests to the selected block."""
    block = _changeable(console)
    if block is None:
        return
    if _load_runs(console):
        console.toast("A load test is running: X stops it.", Severity.DEGRADED)
        return
    cockpit = console.cockpit
    form = LoadDialog(block, cockpit.load_target(), cockpit.load_limits, typed_name=_typed_name(console, block))
    plan = await console.ask(form)
    if plan is None:
        return
    try:
        await console.engine(console.cockpit.start_load, plan)
    except (ActionRefusedError, ReadError) as error:
        console.toast(f"Not started: {error}", Severity.DEGRADED)
        return
    console.look(replace(console.view, page=Page.LOAD, block_id=block.block_id))
    console.toast(f"Load test on {block.block_id} started: {plan.requests} requests. X stops it.")


async def stop_load(console: Console) -> None:
    """Stop the load test; stopping is safe, so nothing is asked."""
    if not _load_runs(console):
        console.toast("No load test is running.")
        return
    await console.engine(console.cockpit.stop_load)
    console.toast("Load test: sends nothing more and waits for the answers; X again gives them up.")


async def deploy(console: Console) -> None:
    """Pack, inspect and deploy a policy to the selected or marked blocks."""
    block = _changeable(console)
    if block is None:
        return
    running = console.cockpit.deploy_state()
    if running is not None and running.outcome is None:
        console.toast(f"A deploy of {running.uri} is running.", Severity.DEGRADED)
        return
    chosen = tuple(name for name in console.state.blocks if name in console.view.marked) or (str(block.block_id),)
    wish = await console.ask(DeployDialog(chosen))
    if wish is None:
        return
    plan = await _planned(console, console.cockpit.plan_deploy, wish.folder, wish.block_ids, wish.restart)
    if plan is None or not await console.ask(ConfirmDialog(plan, _typed_name(console, block))):
        return
    console.look(replace(console.view, page=Page.POLICY))
    try:
        state = await console.engine(console.cockpit.run_deploy, plan, _unheard)
    except (ActionRefusedError, ReadError) as error:
        console.toast(f"Deploy: {error}", Severity.BROKEN)
        return
    if state.outcome is not None:
        console.toast(state.outcome.message, _SEVERITIES[state.outcome.fate])


async def roll_back(console: Console) -> None:
    """Bind the selected block to another registered policy, and offer the restart that makes it run."""
    block = _changeable(console)
    if block is None:
        return
    bound = block.record.autoscaler.uri if block.record and block.record.autoscaler else ""
    blocks = [entry.record for entry in console.state.blocks.values() if entry.record is not None]
    elsewhere = {str(used.uri) for record in blocks for name, used in record.policies.items() if name != "autoscaler"}
    options = _earlier(bound, [str(policy.uri) for policy in console.state.policies if policy.uri not in elsewhere])
    if not options:
        console.toast("The registry holds no other policy.", Severity.DEGRADED)
        return
    explanation = f"{block.block_id} is bound to {bound or 'no policy'}. Bind it to:"
    uri = await console.ask(ChoiceDialog("Roll back", explanation, options))
    if uri is not None and await _confirm_and_send(console, block, console.cockpit.plan_bind, uri):
        await _confirm_and_send(console, block, console.cockpit.plan_restart)


def _earlier(bound: str, uris: Sequence[str]) -> list[str]:
    """Return the other policies, those of the same name first, the newest registered first.

    Policies that blocks use for something else, such as their load balancer, are left out by the caller.
    """
    name = bound.partition(":")[0]
    others = [uri for uri in dict.fromkeys(reversed(uris)) if uri != bound]
    return sorted(others, key=lambda uri: uri.partition(":")[0] != name)


async def write_mode(console: Console) -> None:
    """Open or close the write gate."""
    if console.cockpit.gate.read_only:
        console.toast("read-only: this console was started with it and sends no change.", Severity.DEGRADED)
        return
    open_now = console.cockpit.gate.toggle()
    console.look(console.view)
    console.toast("Write mode: changes are sent after a question." if open_now else "Write mode is off.")


async def filter_blocks(console: Console) -> None:
    """Ask for the fleet filter."""
    text = await console.ask(FilterDialog(console.view.filter))
    if text is not None:
        console.look(replace(console.view, filter=text, page=Page.FLEET))


async def command(console: Console) -> None:
    """Ask for a command and run it."""
    line = await console.ask(CommandDialog(console.keys, tuple(console.state.blocks)))
    if line:
        await run_line(console, line)


async def show_help(console: Console) -> None:
    """Show all keys."""
    await console.ask(HelpDialog(console.keys, read_only=console.cockpit.gate.read_only))


async def show_settings(console: Console) -> None:
    """Show the settings in force."""
    await console.ask(ConfigDialog(console.settings, console.state))


async def leave(console: Console) -> None:
    """Quit; asks only while something runs that quitting would end."""
    running = _would_end(console)
    if not running or await console.ask(QuestionDialog("Quit?", running, "Quit")):
        console.leave(0)


COMMANDS: Mapping[str, Command] = {
    "reset_cooldown": reset_cooldown,
    "scale": scale,
    "load_test": load_test,
    "stop_load": stop_load,
    "deploy": deploy,
    "roll_back": roll_back,
    "write_mode": write_mode,
    "filter": filter_blocks,
    "command": command,
    "help": show_help,
    "config": show_settings,
    "quit": leave,
}


def _changeable(console: Console) -> BlockState | None:
    """Return the selected block when a change may be asked for; otherwise say why not."""
    gate = console.cockpit.gate
    block = console.view.block(console.cockpit.latest())
    if gate.read_only:
        console.toast("read-only: this console sends no change.", Severity.DEGRADED)
    elif not gate.writable:
        console.toast("Write mode is off: W turns it on.", Severity.DEGRADED)
    elif block is None:
        console.toast("No block is selected.", Severity.DEGRADED)
    elif block.stale:
        age = "" if block.seen_at is None else f", the newest data is {span(console.cockpit.now() - block.seen_at)} old"
        console.toast(f"{block.block_id}: {block.missed_polls} polls failed{age}; nothing is sent.", Severity.DEGRADED)
    else:
        return block
    return None


def _typed_name(console: Console, block: BlockState) -> str | None:
    """Return the name that a production context wants typed."""
    return str(block.block_id) if console.cockpit.production else None


async def _planned(console: Console, make: Callable[..., Any], *arguments: Any) -> Plan | None:
    """Return the engine's plan, or say why there is none."""
    try:
        plan: Plan = await console.engine(make, *arguments)
    except (ActionRefusedError, ReadError) as error:
        console.toast(f"Refused: {error}", Severity.DEGRADED)
        return None
    return plan


async def _confirm_and_send(console: Console, block: BlockState, make: Callable[..., Any], *arguments: Any) -> bool:
    """Plan, ask, send once, tell: the one way of every change from the screen. True when it is done."""
    plan = await _planned(console, make, str(block.block_id), *arguments)
    if plan is None or not await console.ask(ConfirmDialog(plan, _typed_name(console, block))):
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
    console.toast(f"{outcome.fate.value.upper()}: {outcome.message}", _SEVERITIES[outcome.fate])
    return outcome.fate is Fate.DONE


def _load_runs(console: Console) -> bool:
    load = console.cockpit.load_state()
    return load is not None and load.phase in {LoadPhase.RUNNING, LoadPhase.DRAINING}


def _would_end(console: Console) -> str:
    """Return what quitting would end, empty when nothing."""
    load, running = console.cockpit.load_state(), console.cockpit.deploy_state()
    if load is not None and _load_runs(console):
        return f"A load test on {clean(load.plan.block_id)} is running with {load.in_flight} requests in flight."
    if running is not None and running.outcome is None:
        return f"A deploy of {clean(running.uri)} is running; what is not sent by then will not be sent."
    return ""


def _unheard(_state: DeployState) -> None:
    """Do nothing: the views read the engine's deploy state themselves."""
