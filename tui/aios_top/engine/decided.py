"""Every decision of a recording, each once, in the order of time, however many there are."""

from collections.abc import Iterable, Iterator
from heapq import merge
from typing import Protocol

from aios_top.engine.replay import Recorded
from aios_top.model.decision import Decision
from aios_top.model.text import Clean

_HELD = 64
"""A decision is told again when its replicas have followed, a few evaluations later."""
_BEFORE = 1e-6

Decided = tuple[Clean, Decision]


class RecordedDecisions(Recorded, Protocol):
    """What is needed of a recording; `store.recording_reader.Recording` satisfies it by shape."""

    def decisions(self, block_id: str, start: float, end: float) -> Iterator[tuple[float, Decision]]:
        """Yield what a block's policy told, oldest first; one that was confirmed since comes again."""


def decided(recording: RecordedDecisions, blocks: Iterable[Clean], start: float, end: float) -> Iterator[Decided]:
    """Yield the decisions that were taken from `start` to `end` as they were known at last, oldest first.

    Those that a policy told, and of a silent one what the console concluded.
    """
    wanted = tuple(blocks)
    told = [_told(recording, block_id, start, end) for block_id in wanted]
    streams = [*told, _inferred(recording, frozenset(wanted), start, end)]
    yield from merge(*streams, key=lambda entry: entry[1].at)


def _told(recording: RecordedDecisions, block_id: Clean, start: float, end: float) -> Iterator[Decided]:
    held: dict[tuple[object, ...], Decision] = {}
    for _, decision in recording.decisions(str(block_id), start, end):
        if not start <= decision.at <= end:
            continue
        held[decision.key] = decision  # in the place of its first telling
        if len(held) > _HELD:
            yield block_id, held.pop(next(iter(held)))
    yield from ((block_id, decision) for decision in held.values())


def _inferred(recording: RecordedDecisions, wanted: frozenset[Clean], start: float, end: float) -> list[Decided]:
    """Return what was concluded: few, for only what changes can be seen."""
    found: dict[tuple[object, ...], Decided] = {}
    for first, last in recording.sessions():
        at = min(end, last)
        while max(start, first) <= at:
            fresh = {
                (block_id, *entry.key): (block_id, entry)
                for block_id, block in recording.frame(at).blocks.items()
                for entry in block.inferred
                if block_id in wanted and start <= entry.at <= end and (block_id, *entry.key) not in found
            }
            if not fresh:
                break
            found |= fresh
            at = min(entry.at for _, entry in fresh.values()) - _BEFORE
    return sorted(found.values(), key=lambda entry: entry[1].at)
