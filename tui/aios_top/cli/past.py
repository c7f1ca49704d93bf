"""What was recorded, as the console goes through it: of the running console, or of a file."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Protocol, TypeVar

from msgspec.structs import replace

from aios_top.cli.capsules import Gather, Wanted, make_capsule, without_network, written_as
from aios_top.cli.exits import CommandError
from aios_top.cli.opened import NOTHING, Brought
from aios_top.engine.replay import Replay
from aios_top.model.capsule import CapsuleWish, CapsuleWritten
from aios_top.model.errors import PastError
from aios_top.model.moment import Moment
from aios_top.model.recording import Mark, RecordingState
from aios_top.model.state import FleetState
from aios_top.store.paths import StoreError
from aios_top.store.recording_reader import Recording, open_recording

T = TypeVar("T")
Complete = Callable[[FleetState], FleetState]


class Beside(Protocol):
    """What adds to moments what is not recorded; `engine.past_verifier.PastVerifier` does so."""

    def complete(self, state: FleetState) -> FleetState:
        """Return a state with what is known of it beside the recording."""

    def regard(self, block_id: str | None) -> None:
        """Take note of the block that is looked at."""

    def standing_aside(self) -> AbstractContextManager[None]:
        """Do nothing until the end of the block: somebody waits for a jump."""


class AtOnce:
    """Adds what a function knows, and needs no time for it."""

    def __init__(self, complete: Complete = lambda state: state) -> None:
        self.complete = complete

    def regard(self, block_id: str | None) -> None:
        """Do nothing."""

    def standing_aside(self) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()


class FilePast:
    """A file; satisfies `console.ports.Past`."""

    closed = True

    def __init__(
        self,
        recording: Recording,
        gather: Gather = without_network,
        secrets: Sequence[str] = (),
        beside: Beside | None = None,
        brought: Brought = NOTHING,
    ) -> None:
        """`gather` tells what is known of the policies, `secrets` are texts that no capsule may hold.

        `beside` adds to a state what is not recorded, `brought` is what a capsule has beside its recording.
        """
        self._brought = brought
        self._beside = beside or AtOnce()
        self._recording = recording
        self._gather = gather
        self._secrets = secrets
        self._replay = Replay(recording)

    def times(self) -> Sequence[float]:
        """Return every moment; another process may still be writing."""
        return _read(self._times)

    def moment(self, at: float) -> Moment:
        """Return a moment."""
        with self._beside.standing_aside():
            found = _read(lambda: self._replay.moment(at))
        return replace(found, state=self._beside.complete(found.state))

    def regard(self, block_id: str | None) -> None:
        """Take note of the block that is looked at."""
        self._beside.regard(block_id)

    def let_go(self, *, shown: bool) -> None:
        """Free the moment before the newest one, and the newest, too, when it is not shown any more."""
        self._replay.let_go(shown=shown)

    def marks(self) -> Sequence[Mark]:
        """Return what happened."""
        return _read(self._replay.marks)

    def hand_over(self, wish: CapsuleWish) -> CapsuleWritten:
        """Write a part of it as a capsule."""
        wanted = Wanted(wish.start, wish.end, Path(wish.path), wish.note, wish.redact_names, self._secrets)
        try:
            return _read(lambda: self._written(wanted))
        except CommandError as error:
            raise PastError(str(error)) from error

    def _written(self, wanted: Wanted) -> CapsuleWritten:
        return written_as(make_capsule(self._recording, wanted, self._gather, self._brought), wanted.output)

    def _times(self) -> Sequence[float]:
        self._replay.refresh()
        return self._replay.times


class OwnPast:
    """What the running console has recorded so far; satisfies `console.ports.Past`."""

    closed = False

    def __init__(
        self,
        state: Callable[[], RecordingState],
        gather: Gather = without_network,
        secrets: Sequence[str] = (),
        complete: Complete = lambda state: state,
    ) -> None:
        """`state` says how the recording stands, `complete` adds what is not recorded, the rest is as for a file."""
        self._state = state
        self._complete = complete
        self._gather = gather
        self._secrets = secrets
        self._lock = Lock()
        self._recording: Recording | None = None
        self._before: list[Recording] = []
        """Recordings that were ended; the moment on the screen may still be one of theirs."""
        self._past: FilePast | None = None

    def times(self) -> Sequence[float]:
        """Return every moment so far, none before the first."""
        past = self._open()
        return () if past is None else past.times()

    def moment(self, at: float) -> Moment:
        """Return a moment."""
        past = self._open()
        if past is None:
            raise PastError("nothing is recorded yet")
        return past.moment(at)

    def regard(self, block_id: str | None) -> None:
        """Do nothing: the running console evaluates its decisions itself."""

    def let_go(self, *, shown: bool) -> None:
        """Free the moment before the newest one, and the newest, too, when it is not shown any more."""
        past = self._past
        if past is not None:
            past.let_go(shown=shown)
        self._close_before()

    def marks(self) -> Sequence[Mark]:
        """Return what happened."""
        past = self._open()
        return () if past is None else past.marks()

    def hand_over(self, wish: CapsuleWish) -> CapsuleWritten:
        """Write a part of it as a capsule."""
        past = self._open()
        if past is None:
            raise PastError("nothing is recorded yet")
        return past.hand_over(wish)

    def close(self) -> None:
        """Close what was opened."""
        self._close_before()
        with self._lock:
            if self._recording is not None:
                self._recording.close()
            self._recording = self._past = None

    def _close_before(self) -> None:
        with self._lock:
            while self._before:
                self._before.pop().close()

    def _open(self) -> FilePast | None:
        """Open what is recorded now: after it was begun anew that is another file."""
        state = self._state()
        path = state.path
        with self._lock:
            if not path or not state.polls:
                return self._past
            if self._recording is None or str(self._recording.path) != path:
                if self._recording is not None:
                    self._before.append(self._recording)
                self._recording = _read(lambda: open_recording(Path(path), own=True))
                self._past = FilePast(self._recording, self._gather, self._secrets, AtOnce(self._complete))
            return self._past


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except (StoreError, sqlite3.Error, OSError) as error:
        raise PastError(f"the recording cannot be read: {error}") from error
