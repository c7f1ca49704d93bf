"""Rows of an open segment in little room: it holds a hundred thousand of them before it is packed."""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from aios_top.store.typed import decoded, encoded


class Rows:
    """Rows of plain values, each with the number of the poll that brought it, oldest first.

    A row is kept as the bytes that it would be written as: a third of the room of the values, and nothing for the
    search for garbage to look through.
    """

    __slots__ = ("_content", "_polls")

    def __init__(self) -> None:
        self._polls = array("q")
        self._content: list[bytes] = []

    def append(self, poll: int, row: Sequence[Any]) -> None:
        """Add one."""
        self._polls.append(poll)
        self._content.append(encoded(row))

    def row(self, place: int) -> Any:
        """Return the row at a place, counted from the end when it is negative."""
        return decoded(self._content[place])

    def __len__(self) -> int:
        return len(self._polls)

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        return zip(self._polls, map(decoded, self._content), strict=True)
