"""Something tried out beside the running system: a simulation or a what-if, under way or ended."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from aios_top.model.simulation import SimulationReport
from aios_top.model.what_if import WhatIf

RUNNING_SET = "running"
"""Name of the parameters that are in force at the block."""


class SimulationWish(Struct, frozen=True):
    """What an operator wants to have simulated."""

    profile: str
    hours: float
    requests_per_minute: float | None
    replica_start_seconds: float
    parameters: str
    """`running`, the name of a shipped set, or a file."""
    against: str = ""
    """Another one to compare with; empty for none."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Laid over `parameters`, not over `against`."""


class TryoutPhase(StrEnum):
    """How far it is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class Tryout(Struct, frozen=True):
    """The running or last one."""

    title: str
    phase: TryoutPhase = TryoutPhase.RUNNING
    share: float = 0.0
    """What is done, 0 to 1."""
    reports: tuple[SimulationReport, ...] = ()
    """One, or two to be compared."""
    answer: WhatIf | None = None
    problem: str = ""
    """Why it failed."""

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.phase is TryoutPhase.RUNNING
