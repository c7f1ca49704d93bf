"""Reads a segment poll by poll: the facts that each brought, as the engine learnt them."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any

from msgspec import Struct, field

from aios_top.model.audit import AuditEntry
from aios_top.model.decision import Decision
from aios_top.model.fact import (
    AuditRead,
    CooldownReset,
    DecisionsTold,
    Fact,
    FleetFailed,
    FleetRead,
    PoliciesRead,
    PolicyTold,
    Poll,
    RecordsRead,
    Resumed,
)
from aios_top.model.frame import Bearing, Documents, Trace
from aios_top.model.policy_state import DecisionPage
from aios_top.model.reading import BlockReading, ExecutorReading, FleetReading, InstanceReading
from aios_top.model.record import BlockRecord, PolicyRecord
from aios_top.model.state import EndpointState
from aios_top.model.text import Clean, clean
from aios_top.store.bearings import bearing_value
from aios_top.store.recording_index import RecordingIndex, SegmentEntry
from aios_top.store.recording_segments import BlockPart
from aios_top.store.typed import decoded, value

_EVERYTHING = -1


class _BlockSteps:
    """One block, poll by poll."""

    def __init__(self, block_id: Clean, part: BlockPart) -> None:
        self.block_id = block_id
        self.documents = Documents()
        self.bearing = Bearing()
        self.sample: tuple[float | None, ...] | None = None
        self.told: PolicyTold | None = None
        self._executor: ExecutorReading | None = None
        self._readings: dict[Clean, InstanceReading] = {}
        self._events: dict[int, list[Any]] = defaultdict(list)
        for name, rows in part.pushes().items():
            for poll, reading in zip(rows.polls, rows.readings(range(len(rows.polls))), strict=True):
                self._events[poll].append((name, reading))
        for poll, row in part.executors().rows():
            self._events[poll].append(ExecutorReading(*row))
        for poll, found in part.stream("documents").every():
            self._events[poll].append(value(found, Documents))
        for poll, told in part.told():
            self._events[poll].append(told)
        for poll, found in part.stream("bearing").every():
            self._events[poll].append(bearing_value(found))
        self._pages: dict[int, list[Any]] = defaultdict(list)
        for poll, row in part.decided():
            self._pages[poll].append(row)
        self._samples = {poll: tuple(row) for poll, row in part.samples().rows()}

    def step(self, poll: int) -> None:
        """Go on to a poll."""
        for event in self._events.get(poll, ()):
            match event:
                case Documents():
                    self.documents = event
                case Bearing():
                    self.bearing = event
                case PolicyTold():
                    self.told = event
                case ExecutorReading():
                    self._executor = event
                case (name, reading):
                    self._readings[name] = reading
        self.sample = self._samples.get(poll)

    def reading(self) -> BlockReading:
        """Return the block's row of the metrics service's answer."""
        found = self.documents
        rows = tuple(self._readings[name] for name in found.instance_ids if name in self._readings)
        executor = self._executor if found.has_executor else None
        return BlockReading(self.block_id, rows, executor, found.dropped, found.duplicates)

    def facts(self, poll: int, *, whole: bool) -> Iterator[Fact]:
        """Yield what the policy told at a poll, or with `whole` everything that it had told by then."""
        for number in [number for number in sorted(self._pages) if number == poll or (whole and number < poll)]:
            rows = self._pages[number]
            if rows:
                decisions = tuple(value(row["decision"], Decision) for row in rows if row["decision"] is not None)
                last = rows[-1]
                page = DecisionPage(clean(last["boot_id"], 1000), decisions, last["next_since"], last["gap"])
                yield DecisionsTold(self.block_id, page)
        told = any(isinstance(event, PolicyTold) for event in self._events.get(poll, ()))
        if self.told is not None and (whole or told):
            yield self.told


class _Moment(Struct):
    """What happened at one poll besides answers."""

    facts: list[Fact] = field(default_factory=list)
    inferred: dict[str, list[Decision]] = field(default_factory=dict)


def steps(
    index: RecordingIndex, entry: SegmentEntry, start: float = float("-inf")
) -> Iterator[tuple[Poll, dict[Clean, Trace]]]:
    """Yield the polls of a segment from a time on; the first tells everything that was known by then."""
    blocks = {name: _BlockSteps(name, part) for name, part in index.parts(entry).items()}
    moments = _moments(index, entry)
    before: dict[str, Any] | None = None
    for block in blocks.values():
        block.step(_EVERYTHING)
    for number, head in index.head(entry).every():
        if number == _EVERYTHING:
            continue
        at = entry.times[number]
        moment = moments.get(at, _Moment())
        for block in blocks.values():
            block.step(number)
        if at < start:
            continue
        facts = [*_documents(index, head, before), *moment.facts, *_fleet(entry, number, head, blocks)]
        for block in blocks.values():
            facts += block.facts(number, whole=before is None)
        facts += [CooldownReset(clean(name, 1000), reset) for name, reset in head["resets"]]
        if before is None:
            facts.append(index.work_at(entry, at))
        if head["resumed"] is not None and (before is None or head["resumed"] != before["resumed"]):
            facts.append(Resumed(*head["resumed"]))
        before = head
        endpoints = {name: value(found, EndpointState) for name, found in head["endpoints"].items()}
        context, note = clean(head["context"]), clean(head["origin_note"])
        yield (
            Poll(at, head["sequence"], head["poll_seconds"], tuple(facts), endpoints, context, note),
            {
                name: Trace(block.bearing, block.sample, tuple(moment.inferred.get(name, ())))
                for name, block in blocks.items()
            },
        )


def answers(index: RecordingIndex, entry: SegmentEntry, end: float) -> Iterator[Any]:
    """Yield what was told up to a time by AIOS and its policies, but for the metrics: as values, or as is recorded."""
    before: dict[str, Any] | None = None
    for number, head in index.head(entry).every():
        if number != _EVERYTHING and entry.times[number] <= end:
            yield from _documents(index, head, before)
            before = head
    for part in index.parts(entry).values():
        found = (part.stream("told").every(), part.stream("parameters").every(), part.decided())
        yield from (document for number, document in chain(*found) if number < 0 or entry.times[number] <= end)


def _documents(index: RecordingIndex, head: dict[str, Any], before: dict[str, Any] | None) -> Iterator[Fact]:
    """Yield what the databases answered, when it is not what they answered before."""
    known = before or {"records": None, "policies": None}
    if head["records"] not in {None, known["records"]}:
        yield RecordsRead(index.typed_document(head["records"], tuple[BlockRecord, ...]))
    if head["policies"] not in {None, known["policies"]}:
        yield PoliciesRead(index.typed_document(head["policies"], tuple[PolicyRecord, ...]))


def _fleet(entry: SegmentEntry, number: int, head: dict[str, Any], blocks: dict[Clean, _BlockSteps]) -> Iterator[Fact]:
    """Yield what came of asking the metrics service."""
    received = entry.received[number]
    if received is not None:
        names = [clean(name, 1000) for name in head["order"]]
        rows = tuple(blocks[name].reading() for name in names if name in blocks)
        _, latency, dropped = head["fleet"]
        yield FleetRead(FleetReading(rows, received, latency, dropped))
    elif head["asked"]:
        yield FleetFailed(None if head["failed"] is None else clean(head["failed"], 1000))


def _moments(index: RecordingIndex, entry: SegmentEntry) -> dict[float, _Moment]:
    """Return by poll time what was written as events."""
    query = (
        "SELECT at, kind, block, content FROM event WHERE kind IN ('audit', 'backfill', 'filled', 'inferred', 'work')"
        " AND at >= ? AND at <= ? ORDER BY id"
    )
    found: dict[float, _Moment] = {}
    for at, kind, block, content in index.rows(query, (entry.times[0], entry.times[-1])):
        moment = found.setdefault(at, _Moment())
        match kind:
            case "audit":
                moment.facts.append(AuditRead((value(decoded(content), AuditEntry),)))
            case "work":
                moment.facts.append(index.work(content))
            case "backfill" | "filled":
                moment.facts.append(index.filled(kind, content))
            case _:
                moment.inferred.setdefault(clean(block, 1000), []).append(value(decoded(content), Decision))
    return found
