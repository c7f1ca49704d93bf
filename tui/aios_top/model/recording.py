"""What a recording says of itself."""

from enum import StrEnum

from msgspec import Struct

from aios_top.model.text import clean


class RecordingHeader(Struct, frozen=True):
    """What is known when a recording begins."""

    context: str = ""
    origin_note: str = ""
    program: str = ""
    """Version of aios-top."""
    who: str = ""
    """`user@host`."""
    address: str = ""
    """Where AIOS is, without credentials."""
    services: str = ""
    """URLs of the services that tell one AIOS from another; empty in recordings of older versions."""

    def same_aios(self, other: "RecordingHeader") -> bool:
        """Whether both are of one AIOS: a context's name may be a host's, on which several run."""
        ours, theirs = (clean(header.services) for header in (self, other))
        return bool(ours) and (self.context, ours) == (other.context, theirs)


class RecordingInfo(Struct, frozen=True):
    """A recording as a list shows it."""

    name: str
    header: RecordingHeader
    first: float | None
    """Unix seconds of the first poll, None for a recording without one."""
    last: float | None
    polls: int
    lost: int
    """Polls that were recorded but cannot be read back any more."""
    pruned: int
    """Polls that were removed because the recording had grown old or large."""
    bytes: int
    blocks: int
    sessions: int = 1
    being_written: bool = False


class MarkKind(StrEnum):
    """What a mark on the time bar stands for."""

    UP = "up"
    DOWN = "down"
    ERROR = "error"
    OUTSIDE = "outside"
    """The replicas changed, and neither the policy asked for it nor anybody here."""
    ACTION = "action"
    """An operator's."""
    LOAD = "load"
    ALERT = "alert"
    """A block began to need a look."""
    START = "start"
    """Recording began, anew in a merged one."""


class Mark(Struct, frozen=True):
    """Something that happened, for the time bar and for jumping from one to the next."""

    at: float
    """Unix seconds of the poll that showed it."""
    kind: MarkKind
    block_id: str = ""
    text: str = ""


class RecordingPhase(StrEnum):
    """Whether what happens is being recorded."""

    ON = "on"
    OFF = "off"
    """By the operator's wish."""
    FAILED = "failed"
    """The disk is full, or the file cannot be written for another reason."""


class RecordingState(Struct, frozen=True):
    """The recording of the running console."""

    phase: RecordingPhase = RecordingPhase.OFF
    path: str = ""
    since: float | None = None
    """Unix seconds of its first poll."""
    until: float | None = None
    """Unix seconds of its newest poll."""
    bytes: int = 0
    polls: int = 0
    missed: int = 0
    """Polls that were not recorded because the disk was too slow."""
    problem: str = ""
