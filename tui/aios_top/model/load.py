"""A load test: its plan, its limits, and its counts."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from aios_top.model.lag import LagBudget, ScaleUpGain
from aios_top.model.spread import Spread


class Api(StrEnum):
    """The entry point of the inference server that requests go to."""

    INFER = "infer"
    """`POST /v1/infer`."""
    CHAT = "chat"
    """`POST /v1/chat/completions`; its `messages` are the block's own object, so that `max_tokens` reaches it."""
    COMPLETIONS = "completions"
    """`POST /v1/completions`; there is no way to bound the answer through it."""
    GRPC = "grpc"
    """`BlockInferenceService.infer`, with ten threads for all clients together."""


class Shape(StrEnum):
    """When requests are sent."""

    BURST = "burst"
    """All at once, as the tutorial's client does."""
    CONSTANT = "constant"
    POISSON = "poisson"
    GAMMA = "gamma"
    """Gaps with a coefficient of variation: bursty above 1, more even than chance below."""
    CLOSED = "closed"
    """The next one when one is answered: a fixed number in flight, whatever rate that makes."""
    REPLAY = "replay"
    """At the times of a recorded trace."""

    @property
    def open_loop(self) -> bool:
        """Whether requests come at their own times, however slowly the server answers."""
        return self not in {Shape.BURST, Shape.CLOSED}


class Until(StrEnum):
    """What ends a load test that waits for the autoscaler."""

    UPSCALE = "upscale"
    DOWNSCALE = "downscale"
    REPLICAS = "replicas"


class Cause(StrEnum):
    """Why a load test ended; the stable name beside the sentence."""

    COMPLETE = "complete"
    """Its plan was carried out."""
    GOAL = "goal"
    """What it waited for has happened."""
    OPERATOR = "operator"
    UI_LOST = "ui_lost"
    """The console ended, hung up or stood still."""
    ERRORS = "errors"
    LOST = "lost"
    LATENCY = "latency"
    SATURATED = "saturated"
    CLIENT_LAG = "client_lag"
    AT_MAXIMUM = "at_maximum"
    """The block has as many replicas as its policy allows, so nothing more can be decided."""
    TIME = "time"
    """The longest time that a run may take is over."""
    CRASHED = "crashed"
    """The process that sends ended by itself."""


class InferenceReply(Struct, frozen=True):
    """One answer of the inference server, judged by its body and not by its status."""

    ok: bool
    kind: str
    """`ok`, `failed` (success false), `http`, `timeout`, `connect`, `protocol`, `given_up`."""
    message: str = ""
    output_words: int | None = None


class Stage(Struct, frozen=True):
    """A stretch of a load test at one rate, or on its way to another."""

    seconds: float
    rate: float
    """Requests per second."""
    end_rate: float | None = None
    """The rate at the end of the stage, reached evenly; None keeps it as it is."""

    @property
    def last_rate(self) -> float:
        """Requests per second at the end."""
        return self.rate if self.end_rate is None else self.end_rate


class TraceRow(Struct, frozen=True):
    """One request of a recorded trace."""

    at: float
    """Seconds after the first."""
    input_tokens: int
    output_tokens: int


class LoadPlan(Struct, frozen=True):
    """Everything that decides what is sent; the defaults are the tutorial client's burst of one."""

    block_id: str
    requests: int = 1
    """Exactly so many for a burst and a closed loop without a duration; at most so many otherwise."""
    input_tokens: int = 100
    max_output_tokens: int = 100
    timeout_seconds: float = 300.0
    """The client's own deadline per request: AIOS's inference server has none."""
    seed: int = 1
    shape: Shape = Shape.BURST
    stages: tuple[Stage, ...] = ()
    """Rates over time, for the shapes that have one."""
    cv: float = 1.0
    """Coefficient of variation of the gaps, read by `gamma` only."""
    concurrency: int = 1
    """Requests in flight of a closed loop."""
    duration_seconds: float | None = None
    """End of sending; None: when the stages or the requests are used up."""
    input_cv: float = 0.0
    """Coefficient of variation of the prompts' lengths (lognormal); 0 makes all alike."""
    output_cv: float = 0.0
    profile: str = ""
    """Name of the traffic profile that lengths and rhythm were taken from."""
    trace: tuple[TraceRow, ...] = ()
    speed: float = 1.0
    """How many times faster than recorded a trace is replayed."""
    api: Api = Api.INFER
    drain_seconds: float = 30.0
    """How long answers are waited for after a stop; then they are given up."""
    max_errors: int | None = None
    max_error_rate: float = 0.2
    max_p95_seconds: float | None = None
    """Stops when the 95th percentile of the last ten seconds is above it."""
    until: Until | None = None
    until_replicas: int | None = None
    watch_seconds: float = 0.0
    """How long the autoscaler is watched after the last request, for what is still to come of the lag budget."""

    @property
    def sends_for_seconds(self) -> float | None:
        """Longest time from the first to the last planned request; None when the answers decide."""
        staged = sum(stage.seconds for stage in self.stages)
        if self.shape is Shape.REPLAY:
            staged = self.trace[-1].at / self.speed if self.trace and self.speed > 0 else 0.0
        elif self.shape is Shape.BURST:
            return 0.0
        elif self.shape is Shape.CLOSED:
            return self.duration_seconds
        return staged if self.duration_seconds is None else min(staged, self.duration_seconds)


