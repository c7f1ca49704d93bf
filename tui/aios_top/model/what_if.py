"""What would have been decided with other parameters: exactly up to the first other action, estimated beyond it."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from msgspec import Struct

from aios_top.model.decision import Action, Decision
from aios_top.model.rule import DEFAULT_INTERVAL_SECONDS
from aios_top.model.simulation import SimulationReport, flaps
from aios_top.model.text import Clean

Effect = tuple[str, int, tuple[str, ...]]
"""What a result does to the replicas: operation, how many, which."""

_LONGEST_INTERVALS = 4
"""Decisions further apart than so many usual intervals have a gap between them, which nobody watched."""


class Question(Struct, frozen=True):
    """What is asked of a block's decisions."""

    block_id: Clean
    changes: Mapping[str, Any]
    """Laid over the parameters that were in force."""
    in_force: Mapping[str, Any]
    """For decisions without a record."""
    replica_profile: str | None = None
    """The kind of traffic whose replicas the estimate runs on; None: the likeliest."""
    replica_start_seconds: float | None = None
    """None: as observed, else AIOS's usual 120 s."""
    seed: int = 42


class Retaken(Struct, frozen=True):
    """One decision as it was and as it would have been."""

    was: Decision
    action: Action | None
    """None when it cannot be told."""
    code: Clean
    reason: Clean
    effect: Effect | None = None
    """None when nothing is done to the replicas."""
    same: bool = False
    """Whether the result is the recorded one, word for word."""
    diverges: bool = False
    """Whether it would have done something else to the replicas: from here on the record is of another world."""


class Figures(Struct, frozen=True):
    """What a stretch of decisions came to."""

    ups: int
    downs: int
    flaps: int
    replica_hours: float
    over_threshold_minutes: float
    seconds: float
    """The time that was watched, without the gaps."""


class Estimate(Struct, frozen=True):
    """Two simulations of what followed the divergence, to be compared with each other and with what was recorded."""

    recorded: Figures
    as_it_was: SimulationReport
    """With the recorded parameters: how far it is from `recorded` is how far the simulation is off."""
    changed: SimulationReport
    replica_profile: str
    mean_requests_per_minute: float
    other_policy: bool = False
    """Whether another policy is asked about: `as_it_was` ran on the shipped one then."""


class WhatIf(Struct, frozen=True):
    """One question and its answer."""

    block_id: Clean
    changes: Mapping[str, Any]
    """Name and value of each parameter that is asked about; empty asks whether the record is reproduced."""
    retaken: tuple[Retaken, ...]
    """Oldest first, up to the divergence and with it."""
    decisions: int
    """That the question was asked of."""
    before: Figures
    """What was recorded up to the divergence, and so would have happened."""
    exact: bool
    """Whether the policy's own records were decided again; else its rule ran on what the console saw."""
    estimate: Estimate | None = None
    no_estimate: str = ""
    """Why there is none."""

    @property
    def divergence(self) -> Retaken | None:
        """The first decision that would have done something else."""
        return self.retaken[-1] if self.retaken and self.retaken[-1].diverges else None

    @property
    def untold(self) -> int:
        """How many decisions cannot be taken again."""
        return sum(entry.action is None for entry in self.retaken)

    @property
    def others(self) -> int:
        """How many came out otherwise, in words or deeds."""
        return sum(entry.action is not None and not entry.same for entry in self.retaken)


def effect_of(result: Any) -> Effect | None:
    """Return what a policy's result does to the replicas, None when it is nothing or no decision."""
    if not isinstance(result, Mapping) or result.get("skip") is not False:
        return None
    victims = result.get("instances_list")
    chosen = tuple(map(str, victims)) if isinstance(victims, Sequence) and not isinstance(victims, str) else ()
    number = result.get("instances_count")
    count = number if isinstance(number, int) else len(chosen)
    return (str(result.get("operation")), count, chosen) if count else None


def recorded_effect(decision: Decision) -> Effect | None:
    """Return what a decision did, as its record says; without one a step of one."""
    if decision.record:
        return effect_of(decision.record.get("result"))
    return (decision.action.value, 1, ()) if decision.action in {Action.UP, Action.DOWN} else None


def interval_seconds(decisions: Sequence[Decision]) -> float:
    """Return the usual time between two decisions."""
    gaps = [later.at - earlier.at for earlier, later in pairwise(decisions) if later.at > earlier.at]
    return median(gaps) if gaps else DEFAULT_INTERVAL_SECONDS


def figures(decisions: Sequence[Decision]) -> Figures:
    """Sum up decisions, oldest first; each stands until the next one, but not across a gap."""
    usual = interval_seconds(decisions)
    hours = minutes = watched = 0.0
    for number, decision in enumerate(decisions):
        until = decisions[number + 1].at if number + 1 < len(decisions) else decision.at + usual
        seconds = until - decision.at if until - decision.at <= _LONGEST_INTERVALS * usual else usual
        watched += seconds
        hours += (decision.current or decision.reporting or 0) * seconds / 3600
        minutes += (decision.would == "up" or decision.action is Action.UP) * seconds / 60
    acts = [(entry.at, {Action.UP: "up", Action.DOWN: "down"}.get(entry.action, "")) for entry in decisions]
    kinds = [kind for _, kind in acts]
    return Figures(kinds.count("up"), kinds.count("down"), flaps(acts), hours, minutes, watched)
