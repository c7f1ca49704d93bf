"""What the engine learns from the world, one value per answer: the input of every rule, and so what is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aios_top.model.audit import AuditEntry
from aios_top.model.deploy import DeployState
from aios_top.model.load import LoadState
from aios_top.model.policy_state import DecisionPage, ParameterReport, PolicyReport
from aios_top.model.reading import FleetReading
from aios_top.model.record import BlockRecord, PolicyRecord
from aios_top.model.state import EndpointState
from aios_top.model.text import Clean


@dataclass(frozen=True, slots=True)
class FleetRead:
    """The metrics service answered."""

    reading: FleetReading


@dataclass(frozen=True, slots=True)
class FleetFailed:
    """The metrics service did not answer, or was left alone for a while."""

    problem: Clean | None


@dataclass(frozen=True, slots=True)
class RecordsRead:
    """The blocks database answered."""

    records: tuple[BlockRecord, ...]


@dataclass(frozen=True, slots=True)
class PoliciesRead:
    """The policy registry answered."""

    policies: tuple[PolicyRecord, ...]


@dataclass(frozen=True, slots=True)
class PolicyTold:
    """A block's autoscaler was asked for its state; silence and an outage are reports too."""

    block_id: Clean
    report: PolicyReport
    at: float | None
    """When the report arrived, unix seconds of the console's clock; None for a block that has no policy to ask."""
    parameters: ParameterReport | None = None


@dataclass(frozen=True, slots=True)
class DecisionsTold:
    """A block's policy told its decisions since the last time."""

    block_id: Clean
    page: DecisionPage


@dataclass(frozen=True, slots=True)
class CooldownReset:
    """The console itself reset a block's timer."""

    block_id: Clean
    at: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """Polling went on after this process had stood still."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class AuditRead:
    """New lines of the operator's record."""

    entries: tuple[AuditEntry, ...]


@dataclass(frozen=True, slots=True)
class WorkSeen:
    """The load test and the deploy as they stood, None where there was none yet."""

    load: LoadState | None
    deploy: DeployState | None


@dataclass(frozen=True, slots=True)
class InstanceCurve:
    """An instance's history from before the first poll."""

    instance_id: Clean
    times: tuple[float, ...]
    """Unix seconds, ascending."""
    values: tuple[tuple[float | None, ...], ...]
    """One row per time, one value per column of an instance's history."""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """History from before the first poll, e.g. of Prometheus or of an earlier recording."""

    block_id: Clean
    times: tuple[float, ...]
    """Unix seconds, ascending."""
    values: tuple[tuple[float | None, ...], ...]
    """One row per time, one value per column of a block's history."""
    source: str = ""
    """Where it comes from, e.g. `prometheus`."""
    instances: tuple[InstanceCurve, ...] = ()


Fact = (
    FleetRead
    | FleetFailed
    | RecordsRead
    | PoliciesRead
    | PolicyTold
    | DecisionsTold
    | CooldownReset
    | Resumed
    | AuditRead
    | WorkSeen
    | Backfilled
)


@dataclass(frozen=True, slots=True)
class Poll:
    """Everything that was learnt between two published states, in the order in which it arrived."""

    at: float
    """When the state was made of it, unix seconds of the console's clock."""
    sequence: int
    poll_seconds: float
    facts: tuple[Fact, ...]
    endpoints: Mapping[str, EndpointState] = field(default_factory=dict)
    context: str = ""
    origin_note: str = ""
