"""Where history from before the first poll comes from: a Prometheus server, the last recording of the same AIOS."""

import asyncio
import math
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from aios_top.aios.prometheus import Prometheus
from aios_top.cli.installation import Installation
from aios_top.cli.recording import folder_of, header_of
from aios_top.engine.memory import BLOCK_COLUMNS, INSTANCE_COLUMNS, BlockMemory
from aios_top.engine.ports import History
from aios_top.engine.restore import restored, shown
from aios_top.model.curve import Sample, is_gap, with_gaps
from aios_top.model.errors import ReadError
from aios_top.model.fact import Backfilled, InstanceCurve
from aios_top.model.recording import RecordingHeader
from aios_top.model.text import Clean, clean
from aios_top.store.paths import StoreError
from aios_top.store.recording_folder import recordings
from aios_top.store.recording_reader import open_recording

MOST_LOOKED_AT = 20
"""Newest recordings among which one of the same AIOS is looked for."""


def histories(installation: Installation, prometheus: str | None, *, earlier: bool) -> list[History]:
    """Return who knows what happened before: the Prometheus that was named, then the last run here."""
    found: list[History] = []
    if prometheus is not None:
        found.append(Prometheus(prometheus, BLOCK_COLUMNS, INSTANCE_COLUMNS))
    if earlier:
        found.append(EarlierRecording(folder_of(installation.config), header_of(installation)))
    return found


class EarlierRecording:
    """The last run that recorded the same AIOS; satisfies `engine.ports.History`."""

    name = "recording"

    def __init__(self, folder: Path, header: RecordingHeader) -> None:
        """Note which recordings there are now, before this run begins its own with this header."""
        self._folder = folder
        self._header = header
        try:
            self._paths = recordings(folder)[-MOST_LOOKED_AT:]
        except StoreError:
            self._paths = []

    async def history(self, block_ids: Sequence[str], start: float, end: float) -> list[Backfilled]:
        """Return what was seen of these blocks between two times, nothing where nobody looked; raises ReadError."""
        try:
            return await asyncio.to_thread(self._history, block_ids, start, end)
        except (StoreError, sqlite3.Error, OSError) as error:
            raise ReadError("failure", f"the recordings in {self._folder} cannot be read: {error}") from error

    def _history(self, block_ids: Sequence[str], start: float, end: float) -> list[Backfilled]:
        for path in reversed(self._paths):
            try:
                recording = open_recording(path)
            except StoreError:
                continue
            with recording:
                times = recording.times
                if not self._header.same_aios(recording.header) or not times or not start <= times[-1] < end:
                    continue
                frame = recording.frame(times[-1])
                picture = restored(frame)
                shown(frame, picture)  # its own sample is one of the history
                memories = picture.memories
                named = [clean(name, 1000) for name in block_ids]
                return [
                    found
                    for name in named
                    if name in memories and (found := self._of(name, memories[name], start, times[-1])) is not None
                ]
        return []

    def _of(self, block_id: Clean, memory: BlockMemory, start: float, last: float) -> Backfilled | None:
        """Return a block's curves and its instances'; behind each is a gap, for nobody looked until this run."""
        times, values = _ended(memory.track.samples(), start, last)
        curves = tuple(
            InstanceCurve(name, *ended)
            for name, instance in memory.instances.items()
            if (ended := _ended(instance.samples(), start, last))[0]
        )
        return Backfilled(block_id, times, values, self.name, curves) if times or curves else None


def _ended(
    samples: Sequence[Sample], start: float, last: float
) -> tuple[tuple[float, ...], tuple[tuple[float | None, ...], ...]]:
    """Return samples since `start` with gaps where the run stood still, and one at its end, as times and rows."""
    found = with_gaps([(at, row) for at, row in samples if at >= start], last)
    if found and not is_gap(found[-1][1]):
        found.append((max(last, found[-1][0]) + 1.0, (None,) * len(found[-1][1])))
    known = (tuple(None if value is None or math.isnan(value) else value for value in row) for _, row in found)
    return tuple(at for at, _ in found), tuple(known)
