"""A block's policy as a JSON document and as plain lines: what is declared, registered, and in force."""

import json
from collections.abc import Mapping
from typing import Any

from aios_top.model.draft import same
from aios_top.model.lint_facts import Facts
from aios_top.model.policy_state import ParameterReport
from aios_top.model.record import PolicyRecord
from aios_top.model.span import span
from aios_top.model.state import BlockState, FleetState
from aios_top.render.document import Document, figure, policy_part, strict

_SILENT = "the policy does not tell what is in force: the block's parameters, overlaid by the registry's, are assumed"


def policy_document(state: FleetState, block: BlockState) -> Document:
    """Return everything known of the policy of `block`."""
    declared = None if block.record is None else block.record.autoscaler
    registered = [] if declared is None else [entry for entry in state.policies if entry.uri == declared.uri]
    return {
        "block_id": block.block_id,
        "running": policy_part(block),
        "declared": None
        if declared is None
        else {"uri": declared.uri, "parameters": strict(declared.parameters), "settings": strict(declared.settings)},
        "registered": [_registered(entry) for entry in registered],
        "in_force": _in_force(block.parameters),
        "overridden": _overridden(state, block),
        "paused": _paused(block),
        "queued": _queued(block),
        "other_policies": _others(state, block),
        "note": None if block.parameters is not None or declared is None else _SILENT,
    }


def policy_lines(document: Document) -> list[str]:
    """Return the same as lines: one figure each, the origin of a parameter beside it."""
    running, declared = document["running"], document["declared"]
    lines = [f"{document['block_id']}: {'no autoscaler policy' if declared is None else declared['uri']}"]
    lines.append(f"  running     {running['name'] or '?'} {running['version'] or ''} ({running['voice']})".rstrip())
    if running["code_sha256"]:
        lines.append(f"  code        sha256 {running['code_sha256']}")
    lines += [f"  registered  {entry['uri']} from {entry['code']}" for entry in document["registered"]]
    if declared is not None and not document["registered"]:
        lines.append("  registered  nowhere: the next start of the autoscaler will fail")
    if len(document["registered"]) > 1:
        lines.append(f"  warning     {len(document['registered'])} records with this uri: AIOS uses one of them")
    lines += _orders(document)
    if document["note"]:
        lines.append(f"  note        {document['note']}")
    lines += _parameter_lines(document)
    lines += [
        f"  overridden  {entry['name']}: the registry's {json.dumps(entry['registry'])} stands over the block's "
        f"{json.dumps(entry['block'])}"
        for entry in document["overridden"]
    ]
    return lines + [
        f"  beside it   {entry['name']}: {entry['uri']}{'' if entry['registered'] else ' (not in the registry)'}"
        for entry in document["other_policies"]
    ]


def _orders(document: Document) -> list[str]:
    """Return what operators told the running policy."""
    lines = []
    if document["paused"]:
        paused = document["paused"]
        reason = f": {paused['reason']}" if paused["reason"] else ""
        lines.append(f"  paused      {paused['direction']} for {span(paused['remaining_seconds'])} more{reason}")
    if document["queued"]:
        queued = document["queued"]
        what = queued["instances_count"] or ", ".join(queued["instances"])
        lines.append(f"  queued      {queued['operation']} {what} at the next evaluation")
    return lines


def _parameter_lines(document: Document) -> list[str]:
    force = document["in_force"]
    if force is None:
        return [f"  declared    {name} = {json.dumps(value)}" for name, value in _assumed(document).items()]
    lines = [
        f"  parameter   {name} = {json.dumps(value)} ({_giver(document, name)})"
        for name, value in force["effective"].items()
    ]
    lines += [f"  error       {name}: {problem}" for name, problem in force["errors"].items()]
    lines += [f"  ignored     {name}: the policy has no such parameter" for name in force["unknown"]]
    return lines + [f"  ignored     {name}: nothing reads this setting" for name in force["unused_settings"]]


def _giver(document: Document, name: str) -> str:
    """Return who gave a value in force, as the console's page says it: a policy knows only that somebody did."""
    told = str(document["in_force"]["source"].get(name, "?"))
    if told != "given":
        return told
    if any(name in entry["parameters"] for entry in document["registered"][:1]):
        return "registry"
    return "block" if name in (document["declared"] or {"parameters": {}})["parameters"] else told


def _assumed(document: Document) -> Mapping[str, Any]:
    declared = document["declared"] or {"parameters": {}}
    overlay = document["registered"][0]["parameters"] if document["registered"] else {}
    return {**declared["parameters"], **overlay}


def _registered(record: PolicyRecord) -> Document:
    return {
        "uri": record.uri,
        "name": record.name,
        "version": record.version,
        "release_tag": record.release_tag,
        "code": record.code,
        "parameters": strict(record.parameters),
        "settings": strict(record.settings),
    }


def _in_force(report: ParameterReport | None) -> Document | None:
    if report is None:
        return None
    return {
        "effective": strict(report.effective),
        "defaults": strict(report.defaults),
        "source": report.source,
        "errors": strict(report.errors),
        "unknown": list(report.unknown),
        "unused_settings": list(report.unused_settings),
        "generation": report.generation,
    }


def _overridden(state: FleetState, block: BlockState) -> list[Document]:
    """Return every value of the block that the registry replaces by another."""
    facts = Facts(block, state.policies or None)
    bound, record = facts.bound, facts.registered[0] if facts.registered else None
    if bound is None or record is None:
        return []
    pairs = (("parameter", bound.parameters, record.parameters), ("setting", bound.settings, record.settings))
    return [
        {"kind": kind, "name": name, "block": own[name], "registry": over[name]}
        for kind, own, over in ((kind, strict(own), strict(over)) for kind, own, over in pairs)
        for name in over
        if name in own and not same(own[name], over[name])
    ]


def _paused(block: BlockState) -> Document | None:
    paused = block.policy.paused
    if paused is None:
        return None
    return {
        "direction": paused.direction,
        "remaining_seconds": figure(paused.remaining_seconds),
        "reason": paused.reason,
    }


def _queued(block: BlockState) -> Document | None:
    forced = block.policy.forced
    if forced is None:
        return None
    return {
        "operation": forced.operation,
        "instances_count": forced.count,
        "instances": list(forced.instance_ids),
        "remaining_seconds": figure(forced.remaining_seconds),
        "ignores_cooldown": forced.ignores_cooldown,
        "reason": forced.reason,
    }


def _others(state: FleetState, block: BlockState) -> list[Document]:
    """Return the block's policies beside its autoscaler: load balancer, allocators, stability checker."""
    policies = block.record.policies if block.record else {}
    known = {str(entry.uri) for entry in state.policies}
    return [
        {
            "name": name,
            "uri": entry.uri,
            "registered": str(entry.uri) in known,
            "parameters": strict(entry.parameters),
            "settings": strict(entry.settings),
        }
        for name, entry in policies.items()
        if name != "autoscaler"
    ]