class Estimate(Struct, frozen=True):
    """What a plan comes to, from its own schedule: nothing is sent to find out."""

    requests: int
    seconds: float | None
    """From the first to the last planned request; None for a closed loop, where the answers decide."""
    input_tokens: int
    max_output_tokens: int
    """If every answer is as long as it may be."""
    peak_rate: float | None
    """Requests per second of the busiest ten seconds; None where there is no rate."""
    longest: int = 0
    """Tokens of the longest prompt or answer."""


class LoadLimits(Struct, frozen=True):
    """How much load one run may make.

    The configuration can lower these numbers; its `i_accept_higher_caps` raises most, up to ten times. No flag does.
    """

    requests: int = 2_000
    rate: float = 50.0
    """Requests per second, of any stage and of any ten seconds of a trace."""
    in_flight: int = 64
    grpc_in_flight: int = 10
    """The gRPC server has ten threads; more requests wait there unseen. Nothing raises this."""
    seconds: float = 900.0
    """Longest time that a run may send."""
    tokens_per_request: int = 32_000
    """For the input, and again for the output."""
    tokens_per_run: int = 20_000_000
    timeout_seconds: float = 900.0
    """Longest time that one request may be waited for, and so the longest end of a run."""

    def places(self, api: Api) -> int:
        """Return how many requests may be in flight at an entry point."""
        return min(self.in_flight, self.grpc_in_flight) if api is Api.GRPC else self.in_flight


class LoadPhase(StrEnum):
    """How far a load test has come."""

    RUNNING = "running"
    DRAINING = "draining"
    """Sends nothing more and waits for the answers."""
    WATCHING = "watching"
    """All is answered; what the autoscaler makes of it is still observed."""
    FINISHED = "finished"
    STOPPED = "stopped"
    """Ended before its plan, by the operator or by a safety rule."""

    @property
    def sending(self) -> bool:
        """Whether requests are sent or awaited."""
        return self in {LoadPhase.RUNNING, LoadPhase.DRAINING}


class Prediction(Struct, frozen=True):
    """When the policy should decide, and why then; unix seconds of the console's clock."""

    trigger_at: float | None
    crossing_at: float | None = None
    text: str = ""
    """One sentence: how it was computed, or why there is none."""


class LoadSecond(Struct, frozen=True):
    """One second of a run."""

    at: int
    """Seconds since the start."""
    offered: int = 0
    sent: int = 0
    ok: int = 0
    bad: int = 0
    in_flight: int = 0
    p95: float | None = None
    """Of the good answers of this second and the four before, from planned send time."""


class ReplicaShare(Struct, frozen=True):
    """What one replica did since the start of the run, by its own counters; other clients' requests count too."""

    instance_id: str
    requests: float
    input_tokens: float
    output_tokens: float


class ServerFigures(Struct, frozen=True):
    """Means over what the block's replicas served since the start of the run; AIOS publishes no percentiles."""

    requests: float = 0.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    first_token_seconds: float | None = None
    """AIOS observes it after completion, so that it is the latency there."""
    per_output_token_seconds: float | None = None
    replicas: tuple[ReplicaShare, ...] = ()


class LoadState(Struct, frozen=True):
    """A running or ended load test; `sent = ok + failed + lost + in flight`."""

    plan: LoadPlan
    phase: LoadPhase
    started_at: float
    """Unix seconds."""
    target: str = ""
    address: str = ""
    """The IP address that everything went to."""
    due: int = 0
    sent: int = 0
    ok: int = 0
    failed: int = 0
    """Answered, but with `success: false`, an HTTP error or a broken connection."""
    lost: int = 0
    """No answer within the client's deadline: AIOS never answers a request whose instance was removed."""
    waiting: int = 0
    expected: int = 0
    """Requests that the plan comes to, as far as it can be told."""
    errors: tuple[tuple[str, int], ...] = ()
    """Message and count, most frequent first."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """Count by kind of end."""
    latencies: tuple[float, ...] = ()
    """Seconds from planned send time of the requests that were answered well, in order of arrival."""
    latency: Spread = Spread()
    service: Spread = Spread()
    lateness: Spread = Spread()
    """Actual minus planned send time, of all requests."""
    input_tokens: int = 0
    """Tokens sent, at one per word."""
    rate: float | None = None
    stage: int = 0
    held: bool = False
    factor: float = 1.0
    slip: float = 0.0
    """Longest delay of the sender's own timer, seconds."""
    seconds: tuple[LoadSecond, ...] = ()
    prediction: Prediction | None = None
    lag: LagBudget | None = None
    gains: tuple[ScaleUpGain, ...] = ()
    server: ServerFigures | None = None
    calibration: float | None = None
    """Prompt tokens that the block counted per word sent; None while other clients' requests are mixed in."""
    replica_seconds: float = 0.0
    """Replicas times seconds since the start: what the test cost the cluster."""
    ended_at: float | None = None
    stop_reason: str = ""
    cause: Cause | None = None
    saved_as: str = ""
    """Where the report was kept; empty before the end."""

    @property
    def in_flight(self) -> int:
        """Requests that have neither been answered nor given up."""
        return self.sent - self.ok - self.failed - self.lost
