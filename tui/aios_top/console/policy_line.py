"""Commands with an argument that are about the policy; what they change is planned and asked for as with a key."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from aios_top.console.changing import changeable, confirm_and_send
from aios_top.console.dialogs.field import typed_path
from aios_top.console.dialogs.force import parse_change
from aios_top.console.policy_commands import compare, set_parameters
from aios_top.console.ports import Console
from aios_top.model.draft import parse_assignment
from aios_top.model.span import seconds_of
from aios_top.model.text import clean
from aios_top.model.verdict import Severity


async def _set(console: Console, argument: str) -> None:
    block = changeable(console)
    if block is None:
        return
    try:
        values = dict(parse_assignment(word) for word in argument.split())
    except ValueError as error:
        console.toast(f"set: {error}.", Severity.DEGRADED)
        return
    await set_parameters(console, block, values)


async def _pause(console: Console, argument: str) -> None:
    block = changeable(console)
    if block is None:
        return
    time, _, rest = argument.partition(" ")
    seconds = seconds_of(time)
    if seconds is None:
        console.toast(f"{clean(time, 20)} is no length of time, e.g. 10m.", Severity.DEGRADED)
        return
    first, _, reason = rest.strip().partition(" ")
    if first not in {"up", "down", "both"}:
        first, reason = "both", rest
    await confirm_and_send(console, block, console.cockpit.plan_pause, seconds, first, reason.strip())


async def _force(console: Console, argument: str) -> None:
    block = changeable(console)
    if block is None:
        return
    change = parse_change(argument)
    if change is None:
        console.toast("force_scale takes +N or -N, e.g. force_scale +1.", Severity.DEGRADED)
        return
    await confirm_and_send(console, block, console.cockpit.plan_force, change, False, "")


async def _roll_back(console: Console, argument: str) -> None:
    block = changeable(console)
    if block is not None and await confirm_and_send(console, block, console.cockpit.plan_bind, argument):
        await confirm_and_send(console, block, console.cockpit.plan_restart)


async def _diff(console: Console, argument: str) -> None:
    await compare(console, typed_path(argument))


TELLING: Mapping[str, Callable[[Console, str], Coroutine[Any, Any, None]]] = {
    "set": _set,
    "pause_policy": _pause,
    "force_scale": _force,
    "roll_back": _roll_back,
    "diff": _diff,
}
"""By name; without its argument such a name is the key's own action, if there is one."""
