"""AIOS's control loop around one simulated block, in simulated time: push, pod list, evaluation, scaling."""

from array import array
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from itertools import count
from typing import Any, Literal

from msgspec import Struct

from aios_top.sim.block import BlockSim
from aios_top.sim.pace import Pace
from aios_top.sim.workload import Workload

EVALUATION_TAKES_SECONDS = 0.01
WALL = 1_800_000_000.0
"""Unix seconds at simulated time 0; any moment would do, but the same run must always tell the same ones."""

Decide = Callable[[dict[str, Any], dict[str, Any], float], Any]
"""Asks the policy: what AIOS passes to `eval`, what `get_metrics` returns, the moment; returns what `eval` does."""
Action = Callable[[float], None]


class Change(Struct, frozen=True):
    """One thing that happened to the replicas, or that a scaling call could not do."""

    at: float
    kind: Literal["up", "down", "failed", "error", "fault"]
    """`failed`: the scaling call; `error`: what the policy answered is no decision."""
    replicas: int
    """How many there are afterwards, starting ones included."""
    reason: str


class ClosedLoop:
    """One block under load, scaled by a policy as AIOS would; time runs as fast as it can be computed."""

    def __init__(
        self,
        block: BlockSim,
        workload: Workload,
        pace: Pace,
        decide: Decide | None,
        record: Mapping[str, Any],
        replicas: int | None = None,
        room: int = 10_000,
    ) -> None:
        """Begin at time 0 with ready replicas: so many, or as the block's `record` has `minInstances`, at least one.

        Without `decide` the block does not scale. `room` is how many replicas the cluster has cards for: AIOS fails
        a scaling call that finds no node.
        """
        self.block = block
        self.pace = pace
        self.now = 0.0
        self.store: dict[str, dict[str, Any]] = {}
        """The cluster's metric store: documents by instance id; those of removed instances stay until it is wiped."""
        self.current_instances: list[str] | None = None
        """The pod list as the autoscaler knows it; AIOS has none before the first one arrives."""
        self.changes: list[Change] = []
        self.results: list[tuple[float, Any]] = []
        """What every evaluation returned."""
        self.latencies = array("d")
        """Seconds from arrival to answer of each served request, in order of finishing."""
        self.replica_seconds = 0.0
        """Seconds times replicas so far, starting ones included: they occupy their card."""
        self.scale_fails = False
        self._workload = workload
        self._decide = decide
        self._record = dict(record)
        self._room = room
        self._pod_count = -1
        self._scans = 0
        self._ids = (f"in-{number:04d}" for number in count(1))
        self._timers: list[tuple[float, int, Action]] = []
        self._serial = count()
        for _ in range(max(1, int(record.get("minInstances", 1)) if replicas is None else replicas)):
            self._add_replica(0.0, start_seconds=0.0)
        self.at(0.0, self._scan)
        if decide is not None:
            self.at(pace.executor_ready_seconds + pace.first_evaluation_seconds, self._evaluate)
        self.at(pace.wipe_seconds, self._wipe)

    def at(self, moment: float, action: Action) -> None:
        """Let something happen at a moment to come."""
        heappush(self._timers, (moment, next(self._serial), action))

    def run(self, until: float) -> None:
        """Let everything happen up to `until`."""
        while self._timers and self._timers[0][0] <= until:
            now, _, action = heappop(self._timers)
            self._serve(now)
            action(now)
        self._serve(until)

    def note(self, now: float, kind: Literal["up", "down", "failed", "error", "fault"], reason: str) -> None:
        """Keep what has happened."""
        self.changes.append(Change(now, kind, len(self.block.replicas), reason))

    def _serve(self, now: float) -> None:
        submit = self.block.submit
        for job in self._workload.jobs_until(now):
            submit(job, job.arrived)
        self.latencies.extend([done.finished - done.job.arrived for done in self.block.advance(now)])
        self.replica_seconds += len(self.block.replicas) * (now - self.now)
        self.now = now

    def _add_replica(self, now: float, start_seconds: float) -> None:
        instance_id = next(self._ids)
        self.block.add_replica(instance_id, now, start_seconds)
        self.at(now + start_seconds, lambda at: self._push(instance_id, at))

    def _push(self, instance_id: str, now: float) -> None:
        replica = self.block.replicas.get(instance_id)
        if replica is None:
            return
        if not replica.hung:
            block_id = self.block.block_id
            known = self.store.setdefault(
                instance_id, {"blockId": block_id, "nodeId": "", "nodeKey": f"{instance_id}__{block_id}"}
            )
            known.update(replica.document(now, WALL + now))
        self.at(now + self.pace.push_seconds, lambda at: self._push(instance_id, at))

    def _scan(self, now: float) -> None:
        pods = list(self.block.replicas)
        if len(pods) != self._pod_count or self._scans % self.pace.pod_list_full_every == 0:
            self.current_instances = pods
            self._pod_count = len(pods)
        self._scans += 1
        self.at(now + self.pace.pod_list_seconds, self._scan)

    def _wipe(self, now: float) -> None:
        self.store.clear()
        self.at(now + self.pace.wipe_seconds, self._wipe)

    def _metrics(self, now: float) -> dict[str, Any]:
        executor = self.block.executor_document(now, WALL + now, WALL)
        return {
            "block_metrics": [*self.store.values(), executor],
            "cluster_metrics": {"cluster_metrics": {}, "node_metrics": []},
        }

    def _evaluate(self, now: float) -> None:
        if self._decide is not None and self.current_instances is not None:
            given = {"block_data": self._record, "cluster_data": {}, "current_instances": self.current_instances}
            result = self._decide(given, self._metrics(now), now)
            self.results.append((now, result))
            try:
                self._act(now, result)
            except (KeyError, TypeError, ValueError) as error:
                self.note(now, "error", f"{type(error).__name__}: {error}")
        # The next one starts a period after this one has ended.
        self.at(now + EVALUATION_TAKES_SECONDS + self.pace.evaluation_seconds, self._evaluate)

    def _act(self, now: float, result: Any) -> None:
        """Turn a decision into replicas; what is no decision raises, as in AIOS, which logs it and goes on."""
        if isinstance(result, Exception):
            self.note(now, "error", str(result))
            return
        if result["skip"]:
            return
        reason = str(result.get("reason", ""))
        if self.scale_fails:
            self.note(now, "failed", reason)
        elif result["operation"] == "upscale":
            self._scale_up(now, int(result.get("instances_count", 0)), reason)
        elif result["operation"] == "downscale":
            for instance_id in result["instances_list"]:
                if instance_id in self.block.replicas:
                    self.block.remove_replica(instance_id)
            self.note(now, "down", reason)
        else:
            raise ValueError(f"unknown operation: {result['operation']}")

    def _scale_up(self, now: float, count: int, reason: str) -> None:
        """Add replicas one after the other, as AIOS does: those that found room stay when a later one finds none."""
        fitting = max(0, min(count, self._room - len(self.block.replicas)))
        for _ in range(fitting):
            self._add_replica(now, self.pace.replica_start_seconds)
        if fitting:
            self.note(now, "up", reason)
        if fitting < count:
            self.note(now, "failed", f"the cluster has room for {self._room} replicas; {reason}")
