"""Dotted paths into documents, walking through arrays as MongoDB does."""

from collections.abc import Iterator
from typing import Any


def values_at(value: Any, path: str) -> Iterator[Any]:
    """Yield every value that the dotted path reaches; an array on the way fans out to its members."""
    yield from _walk(value, path.split("."))


def _walk(value: Any, keys: list[str]) -> Iterator[Any]:
    if not keys:
        yield value
        return
    key, rest = keys[0], keys[1:]
    if isinstance(value, dict):
        if key in value:
            yield from _walk(value[key], rest)
    elif isinstance(value, list):
        if key.isdecimal() and int(key) < len(value):
            yield from _walk(value[int(key)], rest)
        for member in value:
            if isinstance(member, dict):
                yield from _walk(member, keys)


MISSING: Any = object()
"""What `resolve` returns where the path leads nowhere (None is a value)."""


def resolve(value: Any, path: str) -> Any:
    """Return the value of an aggregation field path: through an array it is the list of the members' values."""
    key, _, rest = path.partition(".")
    if isinstance(value, list):
        found = [resolve(member, path) for member in value]
        return [member for member in found if member is not MISSING]
    if not isinstance(value, dict) or key not in value:
        return MISSING
    return resolve(value[key], rest) if rest else value[key]
