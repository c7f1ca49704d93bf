"""The policies that a capsule brings, as they were inspected when it was made: for a capsule that is cut from it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aios_top.bundle.limits import BundleError
from aios_top.model.capsule import CapsulePolicy
from aios_top.model.deploy import PolicyCode
from aios_top.model.text import clean

POLICIES = "policies.json"


class _Policy(msgspec.Struct):
    """An entry as it is written; what a newer program adds is passed over."""

    uri: str
    address: str | None = msgspec.field(name="from", default=None)
    problem: str | None = None
    archive_sha256: str | None = None
    code_sha256: str | None = None
    requirements: list[str] = []
    archive_problems: list[str] = []
    file: str | None = None


def policies_in(documents: Mapping[str, Any]) -> dict[str, CapsulePolicy]:
    """Return by uri what a capsule's documents tell of policies; raises BundleError for what is no such telling."""
    try:
        entries = msgspec.convert(documents.get(POLICIES, []), list[_Policy])
    except msgspec.ValidationError as error:
        raise BundleError([f"{POLICIES}: {clean(str(error))}"]) from error
    return {
        clean(entry.uri): CapsulePolicy(
            clean(entry.uri), clean(entry.address or ""), _code(entry, documents), clean(entry.problem or "", 1000)
        )
        for entry in entries
    }


def _code(entry: _Policy, documents: Mapping[str, Any]) -> PolicyCode | None:
    """Return the code, None where there is none: the digests are those of what was inspected, before any redaction."""
    if entry.archive_sha256 is None:
        return None
    source = "" if entry.file is None else documents.get(entry.file)
    if not isinstance(source, str):
        raise BundleError([f"{POLICIES} names {clean(entry.file or '')}, which is not there"])
    return PolicyCode(
        clean(entry.archive_sha256),
        clean(entry.code_sha256 or ""),
        source,
        tuple(clean(line) for line in entry.requirements),
        tuple(clean(line, 1000) for line in entry.archive_problems),
    )
