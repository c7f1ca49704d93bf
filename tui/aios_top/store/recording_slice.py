"""Writes parts of recordings into a new one: a slice of an incident, or several runs as one."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from msgspec.structs import replace

from aios_top.model.fact import AuditRead, DecisionsTold, Poll
from aios_top.model.frame import Frame
from aios_top.model.policy_state import DecisionPage
from aios_top.model.recording import Mark, RecordingHeader
from aios_top.store import recording_file
from aios_top.store.paths import StoreError
from aios_top.store.recording_reader import Recording
from aios_top.store.recording_redacted import Source
from aios_top.store.recording_writer import RecordingLimits, RecordingWriter

_UNBOUNDED = RecordingLimits(megabytes=float("inf"), hours=float("inf"))


def copy_slice(
    recording: Source,
    path: Path,
    start: float = float("-inf"),
    end: float = float("inf"),
    header: RecordingHeader | None = None,
) -> int:
    """Write the polls from `start` to `end` into a new recording and return their number.

    Its moments are those of the original; only history from before `start` is not in it: begin half an hour earlier
    where its charts matter. Raises StoreError, also when there is no poll in that time; then no file is left.
    """
    return _copy(path, header or recording.header, [(recording, start, end)])


def merge(recordings: Sequence[Recording], path: Path) -> int:
    """Write several recordings into a new one, in the order of time; return the number of polls.

    Raises StoreError when two of them overlap, for one moment cannot have two states.
    """
    parts = sorted(
        ((recording, *span) for recording in recordings for span in recording.sessions()), key=lambda part: part[1]
    )
    for (before, _, ended), (after, began, _) in pairwise(parts):
        if began <= ended:
            raise StoreError(f"{before.path} and {after.path} recorded the same time: merge one of them only")
    contexts = {recording.header.context for recording in recordings}
    if len(contexts) > 1:
        raise StoreError(f"recordings of several contexts cannot be merged: {', '.join(sorted(contexts))}")
    return _copy(path, recordings[0].header, parts)


def _copy(path: Path, header: RecordingHeader, parts: Sequence[tuple[Source, float, float]]) -> int:
    writer = RecordingWriter(path, header, _UNBOUNDED)
    try:
        for recording, start, end in parts:
            for first, last in recording.sessions():
                if last >= start and first <= end:
                    _copy_session(recording, writer, max(start, first), min(end, last))
    except BaseException:
        writer.close()
        recording_file.delete(path)
        raise
    writer.close()
    if not writer.polls:
        recording_file.delete(path)
        raise StoreError("there is no poll in that time")
    return writer.polls


def _copy_session(recording: Source, writer: RecordingWriter, start: float, end: float) -> None:
    writer.new_session()
    marks = _marks_by_time(recording.marks(start, end))
    for number, (poll, traces) in enumerate(recording.steps(start, end)):
        if number == 0:
            frame = recording.frame(poll.at)
            writer.resume(frame)
            known = {
                name: replace(trace, inferred=tuple(reversed(frame.blocks[name].inferred)))
                for name, trace in traces.items()
            }
            writer.append(_with_past(poll, frame), known, marks.get(poll.at, ()))
        else:
            writer.append(poll, traces, marks.get(poll.at, ()))


def _with_past(poll: Poll, frame: Frame) -> Poll:
    """Return a first poll with the decisions and the operator's record from before it."""
    told = tuple(
        DecisionsTold(
            block_id, DecisionPage(block.bearing.boot_id, tuple(reversed(block.reported)), block.bearing.cursor)
        )
        for block_id, block in frame.blocks.items()
        if block.bearing.boot_id is not None
    )
    others = tuple(fact for fact in poll.facts if not isinstance(fact, AuditRead | DecisionsTold))
    return replace(poll, facts=(AuditRead(tuple(frame.audit)), *told, *others))


def _marks_by_time(marks: Sequence[Mark]) -> dict[float, list[Mark]]:
    found: dict[float, list[Mark]] = {}
    for mark in marks:
        found.setdefault(mark.at, []).append(mark)
    return found
