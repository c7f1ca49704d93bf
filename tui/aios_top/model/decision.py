"""One evaluation of an autoscaler policy, as it told us or as we had to infer it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain, islice
from typing import Any, Protocol, overload

from msgspec import Struct, field
from msgspec.structs import force_setattr

from aios_top.model.late import LateRows
from aios_top.model.text import Clean, clean

NO_AUTOSCALER = clean("NoAutoscaler")
"""Code of what stands for a decision where no policy is bound, so that nobody takes any."""
MAX_DECISIONS = 512
"""Decisions of a block that are remembered and shown, the newest."""
_FIRST = 4
"""Decisions that are read first by who goes through all."""


class Origin(StrEnum):
    """Where a figure comes from; the screen and the JSON say it with every value that could be mistaken."""

    REPORTED = "reported"
    """The running policy said it (management action `get_state` or `get_decisions`)."""
    MEASURED = "measured"
    """Read from metric documents."""
    DECLARED = "declared"
    """Written in a block or registry record; nothing proves that it is in force."""
    REEVALUATED = "re-evaluated"
    """What a policy file at hand returned when it ran beside the console on what was seen."""
    INFERRED = "inferred"
    """Concluded by the console; shown with `~`."""
    UNKNOWN = "unknown"


class Action(StrEnum):
    """What a decision did."""

    UP = "upscale"
    DOWN = "downscale"
    HOLD = "hold"
    ERROR = "error"


class InstanceInput(Struct, frozen=True, gc=False):
    """What a decision saw of one instance."""

    instance_id: Clean
    input_size: float | None = None
    """Tokens per request over the policy's window."""
    output_size: float | None = None
    input_rate: float | None = None
    """Tokens per minute, from the counters."""
    output_rate: float | None = None
    queue: float | None = None
    """Queue length over the policy's window."""
    sessions: float | None = None
    """Active sessions."""
    age_seconds: float | None = None
    status: Clean | None = None
    """`ok`, `missing` (listed without a document), `stale`, `partial` (no such window) or `invalid`."""


class Thresholds(Struct, frozen=True, gc=False):
    """The four limits that the token policies compare, in tokens per request."""

    input_up: float | None = None
    output_up: float | None = None
    input_down: float | None = None
    output_down: float | None = None


class Decision(Struct, frozen=True):
    """One evaluation: what was decided, on which numbers, and how we know."""

    at: float
    """Unix seconds; the policy's clock when reported, the console's when inferred."""
    action: Action
    code: Clean
    """Stable name of the exit, e.g. `CooldownActive`; inferred decisions use the same names."""
    reason: Clean
    """The policy's own sentence, or the console's when inferred."""
    origin: Origin
    seq: int | None = None
    boot_id: Clean | None = None
    would: Clean | None = None
    """`up` or `down` when that rule was met although something else decided."""
    input_average: float | None = None
    output_average: float | None = None
    thresholds: Thresholds = Thresholds()
    current: int | None = None
    """Instances in the policy's `current_instances`."""
    reporting: int | None = None
    """Of these, instances with a metric document."""
    proposed: int | None = None
    """Replicas after the decision, if AIOS carries it out."""
    cooldown_remaining_seconds: float | None = None
    confirmation: Clean | None = None
    """`pending`, `confirmed`, `timed_out` or `n/a`: whether the replicas followed."""
    instances: Sequence[InstanceInput] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    """The policy's complete record; empty when inferred."""

    def __post_init__(self) -> None:
        if type(self.instances) is list:  # of a document
            force_setattr(self, "instances", tuple(self.instances))

    @property
    def instance_ids(self) -> Sequence[Clean]:
        """Instances that it saw, in its order."""
        seen = self.instances
        return seen.ids if isinstance(seen, LateRows) else [entry.instance_id for entry in seen]

    @property
    def key(self) -> tuple[object, ...]:
        """What makes a decision itself, whatever becomes known of its confirmation later."""
        return (self.boot_id, self.seq) if self.seq is not None else (self.at, self.code, self.reason)


