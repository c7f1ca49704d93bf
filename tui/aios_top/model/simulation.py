"""A policy tried out on simulated replicas: what was asked, and what came of it."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

from msgspec import Struct, field

FLAP_SECONDS = 600.0
"""An action that undoes another one sooner than this is a flap: the replica was not worth its start."""


BY_TUTORIAL = "minutes over threshold are by the tutorial's rule and limits: this policy publishes none of its own"
"""Warning of a simulation whose policy keeps no records."""


class SimulationPlan(Struct, frozen=True):
    """One run: which load meets which replicas, scaled with which parameters. Rates are requests per minute."""

    name: str
    """Of the parameters, as a table shows it."""
    profile: str
    """Of the load, which also decides the kind of replica."""
    hours: float
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 42
    requests_per_minute: float | None = None
    """None: the profile's own."""
    input_tokens: float | None = None
    """Mean tokens per prompt; None: the profile's own."""
    output_tokens: float | None = None
    """Mean tokens per answer; None: the profile's own."""
    replica_start_seconds: float = 120.0
    interval_seconds: float = 30.0
    min_instances: int = 1
    """Of the block's record; also the replicas at the start."""
    max_instances: int = 8
    """Of the block's record: nothing in AIOS enforces it, only a policy that reads it does."""
    room: int = 32
    """Replicas that the cluster has cards for; scaling beyond fails, as in AIOS."""

    @property
    def seconds(self) -> float:
        """Simulated time in seconds."""
        return self.hours * 3600.0


class Scaling(Struct, frozen=True):
    """One change of the replicas, or a failed try; `at` in seconds from the start."""

    at: float
    kind: Literal["up", "down", "failed", "error"]
    replicas: int
    """Afterwards, starting ones included."""
    reason: str


class Sample(Struct, frozen=True):
    """What could be seen at one moment; `at` in seconds from the start."""

    at: float
    replicas: int
    """Starting ones included."""
    queued: int
    """Requests that wait for a slot or for a replica."""
    latency_p95: float | None
    """Seconds, of the requests answered since the sample before; None when there were none."""


class Latency(Struct, frozen=True):
    """Seconds from a request's arrival to its answer, over all of a run.

    A request without an answer at the end counts with its age by then, so that a queue that was never worked off does
    not look fast; lost requests do not count. A percentile that so few requests cannot show is None.
    """

    number: int
    p50: float | None
    p95: float | None
    p99: float | None
    highest: float | None


class SimulationReport(Struct, frozen=True):
    """What came of one run."""

    plan: SimulationPlan
    requests_per_minute: float
    """Of the load, the profile's own where the plan names none."""
    evaluations: int
    scalings: tuple[Scaling, ...]
    replica_hours: float
    """Starting replicas included: they occupy their card."""
    over_threshold_minutes: float
    """Time in which the policy's up rule was met, whatever was decided: its own as its records tell it, else the
    tutorial's."""
    latency: Latency
    queue_mean: float
    queue_peak: int
    arrived: int
    answered: int
    lost: int
    """Requests that will never be answered, because their replica was removed."""
    replicas_peak: int
    replicas_end: int
    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()
    """What the policy says about its parameters."""

    @property
    def ups(self) -> int:
        """Decisions that added replicas."""
        return _count(self.scalings, "up")

    @property
    def downs(self) -> int:
        """Decisions that removed replicas."""
        return _count(self.scalings, "down")

    @property
    def failed(self) -> int:
        """Scaling calls that found no room in the cluster."""
        return _count(self.scalings, "failed")

    @property
    def errors(self) -> int:
        """Evaluations whose answer was no decision."""
        return _count(self.scalings, "error")

    @property
    def first_error(self) -> Scaling | None:
        """The first evaluation whose answer was no decision."""
        return next((scaling for scaling in self.scalings if scaling.kind == "error"), None)

    @property
    def flaps(self) -> int:
        """Actions that undid the one before within ten minutes."""
        return flaps([(scaling.at, scaling.kind) for scaling in self.scalings])

    @property
    def unserved(self) -> int:
        """Requests that wait or are being served at the end."""
        return self.arrived - self.answered - self.lost


def flaps(actions: Sequence[tuple[float, str]]) -> int:
    """Count the actions (seconds, `up` or `down`; others are passed over) that undo the one before too soon."""
    acted = [(at, kind) for at, kind in actions if kind in {"up", "down"}]
    return sum(kind != other and at - before < FLAP_SECONDS for (before, other), (at, kind) in pairwise(acted))


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value that `share` of the ordered ones do not exceed; None when too few are beyond it to tell."""
    if len(ordered) * (1.0 - share) < 1.0 - 1e-9:
        return None
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _count(scalings: Sequence[Scaling], kind: str) -> int:
    return sum(scaling.kind == kind for scaling in scalings)
