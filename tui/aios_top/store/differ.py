"""Says what every poll changed, compared with the polls before it: the form in which polls are recorded."""

from array import array
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from aios_top.model.decision import Decision
from aios_top.model.fact import (
    CooldownReset,
    DecisionsTold,
    FleetFailed,
    FleetRead,
    PolicyTold,
    Poll,
    Resumed,
)
from aios_top.model.frame import Bearing, Documents, Frame, Newest, Trace
from aios_top.model.reading import RATE_SECONDS, AnyExecutor, AnyReading, BlockReading, InstanceReading, whole
from aios_top.model.rule import DEFAULT_PUSH_SECONDS
from aios_top.model.text import Clean
from aios_top.store.bearings import bearing_document
from aios_top.store.leaves import Shapes
from aios_top.store.payload import Row, row_of
from aios_top.store.segment import Delta, Segment
from aios_top.store.told import Steady, asked, steady, told_document
from aios_top.store.typed import document


class _Known(Struct):
    """What is known of one block."""

    block_id: str
    row: BlockReading | None = None
    """Its row in the last answer, None when that lacked it."""
    readings: dict[str, AnyReading] = field(default_factory=dict)
    recents: dict[str, deque[tuple[float, AnyReading]]] = field(default_factory=dict)
    executor: AnyExecutor | None = None
    entered: deque[AnyExecutor] = field(default_factory=deque)
    told: PolicyTold | None = None
    steady: Steady = ()
    """What that says besides its clocks."""
    documents: Documents = field(default_factory=Documents)
    bearing: Bearing | None = None
    decided: Any = None
    """The newest decision, with the page it came on."""
    last: Decision | None = None
    """That decision."""
    told_after: Decision | None = None
    """The newest decision when the policy's report was last recorded whole."""
    asked: bool = False
    """Whether its clocks are recorded beside it."""

    def take_told(self, told: PolicyTold, found: dict[str, Any]) -> None:
        """Note a report: the whole of it, or only its clocks when nothing else is new."""
        before, self.told = self.told, told
        said, self.steady = self.steady, steady(told)
        again = self.told_after is self.last and said == self.steady
        clocks = asked(told)
        if again and self.asked and clocks is not None:
            found["asked"] = clocks
        else:
            self.tell_whole(told, found)
        if before is None or told.parameters is not before.parameters:
            found["parameters"] = document(told.parameters)

    def tell_whole(self, told: PolicyTold, found: dict[str, Any]) -> None:
        """Note the whole of a report."""
        clocks = asked(told)
        if clocks is not None:
            found["asked"] = clocks
        found["told"] = told_document(told, self.last, moving=clocks is None)
        self.told_after, self.asked = self.last, clocks is not None