ACTS = frozenset({Action.UP, Action.DOWN})
"""Decisions that change the number of replicas."""


class Outline(Protocol):
    """A decision as far as it is seen at once; a `Decision` is one."""

    @property
    def at(self) -> float:
        """Unix seconds."""

    @property
    def action(self) -> Action:
        """What it did."""

    @property
    def current(self) -> int | None:
        """Instances in the policy's list."""

    @property
    def proposed(self) -> int | None:
        """Replicas after it."""

    @property
    def origin(self) -> Origin:
        """Where it comes from."""


class Told(Protocol):
    """Reads a block's decisions, newest first, as far back as somebody looks."""

    def first(self, number: int) -> Sequence[Decision]:
        """Return the newest ones, so many where there are so many."""

    def outlines(self, number: int) -> Sequence[Outline]:
        """Return what is seen at once of them."""

    def one(self, place: int) -> Decision:
        """Return the one with so many newer ones; raises IndexError."""

    def since(self, at: float) -> Sequence[Decision]:
        """Return those that were taken since a time."""


class DecisionLog(Sequence[Decision]):
    """Decisions, newest first, of which the older ones are read only when somebody looks at them."""

    def __init__(self, head: Sequence[Decision], told: Told, acts: Sequence[Decision] = ()) -> None:
        """`head` are the newest ones, `told` reads all, `acts` are the last ones of each direction."""
        self._head = tuple(head)
        self._told = told
        self._acts = tuple(acts)

    def newest(self, actions: Iterable[Action]) -> Decision | None:
        """Return the newest one with one of these actions, of which only the last UP and DOWN are known."""
        wanted = frozenset(actions)
        known = chain(self._head, self._acts) if wanted <= ACTS else iter(self)
        return next((entry for entry in known if entry.action in wanted), None)

    def since(self, at: float) -> Sequence[Decision]:
        """Return those that were taken since a time."""
        return self._told.since(at)

    def outlines(self, number: int) -> Sequence[Outline]:
        """Return what is seen at once of the newest ones."""
        return self._told.outlines(number)

    def __iter__(self) -> Iterator[Decision]:
        yield from self._head
        place, number = len(self._head), _FIRST
        while place < len(known := self._first(number)):
            yield from islice(known, place, None)
            place, number = len(known), 2 * number

    def __len__(self) -> int:
        return len(self._first(MAX_DECISIONS))

    def __bool__(self) -> bool:
        return bool(self._head) or bool(self._first(1))

    @overload
    def __getitem__(self, place: int) -> Decision: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Decision, ...]: ...
    def __getitem__(self, place: int | slice) -> Decision | tuple[Decision, ...]:
        """Return one, or some as a tuple; those behind the last one that is asked for are not read."""
        if isinstance(place, int):
            place = place if place >= 0 else len(self) + place
            if place < 0:
                raise IndexError("no such decision")
            return self._head[place] if place < len(self._head) else self._told.one(place)
        reaches = place.stop is not None and place.stop > 0 and (place.start or 0) >= 0
        return tuple(self._first(place.stop if reaches else MAX_DECISIONS)[place])

    def _first(self, number: int) -> Sequence[Decision]:
        return self._head if number <= len(self._head) else self._told.first(number)


def since(decisions: Sequence[Decision], at: float) -> Sequence[Decision]:
    """Return those of these decisions, newest first, that were taken since a time."""
    if isinstance(decisions, DecisionLog):
        return decisions.since(at)
    return [entry for entry in decisions if entry.at >= at]


def outlines(decisions: Sequence[Decision], number: int) -> Sequence[Outline]:
    """Return what is seen at once of the newest of these decisions, in their order."""
    return decisions.outlines(number) if isinstance(decisions, DecisionLog) else decisions[:number]


def newest(decisions: Sequence[Decision], actions: Iterable[Action]) -> Decision | None:
    """Return the newest of these decisions, newest first, that has one of these actions."""
    if isinstance(decisions, DecisionLog):
        return decisions.newest(actions)
    wanted = frozenset(actions)
    return next((entry for entry in decisions if entry.action in wanted), None)
