"""Puts figures into another order on disk: those of a day stand by time, and some formats want them by name."""

import sqlite3
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

Figure = tuple[int, float, int, float]
"""Group, unix seconds, line, value: all but the figures themselves are numbers that the caller gave out."""


class Spool:
    """A private file without a name, which is gone with the process, however that ends."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
            "CREATE TABLE figure (series INTEGER, at REAL, line INTEGER, value REAL); BEGIN"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, figures: Iterable[Figure]) -> None:
        """Take some; raises OSError when the disk is full."""
        try:
            self._file.executemany("INSERT INTO figure VALUES (?, ?, ?, ?)", figures)
        except sqlite3.Error as error:
            raise OSError(None, f"{error}; TMPDIR names another place") from error

    def ordered(self) -> Iterator[Figure]:
        """Yield them by group, within a group by time, within a moment as they came; raises OSError likewise."""
        try:
            yield from self._file.execute("SELECT * FROM figure ORDER BY series, at, rowid")
        except sqlite3.Error as error:
            raise OSError(None, f"{error}; TMPDIR names another place") from error
