"""What a running policy says of itself (management action `get_state`)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from aios_top.model.decision import Decision
from aios_top.model.text import Clean


class Voice(StrEnum):
    """How much the deployed policy tells."""

    FULL = "full"
    """It answers `get_state`: everything is reported."""
    SILENT = "silent"
    """It answers nothing but its own actions (the plain tutorial policy): decisions are inferred."""
    ABSENT = "absent"
    """The block has no autoscaler policy."""
    UNREACHABLE = "unreachable"
    """The autoscaler did not answer; `PolicyReport.problem` says why."""
    UNASKED = "unasked"
    """Not asked yet, or the console has no way to ask."""


class Pause(Struct, frozen=True):
    """Scaling that was paused by hand; it ends by itself."""

    direction: Clean
    """`up`, `down` or `both`."""
    remaining_seconds: float | None = None
    """As of the report."""
    reason: Clean | None = None


class ForcedScale(Struct, frozen=True):
    """A scaling by hand that waits for the policy's next evaluation."""

    operation: Clean
    """`upscale` or `downscale`."""
    count: int | None = None
    """Instances to add."""
    instance_ids: tuple[Clean, ...] = ()
    """Instances to remove."""
    remaining_seconds: float | None = None
    """Until it expires, as of the report."""
    ignores_cooldown: bool = False
    reason: Clean | None = None


class PolicyReport(Struct, frozen=True):
    """One answer of the autoscaler's management service."""

    voice: Voice
    problem: Clean | None = None
    """Why it did not answer as one sentence; `problem_kind` is its kind in one word, as of a ReadError."""
    problem_kind: str | None = None
    boot_id: Clean | None = None
    policy_name: Clean | None = None
    policy_version: Clean | None = None
    code_sha256: Clean | None = None
    mode: Clean | None = None
    cooldown_remaining_seconds: float | None = None
    cooldown_total_seconds: float | None = None
    last_action_at: float | None = None
    next_evaluation_seconds: float | None = None
    interval_seconds: float | None = None
    evaluating_since: float | None = None
    last_decision: Decision | None = None
    paused: Pause | None = None
    forced: ForcedScale | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    """The answer as sent."""


class DecisionPage(Struct, frozen=True):
    """One answer of `get_decisions`."""

    boot_id: Clean
    decisions: tuple[Decision, ...]
    next_since: int
    gap: bool = False
    """Decisions between the cursor and the oldest kept one are lost."""


class ParameterReport(Struct, frozen=True):
    """One answer of `get_parameters`: what is in force, which only the policy can know."""

    effective: Mapping[str, Any]
    defaults: Mapping[str, Any]
    source: Mapping[str, str]
    errors: Mapping[str, Any]
    unknown: tuple[str, ...]
    unused_settings: tuple[str, ...]
    generation: int
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """JSON schema of each parameter; empty where the policy does not tell them."""
