"""The one immutable picture of the world that every view, command and export reads."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from aios_top.model.curve import Earlier
from aios_top.model.decision import Decision, Origin, Thresholds
from aios_top.model.policy_state import ParameterReport, PolicyReport, Voice
from aios_top.model.reading import AnyExecutor, AnyReading
from aios_top.model.record import BlockRecord, PolicyRecord
from aios_top.model.series import EMPTY, SeriesView
from aios_top.model.signal import Signal, signal_of
from aios_top.model.text import Clean
from aios_top.model.verdict import Verdict
from aios_top.model.verification import Verification
from aios_top.model.window import Window


class Phase(StrEnum):
    """What is known of an instance from its documents and from the policy's instance list."""

    SERVING = "serving"
    """Its document is fresh."""
    STARTING = "starting"
    """The policy lists it, but it has never reported."""
    IDLE = "idle"
    """Fresh, but it has served nothing yet: it has no rolling token metrics and counts as 0."""
    STALE = "stale"
    """Its document is old and nothing says that the instance was removed."""
    GHOST = "ghost"
    """It was removed; its document lingers until AIOS wipes its store."""


class InstanceState(Struct, frozen=True):
    """One replica as the console sees it now."""

    instance_id: Clean
    phase: Phase
    reading: AnyReading | None
    """The latest document; None while starting."""
    age_seconds: float | None
    """Seconds since the instance's push by the console's clock, corrected by the smallest offset seen."""
    first_seen: float
    input_rate: float | None = None
    """True rate: prompt tokens per minute, over the pushes of the last minute (two at least)."""
    output_rate: float | None = None
    """True rate: generated tokens per minute, over the pushes of the last minute (two at least)."""
    history: Mapping[str, SeriesView] = field(default_factory=dict)
    """Columns `input_<window>`, `output_<window>` (e.g. `input_average_1m`), `input_rate`, `output_rate`, `queue`."""

    def size_history(self, direction: str, window: Window) -> SeriesView:
        """Return the policy's value over time; `direction` is `input` or `output`."""
        return self.history.get(f"{direction}_{window.value}", EMPTY)


class Replicas(Struct, frozen=True):
    """How many replicas there are, by every source that can say so. None: that source is not to be had."""

    current: int | None = None
    """Instances that exist by the policy's instance list; None when the policy does not say."""
    reporting: int = 0
    """Instances with a fresh metric document."""
    starting: int = 0
    stale: int = 0
    ghosts: int = 0
    desired: int | None = None
    """Where the last action leads."""
    minimum: int | None = None
    """The policy's `min_replicas` when reported, else the block record's `minInstances`."""
    maximum: int | None = None
    """The block record's `maxInstances`: shown, enforced by nothing unless the policy says so."""
    wiped: bool = False
    """AIOS has just wiped its metric store: the counts are of no use for up to a push period."""

    @property
    def best(self) -> int:
        """The most trustworthy count: the policy's, else the reporting ones."""
        return self.reporting if self.current is None else self.current

    @property
    def origin(self) -> Origin:
        """Where `best` comes from."""
        return Origin.MEASURED if self.current is None else Origin.REPORTED


class CooldownPhase(StrEnum):
    """State of the timer between two actions of a policy."""

    READY = "ready"
    COOLING = "cooling"
    DUE = "due"
    """It should be over, but no new answer has confirmed it."""
    UNKNOWN = "unknown"


class Cooldown(Struct, frozen=True):
    """The cooldown timer as of `observed_at`."""

    phase: CooldownPhase
    origin: Origin
    ends_at: float | None = None
    """Unix seconds of the console's clock."""
    total_seconds: float | None = None
    uncertainty_seconds: float = 0.0

    def remaining_seconds(self, now: float) -> float | None:
        """Return the seconds left at `now`, 0 when over, None when unknown."""
        if self.phase is CooldownPhase.UNKNOWN:
            return None
        if self.phase is CooldownPhase.READY or self.ends_at is None:
            return 0.0
        return max(0.0, self.ends_at - now)

    def at(self, now: float) -> CooldownPhase:
        """Return the phase at `now`: a timer that runs out without a new answer is due, not ready."""
        if self.phase is CooldownPhase.COOLING and self.ends_at is not None and now >= self.ends_at:
            return CooldownPhase.DUE
        return self.phase


class Averages(Struct, frozen=True):
    """Means over the reporting instances: of request sizes over a window, or of what a policy compares instead."""

    input_size: float | None = None
    """Mean tokens per request; where a policy compares rates, its `compared` has tokens per minute here."""
    output_size: float | None = None
    window: Window = Window.ONE_MINUTE
    origin: Origin = Origin.UNKNOWN
    counted: int = 0
    """Instances that went into the mean."""


