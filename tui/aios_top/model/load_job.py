"""What passes between a load test and the process that sends for it: the job, orders, and news of the requests."""

from enum import StrEnum

from msgspec import Struct, field

from aios_top.model.load import Cause, LoadLimits, LoadPlan


class LoadProof(Struct, frozen=True):
    """What proves to the target who asks; it crosses to the sending process through its pipe and nowhere else."""

    headers: dict[str, str] = field(default_factory=dict)
    certificate: tuple[str, str] | None = None
    """Paths of a client certificate and of its key, PEM."""
    ca_file: str | None = None

    def __repr__(self) -> str:
        """Hide what the headers hold."""
        return f"LoadProof({', '.join(self.headers)})"


class LoadJob(Struct, frozen=True):
    """What the sending process is given: the plan, and the only address that it may talk to."""

    plan: LoadPlan
    url: str
    """Base URL as configured."""
    address: str
    """The IP address that its host was resolved to once; no other is dialled."""
    limits: LoadLimits
    proof: LoadProof | None = None


class OrderKind(StrEnum):
    """What the sending process can be told while it runs."""

    BEAT = "beat"
    """Whoever watches is alive."""
    STOP = "stop"
    GIVE_UP = "give_up"
    RATE = "rate"
    NEXT_STAGE = "next_stage"
    HOLD = "hold"


class Order(Struct, frozen=True):
    """One order to the sending process."""

    kind: OrderKind
    factor: float = 1.0
    """Of RATE: multiplies the planned rates from now on."""
    cause: Cause = Cause.OPERATOR
    reason: str = ""


class RequestEnd(Struct, frozen=True):
    """One request that has ended; all times are seconds since the start of the run."""

    number: int
    session_id: str
    stage: int
    planned: float
    """When the schedule wanted it sent."""
    sent: float
    ended: float
    input_tokens: int
    max_output_tokens: int
    kind: str
    """As in InferenceReply."""
    message: str = ""
    output_words: int | None = None

    @property
    def ok(self) -> bool:
        """Whether it was answered well."""
        return self.kind == "ok"

    @property
    def latency(self) -> float:
        """Seconds from the planned send time to the answer: waiting for a place counts."""
        return self.ended - self.planned

    @property
    def service(self) -> float:
        """Seconds from the actual send time to the answer."""
        return self.ended - self.sent


class LoadNews(Struct, frozen=True):
    """What the sending process tells, four times a second and at its end."""

    at: float
    """Seconds since the start of the run."""
    draining: bool = False
    done: bool = False
    due: int = 0
    """Requests whose planned time has come."""
    sent: int = 0
    in_flight: int = 0
    waiting: int = 0
    """Due, but all places in flight are taken."""
    rate: float | None = None
    """Requests per second that the plan offers now; None where it has no rate."""
    stage: int = 0
    held: bool = False
    factor: float = 1.0
    slip: float = 0.0
    """Longest delay of the sending process's own timer since the last news, seconds."""
    cause: Cause | None = None
    reason: str = ""
    ends: tuple[RequestEnd, ...] = ()