class Differ:
    """Compares polls; `segment` holds those since `begin`."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._blocks: dict[str, _Known] = {}
        self._head: dict[str, Any] = {"fleet": None, "failed": None, "order": [], "resumed": None}
        self._fleet_at: float | None = None
        self.segment = Segment(shapes)

    def resume(self, frame: Frame) -> None:
        """Know the newest documents of a moment: the next poll is recorded as what it changed of them."""
        for block_id, block in frame.blocks.items():
            known = self._known(block_id)
            known.recents = {str(name): deque(_pushes(name, found)) for name, found in block.newest.items()}
            known.readings = {
                str(name): whole(block.newest[name].reading)
                for name in block.documents.instance_ids
                if name in block.newest
            }
            known.entered = deque(block.executors)
            known.executor = block.executors[-1] if block.executors else None

    def end(self) -> Segment:
        """Return the segment and forget it; what cannot be written of it then stays in the rows of its polls."""
        segment, self.segment = self.segment, Segment(self._shapes)
        return segment

    def begin(self) -> Delta:
        """Begin the next segment; return what it starts with."""
        self._shapes.forget_plans()
        self.segment = Segment(self._shapes)
        return self.segment.note(None, None, self._head, {name: _base(known) for name, known in self._blocks.items()})

    def take(self, poll: Poll, traces: Mapping[Any, Trace], records: int | None, policies: int | None) -> Delta:
        """Add a poll; return what it changed.

        `records` and `policies` are the numbers under which those documents are kept, None where they are unknown.
        """
        blocks: dict[str, dict[str, Any]] = {}
        received: float | None = None
        head = self._head = {
            **self._head,
            "at": poll.at,
            "sequence": poll.sequence,
            "poll_seconds": poll.poll_seconds,
            "context": poll.context,
            "origin_note": poll.origin_note,
            "endpoints": document(dict(poll.endpoints)),
            "records": records,
            "policies": policies,
            "asked": False,
            "resets": [],
        }
        for fact in poll.facts:
            match fact:
                case PolicyTold(block_id):
                    known = self._known(block_id)
                    if known.told != fact:
                        known.take_told(fact, blocks.setdefault(known.block_id, {}))
                case FleetRead(reading):
                    received = reading.received_at
                    head["fleet"] = [reading.received_at, reading.latency_seconds, reading.dropped]
                    head["failed"], head["missed"], head["asked"] = None, 0, True
                    head["order"] = [str(block.block_id) for block in reading.blocks]
                    self._take_fleet(reading.blocks, reading.received_at, blocks)
                case FleetFailed(problem):
                    head["failed"], head["asked"] = None if problem is None else str(problem), True
                    head["missed"] = head.get("missed", 0) + 1
                case DecisionsTold(block_id, page):
                    known = self._known(block_id)
                    rows = blocks.setdefault(known.block_id, {}).setdefault("decided", [])
                    rows += [_decided(entry, page) for entry in page.decisions or (None,)]
                    known.decided = rows[-1]
                    known.last = page.decisions[-1] if page.decisions else None
                case CooldownReset(block_id, at):
                    head["resets"] = [*head["resets"], [str(block_id), at]]
                case Resumed(at, seconds):
                    head["resumed"] = [at, seconds]
        for block_id, trace in traces.items():
            known = self._known(block_id)
            _take_trace(known, trace, blocks.setdefault(known.block_id, {}))
        for forgotten in self._blocks.keys() - traces.keys():
            del self._blocks[forgotten]  # by the engine too
        return self.segment.note(poll.at, received, head, {name: entry for name, entry in blocks.items() if entry})

    def _known(self, block_id: str) -> _Known:
        known = self._blocks.get(block_id)
        if known is None:
            known = self._blocks[str(block_id)] = _Known(str(block_id))
        return known

    def _take_fleet(
        self, rows: tuple[BlockReading, ...], received_at: float, blocks: dict[str, dict[str, Any]]
    ) -> None:
        for block_id in self._blocks.keys() - {row.block_id for row in rows}:
            known = self._blocks[block_id]
            absent = Documents(seen_at=self._fleet_at if known.documents.present else known.documents.seen_at)
            known.row = None
            _note_documents(known, absent, blocks.setdefault(block_id, {}))
        self._fleet_at = received_at
        for row in rows:
            known = self._known(row.block_id)
            _take_block(known, row, received_at, blocks.setdefault(known.block_id, {}))


def _take_block(known: _Known, block: BlockReading, received_at: float, found: dict[str, Any]) -> None:
    before, known.row = known.row, block
    if before is None or _listing(before) != _listing(block):
        _note_documents(known, _present(block), found)
        for reading in block.instances:
            last = known.readings.get(reading.instance_id)
            if last is not reading and last != reading:
                known.readings[reading.instance_id] = reading
                _remember(known.recents.setdefault(reading.instance_id, deque()), received_at, reading)
                found.setdefault("pushes", []).append(row_of(received_at, reading))
    if block.executor is not None and block.executor != known.executor:
        known.executor = block.executor
        _enter(known.entered, block.executor)
        found["executors"] = [[block.executor.uptime_seconds, block.executor.tasks_processed_total]]


def _listing(block: BlockReading) -> tuple[Any, ...]:
    """Return what is recorded of a row but for its executor; most documents are the objects of the poll before."""
    return block.instances, block.dropped, block.duplicates, block.executor is None


def _present(block: BlockReading) -> Documents:
    return Documents(
        present=True,
        instance_ids=tuple(entry.instance_id for entry in block.instances),
        dropped=block.dropped,
        duplicates=block.duplicates,
        has_executor=block.executor is not None,
    )


def _note_documents(known: _Known, documents: Documents, found: dict[str, Any]) -> None:
    if documents != known.documents:
        for name in known.readings.keys() - set(documents.instance_ids):
            del known.readings[name]  # its next document is new even when it is the same
        known.documents = documents
        found["documents"] = document(documents)


def _take_trace(known: _Known, trace: Trace, found: dict[str, Any]) -> None:
    if trace.bearing is not known.bearing and trace.bearing != known.bearing:
        known.bearing = trace.bearing
        found["bearing"] = bearing_document(trace.bearing)
        alive = {entry[0] for entry in trace.bearing.instances}
        for name in known.recents.keys() - alive:
            del known.recents[name]
    if trace.sample is not None:
        found["sample"] = _singles(trace.sample)


def _pushes(name: Clean, found: Newest) -> Iterator[tuple[float, InstanceReading]]:
    """Yield an instance's newest pushes, of which all but the last have their counters only."""
    for push in found.pushes[:-1]:
        means = push.means()
        yield (
            push.received_at,
            InstanceReading(
                name,
                push.stamp,
                prompt_tokens_total=push.prompt,
                generated_tokens_total=push.generated,
                inference=means.inference,
                first_token=means.first_token,
            ),
        )
    yield found.pushes[-1].received_at, whole(found.reading)


