"""Which registered policies a block could go back to."""

import re
from collections.abc import Iterable

_NUMBERS = re.compile(r"(\d+)")


def others(bound: str, uris: Iterable[str]) -> list[str]:
    """Return the policies beside the bound one, the best to go back to first.

    Older versions of the same policy come first, the newest of them in front; then its newer ones; then all others,
    the last registered first.
    """
    name = name_of(bound)
    rest = [uri for uri in dict.fromkeys(uris) if uri != bound]
    own = sorted((uri for uri in rest if name_of(uri) == name), key=_version, reverse=True)
    older = [uri for uri in own if _version(uri) < _version(bound)]
    newer = [uri for uri in own if uri not in older]
    return [*older, *newer, *(uri for uri in reversed(rest) if name_of(uri) != name)]


def previous(bound: str, uris: Iterable[str]) -> str | None:
    """Return the version of the same policy before the bound one, None when there is none."""
    found = [uri for uri in others(bound, uris) if name_of(uri) == name_of(bound) and _version(uri) < _version(bound)]
    return found[0] if found else None


def name_of(uri: str) -> str:
    """Return the policy's name in `<name>:<version>-<release_tag>`."""
    return uri.partition(":")[0]


def _version(uri: str) -> list[tuple[int, int, str]]:
    """Return the version as something that sorts as people count: 2.10 is after 2.9, text after nothing."""
    version = uri.partition(":")[2].partition("-")[0]
    parts = [part for part in _NUMBERS.split(version) if part and part != "."]
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
