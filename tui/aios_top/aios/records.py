"""Reads lists of records row by row, so that a bad one hides no good one."""

from typing import Any, TypeVar

from aios_top.aios import envelope
from aios_top.aios.exchange import Answer
from aios_top.aios.lenient import Wire, WireError, read
from aios_top.aios.wire import BlockWire, PolicyWire
from aios_top.model.errors import ReadError
from aios_top.model.record import BlockRecord, PolicyRecord
from aios_top.model.text import clean

W = TypeVar("W", bound=Wire)


def one(kind: type[W], found: Any, service: str) -> W:
    """Read one record; raises ReadError naming the first field that is wrong."""
    try:
        return read(kind, found)
    except WireError as error:
        raise ReadError("shape", f"{service} answers an unexpected shape: {clean(str(error))}") from error


def many(kind: type[W], found: Any, service: str) -> list[tuple[W, Any]]:
    """Read a list of records, each with its row as sent; raises ReadError when it is no list, or nothing in it fits."""
    if not isinstance(found, list):
        raise ReadError("shape", f"{service} answers no list of records: unexpected shape")
    valid = []
    for row in found:
        try:
            valid.append((read(kind, row), row))
        except WireError:
            continue
    if found and not valid:
        one(kind, found[0], service)  # raises: names what is wrong with the first of them
    return valid


def block_records(answer: Answer) -> tuple[BlockRecord, ...]:
    """Read the blocks database's list."""
    return tuple(wire.value() for wire, _ in many(BlockWire, envelope.record(answer), answer.service))


def policy_records(answer: Answer) -> tuple[PolicyRecord, ...]:
    """Read the registry's list."""
    return tuple(wire.value(row) for wire, row in many(PolicyWire, envelope.data(answer), answer.service))
