"""MongoDB's update documents, as the blocks service accepts them."""

import copy
from typing import Any

from aios_top.testbed.document import Document
from aios_top.testbed.mongo.filter import MongoError


def updated(document: Document, update: Document) -> Document:
    """Return the document after `$set`, `$unset`, `$inc`, or after plain fields, which are set one by one."""
    result = copy.deepcopy(document)
    plain = {key: value for key, value in update.items() if not key.startswith("$")}
    for path, value in plain.items():
        _set(result, path, value)
    for operator, fields in update.items():
        if not operator.startswith("$"):
            continue
        if operator not in _OPERATORS:
            raise MongoError(f"Unknown modifier: {operator}")
        if not isinstance(fields, dict):
            raise MongoError(f"Modifiers operate on fields but we found type {type(fields).__name__} instead")
        for path, value in fields.items():
            _OPERATORS[operator](result, path, value)
    return result


def _parent(document: Document, path: str) -> tuple[Document, str]:
    """Return the object that holds the last key of the path, making the objects on the way."""
    *way, last = path.split(".")
    holder = document
    for key in way:
        step = holder.setdefault(key, {})
        if not isinstance(step, dict):
            raise MongoError(f"Cannot create field '{last}' in element {{{key}: {step!r}}}")
        holder = step
    return holder, last


def _set(document: Document, path: str, value: Any) -> None:
    holder, key = _parent(document, path)
    holder[key] = copy.deepcopy(value)


def _unset(document: Document, path: str, _value: Any) -> None:
    holder, key = _parent(document, path)
    holder.pop(key, None)


def _increment(document: Document, path: str, value: Any) -> None:
    holder, key = _parent(document, path)
    before = holder.get(key, 0)
    if not _is_number(value) or not _is_number(before):
        raise MongoError(f"Cannot increment with non-numeric argument: {{{path}: {value!r}}}")
    holder[key] = before + value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_OPERATORS = {"$set": _set, "$unset": _unset, "$inc": _increment}
