"""Checks a policy's registration record: AIOS's registry checks no type, and a missing field only by its name."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aios_top.bundle.limits import MAX_REGISTRATION_BYTES, BundleError
from aios_top.model.text import clean

FIELDS: Mapping[str, type] = {
    "name": str,
    "version": str,
    "release_tag": str,
    "metadata": dict,
    "tags": str,
    "code": str,
    "code_type": str,
    "type": str,
    "policy_input_schema": dict,
    "policy_output_schema": dict,
    "policy_settings_schema": dict,
    "policy_parameters_schema": dict,
    "policy_settings": dict,
    "policy_parameters": dict,
    "description": str,
    "functionality_data": dict,
    "resource_estimates": dict,
}
"""The 17 fields that POST and PUT require."""
_IN_URI = ("name", "version", "release_tag")
_URI_PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_NEEDED = "name the registration record: put it there, or --registration FILE"
_WORDS: Mapping[type, str] = {str: "a text", dict: "an object"}


def read_registration(path: Path) -> Mapping[str, Any]:
    """Return the record in a file; raises BundleError when it is not one JSON object."""
    try:
        if not path.is_file():  # a FIFO would never answer
            raise BundleError([f"{path}: no such file; {_NEEDED}"])
        with path.open("rb") as file:
            content = file.read(MAX_REGISTRATION_BYTES + 1)
    except OSError as error:
        raise BundleError([f"{path}: {error.strerror}; {_NEEDED}"]) from error
    if len(content) > MAX_REGISTRATION_BYTES:
        raise BundleError([f"{path}: larger than {MAX_REGISTRATION_BYTES // 1024} KiB"])
    try:
        record = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BundleError([f"{path}: not JSON: {error}"]) from error
    if not isinstance(record, dict):
        raise BundleError([f"{path}: holds {type(record).__name__}, not an object"])
    return record


def check_registration(record: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return all problems and all warnings of a record, each with its field's name."""
    problems = [f"registration: field {name} is missing" for name in FIELDS if name not in record]
    for name, kind in FIELDS.items():
        if name in record and not isinstance(record[name], kind):
            problems.append(f"registration: field {name} must be {_WORDS[kind]}, not {_kind(record[name])}")
    for name in _IN_URI:
        value = record.get(name)
        if isinstance(value, str) and not _URI_PART.fullmatch(value):
            problems.append(
                f"registration: field {name} is '{clean(value)}'; "
                "the uri <name>:<version>-<release_tag> takes letters, digits, '.', '_' and '-'"
            )
    if isinstance(record.get("type"), str) and record["type"] != "policy":
        problems.append(f"registration: field type must be 'policy', not '{clean(record['type'])}'")
    return tuple(problems), tuple(_warnings(record))


def _warnings(record: Mapping[str, Any]) -> list[str]:
    strangers = [clean(str(name)) for name in record if name not in FIELDS and name != "policy_rule_uri"]
    warnings = [f"registration: the registry drops unknown fields: {', '.join(strangers)}"] if strangers else []
    for name, what in (("policy_parameters", "parameters"), ("policy_settings", "settings")):
        if isinstance(record.get(name), dict) and record[name]:
            given = ", ".join(clean(str(key)) for key in record[name])
            warnings.append(f"registration: {name} override every block's own {what}: {given}")
    return warnings


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a field that is given twice: readers disagree about which one counts."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"field {clean(name)} is given twice")
        found[name] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}.get(
        type(value), "an object"
    )
