"""The record of one AIOS: its own lines, and nothing that was done to another under a block of the same name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aios_top.engine.ports import Audit
from aios_top.store.audit import AuditLog
from aios_top.store.audit_scope import AuditScope

HERE = ("http://10.0.0.7:30600", "http://10.0.0.7:31504", "http://{block}.aios.local:8080/mgmt")


def scaling(context: str, url: str | None, title: str) -> dict[str, Any]:
    return {"context": context, "title": title, "request": {"change": "ScaleUp", "block_id": "gemma", "url": url}}


def titles(audit: Audit) -> Sequence[str]:
    return [str(entry.fields.get("title", entry.fields.get("message"))) for entry in audit.entries()]


@pytest.mark.parametrize(
    ("context", "url", "own"),
    [
        ("prod", "http://10.0.0.7:30600/controller/block-scaling/c", True),
        ("prod", "http://gemma.aios.local:8080/mgmt", True),
        ("prod", None, True),
        ("prod", "http://10.0.0.8:30600/controller/block-scaling/c", False),
        ("prod", "http://10.0.0.7:30601/x", False),
        ("staging", "http://10.0.0.7:30600/controller/block-scaling/c", False),
        ("staging", None, False),
    ],
)
def test_a_line_belongs_by_its_context_and_by_where_its_request_went(
    tmp_path: Path, context: str, url: str | None, own: bool
) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    scope: Audit = AuditScope(log, "prod", HERE)
    log.outcome(log.intent(scaling(context, url, "asked")), {"message": "done"})
    log.refused(scaling(context, url, "refused"))
    assert titles(scope) == (["asked", "done", "refused"] if own else [])
    assert len(log.entries()) == 3


def test_it_writes_into_the_whole_record_and_reads_on_where_it_stopped(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    scope = AuditScope(AuditLog(tmp_path / "audit.jsonl"), "prod", HERE)
    number = scope.intent(scaling("prod", HERE[0], "first"))
    assert titles(scope) == ["first"]
    log.intent(scaling("staging", HERE[0], "other"))
    scope.outcome(number, {"message": "done"})
    scope.note({"context": "prod", "title": "found"})
    scope.refused(scaling("prod", HERE[0], "refused"))
    assert titles(scope) == ["first", "done", "found", "refused"]
    assert not log.verify().problems
    (tmp_path / "audit.jsonl").unlink()
    assert titles(scope) == []
    scope.intent(scaling("prod", HERE[0], "anew"))
    assert titles(scope) == ["anew"]
