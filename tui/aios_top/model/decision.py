"""One evaluation of an autoscaler policy, as it told us or as we had to infer it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aios_top.model.text import Clean


class Origin(StrEnum):
    """Where a figure comes from; the screen and the JSON say it with every value that could be mistaken."""

    REPORTED = "reported"
    """The running policy said it (management action `get_state` or `get_decisions`)."""
    MEASURED = "measured"
    """Read from metric documents."""
    DECLARED = "declared"
    """Written in a block or registry record; nothing proves that it is in force."""
    REEVALUATED = "re-evaluated"
    """What a policy file at hand returned when it ran beside the console on what was seen."""
    INFERRED = "inferred"
    """Concluded by the console; shown with `~`."""
    UNKNOWN = "unknown"


class Action(StrEnum):
    """What a decision did."""

    UP = "upscale"
    DOWN = "downscale"
    HOLD = "hold"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class InstanceInput:
    """What a decision saw of one instance."""

    instance_id: Clean
    input_size: float | None = None
    """Tokens per request over the policy's window."""
    output_size: float | None = None
    input_rate: float | None = None
    """Tokens per minute, from the counters."""
    output_rate: float | None = None
    queue: float | None = None
    """Queue length over the policy's window."""
    sessions: float | None = None
    """Active sessions."""
    age_seconds: float | None = None
    status: Clean | None = None
    """`ok`, `missing` (listed without a document), `stale`, `partial` (no such window) or `invalid`."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The four limits that the token policies compare, in tokens per request."""

    input_up: float | None = None
    output_up: float | None = None
    input_down: float | None = None
    output_down: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One evaluation: what was decided, on which numbers, and how we know."""

    at: float
    """Unix seconds; the policy's clock when reported, the console's when inferred."""
    action: Action
    code: Clean
    """Stable name of the exit, e.g. `CooldownActive`; inferred decisions use the same names."""
    reason: Clean
    """The policy's own sentence, or the console's when inferred."""
    origin: Origin
    seq: int | None = None
    boot_id: Clean | None = None
    would: Clean | None = None
    """`up` or `down` when that rule was met although something else decided."""
    input_average: float | None = None
    output_average: float | None = None
    thresholds: Thresholds = Thresholds()
    current: int | None = None
    """Instances in the policy's `current_instances`."""
    reporting: int | None = None
    """Of these, instances with a metric document."""
    proposed: int | None = None
    """Replicas after the decision, if AIOS carries it out."""
    cooldown_remaining_seconds: float | None = None
    confirmation: Clean | None = None
    """`pending`, `confirmed`, `timed_out` or `n/a`: whether the replicas followed."""
    instances: tuple[InstanceInput, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    """The policy's complete record; empty when inferred."""

    @property
    def key(self) -> tuple[object, ...]:
        """What makes a decision itself, whatever becomes known of its confirmation later."""
        return (self.boot_id, self.seq) if self.seq is not None else (self.at, self.code, self.reason)
