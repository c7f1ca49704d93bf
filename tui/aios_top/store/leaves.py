"""Takes documents apart into leaves, so that of one that is asked for every two seconds only the changes are kept.

A document is a shape (which leaves, in which order) and a value for each leaf. Shapes and paths recur by the million,
so a recording numbers them once.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aios_top.store.columns import Packed, pack, unpack

MOST_SHAPES = 4096
"""Shapes that one recording numbers; documents of still other shapes are kept whole."""
_EXACT = 2**53

Path = tuple[str | int, ...]
Difference = tuple[int, Sequence[int], Sequence[Any]]
"""Shape, numbers of the leaves that changed, and their values; shape -1 has the whole document for its value."""
NOTHING = object()
"""Stands for a document that there is none of."""


class _Node:
    """One step of a path, with the steps that follow it."""

    __slots__ = ("children", "number")

    def __init__(self) -> None:
        self.children: dict[str | int, _Node] = {}
        self.number = -1


class Shapes:
    """The paths and shapes of one recording by number; `fresh` are those that are not on disk yet."""

    def __init__(self, paths: Iterable[Path] = (), shapes: Iterable[tuple[int, ...]] = ()) -> None:
        self._root = _Node()
        self.paths: list[Path] = []
        self.shapes: list[tuple[int, ...]] = []
        self._numbers: dict[tuple[int, ...], int] = {}
        self._plans: dict[int, Any] = {}
        for path in paths:
            self.add_path(path)
        for shape in shapes:
            self.add_shape(shape)
        self._saved = (len(self.paths), len(self.shapes))

    def fresh(self) -> tuple[list[tuple[int, Path]], list[tuple[int, tuple[int, ...]]]]:
        """Return what was numbered since the last call, each with its number."""
        paths, shapes = self._saved
        self._saved = (len(self.paths), len(self.shapes))
        return list(enumerate(self.paths[paths:], paths)), list(enumerate(self.shapes[shapes:], shapes))

    def take_apart(self, document: Any) -> tuple[int, Sequence[int], list[Any]]:
        """Return shape number, leaf numbers and leaf values; the number is -1 for a shape too many."""
        numbers: list[int] = []
        values: list[Any] = []
        self._walk(document, self._root, (), numbers, values)
        shape = tuple(numbers)
        number = self._numbers.get(shape)
        if number is None:
            if len(self.shapes) >= MOST_SHAPES:
                return -1, (), [document]
            number = self._numbers[shape] = len(self.shapes)
            self.shapes.append(shape)
        return number, shape, values

    def put_together(self, shape: int, leaves: Mapping[int, Any]) -> Any:
        """Return the document with these leaves."""
        plan = self._plans.get(shape, NOTHING)
        if plan is NOTHING:
            plan = self._plans[shape] = self._plan(shape)
        return _filled(plan, leaves)

    def _plan(self, shape: int) -> Any:
        """Return the document that has each leaf's number in the leaf's place."""
        root: dict[Any, Any] = {}
        for number in self.shapes[shape]:
            path = self.paths[number]
            if not path:
                return number
            place = root
            for step in path[:-1]:
                place = place.setdefault(step, {})
            place[path[-1]] = number
        return _listed(root)

    def _walk(self, value: Any, node: _Node, path: Path, numbers: list[int], values: list[Any]) -> None:
        if isinstance(value, dict) and value:
            entries: Iterable[tuple[Any, Any]] = value.items()
        elif isinstance(value, list | tuple) and value:
            entries = enumerate(value)
        else:
            if isinstance(value, tuple):
                value = []
            if node.number < 0:
                if len(self.shapes) >= MOST_SHAPES:
                    numbers.append(-2)  # no shape that is known has it
                    return
                node.number = len(self.paths)
                self.paths.append(path)
            numbers.append(node.number)
            values.append(value)
            return
        children = node.children
        for step, entry in entries:
            child = children.get(step)
            if child is None:
                child = _Node()
                if len(self.shapes) < MOST_SHAPES:
                    children[step] = child
            self._walk(entry, child, (*path, step), numbers, values)

    def leaf(self, path: Path) -> int:
        """Return the number of a path, -1 for one that no document has."""
        node = self._root
        for step in path:
            if step not in node.children:
                return -1
            node = node.children[step]
        return node.number

    def add_shape(self, shape: tuple[int, ...]) -> None:
        """Take over a shape that was numbered before."""
        self._numbers[shape] = len(self.shapes)
        self.shapes.append(shape)

    def add_path(self, path: Path) -> None:
        """Take over a path that was numbered before."""
        node = self._root
        for step in path:
            node = node.children.setdefault(step, _Node())
        node.number = len(self.paths)
        self.paths.append(path)


def _filled(plan: Any, leaves: Mapping[int, Any]) -> Any:
    if type(plan) is dict:
        return {key: leaves[entry] if type(entry) is int else _filled(entry, leaves) for key, entry in plan.items()}
    if type(plan) is list:
        return [leaves[entry] if type(entry) is int else _filled(entry, leaves) for entry in plan]
    return leaves[plan]


def _listed(value: Any) -> Any:
    """Turn what has running numbers for keys into lists."""
    if not isinstance(value, dict) or not value:
        return value
    if 0 in value:
        return [_listed(entry) for entry in value.values()]
    return {key: _listed(entry) for key, entry in value.items()}


class Changes(msgspec.Struct, array_like=True):
    """The values that one leaf took, each with the row that it came with."""

    leaf: int
    rows: Packed
    floats: Packed | None
    others: list[Any] | None


class PackedStream(msgspec.Struct, array_like=True):
    """The documents of one stream within a segment."""

    polls: Packed
    shapes: Packed
    first: list[int]
    """Leaves of the first document."""
    values: list[Any]
    """Their values."""
    changes: list[Changes]
    """The later values, by leaf."""
    same: list[tuple[int, int]]
    """Leaves that changed exactly as another one did, with the place of that one's changes."""
    whole: list[Any]
    """Documents of a shape that has no number, in order."""


