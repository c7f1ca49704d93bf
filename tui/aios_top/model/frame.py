"""What a recording gives back of one moment: enough to go on from there as if one had watched all the time."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from aios_top.model.audit import AuditEntry
from aios_top.model.curve import Curves, Earlier, Sample
from aios_top.model.decision import Decision
from aios_top.model.fact import PolicyTold, WorkSeen
from aios_top.model.reading import AnyReading, Counted, ExecutorReading, InstanceReading
from aios_top.model.record import BlockRecord, PolicyRecord
from aios_top.model.state import EndpointState
from aios_top.model.text import Clean

Pushes = Sequence[tuple[float, InstanceReading]]
"""Documents with the time at which each was received, oldest first."""


class Bearing(Struct, frozen=True):
    """What is remembered of a block besides its documents: conclusions that took long to come to."""

    push_seconds: float | None = None
    clock_offset: float = 0.0
    offset_measured: bool = False
    wiped_at: float | None = None
    boot_id: Clean | None = None
    cursor: int = 0
    listed: tuple[tuple[Clean, float], ...] = ()
    """Instances that the policy has listed, each with when it was first seen there."""
    instances: tuple[tuple[Clean, float, float | None, float | None], ...] = ()
    """Instances that are remembered: first seen, when a gap was drawn last, how far the instance's clock is off."""
    acts: tuple[Decision, ...] = ()
    """The last reported UP and DOWN, newest first."""
    inferred_action_at: float | None = None
    inferred_rule: str | None = None
    inferred_members: tuple[Clean, ...] | None = None
    watched_since: float | None = None
    cooldown_reset_at: float | None = None
    earlier: tuple[Earlier, ...] = ()


class Trace(Struct, frozen=True):
    """What one poll left in a block's memory."""

    bearing: Bearing
    sample: Sequence[float | None] | None = None
    """The sample of the block's history, None where the poll failed and there was none."""
    inferred: tuple[Decision, ...] = ()
    """Decisions that were concluded at this poll, oldest first."""


class Documents(Struct, frozen=True):
    """A block's row in the metrics service's answer, but for the documents themselves."""

    present: bool = False
    instance_ids: tuple[Clean, ...] = ()
    dropped: int = 0
    duplicates: tuple[Clean, ...] = ()
    has_executor: bool = False
    seen_at: float | None = None
    """When the answer had the block last, of a block that it lacks."""


class Newest(Struct, frozen=True):
    """An instance's newest document, and what it had counted at the pushes up to it, as far back as rates look."""

    reading: AnyReading
    pushes: Sequence[Counted]
    """Oldest first; the last one is that of the document."""


class InstanceHistory(Struct, frozen=True):
    """What an instance sent, and when it was seen to be silent."""

    pushes: Pushes = ()
    gaps: tuple[float, ...] = ()
    earlier: Sequence[Sequence[Sample]] = ()
    """Its history from before the first poll, by source in the order in which it became known."""


class BlockFrame(Struct, frozen=True):
    """One block at a moment."""

    block_id: Clean
    documents: Documents = Documents()
    newest: Mapping[Clean, Newest] = field(default_factory=dict)
    """The newest document of every instance."""
    executors: Sequence[ExecutorReading] = ()
    """The executor's newest document, and as many before it as the request rate looks back; oldest first.

    They are read when somebody looks at them, but for whether there is one.
    """
    told: PolicyTold | None = None
    bearing: Bearing = Bearing()
    seen_at: float | None = None
    reported: Sequence[Decision] = ()
    """What the policy told, newest first; what is far back is read when somebody looks at it."""
    inferred: tuple[Decision, ...] = ()
    """Newest first."""
    samples: Callable[[], Curves] = Curves
    """Reads the block's history before the moment."""
    history: Callable[[Clean], InstanceHistory] = lambda _instance_id: InstanceHistory()
    """Reads an instance's history up to the moment."""


class Frame(Struct, frozen=True):
    """Everything at the moment of one poll."""

    at: float
    sequence: int
    poll_seconds: float
    context: str = ""
    origin_note: str = ""
    endpoints: Mapping[str, EndpointState] = field(default_factory=dict)
    records: tuple[BlockRecord, ...] = ()
    policies: tuple[PolicyRecord, ...] = ()
    order: tuple[Clean, ...] = ()
    """Blocks in the order of the metrics service's last good answer."""
    problem: Clean | None = None
    """Why the newest poll of the metrics failed."""
    missed_polls: int = 0
    resumed_at: float | None = None
    paused_seconds: float = 0.0
    blocks: Mapping[Clean, BlockFrame] = field(default_factory=dict)
    work: WorkSeen = field(default_factory=lambda: WorkSeen(None, None))
    audit: Sequence[AuditEntry] = ()
    """Oldest first."""
