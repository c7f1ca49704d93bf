"""What can be asked of a policy that runs beside the console, and what comes back."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from aios_top.model.text import Clean


class RuleError(Exception):
    """A policy that could not answer; the message is one sentence without the policy's name.

    `ended` tells whether its process is gone: then every further call fails with the same sentence. Otherwise the
    policy itself raised, which AIOS would log before it goes on.
    """

    def __init__(self, message: str, *, ended: bool = False) -> None:
        super().__init__(message)
        self.ended = ended


class Construct(Struct, frozen=True):
    """Make a new rule as AIOS does when an autoscaler starts; the one before is forgotten."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    at: float = 0.0
    """Unix seconds that the policy's clock tells."""
    monotonic: float | None = None
    """Monotonic seconds; as `at` when None."""
    collector: bool = True
    """Whether the settings hold a callable `get_metrics`, as AIOS's do."""


class Restore(Struct, frozen=True):
    """Set attributes of the rule, e.g. `last_action_ts`, before an evaluation is repeated."""

    attributes: Mapping[str, Any]


class Encoded(Struct, frozen=True):
    """A value as JSON already, from somebody with a faster encoder than ours that need not carry NaN."""

    text: str


class Evaluate(Struct, frozen=True):
    """Evaluate once."""

    input_data: Any
    metrics: Any
    """What `get_metrics` returns, perhaps Encoded; an exception is raised there instead."""
    at: float
    monotonic: float | None = None


class Manage(Struct, frozen=True):
    """Ask a management command."""

    action: Any
    data: Any = None
    at: float = 0.0
    monotonic: float | None = None


class Call(Struct, frozen=True):
    """Call a function of the policy's module, e.g. `reevaluate`; one that it lacks is an AttributeError."""

    function: str
    arguments: tuple[Any, ...] = ()
    at: float = 0.0


RuleCall = Construct | Restore | Evaluate | Manage | Call


class RuleAnswer(Struct, frozen=True):
    """What one call returned, or in `error` what it raised."""

    value: Any = None
    error: Clean | None = None
