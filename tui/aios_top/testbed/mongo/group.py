"""The `$group` stage with the accumulators that make sense over metrics."""

import json
from collections.abc import Callable
from typing import Any

from aios_top.testbed.document import Document
from aios_top.testbed.mongo.expression import evaluate
from aios_top.testbed.mongo.filter import MongoError
from aios_top.testbed.mongo.paths import MISSING


def group(documents: list[Document], operand: Any) -> list[Document]:
    """Gather documents by `_id` and reduce each group's fields, in order of first appearance."""
    if not isinstance(operand, dict) or "_id" not in operand:
        raise MongoError("a group specification must include an _id")
    groups: dict[str, tuple[Any, list[Document]]] = {}
    for document in documents:
        value = evaluate(document, operand["_id"])
        identity = None if value is MISSING else value
        groups.setdefault(json.dumps(identity, sort_keys=True), (identity, []))[1].append(document)
    fields = {name: spec for name, spec in operand.items() if name != "_id"}
    return [
        {"_id": identity, **{name: _accumulate(members, name, spec) for name, spec in fields.items()}}
        for identity, members in groups.values()
    ]


def _accumulate(members: list[Document], name: str, specification: Any) -> Any:
    if not isinstance(specification, dict) or len(specification) != 1:
        raise MongoError(f"The field '{name}' must be an accumulator object")
    ((operator, expression),) = specification.items()
    reduce = _ACCUMULATORS.get(operator)
    if reduce is None:
        raise MongoError(f"unknown group operator '{operator}'")
    values = [evaluate(member, expression) for member in members]
    return reduce([value for value in values if value is not MISSING])


def _numbers(values: list[Any]) -> list[float]:
    return [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def _mean(values: list[Any]) -> float | None:
    numbers = _numbers(values)
    return sum(numbers) / len(numbers) if numbers else None


_ACCUMULATORS: dict[str, Callable[[list[Any]], Any]] = {
    "$sum": lambda values: sum(_numbers(values)),
    "$avg": _mean,
    "$min": lambda values: min(_numbers(values), default=None),
    "$max": lambda values: max(_numbers(values), default=None),
    "$first": lambda values: values[0] if values else None,
    "$last": lambda values: values[-1] if values else None,
    "$push": list,
}
