"""Finds the segments of a recording and their parts: on disk as columns, the open one from its rows."""

import sqlite3
import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from aios_top.model.fact import Backfilled, InstanceCurve, WorkSeen
from aios_top.model.text import Clean, clean
from aios_top.store import recording_file
from aios_top.store.columns import Packed, unpack
from aios_top.store.compression import BROKEN, BrokenPartError, Compression
from aios_top.store.documents import Documents
from aios_top.store.leaves import Shapes
from aios_top.store.recording_segments import BlockPart, Known, OpenPart, PackedPart
from aios_top.store.segment import Segment
from aios_top.store.streams import unpacked
from aios_top.store.typed import decoded, value

_TIMES = msgspec.msgpack.Decoder(list[Packed])
_WHOLE_SEGMENTS = 3
"""Segments whose parts are kept unpacked: the one that is shown and its neighbours."""
_MOST_LEFT = 2
"""Segments whose parts wait to be freed, which takes a fifth of the time of a jump."""
_SINGLE_PARTS = 512
_DOCUMENTS = 16
DAMAGE = (sqlite3.DatabaseError, *BROKEN)
"""What reading a damaged recording ends in."""
_MOST_DAMAGE = 10_000
"""Rows that are stepped over before the rest is given up."""


class SegmentEntry(Struct, eq=False):
    """One segment."""

    number: int
    session: int
    times: Sequence[float]
    received: Sequence[float | None]
    dictionary: int = 0
    open: Segment | None = None
    """Its rows, while it is not packed."""
    begins: int = 0
    """Number of its first poll within the recording."""
    head: Documents | None = None


class Fill(Struct, frozen=True):
    """History that was filled in when a run began."""

    fact: Backfilled
    curves: Mapping[Clean, InstanceCurve]
    """Its instances by id."""


