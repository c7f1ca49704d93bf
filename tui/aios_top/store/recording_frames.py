"""Makes one block's frame of a moment out of the parts of its segment."""

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress

from aios_top.model.curve import Curves, Sample, joined
from aios_top.model.decision import Decision, DecisionLog
from aios_top.model.frame import Bearing, BlockFrame, Documents, InstanceHistory
from aios_top.model.late import LateSome
from aios_top.model.reading import RATE_SECONDS, ExecutorReading, InstanceReading
from aios_top.model.text import Clean
from aios_top.store.bearings import bearing_value
from aios_top.store.leaves import NOTHING
from aios_top.store.picked import Columns
from aios_top.store.pushes import newest
from aios_top.store.recording_index import DAMAGE, Fill, RecordingIndex, SegmentEntry
from aios_top.store.recording_log import RecordedDecisions
from aios_top.store.recording_segments import BlockPart

HISTORY_SECONDS = 2000.0
"""How much history is drawn: the longest time axis, and what its first column averages over."""
_ENTERED = 15
"""Documents of an executor to look at first: they come every 5 s."""


def block_frame(
    index: RecordingIndex,
    entry: SegmentEntry,
    poll: int,
    block_id: Clean,
    part: BlockPart,
    inferred: Sequence[Decision],
    seen_at: float | None,
) -> BlockFrame:
    """Return a block as of a poll of a segment; `seen_at` is when the metrics service answered last."""
    documents = part.documents(poll) or Documents()
    found = part.stream("bearing").latest(poll)
    bearing = Bearing() if found is NOTHING else bearing_value(found)
    received = entry.received
    return BlockFrame(
        block_id,
        documents,
        newest(part.pushes(), received, poll, RATE_SECONDS),
        _entered(part, poll),
        part.told_at(poll),
        bearing,
        seen_at if documents.present else documents.seen_at,
        _reported(index, entry, poll, block_id, part, bearing),
        tuple(inferred),
        lambda: samples(index, entry, poll, block_id),
        lambda name: instance_history(index, entry, poll, block_id, name),
    )


def _entered(part: BlockPart, poll: int) -> Sequence[ExecutorReading]:
    """Return the executor's documents of the last minute, and one before them, read when somebody looks at them."""
    rows = part.executors()
    end = rows.latest(poll) + 1
    return LateSome(lambda: _executors(rows, end)) if end else ()


def _executors(rows: Columns, end: int) -> Sequence[ExecutorReading]:
    """Return those before a row, one that says nothing where they are damaged."""
    try:
        for begin in (max(0, end - _ENTERED), 0):
            found = rows.some(range(begin, end))
            first = _minute_before([uptime for uptime, *_ in found])
            if first is not None:
                break
        return [ExecutorReading(*row) for row in found[first or 0 :]] or [ExecutorReading()]
    except DAMAGE:
        return [ExecutorReading()]


def _minute_before(uptimes: Sequence[float | None]) -> int | None:
    """Return the place of the document before the first that is a minute older than the last, None without one."""
    newest_at = uptimes[-1] if uptimes else None
    for place in range(len(uptimes) - 2, -1, -1):
        uptime = uptimes[place]
        if newest_at is not None and uptime is not None and uptime <= newest_at - RATE_SECONDS:
            return place - 1 if place else None
    return None


def seen_at(index: RecordingIndex, entry: SegmentEntry, poll: int) -> float | None:
    """Return when the metrics service answered last."""
    for found in index.before(entry, float("-inf")):
        received = found.received[: poll + 1] if found is entry else found.received
        last = next((at for at in reversed(received) if at is not None), None)
        if last is not None:
            return last
    return None


def _reported(
    index: RecordingIndex, entry: SegmentEntry, poll: int, block_id: Clean, part: BlockPart, bearing: Bearing
) -> Sequence[Decision]:
    """Return what the policy had told up to a poll; of one that tells nothing there is none in any segment."""
    if bearing.boot_id is None and not bearing.cursor:
        return ()
    newest = part.newest(poll)
    told = RecordedDecisions(index, entry, poll, block_id)
    return DecisionLog(() if newest is None else (newest,), told, bearing.acts)


