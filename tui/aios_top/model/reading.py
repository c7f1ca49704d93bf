"""What one request to AIOS saw, before any history or rule is applied."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, overload

from msgspec import Struct

from aios_top.model.text import Clean
from aios_top.model.window import AnyRolling

T = TypeVar("T")

RATE_SECONDS = 60.0
"""A true rate spans the pushes of this long, AIOS's shortest window, and always at least two."""


class Mean(Struct, frozen=True, gc=False):
    """A histogram as AIOS sends it: its buckets collapse on the way, so only sum and count are left."""

    total: float
    """Sum of the observations, seconds."""
    count: float

    def since(self, earlier: "Mean") -> float | None:
        """Return the mean of the observations made after `earlier`, None when there were none or it restarted."""
        if self.count <= earlier.count or self.total < earlier.total:
            return None
        return (self.total - earlier.total) / (self.count - earlier.count)


class InstanceReading(Struct, frozen=True, gc=False):
    """One instance's metric document (AIOS global or cluster metrics), only the fields that the console uses.

    None means that the document lacks the key or that its value cannot be used; the latter is named in `problems`.
    """

    instance_id: Clean
    timestamp: float | None = None
    """Unix seconds of the instance's own clock at its push; None in documents of older SDKs."""
    input_size: AnyRolling | None = None
    """`llm_input_tokens_per_minute_rolling`: tokens per request. None until the instance has served one."""
    output_size: AnyRolling | None = None
    """`llm_output_tokens_per_minute_rolling`: tokens per request."""
    prompt_tokens_total: float | None = None
    generated_tokens_total: float | None = None
    prompts_total: float | None = None
    errors_total: float | None = None
    inference: Mean | None = None
    first_token: Mean | None = None
    per_output_token: Mean | None = None
    active_sessions: float | None = None
    queue_length: AnyRolling | None = None
    tokens_per_second: float | None = None
    """Of the last request; it stays after the load ends."""
    node_id: Clean | None = None
    problems: tuple[Clean, ...] = ()

    @property
    def is_llm(self) -> bool:
        """Whether the instance has token counters at all."""
        return self.prompt_tokens_total is not None or self.input_size is not None


class _Late(Generic[T]):
    """A field of a document that is read when it is asked for."""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, reading: None, owner: type) -> "_Late[T]": ...
    @overload
    def __get__(self, reading: "LateReading", owner: type) -> T: ...
    def __get__(self, reading: "LateReading | None", owner: type) -> "_Late[T] | T":
        if reading is None:
            return self
        found: T = reading.read(reading.row, self._name)
        return found


