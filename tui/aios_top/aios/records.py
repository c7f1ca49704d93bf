"""Reads lists of records row by row, so that a bad one hides no good one."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from aios_top.aios import envelope
from aios_top.aios.exchange import Answer
from aios_top.aios.wire import BlockWire, PolicyWire
from aios_top.model.errors import ReadError
from aios_top.model.record import BlockRecord, PolicyRecord
from aios_top.model.text import clean

M = TypeVar("M", bound=BaseModel)


def one(model: type[M], found: Any, service: str) -> M:
    """Read one record; raises ReadError naming the first field that is wrong."""
    try:
        return model.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the record"
        cause = clean(f"{place}: {first['msg']}")
        raise ReadError("shape", f"{service} answers an unexpected shape: {cause}") from error


def many(model: type[M], found: Any, service: str) -> list[tuple[M, Any]]:
    """Read a list of records, each with its row as sent; raises ReadError when it is no list, or nothing in it fits."""
    if not isinstance(found, list):
        raise ReadError("shape", f"{service} answers no list of records: unexpected shape")
    valid = []
    for row in found:
        try:
            valid.append((model.model_validate(row), row))
        except ValidationError:
            continue
    if found and not valid:
        one(model, found[0], service)  # raises: names what is wrong with the first of them
    return valid


def block_records(answer: Answer) -> tuple[BlockRecord, ...]:
    """Read the blocks database's list."""
    return tuple(wire.value() for wire, _ in many(BlockWire, envelope.record(answer), answer.service))


def policy_records(answer: Answer) -> tuple[PolicyRecord, ...]:
    """Read the registry's list."""
    return tuple(wire.value(row) for wire, row in many(PolicyWire, envelope.data(answer), answer.service))
