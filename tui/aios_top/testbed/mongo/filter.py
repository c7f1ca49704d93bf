"""MongoDB's query filters, as far as AIOS's `/query` endpoints pass them on."""

import re
from collections.abc import Callable
from typing import Any

from aios_top.testbed.document import Document
from aios_top.testbed.mongo.paths import values_at


class MongoError(Exception):
    """A query, update or pipeline that the database refuses; the text is what the client is told."""


def matches(document: Document, query: Any) -> bool:
    """Tell whether a document fulfils a filter; raises MongoError for a filter that is none."""
    if not isinstance(query, dict):
        raise MongoError("filter must be an instance of dict")
    return all(_clause(document, key, condition) for key, condition in query.items())


def select(documents: list[Document], query: Any) -> list[Document]:
    """Return the documents that fulfil the filter, which is checked even when there are none."""
    matches({}, query)
    return [document for document in documents if matches(document, query)]


def _clause(document: Document, key: str, condition: Any) -> bool:
    if key in _LOGICAL:
        if not isinstance(condition, list) or not condition:
            raise MongoError(f"{key} must be a nonempty array")
        return _LOGICAL[key]([matches(document, part) for part in condition])
    if key.startswith("$"):
        raise MongoError(f"unknown top level operator: {key}")
    return _field(list(values_at(document, key)), condition)


_LOGICAL: dict[str, Callable[[list[bool]], bool]] = {
    "$and": all,
    "$or": any,
    "$nor": lambda results: not any(results),
}


def _field(found: list[Any], condition: Any) -> bool:
    if _is_operators(condition):
        return all(_operator(found, name, operand, condition) for name, operand in condition.items())
    return _equals(found, condition)


def _is_operators(condition: Any) -> bool:
    return isinstance(condition, dict) and any(key.startswith("$") for key in condition)


def _operator(found: list[Any], name: str, operand: Any, condition: Document) -> bool:
    if name == "$options":
        return True
    if name == "$regex":
        return _matches_regex(found, operand, condition.get("$options", ""))
    test = _OPERATORS.get(name)
    if test is None:
        raise MongoError(f"unknown operator: {name}")
    return test(found, operand)


def _candidates(found: list[Any]) -> list[Any]:
    """Each value and, for an array, each member: what a comparison may hold for."""
    return [candidate for value in found for candidate in ([*value, value] if isinstance(value, list) else [value])]


def _equals(found: list[Any], wanted: Any) -> bool:
    if wanted is None:
        return not found or any(value is None for value in _candidates(found))
    return any(_same(value, wanted) for value in _candidates(found))


def _same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _comparison(holds: Callable[[Any, Any], bool]) -> Callable[[list[Any], Any], bool]:
    def test(found: list[Any], operand: Any) -> bool:
        return any(_comparable(value, operand) and holds(value, operand) for value in _candidates(found))

    return test


def _comparable(left: Any, right: Any) -> bool:
    """MongoDB compares only values of one kind: numbers with numbers, text with text."""
    for kind in (bool, int | float, str):
        if isinstance(left, kind) or isinstance(right, kind):
            return isinstance(left, kind) and isinstance(right, kind)
    return False


def _in(found: list[Any], operand: Any) -> bool:
    if not isinstance(operand, list):
        raise MongoError("$in needs an array")
    return any(_equals(found, wanted) for wanted in operand)


def _not_in(found: list[Any], operand: Any) -> bool:
    if not isinstance(operand, list):
        raise MongoError("$nin needs an array")
    return not _in(found, operand)


def _all(found: list[Any], operand: Any) -> bool:
    if not isinstance(operand, list):
        raise MongoError("$all needs an array")
    return bool(operand) and all(_equals(found, wanted) for wanted in operand)


def _size(found: list[Any], operand: Any) -> bool:
    return any(isinstance(value, list) and len(value) == operand for value in found)


def _elem_match(found: list[Any], operand: Any) -> bool:
    members = [member for value in found if isinstance(value, list) for member in value]
    if _is_operators(operand):
        return any(_field([member], operand) for member in members)
    return any(matches(member, operand) for member in members if isinstance(member, dict))


def _matches_regex(found: list[Any], pattern: Any, options: Any) -> bool:
    try:
        compiled = re.compile(pattern, re.IGNORECASE if "i" in options else 0)
    except (re.error, TypeError) as error:
        raise MongoError(f"$regex has to be a valid regular expression: {error}") from error
    return any(isinstance(value, str) and compiled.search(value) is not None for value in _candidates(found))


_OPERATORS: dict[str, Callable[[list[Any], Any], bool]] = {
    "$eq": _equals,
    "$ne": lambda found, operand: not _equals(found, operand),
    "$gt": _comparison(lambda left, right: left > right),
    "$gte": _comparison(lambda left, right: left >= right),
    "$lt": _comparison(lambda left, right: left < right),
    "$lte": _comparison(lambda left, right: left <= right),
    "$in": _in,
    "$nin": _not_in,
    "$all": _all,
    "$size": _size,
    "$exists": lambda found, operand: bool(found) == bool(operand),
    "$elemMatch": _elem_match,
    "$not": lambda found, operand: not _field(found, operand),
}
