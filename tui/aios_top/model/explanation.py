"""Why a decision was taken: the comparisons it rests on, who would go, and what is about to happen."""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from aios_top.model.decision import Action, Decision, InstanceInput, Origin
from aios_top.model.policy_state import ForcedScale
from aios_top.model.text import Clean


class StageName(StrEnum):
    """The questions that a token policy asks, in its order."""

    METRICS = "metrics"
    UP = "up rule"
    DOWN = "down rule"
    COOLDOWN = "cooldown"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    VICTIM = "victim"
    OTHER = "other"
    """A step of the policy's own record that none of these names."""


class Comparison(Struct, frozen=True):
    """One figure against one limit."""

    name: str
    value: float | None
    sign: str
    """`>` or `<`: what makes it true."""
    limit: float | None
    unit: str = ""
    parameter: str = ""
    """The parameter that holds the limit."""

    @property
    def met(self) -> bool | None:
        """Whether it is true, None when a side is unknown."""
        if self.value is None or self.limit is None:
            return None
        return self.value > self.limit if self.sign == ">" else self.value < self.limit


class Stage(Struct, frozen=True):
    """One question with its comparisons and its answer."""

    name: StageName
    met: bool | None
    """Whether the rule is met, or whether the stage lets an action through; None when it was not asked."""
    comparisons: tuple[Comparison, ...] = ()
    together: str = "all"
    """`any` or `all` of the comparisons make it met."""
    note: str = ""
    decided: bool = False
    """Whether the decision was taken here."""


class Margin(Struct, frozen=True):
    """How far a figure is from both of its limits."""

    name: str
    value: float | None
    up: float | None
    down: float | None


class Candidate(Struct, frozen=True):
    """Who was removed, or would be if the down rule acted, and why this one."""

    instance_id: Clean
    load: float | None
    """Its input plus output, tokens per request."""
    among: int
    """How many instances were compared."""
    ties: int = 0
    """How many others have the same load; the first in the order of the metrics goes."""
    more: tuple[Clean, ...] = ()
    """Others that go in the same step."""
    removed: bool = False
    origin: Origin = Origin.REPORTED


class Condition(Struct, frozen=True):
    """One condition in the words of Kubernetes' HorizontalPodAutoscaler."""

    kind: Clean
    status: Clean
    reason: Clean
    since: float | None = None


class Outlook(Struct, frozen=True):
    """What the next evaluation that may act will do, if nothing changes."""

    action: Action
    blocked_by: str = ""
    """Why nothing follows although a rule is met, e.g. `min_replicas 1`."""
    in_seconds: float | None = None
    """Until the first evaluation at which the cooldown is over; None when unknown."""
    cooldown_seconds: float | None = None
    """What is left of the cooldown; 0 when it does not run, None when unknown."""
    origin: Origin = Origin.UNKNOWN
    """Where the time comes from."""
    at_most: int = 1
    """Replicas of one step."""
    forced: ForcedScale | None = None
    """What an operator has queued at the policy: it comes before the rule."""
    input_now: float | None = None
    output_now: float | None = None
    input_trend: float | None = None
    """Tokens per request, per minute; None without enough history."""
    output_trend: float | None = None
    input_up: float | None = None
    output_up: float | None = None
    input_down: float | None = None
    output_down: float | None = None


class Match(StrEnum):
    """Whether a policy file comes to the same result as the decision's record."""

    SAME = "same"
    DIFFERS = "differs"
    NOT_VERIFIABLE = "not verifiable"


class Reevaluation(Struct, frozen=True):
    """One decision evaluated again, with a file, on the record's own inputs."""

    match: Match
    note: Clean
    """What the file returned when it differs; why it cannot be verified otherwise; empty when the same."""
    at: float = 0.0
    """When the decision was taken, unix seconds."""


class Explanation(Struct, frozen=True):
    """Everything that is known of why one decision was taken."""

    decision: Decision
    stages: tuple[Stage, ...]
    margins: tuple[Margin, ...] = ()
    instances: Sequence[InstanceInput] = ()
    candidate: Candidate | None = None
    conditions: tuple[Condition, ...] = ()
    reevaluation: Reevaluation | None = None
    file_name: Clean | None = None
    """The policy file of the re-evaluation."""
    file_problem: Clean | None = None
    """Why that file cannot be run, None when it can."""
    outlook: Outlook | None = None
    """Only for the newest decision: what follows."""
    next_evaluation_seconds: float | None = None

    @property
    def origin(self) -> Origin:
        """Where the explanation comes from: the record itself, a re-evaluation, or the console's inference."""
        return self.decision.origin

    def stage(self, name: StageName) -> Stage | None:
        """Return the stage of this name."""
        return next((stage for stage in self.stages if stage.name is name), None)

    @property
    def asked(self) -> str | None:
        """The rule that is met: `up`, `down` or None."""
        for name, word in ((StageName.UP, "up"), (StageName.DOWN, "down")):
            stage = self.stage(name)
            if stage is not None and stage.met:
                return word
        return None
