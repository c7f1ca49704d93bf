"""Records every poll on a thread of its own: neither a slow disk nor a full one stops the polling or the screen."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from queue import Empty, Full, Queue
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from aios_top.engine.marks import Marker
from aios_top.engine.picture import Picture
from aios_top.engine.trace import Tracer
from aios_top.model.audit import AuditEntry
from aios_top.model.deploy import DeployState
from aios_top.model.fact import AuditRead, DecisionsTold, Fact, PoliciesRead, PolicyTold, Poll, RecordsRead, WorkSeen
from aios_top.model.frame import Trace
from aios_top.model.load import LoadState
from aios_top.model.policy_state import DecisionPage
from aios_top.model.recording import Mark, RecordingPhase, RecordingState
from aios_top.model.state import FleetState
from aios_top.model.text import Clean

WAITING_POLLS = 30
"""Polls that may wait for the disk: a minute at the usual period; later ones are counted as missed."""
LONGEST_END_SECONDS = 10.0
_STOP = object()


class Sink(Protocol):
    """What a recorder writes to; `store.recording_writer.RecordingWriter` satisfies it by shape.

    Every method raises an exception of `failures` when nothing more can be written.
    """

    def append(self, poll: Poll, traces: Mapping[Any, Trace], marks: Iterable[Mark]) -> None:
        """Write a poll; it is on the disk when this returns."""

    def size(self) -> int:
        """Return the bytes on the disk."""

    def close(self) -> None:
        """End the recording."""


class RecordingPort(Struct, frozen=True):
    """How to begin a recording."""

    open: Callable[[], tuple[str, Sink]]
    """Makes a new one; returns its path too."""
    failures: tuple[type[Exception], ...]
    """What its methods raise; the message names the cause and the next step."""


class _Job(Struct, frozen=True):
    poll: Poll
    state: FleetState
    traces: Mapping[Clean, Trace]


class Recorder:
    """Takes polls on the engine's thread and writes them on its own."""

    def __init__(self, port: RecordingPort, audit: Callable[[], Sequence[AuditEntry]] = tuple) -> None:
        self._port = port
        self._audit = audit
        self._jobs: Queue[_Job | object] = Queue(WAITING_POLLS)
        self._thread: threading.Thread | None = None
        self._tracer = Tracer()
        self._seen = WorkSeen(None, None)
        self._begun = False
        self._missed = 0
        self.state = RecordingState()
        """How it stands; replaced as a whole, so any thread may read it."""

    @property
    def is_on(self) -> bool:
        """Whether polls are taken."""
        return self._thread is not None and self.state.phase is RecordingPhase.ON

    def start(self) -> None:
        """Begin a new recording."""
        if self._thread is not None:
            self.stop()
        self._jobs, self._missed = Queue(WAITING_POLLS), 0
        self._tracer, self._seen, self._begun = Tracer(), WorkSeen(None, None), False
        self.state = RecordingState(RecordingPhase.ON)
        self._thread = threading.Thread(target=self._run, args=(self._jobs,), name="aios-top-recorder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the recording: what waits is written first."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self.state.phase is RecordingPhase.ON:
            self.state = replace(self.state, phase=RecordingPhase.OFF)
        self._jobs.put(_STOP)
        thread.join(LONGEST_END_SECONDS)

    def take(
        self, poll: Poll, state: FleetState, picture: Picture, load: LoadState | None, deploy: DeployState | None
    ) -> None:
        """Take a poll that was just published; never waits."""
        if not self.is_on:
            return
        traces = self._tracer.traces(picture)
        if not self._begun:
            self._begun, poll = True, _with_knowledge(poll, picture)
        work = WorkSeen(load, deploy)
        if work != self._seen:
            self._seen = work
            poll = replace(poll, facts=(*poll.facts, work))
        try:
            self._jobs.put_nowait(_Job(poll, state, traces))
        except Full:
            self._missed += 1

    def _run(self, jobs: "Queue[_Job | object]") -> None:
        """Write until told to stop or until it cannot be written any more."""
        sink: Sink | None = None
        try:
            path, sink = self._port.open()
            self.state = replace(self.state, path=path, bytes=sink.size())
            self._write(sink, jobs)
        except self._port.failures as error:
            self.state = replace(self.state, phase=RecordingPhase.FAILED, problem=str(error))
        finally:
            if sink is not None:
                sink.close()
        while self.state.phase is RecordingPhase.FAILED:  # let nobody wait for a place
            try:
                if jobs.get(timeout=1.0) is _STOP:
                    return
            except Empty:
                continue

    def _write(self, sink: Sink, jobs: "Queue[_Job | object]") -> None:
        marker, told = Marker(), 0
        while isinstance(job := jobs.get(), _Job):
            poll = job.poll
            entries = self._audit()
            if len(entries) != told:
                poll = replace(poll, facts=(AuditRead(tuple(entries[told:])), *poll.facts))
                told = len(entries)
            sink.append(poll, job.traces, marker.marks(poll, job.state, job.traces))
            state = self.state
            self.state = replace(
                state,
                since=poll.at if state.since is None else state.since,
                until=poll.at,
                polls=state.polls + 1,
                bytes=sink.size(),
                missed=self._missed,
            )


def _with_knowledge(poll: Poll, picture: Picture) -> Poll:
    """Return the first poll of a recording with what the console knew before it: not everything is asked every time."""
    told = {(type(fact), getattr(fact, "block_id", None)) for fact in poll.facts}
    pages = {fact.block_id: len(fact.page.decisions) for fact in poll.facts if isinstance(fact, DecisionsTold)}
    knowledge = picture.knowledge
    known: list[Fact] = [fact for fact in knowledge.told.values() if (PolicyTold, fact.block_id) not in told]
    if knowledge.records and (RecordsRead, None) not in told:
        known.append(RecordsRead(tuple(knowledge.records.values())))
    if knowledge.policies and (PoliciesRead, None) not in told:
        known.append(PoliciesRead(knowledge.policies))
    for block_id, memory in picture.memories.items():
        if memory.boot_id is not None and len(memory.reported) > pages.get(block_id, 0):
            page = DecisionPage(memory.boot_id, tuple(reversed(memory.reported)), memory.cursor)
            known.append(DecisionsTold(block_id, page))
    return replace(poll, facts=(*known, *poll.facts))
