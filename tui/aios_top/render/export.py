"""Rows for other programs: the documents of `once --json` and `decisions --json`, and the same as cells of a CSV file.

A column is named by where its figure stands in the document, and so says its unit: `cooldown.remaining_seconds`.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from aios_top.model.decision import Decision
from aios_top.model.recording import Mark
from aios_top.model.state import BlockState
from aios_top.render.document import (
    Document,
    block_document,
    decision_document,
    instance_documents,
    rfc3339,
    strict,
)
from aios_top.render.spreadsheet import inert


class What(StrEnum):
    """What of a recording is exported."""

    SAMPLES = "samples"
    """One row per block and poll."""
    INSTANCES = "instances"
    """One row per instance and poll."""
    DECISIONS = "decisions"
    EVENTS = "events"
    """What the time bar marks: scalings, errors, changes by hand and of nobody known, load tests, alerts."""
    AUDIT = "audit"
    """What operators did."""


_SIZES = tuple(
    f"averages.{window}.{figure}"
    for window in ("1m", "5m", "15m")
    for figure in ("input_tokens_per_request", "output_tokens_per_request")
)
COLUMNS: Mapping[What, tuple[str, ...]] = {
    What.SAMPLES: (
        *("at", "block_id", "cluster_id", "policy.uri", "policy.voice", "policy.version", "policy.mode"),
        *(f"replicas.{name}" for name in ("current", "reporting", "starting", "stale", "ghosts", "desired")),
        *("replicas.min", "replicas.max", "replicas.origin", "replicas.wiped", "window", *_SIZES),
        *(f"thresholds.{name}" for name in ("input_up", "output_up", "input_down", "output_down", "unit", "origin")),
        *("rates.input_tokens_per_minute", "rates.output_tokens_per_minute", "rates.requests_per_minute"),
        *("rates.origin", "latency_seconds", "first_token_seconds"),
        *("cooldown.phase", "cooldown.remaining_seconds", "cooldown.total_seconds", "cooldown.origin"),
        *("next_evaluation_seconds", "verdict.severity", "verdict.code", "verdict.sentence"),
        *("freshness.age_seconds", "freshness.newest_push_seconds", "freshness.stale", "freshness.problem"),
    ),
    What.INSTANCES: (
        *("at", "block_id", "instance_id", "phase", "age_seconds"),
        *(f"input_tokens_per_request.{window}" for window in ("1m", "5m", "15m")),
        *(f"output_tokens_per_request.{window}" for window in ("1m", "5m", "15m")),
        *("input_tokens_per_minute", "output_tokens_per_minute"),
        *(f"queue_length.{window}" for window in ("1m", "5m", "15m")),
        *("active_sessions", "prompts_total", "errors_total"),
    ),
    What.DECISIONS: (
        *("at", "block_id", "action", "code", "reason", "origin", "would", "averages.input", "averages.output"),
        *("replicas.current", "replicas.reporting", "replicas.proposed", "cooldown_remaining_seconds"),
        *("confirmation", "seq", "boot_id"),
    ),
    What.EVENTS: ("at", "kind", "block_id", "text"),
    What.AUDIT: ("seq", "at", "kind", "fields"),
}


_APART = frozenset({"instances", "last_decision", "last_decision_note"})


def sample_document(block: BlockState, at: float) -> Document:
    """Return a block at a poll as `once --json` gives it; instances and decisions are exported by themselves."""
    document = block_document(block, at, instances=False)
    kept = {name: part for name, part in document.items() if name not in _APART}
    return {"at": rfc3339(at), **kept}


def instance_rows(block: BlockState, at: float) -> Iterator[Document]:
    """Yield a block's instances at a poll as `once --json` gives them."""
    for row in instance_documents(block):
        yield {"at": rfc3339(at), "block_id": block.block_id, **row}


def decided_document(block_id: str, decision: Decision) -> Document:
    """Return one decision as `decisions --json` gives it."""
    return {"block_id": block_id, **decision_document(decision)}


def mark_document(mark: Mark) -> Document:
    """Return something that happened; a mark without a block is one of the whole fleet."""
    return {"at": rfc3339(mark.at), "kind": mark.kind.value, "block_id": mark.block_id or None, "text": mark.text}


def csv_lines(what: What, documents: Iterable[Document]) -> Iterator[str]:
    """Yield the lines of a CSV file by RFC 4180, the header first."""
    buffer = _Line()
    writer = csv.writer(buffer, lineterminator="\r\n")
    columns = [(name, name.split(".")) for name in COLUMNS[what]]
    writer.writerow([name for name, _ in columns])
    yield buffer.text
    for document in documents:
        writer.writerow([_cell(_found(document, path)) for _, path in columns])
        yield buffer.text


class _Line:
    """Takes the line that the writer has made."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def _found(document: Any, path: Sequence[str]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _cell(value: Any) -> str:
    """Return a value as a cell: a text never as a formula, a number as it is, what is not known as nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return inert(value)
    return inert(json.dumps(strict(value), allow_nan=False, sort_keys=True))
