"""The demo's blocks under the demo's scenarios and faults, scaled by their real policy files in simulated time."""

import importlib.util
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from aios_top.shipped import shipped
from aios_top.sim.block import BlockSim
from aios_top.sim.closed_loop import WALL, ClosedLoop
from aios_top.sim.demo import BlockSpec
from aios_top.sim.pace import QUICK, Pace
from aios_top.sim.profile import PROFILES
from aios_top.sim.scenario import Scenario, demo_blocks

PLAIN = Path(str(importlib.util.find_spec("aios_top").submodule_search_locations[0])) / (
    "testbed/policies/tokenautoscaler/code/function.py"
)
POLICY_FILES = {
    "tokenautoscaler:2.0-stable": PLAIN,
    "tokenautoscaler-explained:1.0-stable": shipped("policy") / "code/function.py",
}


@dataclass
class SimulatedClock:
    """Stands for the module `time` inside a policy."""

    now: float = 0.0

    def time(self) -> float:
        return WALL + self.now

    def monotonic(self) -> float:
        return self.now


class ScenarioLoop(ClosedLoop):
    """One demo block under one scenario with its faults; its policy runs in this process."""

    def __init__(self, spec: BlockSpec, scenario: Scenario, pace: Pace) -> None:
        self.clock = SimulatedClock()
        self.metrics: dict[str, Any] = {}
        record = {
            "minInstances": spec.min_instances,
            "maxInstances": spec.max_instances,
            "policies": {"autoscaler": {"policyRuleURI": spec.policy_uri}},
        }
        block = BlockSim(spec.block_id, PROFILES[spec.profile], scenario.seed)
        decide = None if spec.policy_uri is None else self._decide_with(spec)
        super().__init__(block, scenario.workloads[spec.block_id](0.0), pace, decide, record)
        repeat = scenario.repeat_every or 0.0
        for fault in scenario.faults_between(-1.0, 2 * repeat or 3600.0):
            if fault.block_id in {None, spec.block_id}:
                self.at(fault.at, lambda now, fault=fault: self._fault(fault.kind, now, True))
                if fault.until is not None:
                    self.at(fault.until, lambda now, fault=fault: self._fault(fault.kind, now, False))

    def run(self, until: float) -> "ScenarioLoop":
        super().run(until)
        return self

    def replicas_at(self, moment: float) -> int:
        """Return the replicas at a moment that has passed, starting ones included."""
        passed = [change.replicas for change in self.changes if change.at <= moment and change.kind in {"up", "down"}]
        return passed[-1] if passed else 1

    def moments(self, kind: str) -> list[float]:
        return [change.at for change in self.changes if change.kind == kind]

    def _decide_with(self, spec: BlockSpec) -> Any:
        module = load_policy(POLICY_FILES[spec.policy_uri])
        module.time = self.clock  # type: ignore[attr-defined]
        settings = {**spec.settings, "get_metrics": lambda: self.metrics}
        policy = module.AIOSv1PolicyRule("", settings, dict(spec.parameters))

        def decide(given: dict[str, Any], metrics: dict[str, Any], now: float) -> Any:
            self.clock.now, self.metrics = now, metrics
            return policy.eval(spec.parameters, given, None)

        return decide

    def _fault(self, kind: str, now: float, begins: bool) -> None:
        self.note(now, "fault", f"{kind} {'begins' if begins else 'ends'}")
        if kind == "scale_fails":
            self.scale_fails = begins
        elif kind == "metrics_wiped":
            self.store.clear()
        elif kind == "instance_hangs":
            for instance_id in [*self.block.replicas][:1] if begins else list(self.block.replicas):
                self.block.hang(instance_id, now, begins)


def load_policy(path: Path) -> ModuleType:
    """Import a policy file as a module of its own, so that two loops share no clock."""
    name = f"policy_under_test_{next(_MODULES)}"
    found = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module


def closed_loop(scenario: Scenario, block_id: str, pace: Pace = QUICK) -> ScenarioLoop:
    """Return a demo block under a scenario at a pace."""
    spec = next(spec for spec in demo_blocks(pace) if spec.block_id == block_id)
    return ScenarioLoop(spec, scenario, pace)


_MODULES = count()
