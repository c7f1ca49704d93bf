"""The parts of a segment as they are read back: what is not asked for is not taken out of its columns."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from aios_top.model.reading import ExecutorReading
from aios_top.model.text import Clean
from aios_top.store.compression import BrokenPartError
from aios_top.store.leaves import PackedStream, Shapes, documents, latest
from aios_top.store.payload import Pushes, executors_unpacked, pushes_unpacked, samples_unpacked
from aios_top.store.segment import STREAMS
from aios_top.store.typed import decoded

FIGURES, DOCUMENTS, DECIDED, SAMPLES = range(4)
Restore = Callable[[int], bytes]
"""Returns one of the four parts of a block, not compressed any more."""
_STREAM = msgspec.msgpack.Decoder(PackedStream)
_STREAMS = msgspec.msgpack.Decoder(list[PackedStream])
BROKEN = (BrokenPartError, msgspec.DecodeError, IndexError, KeyError, TypeError, ValueError, OverflowError)
"""What reading a damaged part ends in."""


class BlockPart:
    """One block within a segment."""

    def __init__(self, shapes: Shapes, restore: Restore) -> None:
        self._shapes = shapes
        self._restore = restore
        self._figures: tuple[dict[Clean, Pushes], list[tuple[int, ExecutorReading]]] | None = None
        self._streams: dict[str, PackedStream] | None = None
        self._parameters: list[tuple[int, Any]] | None = None
        self._decided: list[tuple[int, Any]] | None = None
        self._gaps: list[tuple[int, str, float]] | None = None

    def pushes(self) -> dict[Clean, Pushes]:
        """Return the instances' documents."""
        return self._read_figures()[0]

    def executors(self) -> list[tuple[int, ExecutorReading]]:
        """Return the executor's documents with their polls, oldest first."""
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
            self._decided = list(documents(self._shapes, _STREAM.decode(self._restore(DECIDED))))
        return self._decided

    def newest_decided(self, poll: int) -> Any:
        """Return the document of the decision that was told last up to a poll."""
        rows = [row for number, row in self.decided() if number <= poll]
        return rows[-1]["decision"] if rows else None

    def parameters(self, poll: int) -> Any:
        """Return the document of the policy's parameters up to a poll, None where there are none."""
        if self._parameters is None:  # they hardly ever change: mostly there is one document of them
            self._parameters = list(self.every("parameters"))
        found = [entry for number, entry in self._parameters if number <= poll]
        return found[-1] if found else None

    def samples(self) -> Iterator[tuple[int, Sequence[float | None]]]:
        """Return the samples of the block's history with their polls, oldest first."""
        return samples_unpacked(decoded(self._restore(SAMPLES)))

    def _read_figures(self) -> tuple[dict[Clean, Pushes], list[tuple[int, ExecutorReading]]]:
        if self._figures is None:
            pushes, executors = decoded(self._restore(FIGURES))
            self._figures = pushes_unpacked(pushes), executors_unpacked(executors)
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