@dataclass(slots=True)
class Stream:
    """The documents of one kind about one block, in the order in which they came."""

    shapes: Shapes
    polls: list[int] = field(default_factory=list)
    """Poll number of each within the segment; -1 is what was known when it began."""
    _shape: list[int] = field(default_factory=list)
    _leaves: dict[int, Any] = field(default_factory=dict)
    _changes: dict[int, tuple[list[int], list[Any]]] = field(default_factory=dict)
    _whole: list[Any] = field(default_factory=list)

    def append(self, poll: int, document: Any) -> Difference:
        """Add a document made of dicts with text keys, lists and scalars; return what it changes."""
        shape, numbers, values = self.shapes.take_apart(document)
        if shape < 0:
            difference: Difference = (shape, [], [document])
        else:
            known = self._leaves
            changed, new = [], []
            for number, value in zip(numbers, values, strict=True):
                before = known.get(number, NOTHING)
                if before is not value and (before != value or type(before) is not type(value)):
                    changed.append(number)
                    new.append(value)
            difference = (shape, changed, new)
        self.change(poll, difference)
        return difference

    def change(self, poll: int, difference: Difference) -> None:
        """Add a document by what it changes."""
        shape, numbers, values = difference
        row = len(self.polls)
        self.polls.append(poll)
        self._shape.append(shape)
        if shape < 0:
            self._whole.append(values[0])
            return
        for number, value in zip(numbers, values, strict=True):
            self._leaves[number] = value
            entry = self._changes.get(number)
            if entry is None:
                entry = self._changes[number] = ([], [])
            entry[0].append(row)
            entry[1].append(value)

    def last(self) -> Any:
        """Return the newest document, NOTHING when there is none."""
        if not self.polls:
            return NOTHING
        return self._whole[-1] if self._shape[-1] < 0 else self.shapes.put_together(self._shape[-1], self._leaves)

    def packed(self) -> PackedStream:
        """Return all of it, packed."""
        first: list[int] = []
        values: list[Any] = []
        changes: list[Changes] = []
        same: list[tuple[int, int]] = []
        known: dict[tuple[Any, ...], int] = {}
        for leaf, (rows, found) in sorted(self._changes.items()):
            begins = rows[0] == 0
            if begins:
                first.append(leaf)
                values.append(found[0])
            if len(rows) > begins:
                later = rows[begins:], found[begins:]
                key = (tuple(later[0]), tuple(later[1])) if _is_plain(later[1]) else (leaf,)
                if key in known:
                    same.append((leaf, known[key]))
                else:
                    known[key] = len(changes)
                    changes.append(_packed_changes(leaf, *later))
        return PackedStream(pack(self.polls), pack(self._shape), first, values, changes, same, self._whole)


