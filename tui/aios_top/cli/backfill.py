"""Where history from before the first poll comes from: the last recording of the same context, a Prometheus server."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from aios_top.model.errors import ReadError
from aios_top.model.fact import Backfilled
from aios_top.model.text import clean
from aios_top.store.paths import StoreError
from aios_top.store.recording_folder import recordings
from aios_top.store.recording_reader import open_recording

MOST_LOOKED_AT = 20
"""Newest recordings among which one of the same context is looked for."""


class EarlierRecording:
    """The last run that recorded the same context; satisfies `engine.ports.History`."""

    name = "recording"

    def __init__(self, folder: Path, context: str) -> None:
        """Note which recordings there are now, before this run begins its own."""
        self._folder = folder
        self._context = context
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
                if recording.header.context != self._context or not times or not start <= times[-1] < end:
                    continue
                return [
                    found for name in block_ids if (found := self._of(recording.history(name, start), name)) is not None
                ]
        return []

    def _of(self, rows: Sequence[tuple[float, Sequence[float | None]]], block_id: str) -> Backfilled | None:
        if not rows:
            return None
        gap = (rows[-1][0] + 1.0, (None,) * len(rows[-1][1]))  # nobody looked between that run and this one
        times, values = zip(*rows, gap, strict=True)
        return Backfilled(clean(block_id, 1000), times, tuple(tuple(row) for row in values), self.name)
