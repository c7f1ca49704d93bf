"""Documents of one kind about one block by row, put together of their leaves; also one of which a part is looked at."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aios_top.store.leaves import NOTHING, Path, Shapes, filled

Leaf = tuple[Sequence[int], Sequence[Any]]
"""The rows that brought a leaf's values, ascending, and the values."""


class _Leaves(dict[int, Any]):
    """The leaves of one row; of those that change, the value is looked for when it is asked for."""

    __slots__ = ("_first", "_later", "_row")

    def __init__(self, first: Mapping[int, Any], later: Mapping[int, Leaf], row: int) -> None:
        super().__init__(first)
        self._first, self._later, self._row = first, later, row
        for leaf in tuple(later):
            self.pop(leaf, None)

    def __missing__(self, leaf: int) -> Any:
        rows, values = self._later[leaf]
        place = bisect_right(rows, self._row) - 1
        return values[place] if place >= 0 else self._first[leaf]


class View:
    """One document, of which parts can be had without the rest."""

    def __init__(self, plan: Any, leaves: Mapping[int, Any]) -> None:
        self._plan, self._leaves = plan, leaves

    def has(self, *path: str) -> bool:
        """Return whether there is such a part."""
        plan = self._plan
        for step in path:
            if type(plan) is not dict or step not in plan:
                return False
            plan = plan[step]
        return True

    def part(self, *path: str) -> Any:
        """Return a part; raises LookupError or TypeError where there is none."""
        plan = self._plan
        for step in path:
            plan = plan[step]
        return filled(plan, self._leaves)

    def without(self, outer: str, inner: str) -> Any:
        """Return the document but for a part within one of its parts."""
        plan = dict(self._plan)
        plan[outer] = {step: entry for step, entry in plan[outer].items() if step != inner}
        return filled(plan, self._leaves)

    def columns(self, path: Sequence[str], places: Sequence[int]) -> list[list[Any]] | None:
        """Return what stands at some places of every list in a list, None when it is no list of such lists."""
        plan, leaves = self._plan, self._leaves
        for step in path:
            plan = plan[step]
        if type(plan) is not list or not all(type(entry) is list for entry in plan):
            return None
        return [[leaves[entry[place]] for entry in plan] for place in places]


class Documents:
    """The documents of a stream by row; what it is made of may still grow."""

    def __init__(
        self,
        shapes: Shapes,
        polls: Sequence[int],
        numbers: Sequence[int],
        first: Mapping[int, Any],
        later: Mapping[int, Leaf],
        whole: Sequence[Any],
    ) -> None:
        """`numbers` are the shapes of the rows, `first` the leaves of the first one, `later` what came after."""
        self.polls = polls
        """Poll number of every row, ascending."""
        self._shapes, self._numbers, self._first, self._later, self._whole = shapes, numbers, first, later, whole

    def row(self, poll: int) -> int:
        """Return the last row up to a poll, -1 when there is none."""
        return bisect_right(self.polls, poll) - 1

    def latest(self, poll: int) -> Any:
        """Return the last document up to a poll, NOTHING when there is none."""
        row = self.row(poll)
        return NOTHING if row < 0 else self.document(row)

    def document(self, row: int) -> Any:
        """Return the document of a row."""
        shape = self._numbers[row]
        if shape < 0:
            return self._whole[sum(1 for number in self._numbers[:row] if number < 0)]
        return self._shapes.put_together(shape, _Leaves(self._first, self._later, row))

    def view(self, row: int) -> View | None:
        """Return a look at the document of a row, None where it is kept whole."""
        shape = self._numbers[row]
        return None if shape < 0 else View(self._shapes.plan(shape), _Leaves(self._first, self._later, row))

    def every(self) -> Iterator[tuple[int, Any]]:
        """Yield every document with its poll number, oldest first."""
        by_row: dict[int, list[tuple[int, Any]]] = {}
        for leaf, (rows, values) in tuple(self._later.items()):
            for row, value in zip(rows, values, strict=False):
                by_row.setdefault(row, []).append((leaf, value))
        leaves = dict(self._first)
        whole = iter(self._whole)
        for row, (poll, shape) in enumerate(zip(self.polls, self._numbers, strict=False)):
            leaves.update(by_row.get(row, ()))
            yield poll, next(whole) if shape < 0 else self._shapes.put_together(shape, leaves)

    def values(self, path: Path, end: int) -> list[Any]:
        """Return the values that one leaf took in the documents before a row; NOTHING where the first one lacks it."""
        leaf = self._shapes.leaf(path)
        rows, found = self._later.get(leaf, ((), ()))
        return [self._first.get(leaf, NOTHING), *found[: bisect_left(rows, end)]]
