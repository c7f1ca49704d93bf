"""Documents of one kind about one block by row, put together of their leaves; also one of which a part is looked at."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aios_top.store.leaves import NOTHING, Path, Shapes

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
    """One document, of which parts can be had without the rest; they raise LookupError or TypeError for no part."""

    def __init__(self, shapes: Shapes, shape: int, leaves: Mapping[int, Any]) -> None:
        self._shapes, self._shape, self._leaves = shapes, shape, leaves

    def has(self, *path: str) -> bool:
        """Return whether there is such a part."""
        plan = self._shapes.plan(self._shape)
        for step in path:
            if type(plan) is not dict or step not in plan:
                return False
            plan = plan[step]
        return True

    def part(self, *path: str) -> Any:
        """Return a part."""
        return self._shapes.filler(self._shape, _part, path)(self._leaves)

    def parts(self, path: Path, names: tuple[str, ...]) -> dict[str, Any]:
        """Return some parts of a part."""
        found: dict[str, Any] = self._shapes.filler(self._shape, _parts, path, names)(self._leaves)
        return found

    def without(self, outer: str, inner: str) -> Any:
        """Return the document but for a part within one of its parts."""
        return self._shapes.filler(self._shape, _without, outer, inner)(self._leaves)

    def column(self, path: Path, place: int) -> list[Any] | None:
        """Return what stands at a place of every list in a list, None when it is no list of such lists."""
        plan = _part(self._shapes.plan(self._shape), path)
        if type(plan) is not list or not all(type(entry) is list for entry in plan):
            return None
        found: list[Any] = self._shapes.filler(self._shape, _column, path, place)(self._leaves)
        return found


def _part(plan: Any, path: Path) -> Any:
    for step in path:
        plan = plan[step]
    return plan


def _parts(plan: Any, path: Path, names: tuple[str, ...]) -> Any:
    part = _part(plan, path)
    return {name: part[name] for name in names}


def _without(plan: Any, outer: str, inner: str) -> Any:
    return {**plan, outer: {step: entry for step, entry in plan[outer].items() if step != inner}}


def _column(plan: Any, path: Path, place: int) -> Any:
    return [entry[place] for entry in _part(plan, path)]


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
        return None if shape < 0 else View(self._shapes, shape, _Leaves(self._first, self._later, row))

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

    def has(self, row: int, *paths: Path) -> bool:
        """Return whether the document of a row has these leaves; of one that is kept whole it is not known."""
        return self._shapes.has_leaves(self._numbers[row], paths)

    def column(self, path: Path) -> Sequence[Any]:
        """Return what a leaf is in every row, which says something of those that have it."""
        leaf, end = self._shapes.leaf(path), len(self.polls)
        rows, values = self._later.get(leaf, ((), ()))
        first = self._first.get(leaf, NOTHING)
        if not rows:
            return [first] * end
        found: list[Any] = [first] * min(rows[0], end)
        for place, value in enumerate(values):
            until = rows[place + 1] if place + 1 < len(rows) else end
            found += [value] * (until - rows[place])
        return found

    def values(self, path: Path, end: int) -> list[Any]:
        """Return the values that one leaf took in the documents before a row; NOTHING where the first one lacks it."""
        leaf = self._shapes.leaf(path)
        rows, found = self._later.get(leaf, ((), ()))
        return [self._first.get(leaf, NOTHING), *found[: bisect_left(rows, end)]]
