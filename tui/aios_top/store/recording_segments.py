"""The parts of a segment as they are read back: what is not asked for is not taken out of its columns."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import msgspec

from aios_top.model.decision import Decision
from aios_top.model.fact import PolicyTold
from aios_top.model.text import Clean
from aios_top.store.compression import BrokenPartError
from aios_top.store.decided import lengthened
from aios_top.store.leaves import PackedStream, Shapes, column, document, documents, latest, polls_of
from aios_top.store.payload import Columns, Pushes, columns_unpacked, pushes_unpacked
from aios_top.store.segment import STREAMS
from aios_top.store.told import Asked, told_value
from aios_top.store.typed import decoded, value

FIGURES, DOCUMENTS, DECIDED, SAMPLES = range(4)
Restore = Callable[[int], bytes]
"""Returns one of the four parts of a block, not compressed any more."""
_NUMBER = ("decision", "record", "seq")
_BOOT = ("boot_id",)
_STREAM = msgspec.msgpack.Decoder(PackedStream)
_STREAMS = msgspec.msgpack.Decoder(list[PackedStream])
BROKEN = (BrokenPartError, msgspec.DecodeError, IndexError, KeyError, TypeError, ValueError, OverflowError)
"""What reading a damaged part ends in."""


class BlockPart:
    """One block within a segment."""

    def __init__(self, shapes: Shapes, restore: Restore) -> None:
        self._shapes = shapes
        self._restore = restore
        self._figures: tuple[Mapping[Clean, Pushes], Columns, Columns] | None = None
        self._streams: dict[str, PackedStream] | None = None
        self._parameters: list[tuple[int, Any]] | None = None
        self._decided_stream: PackedStream | None = None
        self._newest: tuple[int, Decision | None] = (-1, None)
        self._decided: list[tuple[int, Any]] | None = None
        self._gaps: list[tuple[int, str, float]] | None = None

    def pushes(self) -> Mapping[Clean, Pushes]:
        """Return the instances' documents."""
        return self._read_figures()[0]

    def executors(self) -> Columns:
        """Return the executor's documents, of which `executor_of` makes readings."""
        return self._read_figures()[1]

    def latest(self, name: str, poll: int) -> Any:
        """Return the newest document of a stream up to a poll, NOTHING when there is none."""
        return latest(self._shapes, self._read_streams()[name], poll)

    def every(self, name: str) -> Iterator[tuple[int, Any]]:
        """Return all documents of a stream with their polls, oldest first."""
        return documents(self._shapes, self._read_streams()[name])

    def gaps(self) -> list[tuple[int, str, float]]:
        """Return when instances were seen to be silent, with the poll and the instance."""
        if self._gaps is None:
            self._gaps = [
                (poll, instance, gap)
                for poll, bearing in self.every("bearing")
                for instance, _, gap, _ in bearing["instances"]
                if gap is not None
            ]
        return self._gaps

    def decided(self) -> list[tuple[int, Any]]:
        """Return the decisions that were told, with their polls, oldest first."""
        if self._decided is None:
            self._decided = [
                (poll, self._lengthened(poll, row)) for poll, row in documents(self._shapes, self._read_decided())
            ]
        return self._decided

    def newest_decided(self, poll: int) -> Decision | None:
        """Return the decision that was told last up to a poll."""
        row = bisect_right(polls_of(self._read_decided()), poll) - 1
        return None if row < 0 else self._typed_decided(row)

    def newest(self, poll: int) -> Decision | None:
        """Return the newest decision up to a poll, None when only a look at all of them can tell which one it is."""
        packed = self._read_decided()
        end = bisect_right(polls_of(packed), poll)
        numbers = column(self._shapes, packed, _NUMBER)[:end]
        boots = column(self._shapes, packed, _BOOT)[:end]
        if not numbers or not all(type(number) is int for number in numbers) or len(set(boots)) != 1:
            return None
        return self._typed_decided(end - 1) if numbers[-1] == max(numbers) else None

    def _typed_decided(self, row: int) -> Decision | None:
        known, decision = self._newest
        if known != row:
            packed = self._read_decided()
            found = self._lengthened(polls_of(packed)[row], document(self._shapes, packed, row))["decision"]
            decision = None if found is None else value(found, Decision)
            self._newest = row, decision
        return decision

    def told_at(self, poll: int) -> PolicyTold | None:
        """Return the policy's newest report up to a poll."""
        packed, clocks = self._read_streams()["told"], self._read_figures()[2]
        row, place = bisect_right(polls_of(packed), poll) - 1, clocks.latest(poll)
        if row < 0:
            return None
        return self._told(document(self._shapes, packed, row), poll, clocks.row(place) if place >= 0 else None)

    def told(self) -> Iterator[tuple[int, PolicyTold]]:
        """Yield the policy's reports with their polls, oldest first."""
        reports, clocks = dict(self.every("told")), dict(self._read_figures()[2].rows())
        newest = None
        for poll in sorted(reports.keys() | clocks.keys()):
            newest = reports.get(poll, newest)
            if newest is not None:
                yield poll, self._told(deepcopy(newest), poll, clocks.get(poll))

    def _told(self, found: Any, poll: int, clocks: Asked | None) -> PolicyTold:
        moving = clocks if found["at"] is None else None
        return told_value(found, self.newest_decided(poll), self.parameters(poll), moving)

    def parameters(self, poll: int) -> Any:
        """Return the document of the policy's parameters up to a poll, None where there are none."""
        if self._parameters is None:  # they hardly ever change: mostly there is one document of them
            self._parameters = list(self.every("parameters"))
        found = [entry for number, entry in self._parameters if number <= poll]
        return found[-1] if found else None

    def samples(self) -> Columns:
        """Return the samples of the block's history."""
        return columns_unpacked(decoded(self._restore(SAMPLES)))

    def _lengthened(self, poll: int, row: dict[str, Any]) -> dict[str, Any]:
        pushes: Mapping[Any, Pushes] = self.pushes()  # by texts of the policy's

        def figures(instance_id: str, back: int) -> Sequence[Any] | None:
            rows = pushes.get(instance_id)
            return None if rows is None else rows.figures(poll, back)

        if row["decision"] is not None:
            row["decision"] = lengthened(row["decision"], figures)
        return row

    def _read_decided(self) -> PackedStream:
        if self._decided_stream is None:
            self._decided_stream = _STREAM.decode(self._restore(DECIDED))
        return self._decided_stream

    def _read_figures(self) -> tuple[Mapping[Clean, Pushes], Columns, Columns]:
        if self._figures is None:
            pushes, executors, *asked = decoded(self._restore(FIGURES))  # the first version had no third
            clocks = columns_unpacked(asked[0]) if asked else Columns((), ())
            self._figures = pushes_unpacked(pushes), columns_unpacked(executors), clocks
        return self._figures

    def _read_streams(self) -> dict[str, PackedStream]:
        if self._streams is None:
            found = _STREAMS.decode(self._restore(DOCUMENTS))
            if len(found) != len(STREAMS):
                raise BrokenPartError(
                    f"{len(found)} kinds of documents, not {len(STREAMS)}: recorded by another version of aios-top"
                )
            self._streams = dict(zip(STREAMS, found, strict=True))
        return self._streams
