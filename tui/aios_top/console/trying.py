"""The commands that try something out beside what runs: simulate, and what if."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from aios_top.console.dialogs.simulate import SimulateDialog
from aios_top.console.dialogs.tryout import TryoutDialog
from aios_top.console.dialogs.what_if import WhatIfDialog, typed_changes
from aios_top.console.keys import of
from aios_top.console.ports import Command, Console
from aios_top.model.errors import ActionRefusedError
from aios_top.model.startup import usual_start_seconds
from aios_top.model.state import BlockState
from aios_top.model.tryout import Tryout, TryoutPhase
from aios_top.model.verdict import Severity

_FOLLOWED: set["asyncio.Future[Tryout | None]"] = set()


async def simulate(console: Console) -> None:
    """Show the running or last simulation, or ask for one."""
    await _try(console, _wants_simulation, lambda found: found.answer is None)


async def what_if(console: Console) -> None:
    """Show the running or last what-if, or ask for one of the selected block's decisions as they are on the screen."""
    await _try(console, _wants_what_if, lambda found: found.answer is not None)


async def _try(
    console: Console, ask: Callable[[Console], Coroutine[Any, Any, bool]], mine: Callable[[Tryout], bool]
) -> None:
    """Show what there is of this kind, and ask for another one when that is wanted."""
    found = console.cockpit.tryout()
    if found is not None and (found.running or (found.phase is TryoutPhase.DONE and mine(found))):
        wanted = await console.ask(TryoutDialog(console.cockpit.tryout))
        if wanted == TryoutDialog.STOP:
            await console.engine(console.cockpit.stop_tryout)
            console.toast("Stopping it.")
        if wanted != TryoutDialog.AGAIN:
            return
    if await ask(console):
        await _follow(console)


async def _follow(console: Console) -> None:
    """Show the progress; a result that comes after the dialog was closed is told."""
    ending = asyncio.ensure_future(console.engine(console.cockpit.tryout_ended))
    _FOLLOWED.add(ending)  # the event loop itself keeps no task alive
    ending.add_done_callback(_FOLLOWED.discard)
    wanted = await console.ask(TryoutDialog(console.cockpit.tryout))
    if wanted == TryoutDialog.STOP:
        await console.engine(console.cockpit.stop_tryout)
    elif not ending.done():
        # The command ends here, so that its key shows the progress again.
        ending.add_done_callback(partial(_tell, console))


def _tell(console: Console, ending: "asyncio.Future[Tryout | None]") -> None:
    ended = None if ending.cancelled() or ending.exception() is not None else ending.result()
    if ended is None:
        return
    action = "simulate" if ended.answer is None else "what_if"
    if ended.phase is TryoutPhase.DONE:
        console.toast(f"{ended.title}: done; {of(action, console.keys).shown} shows it.")
    elif ended.phase is TryoutPhase.FAILED:
        console.toast(f"{ended.title}: {ended.problem}", Severity.DEGRADED)


async def _wants_simulation(console: Console) -> bool:
    block = _block(console)
    dialog = SimulateDialog(
        has_block=block is not None and bool(block.in_force),
        changes=typed_changes(_draft(console)),
        start_seconds=usual_start_seconds(() if block is None else block.decisions),
    )
    wish = await console.ask(dialog)
    return wish is not None and await _begun(console, console.cockpit.simulate, wish, block)


async def _wants_what_if(console: Console) -> bool:
    block = _block(console)
    if block is None or not block.decisions:
        what = "No block is selected." if block is None else f"{block.block_id} has no decision yet to take again."
        console.toast(what, Severity.DEGRADED)
        return False
    changes = await console.ask(WhatIfDialog(block, typed_changes(_draft(console))))
    return changes is not None and await _begun(console, console.cockpit.what_if, block, changes)


async def _begun(console: Console, begin: Callable[..., Coroutine[Any, Any, None]], *wish: Any) -> bool:
    try:
        await console.engine(begin, *wish)
    except ActionRefusedError as error:
        console.toast(f"Not started: {error}", Severity.DEGRADED)
        return False
    return True


def _block(console: Console) -> BlockState | None:
    """Return the selected block as it is on the screen: of the moment that is looked at."""
    return console.view.block(console.state)


def _draft(console: Console) -> Mapping[str, Any]:
    return console.view.drafts.get(console.view.block_id or "", {})


TRYING: Mapping[str, Command] = {"simulate": simulate, "what_if": what_if}
