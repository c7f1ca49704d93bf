"""Values of the model as plain documents and back; text that was made safe once is not trusted to have stayed so."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from aios_top.model.text import Clean, clean

T = TypeVar("T")

_LONGEST = 100_000
"""Texts of a policy are cut by whoever shows them; this only bounds what a broken file can do."""


def document(value: Any) -> Any:
    """Return a value of the model as dicts, lists and scalars."""
    return msgspec.to_builtins(value, enc_hook=_plain)


def value(found: Any, kind: type[T]) -> T:
    """Return a document as a value of this kind; raises msgspec.ValidationError for any other document."""
    return msgspec.convert(found, kind, dec_hook=_typed)


def encoded(found: Any) -> bytes:
    """Return a plain document as bytes."""
    return msgspec.msgpack.encode(found, enc_hook=_plain)


def decoded(content: bytes) -> Any:
    """Return the document in these bytes; raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(content)


def _plain(found: Any) -> Any:
    if isinstance(found, str):
        return str(found)
    if isinstance(found, frozenset):
        return sorted(found)
    if isinstance(found, Mapping):
        return dict(found)
    if isinstance(found, Sequence):
        return tuple(found)
    raise NotImplementedError(type(found).__name__)


def _typed(kind: type, found: Any) -> Any:
    if kind is Clean and isinstance(found, str):
        return clean(found, _LONGEST)
    raise NotImplementedError(kind.__name__)
