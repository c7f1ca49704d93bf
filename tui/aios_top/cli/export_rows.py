"""The rows of an export, one after the other: a recording may be larger than the memory."""

from collections.abc import Callable, Collection, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from aios_top.cli.timed_metrics import TimedMetrics
from aios_top.engine.decided import decided
from aios_top.engine.replay import Replay
from aios_top.engine.tally import Tally
from aios_top.model.redaction import Redactor
from aios_top.model.state import FleetState
from aios_top.model.text import Clean
from aios_top.render.document import Document, audit_document
from aios_top.render.export import What, decided_document, instance_rows, mark_document, sample_document
from aios_top.render.metrics import fleet_families
from aios_top.store.recording_reader import Recording
from aios_top.store.spool import Spool

_OF_A_RUNNING_EXPORTER = frozenset({"aios_top_poll_age_seconds"})


class Part(Struct, frozen=True):
    """Which part of a recording is exported."""

    recording: Recording
    start: float
    """Unix seconds."""
    end: float
    blocks: Collection[Clean]
    progress: Callable[[int, int], None] = lambda _done, _total: None

    def states(self) -> Iterator[FleetState]:
        """Yield every state with the blocks that are asked for."""
        total = sum(self.start <= at <= self.end for at in self.recording.times)
        for number, state in enumerate(Replay(self.recording).states(self.start, self.end), 1):
            self.progress(number, total)
            blocks = {name: block for name, block in state.blocks.items() if name in self.blocks}
            yield replace(state, blocks=blocks)


def documents(part: Part, what: What, secrets: Sequence[str] = ()) -> Iterator[Document]:
    """Yield the rows as documents, in the order of time, without secrets; `secrets` are texts known to be some."""
    return map(Redactor(secrets=secrets), _documents(part, what))


def _documents(part: Part, what: What) -> Iterator[Document]:
    match what:
        case What.SAMPLES:
            for state in part.states():
                yield from (sample_document(block, state.at) for block in state.blocks.values())
        case What.INSTANCES:
            for state in part.states():
                for block in state.blocks.values():
                    yield from instance_rows(block, state.at)
        case What.DECISIONS:
            found = decided(part.recording, part.blocks, part.start, part.end)
            yield from (decided_document(block_id, decision) for block_id, decision in found)
        case What.EVENTS:
            marks = part.recording.marks(part.start, part.end)
            yield from (mark_document(mark) for mark in marks if not mark.block_id or mark.block_id in part.blocks)
        case What.AUDIT:
            entries = part.recording.audit(part.end)
            yield from (audit_document(entry) for entry in entries if part.start <= entry.at)


def openmetrics_lines(part: Part) -> Iterator[str]:
    """Yield the samples as the exporter would have served them, each with its time; counters begin with the part."""
    tally = Tally()
    with Spool() as spool:
        metrics = TimedMetrics(spool)
        for state in part.states():
            tally.take(state)
            families = fleet_families(state, state.at, part.recording.header.program or "?", tally.blocks())
            metrics.take((entry for entry in families if entry.name not in _OF_A_RUNNING_EXPORTER), state.at)
        yield from metrics.lines()
