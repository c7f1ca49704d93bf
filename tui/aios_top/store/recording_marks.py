"""What happened, for the time bar: read once, and of a recording that grows only what is new."""

from collections.abc import Sequence
from typing import Any

from aios_top.model.recording import Mark, MarkKind
from aios_top.model.text import clean
from aios_top.store.recording_index import RecordingIndex

Row = tuple[int, Any, Any, Any, Any]
_QUERY = "SELECT id, at, kind, block, content FROM event WHERE kind >= 'mark:' AND kind < 'mark;' AND id > ?"


class RecordedMarks:
    """The marks of one recording; may be used from several threads."""

    def __init__(self, index: RecordingIndex) -> None:
        self._index = index
        self._marks: tuple[Mark, ...] = ()
        self._damaged = 0
        self._last = 0
        """Number of the newest event that was read."""
        self._as_of: tuple[int, int] | None = None
        """What the index was when it was read, and how many polls had been removed by then."""

    def every(self) -> tuple[Mark, ...]:
        """Return all, oldest first; the same ones until the index is refreshed and there is something new."""
        index = self._index
        with index.lock:
            as_of = index.version, index.pruned
            if as_of != self._as_of:
                if self._as_of is None or index.pruned != self._as_of[1]:
                    self._marks, self._last, self._damaged = (), 0, 0
                self._take(index.rows(_QUERY, (self._last,)))
                self._as_of = as_of
            return self._marks

    @property
    def damaged(self) -> int:
        """How many cannot be read; the others are shown."""
        self.every()
        return self._damaged

    def _take(self, rows: Sequence[Row]) -> None:
        found = []
        for number, *row in rows:
            self._last = max(self._last, number)
            try:
                found.append(_mark(*row))
            except (ValueError, TypeError, AttributeError):
                self._damaged += 1
        if found:
            self._marks = tuple(sorted((*self._marks, *found), key=lambda mark: mark.at))


def _mark(at: Any, kind: Any, block: Any, content: Any) -> Mark:
    """Return a mark; raises ValueError, TypeError or AttributeError for what is none."""
    return Mark(float(at), MarkKind(kind.removeprefix("mark:")), clean(block, 1000), clean(content.decode(), 300))
