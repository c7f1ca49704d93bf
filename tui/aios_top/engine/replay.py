"""The states of a recording: any moment of it, or one after the other, made by the rules that made them live."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Protocol

from aios_top.engine.restore import restored, shown
from aios_top.model.fact import Poll
from aios_top.model.frame import Frame
from aios_top.model.moment import Moment
from aios_top.model.recording import Mark
from aios_top.model.state import FleetState

_JUMPS_BETWEEN_SEARCHES = 100
_jumps = count(1)


class Recorded(Protocol):
    """What a replay needs of a recording; `store.recording_reader.Recording` satisfies it by shape."""

    @property
    def times(self) -> Sequence[float]:
        """Unix seconds of every poll, ascending."""

    def frame(self, at: float) -> Frame:
        """Return the moment of the last poll at or before a time, of the first for an earlier time."""

    def polls(self, start: float, end: float) -> Iterator[Poll]:
        """Yield the polls of a time span in order."""

    def refresh(self) -> bool:
        """Look for what was recorded since; return whether there is something new."""

    def let_go(self) -> None:
        """Free what earlier moments were read of."""

    def marks(self) -> Sequence[Mark]:
        """Return what happened, oldest first."""

    def sessions(self) -> Sequence[tuple[float, float]]:
        """Return the first and last time of every run that recorded here."""


class Replay:
    """One recording as states."""

    def __init__(self, recording: Recorded) -> None:
        self._recording = recording
        self._given: list[tuple[Mapping[Any, Any], ...]] = []
        """Blocks of the newest state that was returned, and of the one before it, with what they were made of."""

    @property
    def times(self) -> Sequence[float]:
        """Unix seconds of every state, ascending."""
        return self._recording.times

    def refresh(self) -> bool:
        """Look for what was recorded since; return whether there is something new."""
        return self._recording.refresh()

    def marks(self) -> Sequence[Mark]:
        """Return what happened, oldest first."""
        return self._recording.marks()

    def moment(self, at: float) -> Moment:
        """Return what a console showed at a time; may take a tenth of a second."""
        with _without_collecting():
            frame, state = self._look(at)
            return Moment(state, frame.work.load, frame.work.deploy, frame.audit)

    def state(self, at: float) -> FleetState:
        """Return the state that was shown at a time: the newest then, the first one for an earlier time."""
        with _without_collecting():
            return self._look(at)[1]

    def let_go(self, *, shown: bool = True) -> None:
        """Free the state before the newest one, and what both were made of, for when the newest is on the screen.

        When it is not `shown` any more, it goes, too. That takes a fifth of the time of a jump; it is done block by
        block, so that other threads need not wait for all of it.
        """
        left, self._given = self._given, [made[:1] for made in self._given[-1:] if shown]
        while left:
            blocks = [block for part in left.pop() for block in part.values()]
            while blocks:
                blocks.pop()
        self._recording.let_go()

    def _look(self, at: float) -> tuple[Frame, FleetState]:
        frame = self._recording.frame(at)
        picture = restored(frame)
        state = shown(frame, picture)
        self._given = [*self._given[-1:], (state.blocks, picture.memories, frame.blocks)]
        return frame, state

    def states(self, start: float = float("-inf"), end: float = float("inf")) -> Iterator[FleetState]:
        """Yield every state of a time span in order; each follows from the one before it, as it did live."""
        for first, last in self._recording.sessions():
            if last >= start and first <= end:
                yield from self._states(max(start, first), min(end, last))

    def _states(self, start: float, end: float) -> Iterator[FleetState]:
        frame = self._recording.frame(start)
        picture = restored(frame)
        state = shown(frame, picture)
        if frame.at >= start:
            yield state
        for poll in self._recording.polls(frame.at, end):
            if poll.at > frame.at:
                yield picture.take_poll(poll)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Put off the search for cyclic garbage: a jump makes a hundred thousand small values and no cycle of them.

    With a thousand instances in memory the searches that those set off took longer than the jump. What it made is
    then set aside from all searches; it goes by itself with the moment that it belongs to. Now and then everything is
    looked at again, for the sake of other garbage that was set aside with it.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if next(_jumps) % _JUMPS_BETWEEN_SEARCHES:
                gc.freeze()
            else:
                gc.unfreeze()
            gc.enable()
