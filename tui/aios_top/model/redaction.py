"""Takes out of values what must not leave: secrets always, names of blocks, instances, hosts and people on request.

A pseudonym is the same wherever the name occurs, also inside sentences, and sorts as the names did.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from aios_top.model.late import Late
from aios_top.model.reading import LateReading, whole
from aios_top.model.text import Clean, clean

T = TypeVar("T")

MASK = "[secret removed]"
_LONGEST = 100_000
_SECRET_NAME = re.compile(
    r"(^|[_\-.])(token|secret|password|passwd|passphrase|credentials?|api[_\-]?key|private[_\-]?key|access[_\-]?key"
    r"|authorization|bearer|cookie|dsn)$",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(?<=://)[^/@\s\"']+@")
_QUERY = re.compile(
    r"([?&](?:token|key|api_?key|secret|password|sig|signature|access_token)=)[^&\s\"']+", re.IGNORECASE
)
_HEADER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/=._~\-]{8,}", re.IGNORECASE)
_URL_HOST = re.compile(r"[a-z]+://(?:[^/@\s\"']+@)?([A-Za-z0-9][A-Za-z0-9.\-]*)", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_OWN = re.compile(r"localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[?::1\]?")

_KINDS = {
    "block_id": "block",
    "blockId": "block",
    "instance_id": "instance",
    "instanceId": "instance",
    "instance_ids": "instance",
    "instances_list": "instance",
    "current_instances": "instance",
    "cluster_id": "cluster",
    "node_id": "host",
    "nodeId": "host",
    "host": "host",
    "user": "user",
    "context": "context",
}
"""Fields and keys whose text is a name, and what kind of name."""

_SEVERAL = (list, tuple, frozenset, set, Late)


class Names(Struct, frozen=True):
    """Names and what stands for each."""

    pseudonyms: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.pseudonyms)


class Finder:
    """Collects the names that occur in values."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def add(self, kind: str, name: str | None) -> None:
        """Take a name that is known to be one: `block`, `instance`, `cluster`, `host`, `user` or `context`."""
        if name and not _OWN.fullmatch(name):
            self._found.setdefault(name, kind)

    def look(self, value: Any) -> None:
        """Take the names of a value and of everything in it."""
        for key, text in texts(value):
            kind = _KINDS.get(key)
            if kind is not None:
                self.add(kind, text)
            elif key == "who":
                self.operator(text)
            if "://" in text or "." in text:
                self._look_for_hosts(text)

    def operator(self, who: str) -> None:
        """Take a `user@host`."""
        user, _, host = who.partition("@")
        self.add("user", user)
        self.add("host", host)

    def names(self) -> Names:
        """Return a pseudonym for each; those of a kind are numbered in the order of the names."""
        pseudonyms: dict[str, str] = {}
        for kind in sorted(set(self._found.values())):
            named = sorted(name for name, its in self._found.items() if its == kind)
            digits = len(str(len(named)))
            pseudonyms |= {name: f"{kind}-{number:0{digits}d}" for number, name in enumerate(named, 1)}
        return Names(pseudonyms)

    def _look_for_hosts(self, text: str) -> None:
        for host in (*_URL_HOST.findall(text), *_ADDRESS.findall(text)):
            self.add("host", host)


_WITHOUT_TEXT = frozenset({int, float, bool, type(None)})
"""Most entries of the rows that are exported: they are told at once."""


class Redactor:
    """Changes every text of a value; the shapes stay."""

    def __init__(self, names: Names | None = None, secrets: Sequence[str] = ()) -> None:
        """`secrets` are texts that must not occur, whatever they are called."""
        known = sorted((entry for entry in secrets if entry), key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None
        self._names = {} if names is None else dict(names.pseudonyms)
        longest_first = sorted(self._names, key=len, reverse=True)
        whole = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{whole})(?![A-Za-z0-9])") if whole else None
        self.text: Callable[[str], str] = lru_cache(maxsize=65536)(self._text)

    def __call__(self, value: T) -> T:
        """Return the value without what must not leave."""
        changed: T = self._value(value)
        return changed

    def _text(self, text: str) -> str:
        if "://" in text:
            text = _QUERY.sub(rf"\1{MASK}", _USER_INFO.sub("", text))
        if self._secrets is not None:
            text = self._secrets.sub(MASK, text)
        text = _HEADER.sub(rf"\1 {MASK}", text)
        return text if self._pattern is None else self._pattern.sub(lambda found: self._names[found[0]], text)

    def _value(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float | Enum | bytes):
            return value
        if isinstance(value, str):
            changed = self.text(str(value))
            return value if changed == value else _like(value, changed)
        if isinstance(value, Mapping):
            return {
                self._key(key): entry if entry.__class__ in _WITHOUT_TEXT else self._entry(key, entry)
                for key, entry in value.items()
            }
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(self._value, value))
        if isinstance(value, _SEVERAL):
            kind = tuple if isinstance(value, tuple | Late) else type(value)
            return kind(self._value(entry) for entry in value)
        if isinstance(value, LateReading):
            return self._record(whole(value))
        if isinstance(value, Struct):
            return self._record(value)
        return value

    def _record(self, value: Any) -> Any:
        changes = {}
        for name in value.__struct_fields__:
            before = getattr(value, name)
            after = before if callable(before) else self._entry(name, before)
            if after is not before:
                changes[name] = after
        return replace(value, **changes) if changes else value

    def _entry(self, key: Any, value: Any) -> Any:
        if isinstance(value, str) and isinstance(key, str) and value and _is_secret(key):
            return _like(value, MASK)
        return self._value(value)

    def _key(self, key: Any) -> Any:
        """Return a key: a name where it is one, never a part of it, for most keys are words of a form."""
        found = self._names.get(key) if self._names and isinstance(key, str) else None
        return key if found is None else _like(key, found)


def texts(value: Any) -> Iterator[tuple[str, str]]:
    """Yield every text of a value with the field or key that it stands under."""
    left: list[tuple[str, Any]] = [("", value)]
    while left:
        key, entry = left.pop()
        if isinstance(entry, str):
            if not isinstance(entry, Enum):
                yield key, str(entry)
        else:
            left += reversed(_parts(key, entry))


def _parts(key: str, value: Any) -> list[tuple[str, Any]]:
    """Return what a value consists of; numbers have no texts and are left out."""
    if isinstance(value, LateReading):
        value = whole(value)
    if isinstance(value, Mapping):
        found: Iterable[tuple[str, Any]] = ((str(name), entry) for name, entry in value.items())
    elif isinstance(value, _SEVERAL):
        found = ((key, entry) for entry in value)
    elif isinstance(value, Struct):
        found = ((name, getattr(value, name)) for name in value.__struct_fields__)
    else:
        return []
    return [part for part in found if part[1] is not None and not isinstance(part[1], int | float)]


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def hidden_texts(values: Iterable[Any]) -> tuple[str, ...]:
    """Return the texts that stand under the name of a secret: a sentence elsewhere may quote them."""
    found = (text for value in values for key, text in texts(value) if _is_secret(key) and len(text) >= 4)
    return tuple(dict.fromkeys(found))


def secret_texts(headers: Iterable[str]) -> tuple[str, ...]:
    """Return what must not occur of header values: each as a whole, and what stands behind its scheme."""
    found = [part for text in headers for part in (text, text.partition(" ")[2]) if len(part) >= 4]
    return tuple(dict.fromkeys(found))


def _like(before: str, text: str) -> str:
    return clean(text, _LONGEST) if isinstance(before, Clean) else text
