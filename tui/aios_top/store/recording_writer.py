"""Writes a recording: each poll is on the disk before the next one comes, each segment is packed when it is over."""

import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from aios_top.model.fact import AuditRead, Backfilled, PoliciesRead, Poll, RecordsRead, WorkSeen
from aios_top.model.frame import Frame, Trace
from aios_top.model.recording import Mark, RecordingHeader
from aios_top.store import recording_file
from aios_top.store.columns import pack
from aios_top.store.compression import Compression, dictionary_of, usual_part
from aios_top.store.differ import Differ
from aios_top.store.leaves import Shapes
from aios_top.store.paths import StoreError
from aios_top.store.typed import document, encoded

SEGMENT_SECONDS = 900.0
"""Length of a segment: a jump unpacks one, and each begins with everything that is known."""
SEGMENT_VALUES = 1_000_000
"""A segment also ends when it holds so many values, to bound the memory and the jump."""


class RecordingLimits(Struct, frozen=True):
    """How large and how old a recording may grow before its beginning goes."""

    megabytes: float = 1024.0
    hours: float = 168.0


class RecordingWriter:
    """One new recording; all methods belong to one thread. They raise StoreError when nothing more can be written."""

    def __init__(
        self, path: Path, header: RecordingHeader, limits: RecordingLimits | None = None, *, session: int = 0
    ) -> None:
        self.path = path
        self.polls = 0
        self._limits = limits or RecordingLimits()
        self._connection, self._descriptor = recording_file.create(path)
        self._shapes = Shapes()
        self._differ = Differ(self._shapes)
        self._dictionary = 0
        self._compression = Compression()
        self._segment = 0
        self._session = session
        self._blocks: dict[str, int] = {}
        self._documents: dict[bytes, int] = {}
        self._records: Any = None
        self._policies: Any = None
        self._numbers: dict[str, int | None] = {"records": None, "policies": None}
        self._saving(lambda: self._save_header(header))

    def append(self, poll: Poll, traces: Mapping[Any, Trace], marks: Iterable[Mark] = ()) -> None:
        """Write a poll; it is on the disk when this returns."""
        self._saving(lambda: self._append(poll, traces, marks))
        self.polls += 1

    def new_session(self) -> None:
        """Let what follows stand on its own: it was recorded by another run of the program."""
        if self._differ.segment.times:
            self._saving(self._end_segment)
        self._session += 1
        self._differ = Differ(self._shapes)
        self._segment = 0

    def resume(self, frame: Frame) -> None:
        """Know the documents from before the first poll, as far as rates look back."""
        self._differ.resume(frame)

    def size(self) -> int:
        """Return the bytes on the disk."""
        return recording_file.size_of(self.path)

    def close(self) -> None:
        """Pack what is open and close the file; what cannot be packed stays as it is."""
        try:
            if self._differ.segment.times:
                with suppress(StoreError):
                    self._saving(self._end_segment)
        finally:
            with suppress(sqlite3.Error):
                self._connection.close()
            os.close(self._descriptor)

    def _saving(self, work: Any) -> None:
        """Do some work in one transaction."""
        try:
            self._connection.execute("BEGIN")
            work()
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise StoreError(f"{self.path}: cannot be written: {error}") from error

    def _save_header(self, header: RecordingHeader) -> None:
        rows = {**asdict(header), "created": f"{time.time():.3f}"}
        self._connection.executemany("INSERT INTO meta VALUES (?, ?)", rows.items())

    def _append(self, poll: Poll, traces: Mapping[Any, Trace], marks: Iterable[Mark]) -> None:
        segment = self._differ.segment
        if not self._segment or (
            segment.times and (poll.at - segment.times[0] >= SEGMENT_SECONDS or segment.values >= SEGMENT_VALUES)
        ):
            self._begin_segment()
        self._keep_documents(poll)
        delta = self._differ.take(poll, traces, self._numbers["records"], self._numbers["policies"])
        self._save_row(delta)
        self._save_events(poll, traces, marks)
        self._connection.execute("UPDATE progress SET polls = polls + 1")

    def _begin_segment(self) -> None:
        if self._segment:
            self._end_segment()
        (last,) = self._connection.execute("SELECT max(id) FROM segment").fetchone()
        self._segment = (last or 0) + 1
        self._save_row(self._differ.begin())
        self._compression = Compression()  # what that large row took is more than any poll needs

    def _save_row(self, delta: Any) -> None:
        self._save_shapes()
        content = self._compression.quick(encoded(delta))
        self._connection.execute(
            "INSERT INTO poll (segment, session, content) VALUES (?, ?, ?)", (self._segment, self._session, content)
        )

    def _save_shapes(self) -> None:
        paths, shapes = self._shapes.fresh()
        for table, rows in (("path", paths), ("shape", shapes)):
            self._connection.executemany(
                f"INSERT INTO {table} VALUES (?, ?)",  # noqa: S608 - one of two names that stand here
                [(number, encoded(list(entry))) for number, entry in rows],
            )

    def _keep_documents(self, poll: Poll) -> None:
        """Keep the databases' records by their content: they change rarely and are large."""
        for fact in poll.facts:
            match fact:
                case RecordsRead(records) if records != self._records:
                    self._records = records
                    self._numbers["records"] = self._document(document(records))
                case PoliciesRead(policies) if policies != self._policies:
                    self._policies = policies
                    self._numbers["policies"] = self._document(document(policies))

    def _document(self, found: Any) -> int:
        content = encoded(found)
        digest = blake2b(content, digest_size=16).digest()
        if digest not in self._documents:
            cursor = self._connection.execute(
                "INSERT INTO document (digest, content) VALUES (?, ?)", (digest, Compression().thorough(content))
            )
            self._documents[digest] = int(cursor.lastrowid or 0)
        return self._documents[digest]

    def _save_events(self, poll: Poll, traces: Mapping[Any, Trace], marks: Iterable[Mark]) -> None:
        rows: list[tuple[float, str, str, bytes]] = [
            (mark.at, f"mark:{mark.kind}", mark.block_id, mark.text.encode()) for mark in marks
        ]
        for block_id, trace in traces.items():
            rows += [(poll.at, "inferred", str(block_id), encoded(document(entry))) for entry in trace.inferred]
        for fact in poll.facts:
            match fact:
                case AuditRead(entries):
                    rows += [(poll.at, "audit", "", encoded(document(entry))) for entry in entries]
                case WorkSeen():
                    rows.append((poll.at, "work", "", Compression().thorough(encoded(document(fact)))))
                case Backfilled(block_id):
                    rows.append((poll.at, "filled", str(block_id), Compression().thorough(encoded(document(fact)))))
        self._connection.executemany("INSERT INTO event (at, kind, block, content) VALUES (?, ?, ?, ?)", rows)

    def _end_segment(self) -> None:
        """Write the segment again as columns, and remove its rows; each block is let go as it is written."""
        segment = self._differ.end()
        compress = self._usual().thorough
        self._connection.execute(
            "INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._segment,
                self._session,
                len(segment.times),
                segment.times[0],
                segment.times[-1],
                self._dictionary,
                compress(encoded([pack(segment.times), pack(segment.received)])),
                compress(encoded(segment.head.packed())),
            ),
        )
        usual: list[bytes] = []
        for name in list(segment.blocks):
            parts = segment.blocks.pop(name).packed()
            self._connection.execute(
                "INSERT INTO frame VALUES (?, ?, ?, ?, ?, ?)",
                (self._segment, self._block(name), *map(compress, parts)),
            )
            if not self._dictionary:
                usual += map(usual_part, parts[1:3])
        self._connection.execute("DELETE FROM poll WHERE segment = ?", (self._segment,))
        self._save_shapes()
        if usual:
            self._make_dictionary(usual)
        self._prune(segment.times[-1])

    def _make_dictionary(self, parts: list[bytes]) -> None:
        self._dictionary = 1
        self._connection.execute("INSERT INTO dictionary VALUES (?, ?)", (1, dictionary_of(parts)))

    def _usual(self) -> Compression:
        """Return what compresses a segment; it takes megabytes, so it is made anew for each."""
        found = self._connection.execute("SELECT content FROM dictionary WHERE id = ?", (self._dictionary,)).fetchone()
        return Compression(*(found or ()))

    def _block(self, name: str) -> int:
        if name not in self._blocks:
            cursor = self._connection.execute("INSERT INTO block (name) VALUES (?)", (name,))
            self._blocks[name] = int(cursor.lastrowid or 0)
        return self._blocks[name]

    def _prune(self, now: float) -> None:
        """Remove the oldest segments while the recording is larger or older than it may be; never the newest."""
        excess = self._used_bytes() - self._limits.megabytes * 1_000_000
        rows = self._connection.execute("SELECT id, polls, last FROM segment ORDER BY id").fetchall()
        for number, polls, last in rows[:-1]:
            if excess <= 0 and last >= now - self._limits.hours * 3600.0:
                return
            (freed,) = self._connection.execute(
                "SELECT total(length(figures) + length(documents) + length(decided) + length(samples))"
                " FROM frame WHERE segment = ?",
                (number,),
            ).fetchone()
            excess -= freed
            self._connection.execute("DELETE FROM frame WHERE segment = ?", (number,))
            self._connection.execute("DELETE FROM segment WHERE id = ?", (number,))
            self._connection.execute("DELETE FROM event WHERE at <= ? AND kind != 'audit'", (last,))
            self._connection.execute("UPDATE progress SET pruned = pruned + ?", (polls,))

    def _used_bytes(self) -> int:
        pages, free, page = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * page)
