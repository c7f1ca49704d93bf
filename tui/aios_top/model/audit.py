"""One line of the operator's record."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct


class AuditEntry(Struct, frozen=True):
    """One line of the audit file."""

    seq: int
    at: float
    """Unix seconds (UTC)."""
    kind: str
    """`intent`, `outcome`, `refused` or `note`."""
    fields: Mapping[str, Any]


def unresolved(entries: Iterable[AuditEntry]) -> tuple[AuditEntry, ...]:
    """Return the intents without an outcome: sent or not, nobody knows, for the program ended in between."""
    waiting: dict[int, AuditEntry] = {}
    for entry in entries:
        if entry.kind == "intent":
            waiting[entry.seq] = entry
        elif entry.kind == "outcome":
            waiting.pop(entry.fields.get("intent", 0), None)
    return tuple(waiting.values())
