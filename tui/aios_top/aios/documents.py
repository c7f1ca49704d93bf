"""Turns the metrics service's answers into readings: the typed way, and the careful one where that refuses."""

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from aios_top.aios import envelope
from aios_top.aios.exchange import Answer
from aios_top.aios.json_text import decode_tolerantly
from aios_top.aios.tolerant import read_executor, read_instance
from aios_top.aios.wire_metrics import DocumentWire, FleetWire, Maybe, RollingWire, TasksWire
from aios_top.model.errors import ReadError
from aios_top.model.reading import BlockReading, ExecutorReading, InstanceReading, Mean
from aios_top.model.text import Clean, clean
from aios_top.model.window import Rolling

EXECUTOR = "executor"
"""Instance id of the document that AIOS puts among the instances' although it has other shapes."""

_FLEET = msgspec.json.Decoder(FleetWire)
_DOCUMENT = msgspec.json.Decoder(DocumentWire)
_TASKS = msgspec.json.Decoder(TasksWire)
_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Document = InstanceReading | ExecutorReading | None
"""One document, None when not even its id can be used."""


class Rows(Struct, frozen=True):
    """All blocks of one answer."""

    blocks: tuple[BlockReading, ...]
    dropped: int = 0
    """Rows without a usable block id or list, and rows whose block has a later one."""

    @property
    def instances(self) -> int:
        """Number of documents that were read."""
        return sum(len(block.instances) for block in self.blocks)


class DocumentReader:
    """Reads answers; a document that is byte for byte the last answer's keeps its reading.

    Instances push every 30 seconds and are polled every few: of 10,000 documents most are old, and knowing them
    by their digest takes a quarter of the time of reading them again.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, InstanceReading] = {}

    def rows(self, answer: Answer) -> Rows:
        """Read an answer of the metrics service; raises ReadError when it is no list of blocks."""
        rows = self._typed(answer) or _with_care(answer)
        if rows.dropped and not rows.blocks:
            raise ReadError(
                "shape", f"none of the {rows.dropped} rows of {answer.service} is a block: unexpected shape"
            )
        return rows

    def _typed(self, answer: Answer) -> Rows | None:
        """Read an answer that is as AIOS writes it, None for any other."""
        if answer.status != 200 or not envelope.is_json(answer):
            return None
        try:
            fleet = _FLEET.decode(answer.body)
        except _REFUSALS:
            return None
        if not fleet.success:
            return None
        known, self._known = self._known, {}
        seen = self._known

        def read(raw: Raw) -> Document:
            digest = hashlib.blake2b(raw, digest_size=16).digest()
            document = known.get(digest) or _document(raw)
            if isinstance(document, InstanceReading):
                seen[digest] = document
            return document

        return _rows(_block(row.block_id, [read(raw) for raw in row.instances]) for row in fleet.data)


def _with_care(answer: Answer) -> Rows:
    """Read an answer row by row; one of another shape is an error, never an empty fleet."""
    found = envelope.data(answer, not_finite=math.nan)
    if not isinstance(found, list):
        raise ReadError("shape", f"{answer.service} answers data that is no list of blocks: unexpected shape")
    return _rows(_row_with_care(row) for row in found)


def _row_with_care(row: Any) -> BlockReading | None:
    if not isinstance(row, dict) or not isinstance(row.get("instances"), list):
        return None
    block_id = row.get("blockId")
    if not isinstance(block_id, str):
        return None
    return _block(block_id, [_careful(document) for document in row["instances"]])


def _rows(found: Iterable[BlockReading | None]) -> Rows:
    """Keep the last row of each block and count the others."""
    blocks: dict[Clean, BlockReading] = {}
    count = 0
    for block in found:
        count += 1
        if block is not None and block.block_id:
            blocks[block.block_id] = block
    return Rows(tuple(blocks.values()), dropped=count - len(blocks))


def _block(block_id: str, documents: list[Document]) -> BlockReading:
    instances: dict[Clean, InstanceReading] = {}
    executors: list[ExecutorReading] = []
    twice: dict[Clean, None] = {}
    dropped = 0
    for document in documents:
        if isinstance(document, InstanceReading):
            if document.instance_id in instances:
                twice[document.instance_id] = None
            instances[document.instance_id] = document
        elif document is None:
            dropped += 1
        else:
            executors.append(document)
    if len(executors) > 1:
        twice[Clean(EXECUTOR)] = None
    executor = executors[-1] if executors else None
    return BlockReading(clean(block_id), tuple(instances.values()), executor, dropped, tuple(twice))


def _document(raw: Raw) -> Document:
    """Read one document as AIOS writes it; a single odd field costs only its own document the fast way."""
    try:
        wire = _DOCUMENT.decode(raw)
        if wire.instance_id == EXECUTOR:
            tasks = None if wire.tasks_processed is UNSET else _TASKS.decode(wire.tasks_processed)
            return ExecutorReading(_value(wire.uptime), None if tasks is None else _value(tasks.tasks_processed_total))
    except _REFUSALS:
        return _careful(decode_tolerantly(bytes(raw), "metrics", not_finite=math.nan))
    return _instance(wire) if wire.instance_id else None


def _careful(document: Any) -> Document:
    instance_id = document.get("instanceId") if isinstance(document, Mapping) else None
    if not isinstance(instance_id, str) or not instance_id:
        return None
    return read_executor(document) if instance_id == EXECUTOR else read_instance(document, clean(instance_id))


def _instance(wire: DocumentWire) -> InstanceReading:
    return InstanceReading(
        clean(wire.instance_id),
        _value(wire.timestamp),
        _rolling(wire.llm_input_tokens_per_minute_rolling),
        _rolling(wire.llm_output_tokens_per_minute_rolling),
        _value(wire.llm_prompt_tokens_total),
        _value(wire.llm_tokens_generated_total),
        _value(wire.llm_prompts_total),
        _value(wire.llm_inference_errors_total),
        _mean(wire.llm_inference_duration_seconds_sum, wire.llm_inference_duration_seconds_count),
        _mean(wire.llm_time_to_first_token_seconds_sum, wire.llm_time_to_first_token_seconds_count),
        _mean(wire.llm_time_per_output_token_seconds_sum, wire.llm_time_per_output_token_seconds_count),
        _value(wire.llm_active_sessions),
        _rolling(wire.queue_length),
        _rounded(_value(wire.llm_tokens_per_second), 3),
        clean(wire.node_id) if wire.node_id else None,
    )


def _value(found: Maybe) -> float | None:
    return None if found is UNSET else found + 0.0  # turns -0.0 into 0.0


def _rolling(found: RollingWire | UnsetType) -> Rolling | None:
    if found is UNSET:
        return None
    return Rolling(_value(found.current), _value(found.average_1m), _value(found.average_5m), _value(found.average_15m))


def _mean(total: Maybe, count: Maybe) -> Mean | None:
    return None if total is UNSET or count is UNSET else Mean(round(total, 6), count)


def _rounded(value: float | None, digits: int) -> float | None:
    """Leave out digits that no clock measured: they cost a recording more than all others."""
    return None if value is None else round(value, digits)
