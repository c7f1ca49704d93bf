"""Takes documents apart into leaves, so that of one that is asked for every two seconds only the changes are kept.

A document is a shape (which leaves, in which order) and a value for each leaf. Shapes and paths recur by the million,
so a recording numbers them once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_SHAPES = 4096
"""Shapes that one recording numbers; documents of still other shapes are kept whole."""

Path = tuple[str | int, ...]
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
