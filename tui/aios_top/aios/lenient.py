"""How the wire schemas of records are read: what each field accepts, and what becomes of the rest."""

import sys
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import fields

from aios_top.model.text import Clean, clean

_MOST = sys.float_info.max

Id = Annotated[str, Meta(min_length=1)]
Finite = Annotated[float, Meta(ge=-_MOST, le=_MOST)]
NotNegative = Annotated[float, Meta(ge=0, le=_MOST)]


class Wire(Struct, frozen=True):
    """What AIOS sends: nothing is coerced, unknown keys are ignored.

    A field without a default is needed. Where one with a default is of another type it is as if it were absent, for the
    record's other fields are still good; so is an entry of a mapping whose values may be None.
    """


class WireError(ValueError):
    """A record lacks what it needs; the message names the field."""


W = TypeVar("W", bound=Wire)


def read(kind: type[W], found: Any) -> W:
    """Return a document as a wire value; raises WireError."""
    try:
        return msgspec.convert(found, kind)
    except ValueError:  # then field by field, which takes ten times as long; half a surrogate pair is one too
        return _tolerant(kind, found)


def _tolerant(kind: type[W], found: Any) -> W:
    if not isinstance(found, dict):
        raise WireError(f"expected an object, got {type(found).__name__}")
    values = {}
    for field in fields(kind):
        name = field.encode_name
        needed = field.default is NODEFAULT and field.default_factory is NODEFAULT
        if name in found:
            try:
                values[field.name] = _value(field.type, found[name])
            except ValueError as error:  # of a struct inside, or of the decoder
                if needed:
                    raise WireError(f"{name}: {error}") from error
        elif needed:
            raise WireError(f"{name} is missing")
    return kind(**values)


def _value(kind: Any, value: Any) -> Any:
    for part in (kind, *get_args(kind)):
        if value is not None and isinstance(part, type) and issubclass(part, Wire):
            return _tolerant(part, value)
        if isinstance(value, dict) and get_origin(part) is dict and NoneType in get_args(get_args(part)[1]):
            return {key: _entry(get_args(part)[1], entry) for key, entry in value.items()}
    return msgspec.convert(value, kind)


def _entry(kind: Any, value: Any) -> Any:
    try:
        return _value(kind, value)
    except ValueError:
        return None


def cleaned(text: str | None, limit: int | None = None) -> Clean | None:
    """Return a text that is neither absent nor empty as one safe line."""
    if not text:
        return None
    return clean(text) if limit is None else clean(text, limit)
