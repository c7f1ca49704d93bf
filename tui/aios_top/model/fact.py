"""What the engine learns from the world, one value per answer: the input of every rule, and so what is recorded."""

from collections.abc import Mapping

from msgspec import Struct, field

from aios_top.model.audit import AuditEntry
from aios_top.model.deploy import DeployState
from aios_top.model.load import LoadState
from aios_top.model.policy_state import DecisionPage, ParameterReport, PolicyReport
from aios_top.model.reading import FleetReading
from aios_top.model.record import BlockRecord, PolicyRecord
from aios_top.model.state import EndpointState
from aios_top.model.text import Clean


class FleetRead(Struct, frozen=True):
    """The metrics service answered."""

    reading: FleetReading


class FleetFailed(Struct, frozen=True):
    """The metrics service did not answer, or was left alone for a while."""

    problem: Clean | None


class RecordsRead(Struct, frozen=True):
    """The blocks database answered."""

    records: tuple[BlockRecord, ...]


class PoliciesRead(Struct, frozen=True):
    """The policy registry answered."""

    policies: tuple[PolicyRecord, ...]


class PolicyTold(Struct, frozen=True):
    """A block's autoscaler was asked for its state; silence and an outage are reports too."""

    block_id: Clean
    report: PolicyReport
    at: float | None
    """When the report arrived, unix seconds of the console's clock; None for a block that has no policy to ask."""
    parameters: ParameterReport | None = None


class DecisionsTold(Struct, frozen=True):
    """A block's policy told its decisions since the last time."""

    block_id: Clean
    page: DecisionPage


class CooldownReset(Struct, frozen=True):
    """The console itself reset a block's timer."""

    block_id: Clean
    at: float


class Resumed(Struct, frozen=True):
    """Polling went on after this process had stood still."""

    at: float
    seconds: float


class AuditRead(Struct, frozen=True):
    """New lines of the operator's record."""

    entries: tuple[AuditEntry, ...]


class WorkSeen(Struct, frozen=True):
    """The load test and the deploy as they stood, None where there was none yet."""

    load: LoadState | None
    deploy: DeployState | None


class InstanceCurve(Struct, frozen=True):
    """An instance's history from before the first poll."""

    instance_id: Clean
    times: tuple[float, ...]
    """Unix seconds, ascending."""
    values: tuple[tuple[float | None, ...], ...]
    """One row per time, one value per column of an instance's history."""


class Backfilled(Struct, frozen=True):
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


class Poll(Struct, frozen=True):
    """Everything that was learnt between two published states, in the order in which it arrived."""

    at: float
    """When the state was made of it, unix seconds of the console's clock."""
    sequence: int
    poll_seconds: float
    facts: tuple[Fact, ...]
    endpoints: Mapping[str, EndpointState] = field(default_factory=dict)
    context: str = ""
    origin_note: str = ""
