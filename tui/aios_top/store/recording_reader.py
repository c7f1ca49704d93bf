"""Reads a recording, also one that is being written or that is damaged: any moment of it, and all of it in order."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aios_top.model.audit import AuditEntry
from aios_top.model.decision import MAX_DECISIONS, Decision
from aios_top.model.fact import Poll
from aios_top.model.frame import Frame, Trace
from aios_top.model.record import BlockRecord, PolicyRecord
from aios_top.model.recording import Mark, RecordingHeader, RecordingInfo
from aios_top.model.state import EndpointState
from aios_top.model.text import Clean, clean
from aios_top.store import recording_file
from aios_top.store.paths import StoreError
from aios_top.store.recording_frames import block_frame, samples, seen_at
from aios_top.store.recording_index import DAMAGE, RecordingIndex, SegmentEntry
from aios_top.store.recording_marks import RecordedMarks
from aios_top.store.recording_steps import answers, steps
from aios_top.store.typed import decoded, value

_MOST_AUDIT = 2000


def open_recording(path: Path, *, own: bool = False) -> "Recording":
    """Open a recording for reading; raises StoreError that says why it is none. `own`: this process writes it."""
    try:
        return Recording(RecordingIndex(path, own=own))
    except DAMAGE as error:
        raise StoreError(f"{path}: damaged at its beginning, nothing of it can be read: {error}") from error


class Recording:
    """An open recording; `refresh` looks for what was written since. May be used from several threads."""

    def __init__(self, index: RecordingIndex) -> None:
        self._index = index
        self._marks = RecordedMarks(index)
        self._header = RecordingHeader(
            **{
                name: clean(text)
                for name, text in index.rows("SELECT name, value FROM meta")
                if name in RecordingHeader.__struct_fields__
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._index.close()

    def refresh(self) -> bool:
        """Look for what was written since; return whether there is something new."""
        return self._index.refresh()

    def let_go(self) -> None:
        """Free what earlier moments were read of; takes a while, so this is for when nobody waits."""
        self._index.let_go()

    @property
    def path(self) -> Path:
        """The file."""
        return self._index.path

    @property
    def header(self) -> RecordingHeader:
        """What was known when it began."""
        return self._header

    @property
    def times(self) -> Sequence[float]:
        """Unix seconds of every poll, ascending."""
        return self._index.times

    @property
    def info(self) -> RecordingInfo:
        """What a list shows of it."""
        index = self._index
        times = index.times
        (blocks,) = index.row("SELECT count(*) FROM block")
        opened = {str(name) for entry in index.segments if entry.open for name in entry.open.blocks}
        return RecordingInfo(
            name=self.path.name,
            header=self._header,
            first=times[0] if times else None,
            last=times[-1] if times else None,
            polls=len(times),
            lost=index.lost,
            pruned=index.pruned,
            bytes=recording_file.size_of(self.path),
            blocks=max(blocks, len(opened)),
            sessions=len({entry.session for entry in index.segments}),
        )

    def frame(self, at: float) -> Frame:
        """Return the moment of the last poll at or before a time, of the first for an earlier time.

        Segments that turn out to be damaged are given up, and the one before is taken. Raises StoreError when nothing
        is left.
        """
        while True:
            place = self._index.place(at)
            if place is None:
                raise StoreError(f"{self.path}: holds no poll that can be read")
            try:
                return self._frame(*place)
            except DAMAGE:
                self._index.drop(place[0])

    def polls(self, start: float = float("-inf"), end: float = float("inf")) -> Iterator[Poll]:
        """Yield the polls of a time span in order; the first one tells everything that was known by then."""
        return (poll for poll, _ in self.steps(start, end))

    def steps(
        self, start: float = float("-inf"), end: float = float("inf")
    ) -> Iterator[tuple[Poll, dict[Clean, Trace]]]:
        """Yield the polls with what each left in the blocks' memory; damaged segments are left out."""
        for entry in tuple(self._index.segments):
            if entry.times[-1] < start or entry.times[0] > end:
                continue
            try:
                found = list(steps(self._index, entry, start))
            except DAMAGE:
                self._index.drop(entry)
                continue
            yield from ((poll, traces) for poll, traces in found if poll.at <= end)

    def answers(self, start: float, end: float) -> Iterator[Any]:
        """Yield what was told and done in a time span, and known in it, but for the metrics.

        Damaged segments are left out.
        """
        yield self.audit(end, everything=True)
        for entry in tuple(self._index.segments):
            if entry.times[-1] < start or entry.times[0] > end:
                continue
            try:
                yield from answers(self._index, entry, end)
            except DAMAGE:
                self._index.drop(entry)

    def sessions(self) -> list[tuple[float, float]]:
        """Return the first and last time of every run that recorded here."""
        spans: dict[int, tuple[float, float]] = {}
        for entry in self._index.segments:
            first = spans.get(entry.session, (entry.times[0], 0.0))[0]
            spans[entry.session] = (first, entry.times[-1])
        return list(spans.values())

    def decisions(
        self, block_id: str, start: float = float("-inf"), end: float = float("inf")
    ) -> Iterator[tuple[float, Decision]]:
        """Yield what a block's policy told with the time of the poll that heard it, oldest first, each once.

        One that was told again, because it was confirmed since, comes again with its confirmation. Damaged segments
        are left out.
        """
        told: dict[tuple[str | None, int | None], Any] = {}
        for entry in tuple(self._index.segments):
            if entry.times[-1] < start or entry.times[0] > end:
                continue
            try:
                part = self._index.part(entry, clean(block_id, 1000))
                rows = [] if part is None else part.decided()
            except DAMAGE:
                self._index.drop(entry)
                continue
            for number, row in rows:
                if number < 0 or row["decision"] is None or not start <= entry.times[number] <= end:
                    continue
                decision = value(row["decision"], Decision)
                key = decision.boot_id, decision.seq
                if told.get(key) != decision:
                    told[key] = decision
                    yield entry.times[number], decision

    def history(self, block_id: str, since: float) -> list[tuple[float, Sequence[float | None]]]:
        """Return the newest samples of a block's history since a time, at most the last half hour, oldest first."""
        index = self._index
        try:
            entry, poll = index.poll(len(index.times) - 1)
            rows = samples(index, entry, poll + 1, clean(block_id, 1000)).samples() if index.times else []
        except DAMAGE:
            return []
        return [(at, row) for at, row in rows if at >= since]

    def block_ids(self) -> tuple[Clean, ...]:
        """Return every block that the recording knows."""
        return tuple(self._index.names())

    def marks(self, start: float = float("-inf"), end: float = float("inf")) -> tuple[Mark, ...]:
        """Return what happened in a time span, oldest first."""
        every = self._marks.every()
        if every and (every[0].at < start or every[-1].at > end):
            return tuple(mark for mark in every if start <= mark.at <= end)
        return every

    def audit(self, end: float = float("inf"), *, everything: bool = False) -> list[AuditEntry]:
        """Return the operator's record as it was known at a time, oldest first, the newest 2000 or `everything`."""
        query = "SELECT content FROM event WHERE kind = 'audit' AND at <= ? ORDER BY id DESC LIMIT ?"
        rows = self._index.rows(query, (end, -1 if everything else _MOST_AUDIT))
        return [value(decoded(content), AuditEntry) for (content,) in reversed(rows)]

    def verify(self) -> list[str]:
        """Read everything; return what is damaged, in sentences."""
        problems = []
        try:
            found = [row[0] for row in self._index.rows("PRAGMA integrity_check(5)")]
            problems += [f"SQLite: {line}" for text in found if text != "ok" for line in text.splitlines()]
        except sqlite3.DatabaseError as error:
            problems.append(f"SQLite: {error}")
        if damaged := self._marks.damaged:
            problems.append(f"{damaged} marks of the time bar cannot be read")
        for entry in tuple(self._index.segments):
            try:
                for _ in steps(self._index, entry):
                    pass
            except DAMAGE as error:
                problems.append(f"segment {entry.number}: {len(entry.times)} polls cannot be read: {error}")
                self._index.drop(entry)
        return problems

    def _frame(self, entry: SegmentEntry, poll: int) -> Frame:
        index = self._index
        at = entry.times[poll]
        head = index.head(entry).latest(poll)
        inferred, seen = self._inferred(entry, at), seen_at(index, entry, poll)
        return Frame(
            at=at,
            sequence=head["sequence"],
            poll_seconds=head["poll_seconds"],
            context=clean(head["context"]),
            origin_note=clean(head["origin_note"]),
            endpoints={name: value(found, EndpointState) for name, found in head["endpoints"].items()},
            records=self._document(head["records"], tuple[BlockRecord, ...]),
            policies=self._document(head["policies"], tuple[PolicyRecord, ...]),
            order=tuple(clean(name, 1000) for name in head["order"]),
            problem=None if head["failed"] is None else clean(head["failed"], 1000),
            missed_polls=head.get("missed", 0),
            resumed_at=head["resumed"][0] if head["resumed"] else None,
            paused_seconds=head["resumed"][1] if head["resumed"] else 0.0,
            blocks={
                name: block_frame(index, entry, poll, name, part, inferred.get(name, ()), seen)
                for name, part in index.parts(entry).items()
            },
            work=index.work_at(entry, at),
            audit=self.audit(at),
        )

    def _inferred(self, entry: SegmentEntry, at: float) -> dict[Clean, list[Decision]]:
        """Return what the console concluded of silent policies, by block, newest first."""
        query = (
            "SELECT block, content FROM event WHERE kind = 'inferred' AND at >= ? AND at <= ? ORDER BY at DESC, id DESC"
        )
        found: dict[Clean, list[Decision]] = {}
        for block, content in self._index.rows(query, (self._index.began(entry), at)):
            decisions = found.setdefault(clean(block, 1000), [])
            if len(decisions) < MAX_DECISIONS:
                decisions.append(value(decoded(content), Decision))
        return found

    def _document(self, number: int | None, kind: Any) -> Any:
        return () if number is None else self._index.typed_document(number, kind)
