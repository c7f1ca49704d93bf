"""The keys that go through time: any moment of the past is shown by the views that show the present."""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from aios_top.console.dialogs.time import TimeDialog
from aios_top.console.ports import Command, Console
from aios_top.model.errors import PastError
from aios_top.model.recording import Mark, MarkKind, RecordingPhase
from aios_top.model.text import clean
from aios_top.model.verdict import Severity
from aios_top.render.timebar import Travel

T = TypeVar("T")

FRAME_SECONDS = 0.25
"""The shortest time for which a moment is shown while time runs; faster, some are left out."""
_LONGEST_WAIT = 10.0
"""A gap in the recording is not waited for longer than this."""
_DECISIONS = frozenset({MarkKind.UP, MarkKind.DOWN, MarkKind.ERROR})


async def previous_sample(console: Console) -> None:
    """Go one poll back."""
    await _step(console, -1)


async def next_sample(console: Console) -> None:
    """Go one poll on."""
    await _step(console, 1)


async def previous_decision(console: Console) -> None:
    """Go back to the scaling decision before."""
    await _step_decision(console, -1)


async def next_decision(console: Console) -> None:
    """Go on to the next scaling decision."""
    await _step_decision(console, 1)


async def go_to_time(console: Console) -> None:
    """Ask for a time and go there."""
    times = await _times(console)
    if times:
        now = times[-1] if console.past is not None and console.past.closed else console.cockpit.now()
        at = await console.ask(TimeDialog(times[0], times[-1], now))
        if at is not None:
            await _go(console, times, bisect_right(times, at) - 1)


async def live(console: Console) -> None:
    """Go back to the present."""
    if console.past is not None and console.past.closed:
        console.toast("This is a recording: there is no present to go back to.")
    elif console.view.travel is not None:
        console.travel(None, None)
        console.toast("Live again.")
    elif console.view.paused:
        console.act("pause")
    else:
        console.toast("This is the present: [ goes one poll back, @ to any time.")


async def record(console: Console) -> None:
    """Begin or end recording."""
    state = console.cockpit.recording()
    if state is None:
        console.toast("Nothing can be recorded here.", Severity.DEGRADED)
        return
    await console.engine(console.cockpit.toggle_recording)
    console.look(console.view)
    ended = state.phase is RecordingPhase.ON
    console.toast(f"Recording ended: {clean(state.path, 300)}" if ended else "Recording.")


async def play(console: Console) -> None:
    """Let the past run until its end, the key again, or another key of time."""
    while (travel := console.view.travel) is not None and travel.playing:
        times = await _times(console)
        place = bisect_right(times, travel.at)
        if place >= len(times):
            console.play(None)
            console.toast("The end of the recording.")
            return
        wait = min((times[place] - travel.at) / travel.speed, _LONGEST_WAIT)
        if wait < FRAME_SECONDS:
            place = max(place, bisect_right(times, travel.at + FRAME_SECONDS * travel.speed) - 1)
        await asyncio.sleep(max(wait, FRAME_SECONDS))
        now = console.view.travel
        if now is not None and now.playing and now.at == travel.at:
            await _go(console, times, place)


async def _step(console: Console, step: int) -> None:
    times = await _times(console)
    if times:
        at = console.view.travel.at if console.view.travel is not None else console.state.at
        place = bisect_left(times, at) + step if step < 0 else bisect_right(times, at) + step - 1
        await _go(console, times, place)


async def _step_decision(console: Console, step: int) -> None:
    past, times = console.past, await _times(console)
    if past is None or not times:
        return
    travel = console.view.travel
    at = travel.at if travel is not None else console.state.at
    chosen = console.view.block_id if travel is not None and console.view.decision == 0 else None
    mark = _next_decision(await _read(console, past.marks) or (), at, step, chosen)
    if mark is None:
        console.toast("No later scaling decision." if step > 0 else "No earlier scaling decision is recorded.")
        return
    await _go(console, times, bisect_right(times, mark.at) - 1, mark.block_id)
    console.toast(f"{mark.block_id}: {mark.text}")


def _next_decision(marks: Sequence[Mark], at: float, step: int, block_id: str | None) -> Mark | None:
    """Return the next scaling decision after a time, or before it; after that of the chosen block of the same poll."""
    first, end = bisect_left(marks, at, key=_at), bisect_right(marks, at, key=_at)
    same = [place for place in range(first, end) if marks[place].kind in _DECISIONS]
    chosen = [place for place in same if marks[place].block_id == block_id]
    if step > 0:
        places = range(chosen[-1] + 1 if chosen else end, len(marks))
    else:
        places = range((chosen[0] if chosen else first) - 1, -1, -1)
    return next((marks[place] for place in places if marks[place].kind in _DECISIONS), None)


def _at(mark: Mark) -> float:
    return mark.at


async def _times(console: Console) -> Sequence[float]:
    """Return the moments there are, or say that there are none."""
    past = console.past
    times = [] if past is None else await _read(console, past.times)
    if not times:
        console.toast("Nothing is recorded yet: R begins to record.", Severity.DEGRADED)
    return times or []


async def _read(console: Console, read: Callable[..., T], *arguments: float) -> T | None:
    """Read off the screen's loop; a recording that cannot be read is said and not the end."""
    try:
        return await asyncio.to_thread(read, *arguments)
    except PastError as error:
        console.toast(str(error), Severity.BROKEN)
        return None


async def _go(console: Console, times: Sequence[float], place: int, block_id: str | None = None) -> None:
    """Show the poll at a place of the list, the nearest one there is; with `block_id` that block's newest decision."""
    past = console.past
    if past is None:
        return
    at = times[min(len(times) - 1, max(0, place))]
    moment = await _read(console, past.moment, at)
    marks = await _read(console, past.marks)
    if moment is None or marks is None:
        return
    before = console.view.travel
    console.travel(
        moment,
        Travel(
            moment.state.at,
            times[0],
            times[-1],
            tuple(marks),
            playing=before is not None and before.playing,
            speed=1.0 if before is None else before.speed,
            replay=past.closed,
        ),
        block_id,
    )


TRAVELS: Mapping[str, Command] = {
    "previous_sample": previous_sample,
    "next_sample": next_sample,
    "previous_decision": previous_decision,
    "next_decision": next_decision,
    "go_to_time": go_to_time,
    "live": live,
    "record": record,
}
"""What the keys of time do."""
WITHOUT_PAST: Mapping[str, Command] = {
    action: command for action, command in TRAVELS.items() if action not in {"previous_decision", "next_decision"}
}
"""The same where nothing can be recorded: the keys of decisions select in the log."""
