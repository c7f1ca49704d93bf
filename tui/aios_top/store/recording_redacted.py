"""A recording seen through a redaction, for copying what may leave."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec.structs import replace

from aios_top.model.fact import FleetRead, Poll
from aios_top.model.frame import BlockFrame, Frame, Trace
from aios_top.model.recording import Mark, RecordingHeader
from aios_top.model.redaction import Finder, Redactor
from aios_top.model.text import Clean


class Source(Protocol):
    """What a slice is copied from; a recording is one."""

    @property
    def header(self) -> RecordingHeader:
        """What was known when it began."""

    def sessions(self) -> Sequence[tuple[float, float]]:
        """Return the first and last time of every run."""

    def frame(self, at: float) -> Frame:
        """Return the moment of the last poll at or before a time."""

    def steps(self, start: float, end: float) -> Iterator[tuple[Poll, dict[Clean, Trace]]]:
        """Yield the polls of a time span with what each left in the blocks' memory."""

    def marks(self, start: float, end: float) -> tuple[Mark, ...]:
        """Return what happened in a time span."""


def find_names(source: Source, start: float, end: float, finder: Finder) -> None:
    """Collect the names that occur in a time span, and in what is known from before it."""
    finder.look(source.header)
    finder.operator(source.header.who)
    for first, last in source.sessions():
        if last < start or first > end:
            continue
        _look_at(source.frame(max(start, first)), finder)
        for poll, traces in source.steps(max(start, first), min(end, last)):
            finder.look(poll)
            for name, trace in traces.items():
                finder.add("block", name)
                _look_at_trace(trace, finder)


def _look_at(frame: Frame, finder: Finder) -> None:
    finder.look(frame)
    for name, block in frame.blocks.items():
        finder.add("block", name)
        for instance in block.newest:
            finder.add("instance", instance)
        _look_at_trace(Trace(block.bearing), finder)


def _look_at_trace(trace: Trace, finder: Finder) -> None:
    finder.look(trace)
    bearing = trace.bearing
    listed = (*(name for name, _ in bearing.listed), *(entry[0] for entry in bearing.instances))
    for name in (*listed, *(bearing.inferred_members or ())):
        finder.add("instance", name)


class Redacted:
    """A source whose texts are redacted as they are read."""

    def __init__(self, source: Source, redact: Redactor, *, names: bool) -> None:
        """Without `names` only secrets are taken out, and metric documents, which have no place for any, are passed."""
        self._source = source
        self._redact = redact
        self._names = names

    @property
    def header(self) -> RecordingHeader:
        """What was known when it began."""
        return self._redact(self._source.header)

    def sessions(self) -> Sequence[tuple[float, float]]:
        """Return the first and last time of every run."""
        return self._source.sessions()

    def marks(self, start: float, end: float) -> tuple[Mark, ...]:
        """Return what happened in a time span."""
        return self._redact(self._source.marks(start, end))

    def steps(self, start: float, end: float) -> Iterator[tuple[Poll, dict[Clean, Trace]]]:
        """Yield the polls of a time span with what each left in the blocks' memory."""
        for poll, traces in self._source.steps(start, end):
            if self._names:
                yield self._redact(poll), self._redact(traces)
            else:
                facts = tuple(fact if isinstance(fact, FleetRead) else self._redact(fact) for fact in poll.facts)
                yield replace(poll, facts=facts, endpoints=self._redact(poll.endpoints)), self._redact(traces)

    def frame(self, at: float) -> Frame:
        """Return the moment of the last poll at or before a time."""
        found = self._source.frame(at)
        blocks = {self._name(name): self._block(block) for name, block in found.blocks.items()}
        return replace(self._redact(replace(found, blocks={})), blocks=blocks)

    def _block(self, block: BlockFrame) -> BlockFrame:
        return self._redact(replace(block, reported=tuple(block.reported)))

    def _name(self, name: Clean) -> Clean:
        return next(iter(self._redact({name: None})))
