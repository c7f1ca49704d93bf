"""What the keys do that ask, send or leave; moving and looking are the app's own."""

from collections.abc import Mapping

from msgspec.structs import replace

from aios_top.console.changing import SEVERITIES, changeable, confirm_and_send, planned, typed_name
from aios_top.console.commandline import run_line
from aios_top.console.dialogs.choice import ChoiceDialog
from aios_top.console.dialogs.command import CommandDialog
from aios_top.console.dialogs.config import ConfigDialog
from aios_top.console.dialogs.confirm import ConfirmDialog
from aios_top.console.dialogs.deploy import DeployDialog
from aios_top.console.dialogs.filter import FilterDialog
from aios_top.console.dialogs.guide import GuideDialog
from aios_top.console.dialogs.help import HelpDialog
from aios_top.console.dialogs.notice import QuestionDialog
from aios_top.console.dialogs.scale import ScaleDialog
from aios_top.console.explaining import explain
from aios_top.console.handing_over import hand_over
from aios_top.console.load_commands import LOAD_COMMANDS, running
from aios_top.console.policy_commands import POLICY_COMMANDS
from aios_top.console.ports import Command, Console
from aios_top.console.shadowing import show_shadow
from aios_top.console.timetravel import TRAVELS, WITHOUT_PAST
from aios_top.console.trying import TRYING
from aios_top.console.view import Page
from aios_top.model.deploy import DeployState
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.model.verdict import Severity
from aios_top.model.versions import others
from aios_top.render.guide import title_of
from aios_top.shipped import guide


async def reset_cooldown(console: Console) -> None:
    """End the selected block's cooldown."""
    block = changeable(console)
    if block is not None:
        await confirm_and_send(console, block, console.cockpit.plan_reset)


async def scale(console: Console) -> None:
    """Add or remove replicas of the selected block."""
    block = changeable(console)
    if block is None:
        return
    wish = await console.ask(ScaleDialog(block))
    if wish is not None:
        await confirm_and_send(console, block, console.cockpit.plan_scale, wish.replicas, wish.change)


async def deploy(console: Console) -> None:
    """Pack, inspect and deploy a policy to the selected or marked blocks."""
    block = changeable(console)
    if block is None:
        return
    running = console.cockpit.deploy_state()
    if running is not None and running.outcome is None:
        console.toast(f"A deploy of {running.uri} is running.", Severity.DEGRADED)
        return
    chosen = _chosen(console, block)
    wish = await console.ask(DeployDialog(tuple(map(str, chosen))))
    if wish is None:
        return
    plan = await planned(console, console.cockpit.plan_deploy, wish.folder, wish.block_ids, wish.restart)
    named = chosen.get(block.block_id) or next(iter(chosen.values()))
    if plan is None or not await console.ask(ConfirmDialog(plan, typed_name(console, named))):
        return
    console.look(replace(console.view, page=Page.POLICY))
    try:
        state = await console.engine(console.cockpit.run_deploy, plan, _unheard)
    except (ActionRefusedError, ReadError) as error:
        console.toast(f"Deploy: {error}", Severity.BROKEN)
        return
    if state.outcome is not None:
        console.toast(state.outcome.message, SEVERITIES[state.outcome.fate])


def _chosen(console: Console, selected: BlockState) -> Mapping[str, BlockState]:
    """Return the blocks to deploy to: on the fleet's page the marked ones, where marks show; else the selected one."""
    view, blocks = console.view, console.state.blocks
    marked = {name: block for name, block in blocks.items() if name in view.marked} if view.page is Page.FLEET else {}
    return marked or {selected.block_id: selected}


async def roll_back(console: Console) -> None:
    """Bind the selected block to another registered policy, and offer the restart that makes it run."""
    block = changeable(console)
    if block is None:
        return
    bound = block.record.autoscaler.uri if block.record and block.record.autoscaler else ""
    blocks = [entry.record for entry in console.state.blocks.values() if entry.record is not None]
    elsewhere = {str(used.uri) for record in blocks for name, used in record.policies.items() if name != "autoscaler"}
    options = others(bound, [str(policy.uri) for policy in console.state.policies if policy.uri not in elsewhere])
    if not options:
        console.toast("The registry holds no other policy.", Severity.DEGRADED)
        return
    explanation = f"{block.block_id} is bound to {bound or 'no policy'}. Bind it to:"
    uri = await console.ask(ChoiceDialog("Roll back", explanation, options))
    if uri is not None and await confirm_and_send(console, block, console.cockpit.plan_bind, uri):
        await confirm_and_send(console, block, console.cockpit.plan_restart)


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
    line = await console.ask(
        CommandDialog(console.keys, tuple(console.state.blocks), read_only=console.cockpit.gate.read_only)
    )
    if line:
        await run_line(console, line)


async def show_help(console: Console) -> None:
    """Show all keys."""
    await console.ask(HelpDialog(console.keys, read_only=console.cockpit.gate.read_only))


async def show_settings(console: Console) -> None:
    """Show the settings in force."""
    await console.ask(ConfigDialog(console.settings, console.state))


async def show_guide(console: Console) -> None:
    """Show pages of the guide until one is closed for good."""
    pages = guide()
    topic: str | None = next(iter(pages))
    while topic is not None and await console.ask(GuideDialog(pages[topic])) == GuideDialog.CONTENTS:
        contents = ChoiceDialog(
            "Guide", "The pages of the guide.", [f"{name:<16}{title_of(pages[name])}" for name in pages]
        )
        chosen = await console.ask(contents)
        topic = chosen.partition(" ")[0] if chosen else None


async def leave(console: Console) -> None:
    """Quit; asks only while something runs that quitting would end."""
    running = _would_end(console)
    if not running or await console.ask(QuestionDialog("Quit?", running, "Quit")):
        console.leave(0)


COMMANDS: Mapping[str, Command] = {
    **POLICY_COMMANDS,
    **TRYING,
    "reset_cooldown": reset_cooldown,
    "scale": scale,
    **LOAD_COMMANDS,
    "export": hand_over,
    "deploy": deploy,
    "roll_back": roll_back,
    "write_mode": write_mode,
    "filter": filter_blocks,
    "explain": explain,
    "shadow": show_shadow,
    "command": command,
    "help": show_help,
    "guide": show_guide,
    "config": show_settings,
    "quit": leave,
}


def all_commands(*, past: bool) -> Mapping[str, Command]:
    """Return them with the keys of time; without a past the keys of decisions only select."""
    return {**COMMANDS, **(TRAVELS if past else WITHOUT_PAST)}


def _would_end(console: Console) -> str:
    """Return what quitting would end, empty when nothing."""
    load, deploying = running(console), console.cockpit.deploy_state()
    if load is not None:
        return f"A load test on {clean(load.plan.block_id)} is running with {load.in_flight} requests in flight."
    if deploying is not None and deploying.outcome is None:
        return f"A deploy of {clean(deploying.uri)} is running; what is not sent by then will not be sent."
    return ""


def _unheard(_state: DeployState) -> None:
    """Do nothing: the views read the engine's deploy state themselves."""