class BlockState(Struct, frozen=True):
    """One block: what it declares, what it reports, what its autoscaler says, and what follows."""

    block_id: Clean
    record: BlockRecord | None = None
    policy: PolicyReport = PolicyReport(Voice.UNASKED)
    parameters: ParameterReport | None = None
    in_force: Mapping[str, Any] = field(default_factory=dict)
    """The parameters as far as they are known: the policy's word, else the block's overlaid by the registry's."""
    thresholds: Thresholds = Thresholds()
    thresholds_origin: Origin = Origin.UNKNOWN
    """Where `in_force` and `thresholds` come from."""
    window: Window = Window.ONE_MINUTE
    """The window that the policy reads (`averaging_period`); the screen's own window may differ."""
    instances: tuple[InstanceState, ...] = ()
    executor: AnyExecutor | None = None
    replicas: Replicas = Replicas()
    averages: Mapping[Window, Averages] = field(default_factory=dict)
    """One per window, so that the key `w` costs no request."""
    input_rate: float | None = None
    """True prompt tokens per minute of the whole block; None until two pushes have been seen."""
    output_rate: float | None = None
    request_rates: Sequence[float | None] = (None,)
    """Its only entry is `request_rate`: of a recording it is computed when somebody looks at it."""
    server_means: Sequence[float | None] = (None, None)
    """Server-side means over the last minute, seconds: `latency_seconds` and `first_token_seconds`."""
    cooldown: Cooldown = Cooldown(CooldownPhase.UNKNOWN, Origin.UNKNOWN)
    next_evaluation_at: float | None = None
    """Unix seconds of the console's clock; None when unknown."""
    next_evaluation_origin: Origin = Origin.UNKNOWN
    push_seconds: float | None = None
    """Observed period of the instances' pushes."""
    decisions: Sequence[Decision] = ()
    """Newest first, at most 512."""
    history: Mapping[str, SeriesView] = field(default_factory=dict)
    """Block columns: `input_<window>`, `output_<window>` (averages), `input_rate`, `output_rate`, `replicas`,
    `reporting`, `requests`, `latency`, `cooldown` (1 while cooling)."""
    earlier: tuple[Earlier, ...] = ()
    """Where `history`, and that of the instances, comes from before the console looked itself."""
    seen_at: float | None = None
    """When the last good document arrived, unix seconds of the console's clock."""
    missed_polls: int = 0
    problem: Clean | None = None
    """Why the newest poll failed for this block, None when it was good."""
    clock_skew_seconds: float | None = None
    """By how much the instances' clocks are ahead of ours (behind when negative); None while they seem to agree."""
    dropped: int = 0
    duplicates: tuple[Clean, ...] = ()
    verification: Verification | None = None
    """What the policy file at hand makes of the decisions; None when it does not concern this block."""
    verdict: Verdict | None = None

    @property
    def signal(self) -> Signal:
        """What its policy compares with the thresholds."""
        return signal_of(self.in_force or (self.parameters.effective if self.parameters else {}))

    @property
    def compared(self) -> Averages:
        """The figures that its policy compares with the thresholds, in `signal`'s unit."""
        if self.signal is Signal.SIZE:
            return self.averages.get(self.window, Averages(window=self.window))
        rows = [
            row for row in self.instances if row.phase in {Phase.SERVING, Phase.IDLE} and row.input_rate is not None
        ]
        if not rows:
            last = self.policy.last_decision
            reported = (None, None) if last is None else (last.input_average, last.output_average)
            origin = Origin.UNKNOWN if None in reported else Origin.REPORTED
            return Averages(*reported, self.window, origin, 0 if last is None else last.reporting or 0)
        inputs = sum(row.input_rate or 0.0 for row in rows) / len(rows)
        outputs = sum(row.output_rate or 0.0 for row in rows) / len(rows)
        return Averages(inputs, outputs, self.window, Origin.MEASURED, len(rows))

    @property
    def request_rate(self) -> float | None:
        """Requests per minute into the block over the last minute, from the executor's counter."""
        return self.request_rates[0]

    @property
    def latency_seconds(self) -> float | None:
        """Server-side mean inference duration over the last minute."""
        return self.server_means[0]

    @property
    def first_token_seconds(self) -> float | None:
        """Server-side mean over the last minute; AIOS observes it after completion, so it is the latency there."""
        return self.server_means[1]

    @property
    def size_limits(self) -> Thresholds:
        """The thresholds as limits of request sizes; none where the policy compares rates."""
        return self.thresholds if self.signal is Signal.SIZE else Thresholds()

    @property
    def stale(self) -> bool:
        """Whether the figures are old: two polls in a row have failed."""
        return self.missed_polls >= 2

    @property
    def counted(self) -> bool:
        """Whether `replicas.reporting` is a count: without an answer of the metrics service its 0 says nothing."""
        if self.stale:
            return False
        seen = self.executor is not None or any(row.reading is not None for row in self.instances)
        return seen or (self.problem is None and bool(self.instances))


class Link(StrEnum):
    """How an endpoint answers."""

    UP = "up"
    DOWN = "down"
    UNTRIED = "untried"


class EndpointState(Struct, frozen=True):
    """One AIOS service as the poller meets it."""

    name: str
    link: Link = Link.UNTRIED
    problem: Clean | None = None
    """The newest failure as one sentence."""
    last_ok: float | None = None
    latency_seconds: float | None = None
    polls: int = 0
    failures: int = 0
    problem_kind: str | None = None
    """The kind of that failure in one word, as of a ReadError."""


class FleetState(Struct, frozen=True):
    """Everything the console knows at one moment."""

    at: float
    """Unix seconds of the console's clock at the poll that made this state."""
    sequence: int
    """Grows by one with every published state."""
    blocks: Mapping[str, BlockState] = field(default_factory=dict)
    """By block id, in the order of the fleet list."""
    policies: tuple[PolicyRecord, ...] = ()
    endpoints: Mapping[str, EndpointState] = field(default_factory=dict)
    verdict: Verdict | None = None
    poll_seconds: float = 2.0
    polls: int = 0
    failures: int = 0
    context: str = ""
    """Name of the configured context, e.g. `demo`."""
    resumed_at: float | None = None
    """When polling went on after a long pause of this process, such as a closed lid; None when there was none."""
    paused_seconds: float = 0.0
    """How long that pause was."""
    origin_note: str = ""
    """Such as "simulated, quick pace"; shown as long as it applies."""
    reach: str = ""
    """Options of the command line that lead to this AIOS, e.g. `--context prod`, for commands that can be copied."""