def _singles(sample: Sequence[float | None]) -> list[float | None]:
    """Return a sample in the precision in which histories keep it."""
    if None not in sample:
        return array("f", sample).tolist()  # type: ignore[type-var]  # there is none
    rounded = array("f", [0.0 if value is None else value for value in sample])
    return [None if value is None else single for value, single in zip(sample, rounded, strict=True)]


def _base(known: _Known) -> dict[str, Any]:
    """Return what a segment has to begin with."""
    found: dict[str, Any] = {"documents": document(known.documents)}
    if known.told is not None:
        known.tell_whole(known.told, found)
        found["parameters"] = document(known.told.parameters)
    if known.bearing is not None:
        found["bearing"] = bearing_document(known.bearing)
    if known.decided is not None:
        found["decided"] = [known.decided]
    looked_at = _looked_at(known.last)
    found["pushes"] = [
        row for name, pushes in known.recents.items() for row in _base_rows(list(pushes), looked_at.get(name))
    ]
    found["executors"] = [[entry.uptime_seconds, entry.tasks_processed_total] for entry in known.entered]
    return found


def _looked_at(last: Decision | None) -> dict[str, Any]:
    """Return by instance the timestamp of the document that a decision was made with, as far as its record says so."""
    rows = None if last is None else last.record.get("instances")
    if not isinstance(rows, list):
        return {}
    return {row["id"]: row.get("timestamp") for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)}


def _base_rows(pushes: Sequence[tuple[float, AnyReading]], looked_at: Any) -> Iterator[Row]:
    """Yield an instance's newest pushes: the last one and the one that was decided with, of the others the counters.

    Those are needed for the rates.
    """
    for received_at, reading in pushes[:-1]:
        if looked_at is not None and reading.timestamp == looked_at:
            yield row_of(received_at, reading)
        else:
            rolled = {"input_size": None, "output_size": None, "queue_length": None, "per_output_token": None}
            yield row_of(received_at, replace(whole(reading), **rolled))
    yield row_of(*pushes[-1])


def _decided(entry: Any, page: Any) -> dict[str, Any]:
    return {
        "decision": document(entry),
        "boot_id": str(page.boot_id),
        "next_since": page.next_since,
        "gap": page.gap,
    }


def _remember(pushes: deque[tuple[float, AnyReading]], received_at: float, reading: AnyReading) -> None:
    """Add a push and forget those that no rate needs any more: none reaches across a clock that was set back.

    The last decision may have been made with the push before the newest one.
    """
    newest = _stamp(received_at, reading)
    while len(pushes) > 1 and newest < _stamp(*pushes[-1]):
        pushes.popleft()
    pushes.append((received_at, reading))
    while len(pushes) > 2 and _stamp(*pushes[1]) < newest - RATE_SECONDS - DEFAULT_PUSH_SECONDS:
        pushes.popleft()


def _stamp(received_at: float, reading: AnyReading) -> float:
    return received_at if reading.timestamp is None else reading.timestamp


def _enter(entered: deque[AnyExecutor], executor: AnyExecutor) -> None:
    """Add an executor's document likewise; a restart sets its clock back."""
    newest = executor.uptime_seconds or 0.0
    while len(entered) > 1 and newest < (entered[-1].uptime_seconds or 0.0):
        entered.popleft()
    entered.append(executor)
    while len(entered) > 2 and (entered[1].uptime_seconds or 0.0) <= newest - RATE_SECONDS:
        entered.popleft()
