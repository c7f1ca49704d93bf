"""A block's decisions as a recording gives them back: what nobody looks at of them is not read."""

from collections.abc import Sequence
from contextlib import suppress
from threading import Lock

from msgspec import Struct

from aios_top.model.decision import MAX_DECISIONS, Decision, Outline
from aios_top.model.text import Clean
from aios_top.store.recording_index import DAMAGE, RecordingIndex, SegmentEntry
from aios_top.store.recording_segments import unreadable
from aios_top.store.signs import Sign


class _Place(Struct):
    """Where a decision stands that was told."""

    sign: Sign
    segment: SegmentEntry
    row: int
    made: Decision | None = None


class RecordedDecisions:
    """What a block's policy had told up to a poll, newest first, of one told again the later version.

    Satisfies `model.decision.Told`; may be used from several threads. Segments are read back as far as it takes.
    """

    def __init__(self, index: RecordingIndex, entry: SegmentEntry, poll: int, block_id: Clean) -> None:
        self._index, self._entry, self._poll, self._block_id = index, entry, poll, block_id
        self._lock = Lock()  # not the index's: to read a hundred blocks takes a second, and the screen reads one
        self._segments = index.before(entry, float("-inf"))
        self._exhausted = False
        self._places: dict[tuple[Clean | None, int | None], _Place] = {}
        self._ordered: list[_Place] = []
        self._boot_id: tuple[Clean | None] | None = None
        """The policy's boot at that poll, None before it is known."""
        self._reaches = float("inf"), float("inf")
        """When the oldest segment that was read begins, and the oldest decision in it was taken, -inf without one."""

    def first(self, number: int) -> Sequence[Decision]:
        """Return the newest ones, so many where there are so many."""
        with self._lock:
            return [self._decision(place) for place in self._newest(number)]

    def outlines(self, number: int) -> Sequence[Outline]:
        """Return what is seen at once of the newest ones, so many where there are so many."""
        with self._lock:
            return [place.sign for place in self._newest(number)]

    def one(self, place: int) -> Decision:
        """Return the one with so many newer ones; raises IndexError."""
        with self._lock:
            return self._decision(self._newest(place + 1)[place])

    def since(self, at: float) -> Sequence[Decision]:
        """Return those that were taken since a time, by a clock that does not go back."""
        with self._lock:
            while max(self._reaches) >= at and self._read():
                pass
            return [self._decision(place) for place in self._in_order() if place.sign.at >= at]

    def _decision(self, place: _Place) -> Decision:
        """Make a decision; its segment is not kept for that, and read again when it is not at hand."""
        if place.made is None:
            with suppress(*DAMAGE):
                part = self._index.part(place.segment, self._block_id)
                if part is not None:
                    place.made = part.decision(place.row, place.sign)
        return place.made or unreadable(place.sign)

    def _newest(self, number: int) -> Sequence[_Place]:
        while self._sure() < number and self._read():
            pass
        return self._in_order()[:number]

    def _in_order(self) -> Sequence[_Place]:
        if len(self._ordered) != len(self._places):
            self._ordered = sorted(self._places.values(), key=self._age, reverse=True)
        return self._ordered[:MAX_DECISIONS]

    def _age(self, place: _Place) -> tuple[bool, float]:
        running = self._is_running(place)
        return running, (place.sign.seq or 0) if running else place.sign.at

    def _is_running(self, place: _Place) -> bool:
        return self._boot_id == (place.sign.boot_id,)

    def _sure(self) -> int:
        """Return of how many it is sure that none from an older segment comes between them.

        That is as long as their numbers leave none out: of one that was told again the first version came earlier.
        """
        if not self._places:
            return 0
        numbers = [place.sign.seq for place in self._in_order() if self._is_running(place)]
        newest = numbers[0] if numbers else None
        if newest is None:
            return 0
        return next((place for place, seq in enumerate(numbers) if seq != newest - place), len(numbers))

    def _read(self) -> bool:
        """Read one segment further back; return whether there was one and it was needed."""
        if self._exhausted or len(self._places) >= MAX_DECISIONS:
            return False
        segment = next(self._segments, None)
        if segment is None:
            self._exhausted = True
            return False
        oldest = float("-inf")
        with suppress(*DAMAGE):  # then what can be read of the others is shown
            oldest = self._take(segment)
        self._reaches = segment.times[0], oldest
        return True

    def _take(self, segment: SegmentEntry) -> float:
        """Take a segment's decisions; return when the oldest of them was taken."""
        part = self._index.part(segment, self._block_id)
        if part is None:
            return float("-inf")
        signs = part.signs(self._poll if segment is self._entry else len(segment.times))
        for row in range(len(signs) - 1, -1, -1):
            sign = signs[row]
            if self._boot_id is None:
                self._boot_id = (sign.running,)
            if not sign.is_gap:
                self._places.setdefault((sign.boot_id, sign.seq), _Place(sign, segment, row))
        return min((sign.at for sign in signs if not sign.is_gap), default=float("-inf"))
