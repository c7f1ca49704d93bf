"""The key that hands over what happened: the incident as one file, or the report of the load test."""

import asyncio

from aios_top.console.dialogs.capsule import CapsuleDialog, WrittenDialog
from aios_top.console.keys import of
from aios_top.console.load_commands import report
from aios_top.console.ports import Console
from aios_top.console.view import Page
from aios_top.model.errors import PastError
from aios_top.model.recording import RecordingPhase
from aios_top.model.verdict import Severity


async def hand_over(console: Console) -> None:
    """Write the past around the moment on the screen as a capsule; on the load page name the report."""
    if console.view.page is Page.LOAD:
        await report(console)
        return
    past = console.past
    if past is None:
        console.toast("Nothing can be recorded here, so there is nothing to hand over.", Severity.DEGRADED)
        return
    try:
        times = await asyncio.to_thread(past.times)
        if not times:
            console.toast(_nothing(console), Severity.DEGRADED)
            return
        wish = await console.ask(CapsuleDialog(console.state.context, console.state.at, (times[0], times[-1])))
        if wish is None:
            return
        console.toast("Writing it.")
        written = await asyncio.to_thread(past.hand_over, wish)
    except PastError as error:
        console.toast(f"Not written: {error}", Severity.BROKEN)
        return
    await console.ask(WrittenDialog(written))


def _nothing(console: Console) -> str:
    """Say why nothing is recorded, and how to begin."""
    state, key = console.cockpit.recording(), of("record", console.keys).shown
    if state is not None and state.phase is RecordingPhase.FAILED:
        return f"Nothing to hand over: the recording stopped, {state.problem}; {key} tries again."
    if state is not None and state.phase is RecordingPhase.ON:
        return "Nothing to hand over yet: the first poll is not recorded."
    return f"Nothing to hand over: nothing is recorded; {key} begins to record."