class RecordingIndex:
    """The segments of one open recording, oldest first; may be used from several threads."""

    def __init__(self, path: Path, *, own: bool = False) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.connection = recording_file.open_existing(path, own=own)
        self.shapes = Shapes()
        self.segments: list[SegmentEntry] = []
        self.times: list[float] = []
        """Time of every poll."""
        self.lost = 0
        """Polls that were recorded and cannot be read back."""
        self.pruned = 0
        self._entries: dict[int, SegmentEntry] = {}
        self._compressions: dict[int, Compression] = {0: Compression()}
        self._names: dict[int, Clean] = {}
        self._whole: OrderedDict[int, dict[Clean, BlockPart]] = OrderedDict()
        self._left: list[dict[Clean, BlockPart]] = []
        self._single: OrderedDict[tuple[int, Clean], BlockPart | None] = OrderedDict()
        self._documents: OrderedDict[int, Any] = OrderedDict()
        self._fills: dict[int, Fill] = {}
        self._known = Known()
        self._last_row = 0
        self._dropped: set[int] = set()
        self.version = -1
        """What `refresh` has seen last; another number after something was written."""
        self.refresh()

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self.connection.close()

    def refresh(self) -> bool:
        """Look for what was written since; return whether there is something new."""
        with self.lock:
            (version,) = self.connection.execute("PRAGMA data_version").fetchone()
            if version == self.version:
                return False
            self.version = version
            self.connection.execute("BEGIN")
            try:
                self._load()
            finally:
                self.connection.execute("COMMIT")
            return True

    def place(self, at: float) -> tuple[SegmentEntry, int] | None:
        """Return the segment and poll that were current at a time; the first for an earlier time."""
        if not self.times:
            return None
        return self.poll(max(0, bisect_right(self.times, at) - 1))

    def poll(self, number: int) -> tuple[SegmentEntry, int]:
        """Return the segment of a poll by its number within the recording, and its number within the segment."""
        entry = self.segments[bisect_right(self.segments, number, key=lambda found: found.begins) - 1]
        return entry, number - entry.begins

    def head(self, entry: SegmentEntry) -> Documents:
        """Return what is about the whole fleet."""
        if entry.open is not None:
            return entry.open.head.documents()
        if entry.head is None:
            (content,) = self.row("SELECT head FROM segment WHERE id = ?", (entry.number,))
            entry.head = unpacked(self.shapes, self._restored(entry, content))
        return entry.head

    def parts(self, entry: SegmentEntry) -> Mapping[Clean, BlockPart]:
        """Return all blocks of a segment; what it puts out of the way `let_go` frees."""
        with self.lock:
            if self._entries.get(entry.number) is not entry:  # it was packed or removed since it was looked up
                return dict(self._read_parts(entry))
            found = self._whole.get(entry.number)
            if found is None:
                found = self._whole[entry.number] = dict(self._read_parts(entry))
            self._whole.move_to_end(entry.number)
            while len(self._whole) > _WHOLE_SEGMENTS:
                self._left.append(self._whole.popitem(last=False)[1])
            del self._left[:-_MOST_LEFT]
            return found

    def let_go(self) -> None:
        """Free the parts of segments that are out of the way by now, one after the other."""
        with self.lock:
            parts = [part for segment in self._left for part in segment.values()]
            self._left = []
        while parts:
            parts.pop()

    def part(self, entry: SegmentEntry, block_id: Clean) -> BlockPart | None:
        """Return one block of a segment, None when it is not in it."""
        with self.lock:
            if entry.open is not None or entry.number in self._whole:
                return self.parts(entry).get(block_id)
            key = entry.number, block_id
            if key not in self._single:
                self._single[key] = self._read_part(entry, block_id)
                while len(self._single) > _SINGLE_PARTS:
                    self._single.popitem(last=False)
            return self._single[key]

    def before(self, entry: SegmentEntry, since: float) -> Iterator[SegmentEntry]:
        """Yield a segment and those before it in its session, newest first, as long as they reach to `since`.

        Of a recording that grows it may have been packed or removed since; what was read of it stands for it.
        """
        yield entry
        segments = self.segments
        for place in range(self._place_of(entry) - 1, -1, -1):
            found = segments[place]
            if found.session != entry.session or found.times[-1] < since:
                return
            yield found

    def has_older(self, entry: SegmentEntry) -> bool:
        """Return whether there is a segment before one in its session."""
        place = self._place_of(entry)
        return place > 0 and self.segments[place - 1].session == entry.session

    def _place_of(self, entry: SegmentEntry) -> int:
        """Return how many segments are before one."""
        return bisect_left(self.segments, entry.number, key=lambda found: found.number)

    def row(self, query: str, values: Sequence[Any] = ()) -> Any:
        """Return one row."""
        with self.lock:
            return self.connection.execute(query, values).fetchone()

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows."""
        with self.lock:
            return self.connection.execute(query, values).fetchall()

    def names(self) -> list[Clean]:
        """Return the blocks."""
        opened = [clean(name, 1000) for entry in self.segments if entry.open for name in entry.open.blocks]
        return list(dict.fromkeys([*self._names.values(), *opened]))

    def work(self, content: bytes) -> WorkSeen:
        """Return a load test and a deploy as they were kept."""
        return value(decoded(self._compressions[0].restored(content)), WorkSeen)

    def filled(self, kind: str, content: bytes) -> Backfilled:
        """Return history that was filled in when a run began; that of older versions is not compressed."""
        plain = content if kind == "backfill" else self._compressions[0].restored(content)
        return value(decoded(plain), Backfilled)

    def fills(self, block_id: Clean, start: float, end: float) -> list["Fill"]:
        """Return what was filled in of a block in a time span, in the order in which it became known."""
        query = (
            "SELECT id FROM event WHERE kind IN ('backfill', 'filled') AND block = ? AND at >= ? AND at <= ?"
            " ORDER BY id"
        )
        return [self._fill(number) for (number,) in self.rows(query, (str(block_id), start, end))]

    def _fill(self, number: int) -> "Fill":
        with self.lock:
            if number not in self._fills:
                fact = self.filled(*self.row("SELECT kind, content FROM event WHERE id = ?", (number,)))
                self._fills[number] = Fill(fact, {curve.instance_id: curve for curve in fact.instances})
            return self._fills[number]

    def work_at(self, entry: SegmentEntry, at: float) -> WorkSeen:
        """Return the load test and the deploy as they stood at a time."""
        query = "SELECT content FROM event WHERE kind = 'work' AND at BETWEEN ? AND ? ORDER BY at DESC, id DESC LIMIT 1"
        found = self.row(query, (self.began(entry), at))
        return WorkSeen(None, None) if found is None else self.work(found[0])

    def began(self, entry: SegmentEntry) -> float:
        """Return when the run that a segment belongs to began to record."""
        return next(found for found in self.segments if found.session == entry.session).times[0]

    def typed_document(self, number: int, kind: Any) -> Any:
        """Return a document that is kept by its content."""
        with self.lock:
            if number not in self._documents:
                (content,) = self.row("SELECT content FROM document WHERE id = ?", (number,))
                self._documents[number] = value(decoded(self._compressions[0].restored(content)), kind)
                while len(self._documents) > _DOCUMENTS:
                    self._documents.popitem(last=False)
            return self._documents[number]

    # -- reading in

    def _load(self) -> None:
        self._load_names()
        present = set()
        for number, session, dictionary in self._scan("SELECT id, session, dictionary FROM segment"):
            present.add(number)
            known = self._entries.get(number)
            if number not in self._dropped and (known is None or known.open is not None):
                self._take_segment(number, session, dictionary)
        self._load_rows(present)
        for number in [number for number, entry in self._entries.items() if number not in present]:
            if self._entries[number].open is None:
                del self._entries[number]
        self._number()

    def drop(self, entry: SegmentEntry) -> None:
        """Give up a segment that cannot be read back."""
        with self.lock:
            self._entries.pop(entry.number, None)
            self._dropped.add(entry.number)
            self._number()

    def _scan(self, query: str, last: int = 0) -> Iterator[tuple[Any, ...]]:
        """Yield the rows by ascending id, stepping over those on damaged pages."""
        damage = 0
        while damage < _MOST_DAMAGE:
            try:
                for found in self.connection.execute(f"{query} WHERE id > ? ORDER BY id", (last,)):
                    last = found[0]
                    yield found
            except sqlite3.DatabaseError:
                last += 1
                damage += 1
            else:
                return

    def _load_names(self) -> None:
        paths, shapes = len(self.shapes.paths), len(self.shapes.shapes)
        for (content,) in self.connection.execute("SELECT content FROM path WHERE id >= ? ORDER BY id", (paths,)):
            self.shapes.add_path(tuple(decoded(content)))
        for (content,) in self.connection.execute("SELECT content FROM shape WHERE id >= ? ORDER BY id", (shapes,)):
            self.shapes.add_shape(tuple(decoded(content)))
        for number, content in self.connection.execute("SELECT id, content FROM dictionary"):
            self._compressions.setdefault(number, Compression(content))
        self._names = {
            number: clean(name, 1000) for number, name in self.connection.execute("SELECT id, name FROM block")
        }

    def _take_segment(self, number: int, session: int, dictionary: int) -> None:
        entry = SegmentEntry(number, session, (), (), dictionary)
        try:
            (content,) = self.connection.execute("SELECT times FROM segment WHERE id = ?", (number,)).fetchone()
            times, received = (unpack(packed) for packed in _TIMES.decode(self._restored(entry, content)))
        except DAMAGE:
            self._dropped.add(number)
            self._entries.pop(number, None)
            return
        entry.times, entry.received = [float(at or 0.0) for at in times], received
        self._entries[number] = entry
        self._whole.pop(number, None)

    def _load_rows(self, packed: set[int]) -> None:
        """Take the rows of segments that are not packed: each says what it changed of the one before."""
        broken: set[int] = set()
        last = self._last_row
        for number, segment, session in self._scan("SELECT id, segment, session FROM poll", last):
            self._last_row = number
            if segment in packed or segment in broken:
                continue
            (content,) = self.connection.execute("SELECT content FROM poll WHERE id = ?", (number,)).fetchone()
            entry = self._entries.get(segment)
            if entry is None:
                entry = self._entries[segment] = SegmentEntry(segment, session, (), (), open=Segment(self.shapes))
            try:
                self._take_row(entry, content)
            except BROKEN:
                broken.add(segment)

    def _take_row(self, entry: SegmentEntry, content: bytes) -> None:
        rows = entry.open
        if rows is None:
            return
        rows.take(decoded(self._compressions[0].restored(content)))
        entry.times, entry.received = rows.times, rows.received
        self._whole.pop(entry.number, None)

    def _number(self) -> None:
        self.segments = [entry for _, entry in sorted(self._entries.items()) if entry.times]
        self.times = []
        for entry in self.segments:
            entry.begins = len(self.times)
            self.times += entry.times
        try:
            written, self.pruned = self.connection.execute("SELECT polls, pruned FROM progress").fetchone()
        except (sqlite3.DatabaseError, TypeError):
            return
        self.lost = max(0, written - self.pruned - len(self.times))

    def _read_parts(self, entry: SegmentEntry) -> Iterator[tuple[Clean, BlockPart]]:
        if entry.open is not None:
            for name, log in entry.open.blocks.items():
                yield clean(name, 1000), OpenPart(log)
            return
        query = "SELECT block, figures, documents, decided, samples FROM frame WHERE segment = ? ORDER BY rowid"
        for block, *contents in self.rows(query, (entry.number,)):
            yield self._names[block], self._part_of(entry, contents)

    def _read_part(self, entry: SegmentEntry, block_id: Clean) -> BlockPart | None:
        number = next((number for number, name in self._names.items() if name == block_id), -1)
        query = "SELECT figures, documents, decided, samples FROM frame WHERE block = ? AND segment = ?"
        contents = self.row(query, (number, entry.number))
        return None if contents is None else self._part_of(entry, contents)

    def _part_of(self, entry: SegmentEntry, contents: Sequence[bytes]) -> BlockPart:
        return PackedPart(self.shapes, lambda place: self._restored(entry, contents[place]), self._known)

    def _restored(self, entry: SegmentEntry, content: bytes) -> bytes:
        if entry.dictionary not in self._compressions:
            raise BrokenPartError("its dictionary is missing")
        return self._compressions[entry.dictionary].restored(content)
