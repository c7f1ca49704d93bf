"""What stands in a capsule beside the recording: JSON for programs, text for people."""

from collections.abc import Mapping
from typing import Any

from aios_top.model.audit import AuditEntry
from aios_top.model.capsule import CapsuleContent, CapsulePolicy
from aios_top.model.state import BlockState
from aios_top.render.document import audit_document, policy_part, rfc3339, strict
from aios_top.render.lint import lint_document

README = """\
An incident of AIOS block autoscaling, made by aios-top {program}.

  aios-top replay FILE     the console on it, at any moment, no network needed
  aios-top report FILE     what happened as a page for a browser
  aios-top capsule FILE    a shorter one of it

manifest.json lists every file here with its SHA-256. The policies' code is here to be read; nothing runs it unless
you name the file yourself.
"""


def manifest_facts(content: CapsuleContent) -> dict[str, Any]:
    """Return what the manifest says beside the members."""
    return {
        "context": content.context,
        "from": rfc3339(content.start),
        "to": rfc3339(content.end),
        "made_at": rfc3339(content.made_at),
        "made_by": f"aios-top {content.program}",
        "names_redacted": content.redacted,
        "note": content.note,
    }


def capsule_documents(content: CapsuleContent) -> dict[str, Any]:
    """Return the members by name: a document, or a text."""
    documents: dict[str, Any] = {
        "README.txt": README.format(program=content.program),
        "environment.json": dict(content.environment),
        "blocks.json": strict(list(content.blocks)),
        "policies.json": [_policy(number, entry) for number, entry in enumerate(content.policies, 1)],
        "lints.json": lint_document(content.lints),
        "audit.json": [audit_document(entry) for entry in content.audit],
    }
    for number, entry in enumerate(content.policies, 1):
        if entry.code is not None and entry.code.source:
            documents[_source_name(number)] = entry.code.source
    return documents


def block_part(block: BlockState, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a block declares and what was in force."""
    record = block.record
    return {
        "block_id": block.block_id,
        "cluster_id": None if record is None else record.cluster_id,
        "component": None if record is None else record.component_uri,
        "min_instances": None if record is None else record.min_instances,
        "max_instances": None if record is None else record.max_instances,
        "policy": policy_part(block),
        "parameters": dict(parameters),
    }


def audit_between(entries: list[AuditEntry], start: float, end: float) -> list[AuditEntry]:
    """Return what operators did in a time span."""
    return [entry for entry in entries if start <= entry.at <= end]


def _policy(number: int, entry: CapsulePolicy) -> dict[str, Any]:
    code = entry.code
    return {
        "uri": entry.uri,
        "from": entry.address or None,
        "problem": entry.problem or None,
        "blocks": list(entry.blocks),
        "running_code_sha256": dict(entry.running),
        "archive_sha256": None if code is None else code.sha256,
        "code_sha256": None if code is None else code.code_sha256,
        "requirements": [] if code is None else list(code.requirements),
        "archive_problems": [] if code is None else list(code.problems),
        "file": _source_name(number) if code is not None and code.source else None,
    }


def _source_name(number: int) -> str:
    return f"policies/{number}/function.py"
