"""Takes documents apart into leaves, so that of one that is asked for every two seconds only the changes are kept.

A document is a shape (which leaves, in which order) and a value for each leaf. Shapes and paths recur by the million,
so a recording numbers them once.
"""

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aios_top.store.fillers import Filler, filler

MOST_SHAPES = 4096
"""Shapes that one recording numbers; documents of still other shapes are kept whole."""

_MOST_PLANS = 1024

Path = tuple[str | int, ...]
NOTHING = object()
"""Stands for a document that there is none of."""
_LISTS = frozenset({list, tuple})
_BRANCHES = (dict, list, tuple)


def is_same(found: Any, again: Any) -> bool:
    """Return whether two leaves are the same in JSON, where neither 1 is 1.0 nor 0.0 is -0.0."""
    if type(found) is not type(again) or found != again:
        return False
    return bool(found) or type(found) is not float or math.copysign(1.0, found) == math.copysign(1.0, again)


def _is_leaf(value: Any) -> bool:
    return not (value and isinstance(value, _BRANCHES))


class _Node:
    """A path, with the steps that follow it."""

    __slots__ = ("children", "number", "path")

    def __init__(self, path: Path = ()) -> None:
        self.path = path
        self.children: dict[str | int, _Node] = {}
        self.number = -1


class _Branch:
    """A dict or list of a shape, with the leaf's number or the branch in each of its places."""

    __slots__ = ("entries", "keys")

    def __init__(self, plan: Any) -> None:
        """`plan` has each leaf's number in the leaf's place."""
        self.keys = tuple(plan) if type(plan) is dict else None
        """Keys of a dict, in order; None for a list."""
        inner = plan.values() if type(plan) is dict else plan
        self.entries: tuple[Any, ...] = tuple(entry if type(entry) is int else _Branch(entry) for entry in inner)

    def changes(self, value: Any, known: Mapping[int, Any], found: list[tuple[int, Any]]) -> bool:
        """Find the leaves of a value that are not as they are known; return False for a value of another shape."""
        if self.keys is None:
            if type(value) not in _LISTS or len(value) != len(self.entries):
                return False
            entries = value
        elif type(value) is dict and tuple(value) == self.keys:
            entries = value.values()
        else:
            return False
        for place, entry in zip(self.entries, entries, strict=True):
            if type(place) is not int:
                if not place.changes(entry, known, found):
                    return False
            elif entry is not known[place]:
                leaf = entry if type(entry) is not tuple or entry else []
                if not is_same(leaf, known[place]):
                    if not _is_leaf(leaf):
                        return False
                    found.append((place, leaf))
        return True


