"""The one line that names the culprit."""

from enum import IntEnum

from msgspec import Struct

from aios_top.model.text import Clean


class Severity(IntEnum):
    """How loud a verdict is; the worst one of the fleet is shown."""

    HEALTHY = 0
    BUSY = 1
    """The autoscaler is at work; nothing to do."""
    DEGRADED = 2
    """Something needs a look."""
    BROKEN = 3
    """Autoscaling or the data about it has stopped."""


class Verdict(Struct, frozen=True):
    """A severity, a sentence and the block it is about."""

    severity: Severity
    sentence: str
    """One line: what, with numbers, and for how long."""
    block_id: Clean | None = None
    code: str = "Healthy"
    """Stable name of the rule that spoke, e.g. `AtMaximum`, `StaleData`, `AutoscalerStalled`."""
