"""Intents whose end nobody recorded."""

from typing import Any

from aios_top.model.audit import AuditEntry, unresolved


def entry(seq: int, kind: str, **fields: Any) -> AuditEntry:
    return AuditEntry(seq, 0.0, kind, fields)


def test_an_intent_without_an_outcome_is_unresolved() -> None:
    entries = [
        entry(1, "intent"),
        entry(2, "intent"),
        entry(3, "note"),
        entry(4, "outcome", intent=1),
        entry(5, "refused"),
        entry(6, "outcome"),
    ]
    assert [found.seq for found in unresolved(entries)] == [2]
    assert unresolved([]) == ()
