"""Reads JSON that a server sent: strictly first, then with care for what Python's own services may emit."""

import json
import math
import re
from typing import Any

import msgspec

from aios_top.model.errors import ReadError
from aios_top.model.text import clean

MAX_DEPTH = 64
"""AIOS's deepest documents, block records, have eight levels."""

_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def decode(body: bytes, where: str, *, not_finite: float | None = None) -> Any:
    """Return the JSON value, with `not_finite` in the place of numbers that are not finite; raises ReadError."""
    check_depth(body, where)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return decode_tolerantly(body, where, not_finite=not_finite)


def decode_tolerantly(body: bytes, where: str, *, not_finite: float | None) -> Any:
    """Return the JSON value where a strict reader refuses it, e.g. for a NaN; raises ReadError.

    Numbers that are not finite become `not_finite`. Anything else that JSON forbids stays an error.
    """
    check_depth(body, where)

    def number(text: str) -> float | None:
        value = float(text)
        return value if math.isfinite(value) else not_finite

    try:
        return json.loads(body.decode("utf-8"), parse_float=number, parse_constant=lambda _: not_finite)
    except UnicodeDecodeError as error:
        raise ReadError("bad_json", f"bad JSON from {where}: not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise _too_deep(where) from error
    except ValueError as error:
        raise ReadError("bad_json", f"bad JSON from {where}: {clean(str(error))}") from error


def check_depth(body: bytes, where: str) -> None:
    """Raise ReadError for a document that is nested deeper than AIOS has reason to."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _STRINGS.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise _too_deep(where)


def _too_deep(where: str) -> ReadError:
    return ReadError("bad_json", f"bad JSON from {where}: nested too deep (more than {MAX_DEPTH} levels)")