def _is_plain(values: list[Any]) -> bool:
    """Return whether equal values are the same for sure: 1 equals 1.0 and True, but is another thing in JSON."""
    return len({type(value) for value in values}) == 1 and isinstance(values[0], str | float)


def _packed_changes(leaf: int, rows: list[int], values: list[Any]) -> Changes:
    kinds = {type(value) for value in values}
    fits = kinds in ({float}, {int}) and all(
        kind is float or all(abs(entry) < _EXACT for entry in values) for kind in kinds
    )
    return Changes(leaf, pack(rows), pack(values) if fits else None, None if fits else values)


def documents(shapes: Shapes, packed: PackedStream) -> Iterator[tuple[int, Any]]:
    """Yield every document of a stream with its poll number, oldest first."""
    by_row: dict[int, list[tuple[int, Any]]] = {}
    read = [list(zip(_whole_numbers(found.rows), _values(found), strict=True)) for found in packed.changes]
    for leaf, place in [*((found.leaf, place) for place, found in enumerate(packed.changes)), *packed.same]:
        for row, value in read[place]:
            by_row.setdefault(row, []).append((leaf, value))
    leaves: dict[int, Any] = dict(zip(packed.first, packed.values, strict=True))
    whole = iter(packed.whole)
    polls, numbers = _whole_numbers(packed.polls), _whole_numbers(packed.shapes)
    for row, (poll, shape) in enumerate(zip(polls, numbers, strict=True)):
        leaves.update(by_row.get(row, ()))
        yield poll, next(whole) if shape < 0 else shapes.put_together(shape, leaves)


def latest(shapes: Shapes, packed: PackedStream, poll: int) -> Any:
    """Return the last document up to a poll number, NOTHING when there is none."""
    row = bisect_right(_whole_numbers(packed.polls), poll) - 1
    return NOTHING if row < 0 else document(shapes, packed, row)


def document(shapes: Shapes, packed: PackedStream, row: int) -> Any:
    """Return the document of a row."""
    numbers = _whole_numbers(packed.shapes)
    shape = numbers[row]
    if shape < 0:
        return packed.whole[sum(1 for number in numbers[:row] if number < 0)]
    leaves: dict[int, Any] = dict(zip(packed.first, packed.values, strict=True))
    places: dict[tuple[bytes, ...], int] = {}
    for changes in packed.changes:
        key = tuple(changes.rows.parts)
        place = places.get(key)
        if place is None:  # most leaves change together
            place = places[key] = bisect_right(_whole_numbers(changes.rows), row) - 1
        if place >= 0:
            leaves[changes.leaf] = _values(changes)[place]
    for leaf, place in packed.same:
        twin = packed.changes[place]
        if places[tuple(twin.rows.parts)] >= 0:
            leaves[leaf] = leaves[twin.leaf]
    return shapes.put_together(shape, leaves)


def column(shapes: Shapes, packed: PackedStream, path: Path) -> list[Any]:
    """Return one leaf of every document, NOTHING where a document has never had it; documents kept whole have none."""
    leaf = shapes.leaf(path)
    found = dict(zip(packed.first, packed.values, strict=True)).get(leaf, NOTHING)
    places = {leaf: packed.changes[place] for leaf, place in packed.same}
    places |= {entry.leaf: entry for entry in packed.changes}
    values = [found] * packed.polls.count
    if leaf in places:
        rows = _whole_numbers(places[leaf].rows)
        for row, end, value in zip(rows, [*rows[1:], len(values)], _values(places[leaf]), strict=True):
            values[row:end] = [value] * (end - row)
    return values


def polls_of(packed: PackedStream) -> list[int]:
    """Return the poll number of every row."""
    return _whole_numbers(packed.polls)


def _whole_numbers(packed: Packed) -> list[int]:
    numbers: list[int] = unpack(packed)  # type: ignore[assignment]  # they were ints
    return numbers


def _values(changes: Changes) -> Sequence[Any]:
    return unpack(changes.floats) if changes.floats is not None else changes.others or ()