class Shapes:
    """The paths and shapes of one recording by number; `fresh` are those that are not on disk yet."""

    def __init__(self, paths: Iterable[Path] = (), shapes: Iterable[tuple[int, ...]] = ()) -> None:
        self._root = _Node()
        self.paths: list[Path] = []
        self.shapes: list[bytes] = []
        """Each as the bytes of its leaves' numbers: half the room of a tuple, and there may be thousands."""
        self._numbers: dict[bytes, int] = {}
        self._plans: dict[int, Any] = {}
        self._fillers: dict[tuple[Any, ...], Filler] = {}
        self._branches: dict[int, _Branch] = {}
        self._having: dict[tuple[int, tuple[Path, ...]], bool] = {}
        for path in paths:
            self.add_path(path)
        for shape in shapes:
            self.add_shape(shape)
        self._saved = (len(self.paths), len(self.shapes))

    def fresh(self) -> tuple[list[tuple[int, Path]], list[tuple[int, tuple[int, ...]]]]:
        """Return what was numbered since the last call, each with its number."""
        paths, shapes = self._saved
        self._saved = (len(self.paths), len(self.shapes))
        return list(enumerate(self.paths[paths:], paths)), list(enumerate(map(_leaves, self.shapes[shapes:]), shapes))

    def forget_plans(self) -> None:
        """Forget what is made of shapes again when it is asked for: shapes come and go, and each takes kilobytes."""
        self._plans.clear()
        self._fillers.clear()
        self._branches.clear()
        self._having.clear()

    def take_apart(self, document: Any) -> tuple[int, Sequence[int], list[Any]]:
        """Return shape number, leaf numbers and leaf values; the number is -1 for a shape too many."""
        numbers: list[int] = []
        values: list[Any] = []
        self._walk(document, self._root, numbers, values)
        shape = _shape(numbers)
        number = self._numbers.get(shape)
        if number is None:
            if len(self.shapes) >= MOST_SHAPES:
                return -1, (), [document]
            number = self._numbers[shape] = len(self.shapes)
            self.shapes.append(shape)
        return number, numbers, values

    def changes(self, document: Any, shape: int, known: Mapping[int, Any]) -> list[tuple[int, Any]] | None:
        """Return the leaves of a document that are not as they are known, None when it is of another shape.

        Most documents are of the shape of the one before them, and this is several times as fast as `take_apart`.
        """
        branch = self._branches.get(shape)
        if branch is None:
            plan = self._plan(shape)
            if type(plan) is int:
                return None
            branch = self._branches[shape] = _Branch(plan)
        found: list[tuple[int, Any]] = []
        return found if branch.changes(document, known, found) else None

    def has_leaves(self, shape: int, paths: tuple[Path, ...]) -> bool:
        """Return whether documents of a shape have all these leaves."""
        key = shape, paths
        found = self._having.get(key)
        if found is None:
            leaves = frozenset(_leaves(self.shapes[shape])) if shape >= 0 else frozenset()
            found = self._having[key] = leaves.issuperset(map(self.leaf, paths))
        return found

    def put_together(self, shape: int, leaves: Mapping[int, Any]) -> Any:
        """Return the document with these leaves."""
        return self.filler(shape)(leaves)

    def filler(self, shape: int, cut: Callable[..., Any] | None = None, *how: Any) -> Filler:
        """Return what makes documents of a shape, or what `cut(plan, *how)` leaves of them."""
        key = shape, cut, *how
        found = self._fillers.get(key)
        if found is None:
            plan = self.plan(shape)
            found = self._fillers[key] = filler(plan if cut is None else cut(plan, *how))
        return found

    def plan(self, shape: int) -> Any:
        """Return the document that has each leaf's number in the leaf's place."""
        plan = self._plans.get(shape, NOTHING)
        if plan is NOTHING:
            if len(self._plans) >= _MOST_PLANS:
                self.forget_plans()
            plan = self._plans[shape] = self._plan(shape)
        return plan

    def _plan(self, shape: int) -> Any:
        root: dict[Any, Any] = {}
        for number in _leaves(self.shapes[shape]):
            path = self.paths[number]
            if not path:
                return number
            place = root
            for step in path[:-1]:
                place = place.setdefault(step, {})
            place[path[-1]] = number
        return _listed(root)

    def _walk(self, value: Any, node: _Node, numbers: list[int], values: list[Any]) -> None:
        if _is_leaf(value):
            if node.number < 0:
                if len(self.shapes) >= MOST_SHAPES:
                    numbers.append(-2)  # no shape that is known has it
                    return
                node.number = len(self.paths)
                self.paths.append(node.path)
            numbers.append(node.number)
            values.append([] if type(value) is tuple else value)
            return
        children = node.children
        for step, entry in value.items() if isinstance(value, dict) else enumerate(value):
            child = children.get(step)
            if child is None:
                child = _Node((*node.path, step))
                if len(self.shapes) < MOST_SHAPES:
                    children[step] = child
            self._walk(entry, child, numbers, values)

    def leaf(self, path: Path) -> int:
        """Return the number of a path, -1 for one that no document has."""
        node = self._root
        for step in path:
            if step not in node.children:
                return -1
            node = node.children[step]
        return node.number

    def add_shape(self, leaves: Sequence[int]) -> None:
        """Take over a shape that was numbered before."""
        shape = _shape(leaves)
        self._numbers[shape] = len(self.shapes)
        self.shapes.append(shape)

    def add_path(self, path: Path) -> None:
        """Take over a path that was numbered before."""
        node = self._root
        for step in path:
            node = node.children.setdefault(step, _Node((*node.path, step)))
        node.number = len(self.paths)
        self.paths.append(path)


def _shape(leaves: Sequence[int]) -> bytes:
    return array("i", leaves).tobytes()


def _leaves(shape: bytes) -> tuple[int, ...]:
    return tuple(array("i", shape))


def _listed(value: Any) -> Any:
    """Turn what has running numbers for keys into lists."""
    if not isinstance(value, dict) or not value:
        return value
    if 0 in value:
        return [_listed(entry) for entry in value.values()]
    return {key: _listed(entry) for key, entry in value.items()}
