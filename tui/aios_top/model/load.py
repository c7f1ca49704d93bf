"""A load test: its plan, its limits and its counts."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class InferenceReply:
    """One answer of the inference server, judged by its body and not by its status."""

    ok: bool
    kind: str
    """`ok`, `failed` (200 with success false), `http`, `timeout`, `connect`, `protocol`."""
    message: str = ""
    output_words: int | None = None


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """The tutorial client's burst: all requests at once, each in a session of its own."""

    block_id: str
    requests: int = 1
    input_tokens: int = 100
    max_output_tokens: int = 100
    timeout_seconds: float = 300.0
    """The client's own deadline per request: AIOS's inference server has none."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """How much load one run may make; the configuration can lower these numbers, nothing can raise them."""

    requests: int = 2_000
    in_flight: int = 64
    tokens_per_request: int = 32_000
    """For the input, and again for the output."""
    tokens_per_run: int = 20_000_000
    timeout_seconds: float = 900.0
    """Longest time that one request may be waited for, and so the longest end of a run."""


class LoadPhase(StrEnum):
    """How far a load test has come."""

    RUNNING = "running"
    DRAINING = "draining"
    """Sends nothing more and waits for the answers."""
    FINISHED = "finished"
    STOPPED = "stopped"
    """Ended before its plan, by the operator or by a safety rule."""


@dataclass(frozen=True, slots=True)
class LoadState:
    """Counts of a running or ended load test; `sent = ok + failed + lost + in flight`."""

    plan: LoadPlan
    phase: LoadPhase
    started_at: float
    """Unix seconds."""
    target: str = ""
    sent: int = 0
    ok: int = 0
    failed: int = 0
    """Answered, but with `success: false`, an HTTP error or a broken connection."""
    lost: int = 0
    """No answer within the client's deadline: AIOS never answers a request whose instance was removed."""
    errors: tuple[tuple[str, int], ...] = ()
    """Message and count, most frequent first."""
    latencies: tuple[float, ...] = ()
    """Seconds of every request that was answered well, in order of arrival."""
    input_tokens: int = 0
    """Tokens sent, estimated at one per word."""
    ended_at: float | None = None
    stop_reason: str = ""

    @property
    def in_flight(self) -> int:
        """Requests that have neither been answered nor given up."""
        return self.sent - self.ok - self.failed - self.lost
