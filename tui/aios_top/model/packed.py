"""Documents that are kept for long and looked at rarely, in a tenth of the memory."""

import json
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

_QUICKEST = 1


class Packed(Mapping[str, Any]):
    """A JSON object as compressed text, unpacked whenever somebody looks into it."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __getitem__(self, key: str) -> Any:
        return _unpacked(self._content)[key]

    def __iter__(self) -> Iterator[str]:
        return iter(_unpacked(self._content))

    def __len__(self) -> int:
        return len(_unpacked(self._content))

    def __bool__(self) -> bool:
        return True  # an empty object is not packed

    def __repr__(self) -> str:
        return f"Packed({_unpacked(self._content)!r})"


def packed(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the same document packed; what is packed or empty already, or is no JSON, stays as it is."""
    if not is_loose(document):
        return document
    try:
        text = json.dumps(document, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return document
    return Packed(zlib.compress(text.encode(), _QUICKEST))


def is_loose(document: Mapping[str, Any]) -> bool:
    """Return whether there is something to pack."""
    return bool(document) and not isinstance(document, Packed)


@lru_cache(maxsize=8)
def _unpacked(content: bytes) -> dict[str, Any]:
    """Return the document; the last few stay unpacked, for whoever looks at one looks at many of its fields."""
    found: dict[str, Any] = json.loads(zlib.decompress(content))
    return found
