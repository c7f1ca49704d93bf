"""Named stories of offered load and faults; what the replicas do about them is up to the policies."""

from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct

from aios_top.sim.demo import DEMO_BLOCKS, BlockSpec, demo_blocks
from aios_top.sim.fault import Fault
from aios_top.sim.pace import QUICK, Pace
from aios_top.sim.stories import STORIES, Story
from aios_top.sim.workload import Phase, Workload

__all__ = ["DEMO_BLOCKS", "SCENARIOS", "BlockSpec", "Fault", "Scenario", "demo_blocks", "scenario"]

DEFAULT_SEED = 42

SCENARIOS = tuple(STORIES)
"""Names of all scenarios, in the order in which a list shows them."""

WorkloadFactory = Callable[[float], Workload]
"""Makes a block's workload, given the moment of the scenario's start in seconds of the caller's clock."""


class Scenario(Struct, frozen=True):
    """Offered load per block, and faults."""

    name: str
    sentence: str
    """What is going to happen, for a person."""
    seed: int
    workloads: Mapping[str, WorkloadFactory]
    """By block id."""
    faults: tuple[Fault, ...] = ()
    repeat_every: float | None = None
    """Seconds after which load and faults begin anew."""

    def faults_between(self, after: float, until: float) -> list[Fault]:
        """Return the faults that begin after `after` and not later than `until`, seconds from the scenario's start.

        Their own times are seconds from the scenario's start too, whatever the repetition.
        """
        if self.repeat_every is None:
            return [fault for fault in self.faults if after < fault.at <= until]
        first, last = int(max(0.0, after) // self.repeat_every), int(max(0.0, until) // self.repeat_every)
        shifted = [fault.later(cycle * self.repeat_every) for cycle in range(first, last + 1) for fault in self.faults]
        return [fault for fault in shifted if after < fault.at <= until]


def scenario(name: str, seed: int = DEFAULT_SEED, pace: Pace = QUICK) -> Scenario:
    """Return the scenario of that name.

    The stories are written for quick pace; at another their phases last longer by the ratio of the cooldowns, so
    that as many decisions fit in, at the same rates. Raises ValueError for an unknown name.
    """
    story = STORIES.get(name)
    if story is None:
        raise ValueError(f"there is no scenario {name!r}; choose one of {', '.join(SCENARIOS)}")
    return _staged(story, seed, pace.cooldown_seconds / QUICK.cooldown_seconds)


def _staged(story: Story, seed: int, factor: float) -> Scenario:
    """Turn a story into a scenario that lasts `factor` times as long."""
    repeat_every = None if story.repeat_every is None else story.repeat_every * factor
    workloads = {
        block_id: partial(_workload, block_id, tuple(phase.stretched(factor) for phase in phases), seed, repeat_every)
        for block_id, phases in story.load.items()
    }
    faults = tuple(fault.stretched(factor) for fault in story.faults)
    return Scenario(story.name, story.sentence, seed, workloads, faults, repeat_every)


def _workload(
    block_id: str, phases: tuple[Phase, ...], seed: int, repeat_every: float | None, started: float
) -> Workload:
    """Return a block's workload from `started` on."""
    return Workload(phases, seed, repeat_every, started, name=block_id)
