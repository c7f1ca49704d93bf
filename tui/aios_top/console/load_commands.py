"""What the keys do that start, steer and end a load test."""

from collections.abc import Mapping

from msgspec.structs import replace

from aios_top.console.changing import changeable, typed_name
from aios_top.console.dialogs.load import LoadDialog
from aios_top.console.ports import Command, Console
from aios_top.console.view import Page
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.load import Api, LoadPhase, LoadState
from aios_top.model.load_target import host_and_port, is_local
from aios_top.model.verdict import Severity
from aios_top.render.numbers import count

STEP = 1.25
"""Factor by which a key changes the rate."""


def running(console: Console) -> LoadState | None:
    """Return the load test that sends or waits for answers."""
    load = console.cockpit.load_state()
    return load if load is not None and load.phase.sending else None


async def load_test(console: Console) -> None:
    """Send load to the selected block."""
    block = changeable(console)
    if block is None:
        return
    if running(console) is not None:
        console.toast("A load test is running: X stops it.", Severity.DEGRADED)
        return
    cockpit = console.cockpit
    try:
        target = cockpit.load_target(Api.INFER)
        host, _ = host_and_port(target)
    except (ActionRefusedError, ReadError) as error:
        console.toast(f"Not started: {error}", Severity.DEGRADED)
        return
    name = typed_name(console, block)
    form = LoadDialog(
        block,
        target,
        cockpit.load_limits,
        cockpit.load_estimate,
        cockpit.aimed_load,
        now=cockpit.now(),
        typed={"production": name} if name else {},
        large_host="" if is_local(host) else host,
    )
    plan = await console.ask(form)
    if plan is None:
        return
    try:
        await console.engine(cockpit.start_load, plan)
    except (ActionRefusedError, ReadError) as error:
        console.toast(f"Not started: {error}", Severity.DEGRADED)
        return
    console.look(replace(console.view, page=Page.LOAD, block_id=block.block_id))
    most = cockpit.load_estimate(plan).requests
    console.toast(f"Load test on {block.block_id} started: {count(most, 'request')} at most. X stops it.")


async def stop_load(console: Console) -> None:
    """Stop the load test; stopping is safe, so nothing is asked."""
    load = console.cockpit.load_state()
    if load is not None and load.phase is LoadPhase.WATCHING:
        await console.engine(console.cockpit.stop_load)
        console.toast("Load test: the autoscaler is no longer watched for it.")
        return
    if running(console) is None:
        console.toast("No load test is running.")
        return
    await console.engine(console.cockpit.stop_load)
    console.toast("Load test: sends nothing more and waits for the answers; X again gives them up.")


async def change_rate(console: Console, factor: float) -> None:
    """Send faster or slower from now on."""
    load = running(console)
    if load is None or load.rate is None:
        console.toast("This load test has no rate to change.", Severity.DEGRADED)
        return
    try:
        await console.engine(console.cockpit.change_load_rate, factor)
    except ActionRefusedError as error:
        console.toast(f"Refused: {error}", Severity.DEGRADED)
        return
    console.toast(
        f"Load test: the rate was {load.rate:.3g}, now {load.rate * factor:.3g} a second, as far as caps allow."
    )


async def next_stage(console: Console) -> None:
    """Go on to the next stage."""
    load = running(console)
    if load is None or load.stage + 1 >= len(load.plan.stages):
        console.toast("The load test has no further stage.", Severity.DEGRADED)
        return
    await console.engine(console.cockpit.next_load_stage)


async def hold(console: Console) -> None:
    """Stay at the present rate, or go on."""
    load = running(console)
    if load is None or load.rate is None:
        console.toast("No load test with a rate is running.", Severity.DEGRADED)
        return
    await console.engine(console.cockpit.hold_load)
    held = "goes on with its stages" if load.held else f"stays at {load.rate:.3g} a second until h or the end"
    console.toast(f"Load test: {held}.")


async def report(console: Console) -> None:
    """Say where the report of the last load test is kept."""
    load = console.cockpit.load_state()
    if load is None:
        console.toast("No load test has run in this session.", Severity.DEGRADED)
    elif not load.saved_as:
        console.toast("The report is kept when the load test has ended.")
    else:
        console.toast(f"Report, requests and HdrHistogram log: {load.saved_as}")


LOAD_COMMANDS: Mapping[str, Command] = {
    "load_test": load_test,
    "stop_load": stop_load,
    "next_stage": next_stage,
    "hold": hold,
}
