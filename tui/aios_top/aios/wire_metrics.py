"""The fields of AIOS's metric documents that the console reads, typed; every other key is skipped unread."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

Number = Annotated[float, msgspec.Meta(ge=0)]
"""Nothing that AIOS measures is below zero; msgspec refuses texts, truth values and what is not finite."""
Maybe = Number | UnsetType
"""A key may be absent, but not null."""


class RollingWire(Struct, frozen=True):
    """AIOS's rolling object."""

    current: Maybe = UNSET
    average_1m: Maybe = UNSET
    average_5m: Maybe = UNSET
    average_15m: Maybe = UNSET


class TasksWire(Struct, frozen=True):
    """`tasks_processed` of the executor."""

    tasks_processed_total: Maybe = UNSET


class DocumentWire(Struct, frozen=True):
    """One metric document, of an instance or of the executor."""

    instance_id: str = field(name="instanceId")
    node_id: str | UnsetType | None = field(default=UNSET, name="nodeId")
    timestamp: Maybe = UNSET
    llm_input_tokens_per_minute_rolling: RollingWire | UnsetType = UNSET
    llm_output_tokens_per_minute_rolling: RollingWire | UnsetType = UNSET
    queue_length: RollingWire | UnsetType = UNSET
    llm_prompt_tokens_total: Maybe = UNSET
    llm_tokens_generated_total: Maybe = UNSET
    llm_prompts_total: Maybe = UNSET
    llm_inference_errors_total: Maybe = UNSET
    llm_active_sessions: Maybe = UNSET
    llm_tokens_per_second: Maybe = UNSET
    llm_inference_duration_seconds_sum: Maybe = UNSET
    llm_inference_duration_seconds_count: Maybe = UNSET
    llm_time_to_first_token_seconds_sum: Maybe = UNSET
    llm_time_to_first_token_seconds_count: Maybe = UNSET
    llm_time_per_output_token_seconds_sum: Maybe = UNSET
    llm_time_per_output_token_seconds_count: Maybe = UNSET
    uptime: Maybe = UNSET
    tasks_processed: Raw | UnsetType = UNSET
    """Counters in the executor's document and a rolling object in the others': read only in the former."""


class BlockWire(Struct, frozen=True):
    """One row of the metrics service: a block and all its documents."""

    block_id: str = field(name="blockId")
    instances: list[Raw]


class FleetWire(Struct, frozen=True):
    """The metrics service's answer."""

    success: bool
    data: list[BlockWire]


PROJECTION: list[dict[str, dict[str, int]]] = [
    {"$project": {"_id": 0, "blockId": 1, **{f"instances.{key}": 1 for key in DocumentWire.__struct_encode_fields__}}}
]
"""Aggregation that leaves only these fields: a tenth of the bytes, cut before they are sent."""