class LateReading(Struct, frozen=True, eq=False, gc=False):
    """An instance's document in a recording: a fleet shows a few figures of each, and jumps from one to the next.

    Has the fields of `InstanceReading`, and equals one that has the same values.
    """

    instance_id: Clean
    timestamp: float | None
    prompt_tokens_total: float | None
    generated_tokens_total: float | None
    input_size: AnyRolling | None
    output_size: AnyRolling | None
    read: Callable[[int, str], Any]
    """Returns the field of a name in a row, any of those that are not given."""
    row: int

    prompts_total = _Late[float | None]()
    errors_total = _Late[float | None]()
    inference = _Late[Mean | None]()
    first_token = _Late[Mean | None]()
    per_output_token = _Late[Mean | None]()
    active_sessions = _Late[float | None]()
    queue_length = _Late[AnyRolling | None]()
    tokens_per_second = _Late[float | None]()
    node_id = _Late[Clean | None]()
    problems = _Late[tuple[Clean, ...]]()

    @property
    def is_llm(self) -> bool:
        """Whether the instance has token counters at all."""
        return self.prompt_tokens_total is not None or self.input_size is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InstanceReading | LateReading) and whole(self) == whole(other)

    def __hash__(self) -> int:
        return hash(whole(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return InstanceReading, tuple(getattr(self, name) for name in InstanceReading.__struct_fields__)

    def __repr__(self) -> str:
        return repr(whole(self))


AnyReading = InstanceReading | LateReading


def whole(reading: AnyReading) -> InstanceReading:
    """Return a document with all of its fields read."""
    if isinstance(reading, InstanceReading):
        return reading
    return InstanceReading(*(getattr(reading, name) for name in InstanceReading.__struct_fields__))


class ServerMeans(NamedTuple):
    """The histograms of one push that means over a minute are made of."""

    inference: Mean | None
    first_token: Mean | None

    def server_means(self, _row: int) -> "ServerMeans":
        """Return them: they are known."""
        return self


class HasServerMeans(Protocol):
    """Documents whose histograms may still have to be read."""

    def server_means(self, row: int, /) -> ServerMeans:
        """Return those of a row."""


class Counted(Struct, frozen=True, gc=False):
    """What an instance had counted at one push."""

    received_at: float
    """When the console got it, unix seconds."""
    stamp: float | None
    """The push's own time; None where it has none."""
    at: float
    """When it was pushed, by its receipt where it has no stamp."""
    prompt: float | None
    generated: float | None
    documents: HasServerMeans
    """Where its histograms are: those of a recording are looked at by few."""
    row: int = 0
    """Which of them are its own."""

    def means(self) -> ServerMeans:
        """Return its histograms."""
        return self.documents.server_means(self.row)

    def restarted_since(self, earlier: "Counted") -> bool:
        """Return whether a counter or the clock went back."""
        if self.at <= earlier.at:
            return True
        prompt, generated = self.prompt, self.generated
        if prompt is not None and earlier.prompt is not None and prompt < earlier.prompt:
            return True
        return generated is not None and earlier.generated is not None and generated < earlier.generated


def counted(received_at: float, reading: AnyReading) -> Counted:
    """Return what a document has counted."""
    stamp = reading.timestamp
    return Counted(
        received_at,
        stamp,
        received_at if stamp is None else stamp,
        reading.prompt_tokens_total,
        reading.generated_tokens_total,
        ServerMeans(reading.inference, reading.first_token),
    )


def per_minute(earlier: float | None, later: float | None, seconds: float) -> float | None:
    """Return a counter's rate per minute; None when it is missing or fell, which means that it restarted."""
    if earlier is None or later is None or later < earlier or seconds <= 0:
        return None
    return (later - earlier) / seconds * 60.0


class ExecutorReading(Struct, frozen=True, gc=False):
    """The executor's document, which AIOS puts among the instances."""

    uptime_seconds: float | None = None
    tasks_processed_total: float | None = None
    """Requests that entered the block."""


class LateExecutor(Struct, frozen=True, eq=False):
    """An executor's document in a recording, which equals an `ExecutorReading` that has the same values."""

    read: Callable[[], "AnyExecutor"]
    """Returns what is recorded of it."""

    @property
    def uptime_seconds(self) -> float | None:
        """How long the executor has been running."""
        return self.read().uptime_seconds

    @property
    def tasks_processed_total(self) -> float | None:
        """Requests that entered the block."""
        return self.read().tasks_processed_total

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExecutorReading | LateExecutor) and _executor(self) == _executor(other)

    def __hash__(self) -> int:
        return hash(_executor(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return ExecutorReading, (self.uptime_seconds, self.tasks_processed_total)

    def __repr__(self) -> str:
        return repr(_executor(self))


AnyExecutor = ExecutorReading | LateExecutor


def _executor(reading: AnyExecutor) -> ExecutorReading:
    return ExecutorReading(reading.uptime_seconds, reading.tasks_processed_total)


class BlockReading(Struct, frozen=True):
    """All documents of one block."""

    block_id: Clean
    instances: tuple[AnyReading, ...]
    executor: AnyExecutor | None = None
    dropped: int = 0
    """Documents that could not be read at all, e.g. without a usable `instanceId`."""
    duplicates: tuple[Clean, ...] = ()
    """Instance ids that occur more than once; the last document of each is kept."""


class FleetReading(Struct, frozen=True):
    """One answer of the global metrics service."""

    blocks: tuple[BlockReading, ...]
    received_at: float
    """Unix seconds of the console's clock when the answer was complete."""
    latency_seconds: float = 0.0
    dropped: int = 0
    """Block rows that could not be read at all."""


class HealthReading(Struct, frozen=True):
    """One row of `GET /block/health/<block>`."""

    instance_id: Clean
    healthy: bool
    age_seconds: float | None = None
    """`lastMetrics`, which older clusters send as text ("12.96s ago")."""
    reason: Clean | None = None
