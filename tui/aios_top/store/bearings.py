"""What is remembered of a block as it is recorded: whole decisions in it as one value.

They change rarely, and taken apart each would bring paths of its own: its record has instance ids for keys, which a
recording would number for ever.
"""

from typing import Any

from msgspec.structs import replace

from aios_top.model.frame import Bearing
from aios_top.store.typed import decoded, document, encoded, value


def bearing_document(bearing: Bearing) -> dict[str, Any]:
    """Return what is remembered as a document."""
    found: dict[str, Any] = document(replace(bearing, acts=()))
    return {**found, "acts": as_one_value(bearing.acts)} if bearing.acts else found


def bearing_value(found: dict[str, Any]) -> Bearing:
    """Return what is remembered of a document; takes it apart."""
    found["acts"] = out_of_one_value(found["acts"])
    return value(found, Bearing)


def as_one_value(found: Any) -> bytes:
    """Return a part of a document as one value, which has no paths."""
    return encoded(found)


def out_of_one_value(found: Any) -> Any:
    """Return the part; earlier versions recorded it as it is."""
    return decoded(found) if isinstance(found, bytes) else found
