"""AIOS's control loop around one simulated block, in simulated time: push, pod list, evaluation, scaling."""

import importlib.util
import sys
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from aios_top.shipped import shipped
from aios_top.sim.block import BlockSim
from aios_top.sim.demo import BlockSpec
from aios_top.sim.pace import QUICK, Pace
from aios_top.sim.profile import PROFILES
from aios_top.sim.scenario import Scenario, demo_blocks

WALL = 1_800_000_000.0
EVALUATION_TAKES_SECONDS = 0.01
"""Unix seconds at simulated time 0."""

PLAIN = Path(str(importlib.util.find_spec("aios_top").submodule_search_locations[0])) / (
    "testbed/policies/tokenautoscaler/code/function.py"
)
POLICY_FILES = {
    "tokenautoscaler:2.0-stable": PLAIN,
    "tokenautoscaler-explained:1.0-stable": shipped("policy") / "code/function.py",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to the replicas, or that a scaling call could not do."""

    at: float
    kind: str
    """`up`, `down`, `failed` or `fault`."""
    replicas: int
    """How many there are afterwards, starting ones included."""
    reason: str


@dataclass
class SimulatedClock:
    """Stands for the module `time` inside a policy."""

    now: float = 0.0

    def time(self) -> float:
        return WALL + self.now

    def monotonic(self) -> float:
        return self.now


@dataclass
class ClosedLoop:
    """One block under one scenario, scaled by the real policy file with AIOS's timing."""

    spec: BlockSpec
    scenario: Scenario
    pace: Pace = QUICK
    events: list[Event] = field(default_factory=list)
    results: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    """What every evaluation returned."""
    answered: int = 0

    def __post_init__(self) -> None:
        self.clock = SimulatedClock()
        self.block = BlockSim(self.spec.block_id, PROFILES[self.spec.profile], self.scenario.seed)
        self.workload = self.scenario.workloads[self.spec.block_id](0.0)
        self.store: dict[str, dict[str, Any]] = {}
        self.current_instances: list[str] | None = None
        self.scale_fails = False
        self._pod_count = -1
        self._ids = (f"in-{number:04d}" for number in count(1))
        self._timers: list[tuple[float, int, Any]] = []
        self._serial = count()
        self._start()

    def run(self, until: float) -> "ClosedLoop":
        """Let everything happen up to `until`."""
        while self._timers and self._timers[0][0] <= until:
            now, _, action = heappop(self._timers)
            self._serve(now)
            action(now)
        self._serve(until)
        return self

    def replicas_at(self, moment: float) -> int:
        """Return the replicas at a moment that has passed, starting ones included."""
        passed = [event.replicas for event in self.events if event.at <= moment and event.kind in {"up", "down"}]
        return passed[-1] if passed else 1

    def moments(self, kind: str) -> list[float]:
        return [event.at for event in self.events if event.kind == kind]

    def _start(self) -> None:
        self._add_replica(0.0, start_seconds=0.0)
        self._at(0.0, self._scan)
        self._scans = 0
        if self.spec.policy_uri is not None:
            module = load_policy(POLICY_FILES[self.spec.policy_uri])
            module.time = self.clock  # type: ignore[attr-defined]
            settings = {**self.spec.settings, "get_metrics": self._metrics}
            self.policy = module.AIOSv1PolicyRule("", settings, dict(self.spec.parameters))
            self._at(self.pace.executor_ready_seconds + self.pace.first_evaluation_seconds, self._evaluate)
        repeat = self.scenario.repeat_every or 0.0
        for fault in self.scenario.faults_between(-1.0, 2 * repeat or 3600.0):
            if fault.block_id in {None, self.spec.block_id}:
                self._at(fault.at, lambda now, fault=fault: self._fault(fault.kind, now, True))
                if fault.until is not None:
                    self._at(fault.until, lambda now, fault=fault: self._fault(fault.kind, now, False))

    def _at(self, moment: float, action: Any) -> None:
        heappush(self._timers, (moment, next(self._serial), action))

    def _serve(self, now: float) -> None:
        for job in self.workload.jobs_until(now):
            self.block.submit(job, job.arrived)
        self.answered += len(self.block.advance(now))
        self.clock.now = now

    def _add_replica(self, now: float, start_seconds: float) -> None:
        instance_id = next(self._ids)
        self.block.add_replica(instance_id, now, start_seconds)
        self._at(now + start_seconds, lambda at: self._push(instance_id, at))

    def _push(self, instance_id: str, now: float) -> None:
        replica = self.block.replicas.get(instance_id)
        if replica is None:
            return
        if not replica.hung:
            self.store.setdefault(instance_id, {}).update(replica.document(now, WALL + now))
        self._at(now + self.pace.push_seconds, lambda at: self._push(instance_id, at))

    def _scan(self, now: float) -> None:
        pods = list(self.block.replicas)
        if len(pods) != self._pod_count or self._scans % self.pace.pod_list_full_every == 0:
            self.current_instances = pods
            self._pod_count = len(pods)
        self._scans += 1
        self._at(now + self.pace.pod_list_seconds, self._scan)

    def _metrics(self) -> dict[str, Any]:
        executor = self.block.executor_document(self.clock.now, self.clock.time(), WALL)
        return {
            "block_metrics": [*(dict(document) for document in self.store.values()), executor],
            "cluster_metrics": {"cluster_metrics": {}, "node_metrics": []},
        }

    def _evaluate(self, now: float) -> None:
        record = {
            "minInstances": self.spec.min_instances,
            "maxInstances": self.spec.max_instances,
            "policies": {"autoscaler": {"policyRuleURI": self.spec.policy_uri}},
        }
        given = {"block_data": record, "cluster_data": {}, "current_instances": self.current_instances}
        result = self.policy.eval(self.spec.parameters, given, None)
        self.results.append((now, result))
        if not result["skip"]:
            self._scale(now, result)
        # The next one starts a period after this one has ended.
        self._at(now + EVALUATION_TAKES_SECONDS + self.pace.evaluation_seconds, self._evaluate)

    def _scale(self, now: float, result: dict[str, Any]) -> None:
        if self.scale_fails:
            self._note(now, "failed", result["reason"])
        elif result["operation"] == "upscale":
            for _ in range(result["instances_count"]):
                self._add_replica(now, self.pace.replica_start_seconds)
            self._note(now, "up", result["reason"])
        else:
            for instance_id in result["instances_list"]:
                if instance_id in self.block.replicas:
                    self.block.remove_replica(instance_id)
            self._note(now, "down", result["reason"])

    def _fault(self, kind: str, now: float, begins: bool) -> None:
        self._note(now, "fault", f"{kind} {'begins' if begins else 'ends'}")
        if kind == "scale_fails":
            self.scale_fails = begins
        elif kind == "metrics_wiped":
            self.store.clear()
        elif kind == "instance_hangs":
            for instance_id in [*self.block.replicas][:1] if begins else list(self.block.replicas):
                self.block.hang(instance_id, now, begins)

    def _note(self, now: float, kind: str, reason: str) -> None:
        self.events.append(Event(now, kind, len(self.block.replicas), reason))


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


def closed_loop(scenario: Scenario, block_id: str, pace: Pace = QUICK) -> ClosedLoop:
    """Return a demo block under a scenario at a pace."""
    spec = next(spec for spec in demo_blocks(pace) if spec.block_id == block_id)
    return ClosedLoop(spec, scenario, pace)


_MODULES = count()
