"""The command that lets a draft decide beside the running policy."""

from aios_top.console.dialogs.shadow import STOP, ShadowDialog
from aios_top.console.ports import Console
from aios_top.model.draft import parse_assignment
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.verdict import Severity

USAGE = "shadow takes NAME=VALUE words and perhaps a policy's path, e.g. shadow cooldown_seconds=60"


async def show_shadow(console: Console) -> None:
    """Show the running comparison, or start one with the draft that was edited on the policy's page."""
    await shadow(console, "")


async def shadow(console: Console, argument: str) -> None:
    """Start a comparison with the draft that was typed, or show the running one; `off` ends it."""
    cockpit = console.cockpit
    if argument == "off":
        await console.engine(cockpit.stop_shadow)
        console.toast("The draft is no longer compared.")
        return
    running = cockpit.shadow_state()
    if (argument or running is None or not running.running) and not await _start(console, argument):
        return
    if await console.ask(ShadowDialog(cockpit.shadow_state)) == STOP:
        await console.engine(cockpit.stop_shadow)
        console.toast("The draft is no longer compared.")


async def _start(console: Console, argument: str) -> bool:
    block_id = console.view.block_id
    if block_id is None:
        console.toast("No block is selected; 1 shows them all.", Severity.DEGRADED)
        return False
    words = argument.split()
    draft = {} if words else dict(console.view.draft)
    paths = [word for word in words if "=" not in word]
    try:
        values = {**draft, **dict(parse_assignment(word) for word in words if "=" in word)}
    except ValueError as error:
        console.toast(f"{error}; {USAGE}.", Severity.DEGRADED)
        return False
    if len(paths) > 1:
        console.toast(f"{USAGE}.", Severity.DEGRADED)
        return False
    try:
        await console.engine(console.cockpit.start_shadow, block_id, values, paths[0] if paths else None)
    except (ActionRefusedError, ReadError) as error:
        console.toast(f"Not started: {error}", Severity.DEGRADED)
        return False
    return True
