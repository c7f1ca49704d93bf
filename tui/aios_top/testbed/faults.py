"""Lets a scenario's faults happen: some are asked about by the services, two are done to the cluster."""

from aios_top.sim.fault import Fault, FaultKind
from aios_top.sim.scenario import Scenario
from aios_top.testbed.clock import Clock

_MOMENT_SECONDS = 0.0


class Faults:
    """The faults of a scenario, if there is one, at the clock's time."""

    def __init__(self, scenario: Scenario | None, clock: Clock) -> None:
        self._scenario = scenario
        self._clock = clock
        self._longest = max((_duration(fault) for fault in scenario.faults), default=0.0) if scenario else 0.0
        self._looked_at = -1.0

    def active(self, kind: FaultKind, block_id: str | None = None) -> bool:
        """Tell whether a fault of this kind lasts now, for this block or for all."""
        return any(fault.kind == kind and fault.block_id in (None, block_id) for fault in self.lasting())

    def lasting(self) -> list[Fault]:
        """Return the faults that have begun and are not over."""
        if self._scenario is None:
            return []
        now = self._clock.now()
        begun = self._scenario.faults_between(now - self._longest, now)
        return [fault for fault in begun if fault.until is not None and now < fault.until]

    def news(self) -> list[Fault]:
        """Return the faults that have begun since the last call."""
        if self._scenario is None:
            return []
        now = self._clock.now()
        begun = self._scenario.faults_between(self._looked_at, now)
        self._looked_at = now
        return begun


def _duration(fault: Fault) -> float:
    return _MOMENT_SECONDS if fault.until is None else fault.until - fault.at
