"""Commands as text: every action by its id, and a few that take an argument."""

import re
from collections.abc import Callable

from msgspec.structs import replace

from aios_top.console.policy_line import TELLING
from aios_top.console.ports import Console
from aios_top.console.shadowing import shadow
from aios_top.console.view import Page, Sort
from aios_top.model.polling import LONGEST_POLL_SECONDS, SHORTEST_POLL_SECONDS
from aios_top.model.span import length, seconds_of
from aios_top.model.text import clean
from aios_top.model.verdict import Severity
from aios_top.model.window import Window

ARGUMENTS = (
    ("block", "NAME", "Open a block by its name or the beginning of it."),
    ("window", "1m|5m|15m", "Set the averaging window."),
    ("sort", "COLUMN", f"Sort the fleet by {', '.join(Sort)}."),
    ("filter", "TEXT", "Show only the blocks that match."),
    ("poll", "SECONDS", "Set the polling period."),
    ("diff", "PATH", "Compare what is served with the policy in a folder or an archive."),
    ("shadow", "NAME=VALUE ...", "Let a draft, perhaps of a policy's PATH, decide beside the running policy; or off."),
)
"""Name, argument and meaning of each command with an argument."""
CHANGES = (
    ("set", "NAME=VALUE ...", "Set parameters of the running policy, after a question."),
    ("pause_policy", "TIME", "Pause scaling for 10m; `10m up why` only up, with a reason; after a question."),
    ("force_scale", "+N|-N", "Let the policy scale at its next evaluation, after a question."),
    ("roll_back", "URI", "Bind the block to another registered policy, after a question."),
)
"""The same of those that change something; a console that sends nothing has none of them."""

"""The shortest and the longest polling period."""


async def run_line(console: Console, line: str) -> None:
    """Run one command line; what cannot be run is said, with the next step."""
    name, _, argument = line.strip().partition(" ")
    argument = argument.strip()
    actions = {key.action for key in console.keys}
    if name in _TAKING and argument:
        problem = _TAKING[name](console, argument)
        if problem:
            console.toast(problem, Severity.DEGRADED)
    elif name in TELLING and argument:
        await TELLING[name](console, argument)
    elif name in actions and not argument:
        console.act(name)
    elif name == "shadow":
        await shadow(console, argument)
    elif name == "poll":
        await _poll(console, argument)
    else:
        console.toast(f"There is no command {clean(line, 60)!r}; : lists them all.", Severity.DEGRADED)


def _block(console: Console, argument: str) -> str:
    names = list(console.state.blocks)
    found = [name for name in names if name == argument] or [name for name in names if name.startswith(argument)]
    if len(found) != 1:
        problem = "is no block" if not found else f"is the beginning of {len(found)} blocks"
        return f"{clean(argument, 60)} {problem}; type more of its name."
    console.look(replace(console.view, page=Page.BLOCK, block_id=found[0]))
    return ""


def _window(console: Console, argument: str) -> str:
    window = next((entry for entry in Window if entry.label == argument), None)
    if window is None:
        return f"There is no window {clean(argument, 20)}; AIOS keeps 1m, 5m and 15m."
    console.look(replace(console.view, window=window))
    return ""


def _sort(console: Console, argument: str) -> str:
    if argument not in list(Sort):
        return f"There is no column {clean(argument, 20)}; the columns are {', '.join(Sort)}."
    console.look(replace(console.view, sort=Sort(argument)))
    return ""


def _filter(console: Console, argument: str) -> str:
    try:
        re.compile(argument.removeprefix("-f ").removeprefix("!"))
    except re.error as error:
        return f"Not a regular expression: {error}."
    console.look(replace(console.view, page=Page.FLEET, filter=argument))
    return ""


async def _poll(console: Console, argument: str) -> None:
    shortest, longest = SHORTEST_POLL_SECONDS, LONGEST_POLL_SECONDS
    seconds = seconds_of(argument) or 0.0
    if not shortest <= seconds <= longest:
        console.toast(f"poll takes {length(shortest)} to {length(longest)}, e.g. poll 2s.", Severity.DEGRADED)
        return
    await console.engine(console.cockpit.set_poll_seconds, seconds)
    console.toast(f"Polls every {length(seconds)}.")


_TAKING: dict[str, Callable[[Console, str], str]] = {
    "block": _block,
    "window": _window,
    "sort": _sort,
    "filter": _filter,
}
