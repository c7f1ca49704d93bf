"""Tables of a file as structs: an unknown key is an error, a wrong type is not converted, every problem is named."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

S = TypeVar("S", bound=Struct)

_MOST_PROBLEMS_SHOWN = 8
_KINDS = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
_EXPECTED = re.compile(r"Expected `(\w+)(?: \| null)?`")


class TableError(ValueError):
    """A table that cannot be used; the message names the keys, what is wrong with each and what to do."""


def checked(kind: type[S], table: Mapping[str, Any]) -> S:
    """Return the table as a struct of this kind; raises TableError with all problems that were found."""
    problems: list[str] = []
    found = _struct(kind, table, "", problems)
    if found is None or problems:
        shown = problems[:_MOST_PROBLEMS_SHOWN]
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more")
        raise TableError("; ".join(shown))
    return found


def _struct(kind: type[S], table: Any, place: str, problems: list[str]) -> S | None:
    """Return a table as a struct, None after a problem was noted."""
    if not isinstance(table, Mapping):
        problems.append(f"'{place}' is {_shown(table)}: should be a table")
        return None
    before = len(problems)
    known = {field.name: field for field in fields(kind) if not field.name.startswith("_")}
    strangers = [key for key in table if key not in known]
    problems += [f"unknown key '{_join(place, key)}' ({_hint(key, list(known))})" for key in strangers]
    values = {}
    for name, field in known.items():
        if name in table:
            values[name] = _value(field.type, table[name], _join(place, name), problems)
        elif field.default is NODEFAULT and field.default_factory is NODEFAULT:
            problems.append(f"'{_join(place, name)}' is missing")
    if len(problems) > before:
        return None
    try:
        return kind(**values)
    except ValueError as error:
        problems.append(f"'{place}' {error}" if place else str(error))
        return None


def _value(kind: Any, value: Any, place: str, problems: list[str]) -> Any:
    inner = _inner(kind)
    if isinstance(inner, type):
        return _struct(inner, value, place, problems)
    if inner is not None and isinstance(value, Mapping):
        names, entry = inner
        return {
            _plain(names, key, _join(place, key), problems): _struct(entry, found, _join(place, key), problems)
            for key, found in value.items()
        }
    return _plain(kind, value, place, problems)


def _inner(kind: Any) -> type[Struct] | tuple[Any, type[Struct]] | None:
    """Return the struct that a field is, or the kinds of the keys and of the structs that it maps; None for others."""
    for part in (kind, *get_args(kind)):
        if isinstance(part, type) and issubclass(part, Struct):
            return (get_args(kind)[0], part) if get_origin(kind) is Mapping else part
    return None


def _plain(kind: Any, value: Any, place: str, problems: list[str]) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problems.append(f"'{place}' is {_shown(value)}: should be {_wanted(str(error))}")
        return None


def _wanted(message: str) -> str:
    """Return what a value should be, by what the decoder says of a wrong one."""
    expected, _, inside = message.partition(" - at ")
    kind = _EXPECTED.match(expected)
    if kind is None:
        return f"a value that can be read ({message})"
    rest = "" if ", got" in expected else expected[kind.end() :].replace("matching regex", "that matches")
    most = rest.replace(" >= ", " of at least ").replace(" <= ", " of at most ").replace(" > ", " above ")
    return f"{_KINDS.get(kind[1], kind[1])}{most}{' in every entry' if inside else ''}"


def _hint(key: str, known: list[str]) -> str:
    close = get_close_matches(key, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}"


def _join(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _shown(value: Any) -> str:
    """Return a value short enough for an error line."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
