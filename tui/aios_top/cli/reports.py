"""Makes a post-mortem of a recording, or of a capsule with what stands beside its recording."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from aios_top import __version__
from aios_top.cli.capsules import capsule_content, recorded_secrets, without_network
from aios_top.cli.opened import Opened
from aios_top.engine.chronicle import Chronicle
from aios_top.engine.decided import Decided, decided
from aios_top.engine.replay import Replay
from aios_top.model.audit import AuditEntry
from aios_top.model.decision import Action, Decision
from aios_top.model.recording import Mark
from aios_top.model.redaction import Redactor, hidden_texts
from aios_top.model.report import BlockStory, DecisionRun, Report
from aios_top.model.text import Clean
from aios_top.model.unasked import Expected, Unasked, is_ours, is_scaling
from aios_top.render.capsule import audit_between, capsule_documents
from aios_top.render.document import audit_document
from aios_top.render.report_words import moment
from aios_top.store.recording_reader import Recording


class Asked(Struct, frozen=True):
    """Which part is told, and how it is called."""

    start: float
    """Unix seconds."""
    end: float
    blocks: Sequence[Clean]
    title: str = ""
    secrets: Sequence[str] = ()
    """Texts that must not be on the page."""
    progress: Callable[[int, int], None] = lambda _done, _total: None


def make_report(found: Opened, asked: Asked) -> Report:
    """Return what the page is made of, without secrets."""
    recording = found.recording
    chronicle = _followed(recording, asked)
    documents = _documents(found, asked)
    outside = Outside(_acts(recording, asked))
    runs = decision_runs(outside.watch(decided(recording, asked.blocks, asked.start, asked.end)))
    newest = chronicle.newest
    at = [time for time in recording.times if asked.start <= time <= asked.end]
    marks = recording.marks(asked.start, asked.end)
    header = recording.header
    report = Report(
        title=asked.title or _title(header.context, at[0]),
        context=header.context,
        start=at[0],
        end=at[-1],
        polls=chronicle.polls,
        poll_seconds=2.0 if newest is None else newest.poll_seconds,
        source=found.name,
        recorded_by=f"aios-top {header.program}".strip(),
        made_by=f"aios-top {__version__}",
        origin_note=header.origin_note,
        note=str((found.manifest or {}).get("note") or ""),
        unseen=chronicle.unseen(),
        stories=[
            _told(story, runs, outside.changes, marks)
            for story in chronicle.stories()
            if story.block_id in asked.blocks
        ],
        fleet_marks=[mark for mark in marks if not mark.block_id and mark.kind.value != "start"],
        documents=documents,
        lost=recording.info.lost,
    )
    secrets = (*asked.secrets, *recorded_secrets(recording, asked.start, asked.end), *hidden_texts([documents]))
    return Redactor(secrets=secrets)(report)


class Outside:
    """Finds in passing decisions which changes of the replicas nobody asked for."""

    def __init__(self, acts: Sequence[AuditEntry]) -> None:
        """`acts`: what operators did."""
        self._acts = [entry for entry in acts if is_scaling(entry)]
        self._expected: dict[Clean, Expected] = {}
        self.changes: dict[Clean, list[Unasked]] = {}

    def watch(self, entries: Iterable[Decided]) -> Iterator[Decided]:
        """Yield decisions as they come, oldest first."""
        for block_id, decision in entries:
            change = self._expected.setdefault(block_id, Expected()).take(decision)
            if change is not None and not is_ours(change, block_id, self._acts):
                self.changes.setdefault(block_id, []).append(change)
            yield block_id, decision


def decision_runs(entries: Iterable[Decided]) -> dict[Clean, list[DecisionRun]]:
    """Return the decisions by block, oldest first; evaluations that held for one cause one after the other are one."""
    runs: dict[Clean, list[DecisionRun]] = {}
    for block_id, decision in entries:
        told = replace(decision, record={}, instances=())
        known = runs.setdefault(block_id, [])
        if known and _same(known[-1].last, told):
            known[-1] = replace(known[-1], last=told, count=known[-1].count + 1)
        else:
            known.append(DecisionRun(told.at, told))
    return runs


def _same(before: Decision, now: Decision) -> bool:
    alike = (before.code, before.origin, before.boot_id, before.would) == (now.code, now.origin, now.boot_id, now.would)
    return alike and before.action is now.action is Action.HOLD


def _followed(recording: Recording, asked: Asked) -> Chronicle:
    times = [at for at in recording.times if asked.start <= at <= asked.end]
    chronicle = Chronicle(times[0], times[-1])
    for number, state in enumerate(Replay(recording).states(asked.start, asked.end), 1):
        blocks = {name: block for name, block in state.blocks.items() if name in asked.blocks}
        chronicle.take(replace(state, blocks=blocks))
        asked.progress(number, len(times))
    return chronicle


def _told(
    story: BlockStory,
    runs: Mapping[Clean, Sequence[DecisionRun]],
    outside: Mapping[Clean, Sequence[Unasked]],
    marks: Sequence[Mark],
) -> BlockStory:
    block_id = Clean(story.block_id)
    own = [mark for mark in marks if mark.block_id == story.block_id]
    return replace(story, decisions=runs.get(block_id, ()), outside=outside.get(block_id, ()), marks=own)


def _documents(found: Opened, asked: Asked) -> Mapping[str, Any]:
    """Return what a capsule brought, else what is known here; of the operators' record only that time."""
    if found.manifest is not None:
        documents = dict(found.documents)
    else:
        recording = found.recording
        facts = without_network(Replay(recording).state(asked.end))
        documents = capsule_documents(capsule_content(recording, asked.start, asked.end, facts))
    documents["audit.json"] = [audit_document(entry) for entry in _acts(found.recording, asked)]
    return documents


def _acts(recording: Recording, asked: Asked) -> Sequence[AuditEntry]:
    return audit_between(recording.audit(asked.end), asked.start, asked.end)


def _title(context: str, at: float) -> str:
    return f"{context or 'AIOS'}: what happened on {moment(at, date=True)[:16]} UTC"