class _Samples(Curves):
    """A block's history over several segments; a column is read when it is asked for, a damaged one is a gap."""

    def __init__(self, pieces: Sequence[tuple[SegmentEntry, Columns, int]]) -> None:
        """`pieces` are segments with their samples and how many of those there are, oldest first."""
        super().__init__()
        self._pieces = pieces
        self.times = [entry.times[poll] for entry, rows, end in pieces for poll in rows.polls[:end]]

    @property
    def width(self) -> int:
        """Number of columns."""
        widths = {rows.width for _, rows, end in self._pieces if end}
        return widths.pop() if len(widths) == 1 else 0

    def column(self, place: int) -> list[float | None]:
        """Return one column's values."""
        return [value for _, rows, end in self._pieces if end for value in _column(rows, place, end)]


def _column(rows: Columns, place: int, end: int) -> Sequence[float | None]:
    try:
        return rows.column(place, end)
    except DAMAGE:
        return [None] * end


def samples(index: RecordingIndex, entry: SegmentEntry, poll: int, block_id: Clean) -> Curves:
    """Return a block's history before a poll."""
    pieces: list[tuple[SegmentEntry, Columns, int]] = []
    since = entry.times[min(poll, len(entry.times) - 1)] - HISTORY_SECONDS
    segments = list(index.before(entry, since))
    for segment in reversed(segments):
        with suppress(*DAMAGE):  # then there is a gap
            part = index.part(segment, block_id)
            if part is not None:
                rows = part.samples()
                pieces.append((segment, rows, 1 + rows.latest(poll - 1 if segment is entry else len(segment.times))))
    found = _Samples(pieces)
    fills = backfills(index, entry, poll, segments[-1], block_id)
    if not fills:
        return found
    joint: Sequence[Sample] = found.samples()
    for fill in fills:
        joint = joined(joint, zip(fill.fact.times, fill.fact.values, strict=True))[0]
    return Curves(joint)


def backfills(
    index: RecordingIndex, entry: SegmentEntry, poll: int, first: SegmentEntry, block_id: Clean
) -> list[Fill]:
    """Return the history that was filled in when the session began, where its beginning is looked at."""
    if index.has_older(first):
        return []
    return index.fills(block_id, first.times[0], entry.times[min(poll, len(entry.times) - 1)])


def instance_history(
    index: RecordingIndex, entry: SegmentEntry, poll: int, block_id: Clean, name: Clean
) -> InstanceHistory:
    """Return an instance's documents and silences as far back as history is drawn."""
    since = entry.times[poll] - HISTORY_SECONDS - 4 * RATE_SECONDS
    segments = list(index.before(entry, since))
    pushes: list[tuple[float, InstanceReading]] = []
    gaps: set[float] = set()
    for segment in reversed(segments):
        last = poll if segment is entry else len(segment.times)
        known = pushes[-1][0] if pushes else float("-inf")
        with suppress(*DAMAGE):  # then there is a gap
            part = index.part(segment, block_id)
            if part is None:
                continue
            found, silences = _instance_in(part, segment, last, name)
            pushes += [(at, reading) for number, at, reading in found if number >= 0 or at > known]
            gaps |= silences
    fills = backfills(index, entry, poll, segments[-1], block_id)
    curves = [fill.curves[name] for fill in fills if name in fill.curves]
    earlier = [tuple(zip(curve.times, curve.values, strict=True)) for curve in curves]
    return InstanceHistory(pushes, tuple(sorted(gaps)), earlier)


def _instance_in(
    part: BlockPart, segment: SegmentEntry, last: int, name: Clean
) -> tuple[list[tuple[int, float, InstanceReading]], set[float]]:
    """Return an instance's documents of a segment up to a poll, with poll and time of receipt, and its silences."""
    found: list[tuple[int, float, InstanceReading]] = []
    rows = part.pushes().get(name)
    if rows is not None:
        readings = rows.readings(range(bisect_right(rows.polls, last)))
        times = [rows.received_at(place, segment.received) for place in range(len(readings))]
        found = list(zip(rows.polls, times, readings, strict=False))
    return found, {gap for number, instance, gap in part.gaps() if number <= last and instance == name}
