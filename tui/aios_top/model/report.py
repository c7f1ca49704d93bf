"""What a post-mortem tells: one block over a stretch of time, and what was done about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.recording import Mark
from aios_top.model.unasked import Unasked
from aios_top.model.verdict import Severity

Curve = Sequence[tuple[float, float | None]]
"""Unix seconds and value, ascending; None: from here on nothing is known."""


class Stretch(Struct, frozen=True):
    """From one moment to another, unix seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


class Peak(Struct, frozen=True):
    """The highest value and when it was first reached."""

    value: float
    at: float


class Direction(Struct, frozen=True):
    """What a policy compares of input or of output, with its limits."""

    name: str
    """`input` or `output`."""
    values: Curve = ()
    up: Curve = ()
    """The limit above which it scales up."""
    down: Curve = ()
    peak: Peak | None = None
    over: Sequence[Stretch] = ()
    """When it was above its limit, as far as somebody looked."""

    @property
    def over_seconds(self) -> float:
        """Return how long it was above its limit."""
        return sum(stretch.seconds for stretch in self.over)


class DecisionRun(Struct, frozen=True):
    """Decisions that follow each other and say the same: an action, or evaluations that held for one cause."""

    first_at: float
    last: Decision
    count: int = 1


class BlockStory(Struct, frozen=True):
    """One block from the first poll to the last."""

    block_id: str
    unit: str
    """Of what its policy compares."""
    window: str
    directions: Sequence[Direction] = ()
    replicas: Mapping[str, Curve] = field(default_factory=dict)
    """`reporting`, `current`, `desired`, `minimum`, `maximum` as steps."""
    peak_reporting: Peak | None = None
    cooling: Sequence[Stretch] = ()
    lags: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Seconds by step: `decision`, `replica`, `total`."""
    old: Sequence[Stretch] = ()
    """When its figures were old: nothing was heard of it."""
    severities: Mapping[Severity, float] = field(default_factory=dict)
    """Seconds under each verdict."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """How each figure was known at last, by its name."""
    decisions: Sequence[DecisionRun] = ()
    outside: Sequence[Unasked] = ()
    """Changes of the replicas that neither the policy asked for nor an operator here."""
    marks: Sequence[Mark] = ()

    def taken(self, action: Action) -> int:
        """Return how many decisions did this."""
        return sum(run.count for run in self.decisions if run.last.action is action)


class Report(Struct, frozen=True):
    """Everything that the page is made of."""

    title: str
    context: str
    start: float
    """Unix seconds of the first poll."""
    end: float
    polls: int
    poll_seconds: float
    source: str
    """Name of the file."""
    recorded_by: str
    made_by: str
    origin_note: str = ""
    """Such as "simulated, quick pace"."""
    note: str = ""
    unseen: Sequence[Stretch] = ()
    """When nobody looked."""
    stories: Sequence[BlockStory] = ()
    fleet_marks: Sequence[Mark] = ()
    """What happened to no block in particular."""
    documents: Mapping[str, Any] = field(default_factory=dict)
    """What a capsule holds beside the recording, by member, e.g. `blocks.json`, `policies.json`, `audit.json`."""
    lost: int = 0
    """Polls that cannot be read any more."""
