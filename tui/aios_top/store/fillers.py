"""Puts documents together of their leaves; what is the same for all documents of a shape is worked out once."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

Leaves = Mapping[int, Any]
Filler = Callable[[Leaves], Any]
"""Makes a document of its leaves."""


def filler(plan: Any) -> Filler:
    """Return what makes a document of a plan, which has each leaf's number in the leaf's place.

    Leaves that stand side by side are taken at once, for a jump in a recording makes thousands of such rows.
    """
    if type(plan) is dict:
        return _of_dict(plan)
    return _of_list(plan) if type(plan) is list else itemgetter(plan)


def _of_dict(plan: Mapping[str, Any]) -> Filler:
    keys = [key for key, entry in plan.items() if type(entry) is int]
    take = _taken([plan[key] for key in keys])
    inner = [(key, filler(entry)) for key, entry in plan.items() if type(entry) is not int]
    in_order = dict.fromkeys(plan)

    def fill(leaves: Leaves) -> dict[str, Any]:
        found: dict[str, Any] = in_order.copy()
        found.update(zip(keys, take(leaves), strict=True))
        for key, make in inner:
            found[key] = make(leaves)
        return found

    return fill


def _of_list(plan: Sequence[Any]) -> Filler:
    if _are_leaves(plan):
        take = _taken(plan)
        return lambda leaves: [*take(leaves)]
    width = len(plan[0]) if type(plan[0]) is list else 0
    if width and all(type(entry) is list and len(entry) == width and _are_leaves(entry) for entry in plan):
        take = _taken([leaf for entry in plan for leaf in entry])
        return lambda leaves: [*map(list, zip(*[iter(take(leaves))] * width, strict=True))]
    makes = [filler(entry) for entry in plan]
    return lambda leaves: [make(leaves) for make in makes]


def _are_leaves(plan: Sequence[Any]) -> bool:
    return all(type(entry) is int for entry in plan)


def _taken(numbers: Sequence[int]) -> Callable[[Leaves], Sequence[Any]]:
    """Return what takes the leaves of these numbers, in order."""
    if len(numbers) > 1:
        return itemgetter(*numbers)
    return lambda leaves: [leaves[number] for number in numbers]
