"""What the keys of the policy page do: edit, compare, and tell the running policy."""

from collections.abc import Mapping
from typing import Any

from aios_top.console.changing import changeable, confirm_and_send
from aios_top.console.dialogs.diff import DiffDialog
from aios_top.console.dialogs.draft import DraftDialog
from aios_top.console.dialogs.force import ForceDialog
from aios_top.console.dialogs.pause import PauseDialog
from aios_top.console.ports import Command, Console
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.lint_facts import Facts
from aios_top.model.state import BlockState
from aios_top.model.verdict import Severity
from aios_top.render.policy_diff import diff_lines


async def edit_draft(console: Console) -> None:
    """Edit the selected block's draft; it is kept until it is sent or emptied."""
    facts = await _facts(console)
    if facts is None:
        return
    if facts.bound is None:
        console.toast(f"{facts.block.block_id} has no autoscaler policy; D deploys one.", Severity.DEGRADED)
        return
    block_id = str(facts.block.block_id)
    wish = await console.ask(DraftDialog(facts, console.view.drafts.get(block_id, {}), writable=_writable(console)))
    if wish is None:
        return
    console.look(console.view.drafted(block_id, wish.values))
    if wish.send:
        await send_draft(console)
    elif wish.values:
        console.toast("Draft kept, nothing is sent: d compares it, U sends it.")


async def send_draft(console: Console) -> None:
    """Set the draft's parameters at the running policy."""
    block = changeable(console)
    if block is None:
        return
    draft = console.view.drafts.get(str(block.block_id), {})
    if not draft:
        console.toast("There is no draft: e edits one.", Severity.DEGRADED)
        return
    await set_parameters(console, block, draft)


async def set_parameters(console: Console, block: BlockState, values: Mapping[str, Any]) -> None:
    """Plan, ask and set; a draft that is in force is one no more."""
    if await confirm_and_send(console, block, console.cockpit.plan_set, values):
        console.look(console.view.drafted(str(block.block_id), {}))


async def diff(console: Console) -> None:
    """Compare what runs with the draft or with what is declared, and the code."""
    await compare(console, None)


async def compare(console: Console, path: str | None) -> None:
    """Compare with the local policy at `path`, without one with the one of this uri that is at hand."""
    facts = await _facts(console, path)
    if facts is None:
        return
    draft = console.view.drafts.get(str(facts.block.block_id), {})
    await console.ask(DiffDialog(f"Policy of {facts.block.block_id}: what differs", diff_lines(facts, draft)))


async def pause_policy(console: Console) -> None:
    """Pause the block's scaling; where it is paused, resume it."""
    block = changeable(console)
    if block is None:
        return
    if block.policy.paused is not None:
        await confirm_and_send(console, block, console.cockpit.plan_resume)
        return
    wish = await console.ask(PauseDialog(block))
    if wish is not None:
        await confirm_and_send(console, block, console.cockpit.plan_pause, wish.seconds, wish.direction, wish.reason)


async def force_scale(console: Console) -> None:
    """Queue a scaling at the policy; where one is queued, take it back."""
    block = changeable(console)
    if block is None:
        return
    if block.policy.forced is not None:
        await confirm_and_send(console, block, console.cockpit.plan_cancel)
        return
    wish = await console.ask(ForceDialog(block))
    if wish is not None:
        await confirm_and_send(
            console, block, console.cockpit.plan_force, wish.change, wish.ignore_cooldown, wish.reason
        )


POLICY_COMMANDS: Mapping[str, Command] = {
    "edit_draft": edit_draft,
    "send_draft": send_draft,
    "diff": diff,
    "pause_policy": pause_policy,
    "force_scale": force_scale,
}


async def _facts(console: Console, path: str | None = None) -> Facts | None:
    """Return what is known of the selected block's policy, or say why it cannot be had."""
    block = console.view.block(console.state)
    if block is None:
        console.toast("No block is selected.", Severity.DEGRADED)
        return None
    if console.view.travel is not None:
        if path is not None:
            console.toast("Code is compared with what is served now, which no recording holds: L goes there.")
            return None
        return Facts(block, console.state.policies or None)
    try:
        return await console.engine(console.cockpit.policy_facts, str(block.block_id), path)
    except (ActionRefusedError, ReadError) as error:
        console.toast(f"Refused: {error}", Severity.DEGRADED)
        return None


def _writable(console: Console) -> bool:
    gate = console.cockpit.gate
    return gate.writable and not gate.read_only
