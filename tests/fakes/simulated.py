"""A simulated AIOS in memory with the real policy code, on a clock that a test moves: long stories in little time."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from aios_top.aios.documents import _document
from aios_top.aios.reports import ReportReader
from aios_top.aios.wire_policy import read_page, read_parameters
from aios_top.model.errors import ReadError
from aios_top.model.policy_state import DecisionPage, ParameterReport, PolicyReport, Voice
from aios_top.model.reading import BlockReading, ExecutorReading, FleetReading, HealthReading, InstanceReading
from aios_top.model.record import BlockRecord, Pod, PolicyRecord, PolicyReference
from aios_top.model.text import clean
from aios_top.shipped import shipped
from aios_top.sim.block import BlockSim
from aios_top.sim.job import Job
from aios_top.sim.profile import PROFILES
from fakes.clock import FakeClock
from policy.harness import PLAIN, load

EXPLAINED_URI = "tokenautoscaler-explained:1.0-stable"
PLAIN_URI = "tokenautoscaler:2.0-stable"


@dataclass
class SimulatedBlock:
    """One block: replicas, the requests they get, and its autoscaler."""

    name: str
    policy: str = "explained"
    """`explained`, `plain`, or empty for none."""
    replicas: int = 1
    rate: float = 0.0
    """Requests per second."""
    input_tokens: tuple[int, int] = (200, 1500)
    output_tokens: tuple[int, int] = (50, 300)
    profile: str = "aios-gemma3"
    parameters: dict[str, Any] = field(default_factory=dict)
    start_seconds: float = 8.0
    maximum: int = 4


class _Running:
    """A block at work."""

    def __init__(self, spec: SimulatedBlock, clock: FakeClock, push: float, interval: float, chance: random.Random):
        self.spec = spec
        self._clock = clock
        self._push, self._interval, self._chance = push, interval, chance
        self.sim = BlockSim(spec.name, PROFILES[spec.profile], seed=7)
        self._names = (f"in-{number:04x}" for number in range(100_000))
        self._jobs = 0
        self.documents: dict[str, dict[str, Any]] = {}
        self.readings: dict[str, InstanceReading] = {}
        self.executor = ExecutorReading(0.0, 0.0)
        self._executor_at = self._started = clock.now() - 1000.0
        self._pushed: dict[str, float] = {}
        self._next_job = clock.now()
        self._next_evaluation = clock.now() + chance.random() * interval
        self._seconds = random.Random(spec.name)
        for _ in range(spec.replicas):
            self.add(0.0)
        self.rule = self._rule()

    def _rule(self) -> Any:
        if not self.spec.policy:
            return None
        settings = {"get_metrics": self.metrics, "intervalSeconds": self._interval}
        path = shipped("policy") / "code/function.py" if self.spec.policy == "explained" else PLAIN
        module = load(Path(path))
        if self.spec.policy == "explained":
            return module.AIOSv1PolicyRule("", {**settings, "clock": self}, dict(self.spec.parameters))
        module.time = self
        return module.AIOSv1PolicyRule("", settings, dict(self.spec.parameters))

    def time(self) -> float:
        """The policy's wall clock."""
        return self._clock.now()

    def monotonic(self) -> float:
        """The policy's own clock."""
        return self._clock.now() - 5000.0

    def metrics(self) -> dict[str, Any]:
        documents = list(self.documents.values())
        return {"block_metrics": documents, "cluster_metrics": {"cluster_metrics": {}, "node_metrics": []}}

    def add(self, start_seconds: float) -> None:
        name = next(self._names)
        self.sim.add_replica(name, self._clock.now(), start_seconds)
        self._pushed[name] = self._clock.now() + start_seconds + self._chance.random() * self._push - self._push

    def advance(self, now: float) -> None:
        while self.spec.rate > 0 and self._next_job <= now:
            low, high = self.spec.input_tokens
            tokens = self._seconds.randint(low, high), self._seconds.randint(*self.spec.output_tokens)
            self._jobs += 1
            self.sim.submit(Job(f"job-{self._jobs}", self._next_job, *tokens, "s"), self._next_job)
            self._next_job += self._seconds.expovariate(self.spec.rate)
        self._next_job = max(self._next_job, now) if self.spec.rate <= 0 else self._next_job
        self.sim.advance(now)
        for name, replica in self.sim.replicas.items():
            due = self._pushed[name] + self._push
            if due <= now and replica.ready_at <= now and not replica.hung:
                self._pushed[name] = due + self._chance.random() * 0.004
                document = replica.document(now, due) | {"blockId": self.spec.name, "nodeId": "wc-gpu-node1"}
                self.documents[name] = document
                reading = _document(msgspec.Raw(json.dumps(document).encode()))
                assert isinstance(reading, InstanceReading)
                self.readings[name] = reading
        if now - self._executor_at >= 5.0:
            self._executor_at = now - self._chance.random() * 0.01
            self.executor = ExecutorReading(self._executor_at - self._started, float(self.sim.tasks_processed_total))
        if self.rule is not None and now >= self._next_evaluation:
            self._next_evaluation = now + self._interval + self._chance.random() * 0.02
            self._evaluate()

    def _evaluate(self) -> None:
        record = {"id": self.spec.name, "minInstances": 1, "maxInstances": self.spec.maximum}
        data = {
            "block_data": record | {"policies": {"autoscaler": {"policyRuleURI": EXPLAINED_URI}}},
            "cluster_data": {"id": "cluster-1"},
            "current_instances": list(self.sim.replicas),
        }
        answer = self.rule.eval(self.rule.parameters, data, None)
        if answer.get("operation") == "upscale":
            for _ in range(answer["instances_count"]):
                self.add(self.spec.start_seconds)
        elif answer.get("operation") == "downscale":
            for name in answer["instances_list"]:
                self.sim.remove_replica(name)

    def wipe(self) -> None:
        """AIOS's half-hourly wipe of its metric store."""
        self.documents, self.readings = {}, {}


class SimulatedReads:
    """Satisfies `engine.ports.Reads` over simulated blocks."""

    def __init__(
        self, clock: FakeClock, *specs: SimulatedBlock, push: float = 30.0, interval: float = 30.0, seed: int = 1
    ) -> None:
        self.clock = clock
        self.chance = random.Random(seed)
        self.blocks = {spec.name: _Running(spec, clock, push, interval, self.chance) for spec in specs}
        self.fails: dict[str, ReadError] = {}
        self._reports = ReportReader()

    def advance(self) -> None:
        """Let the blocks come to the present."""
        for block in self.blocks.values():
            block.advance(self.clock.now())

    async def fleet(self) -> FleetReading:
        if "fleet" in self.fails:
            raise self.fails["fleet"]
        self.advance()
        rows = tuple(
            BlockReading(clean(name), tuple(block.readings.values()), block.executor)
            for name, block in self.blocks.items()
            if block.readings
        )
        return FleetReading(rows, self.clock.now(), 0.01)

    async def records(self) -> tuple[BlockRecord, ...]:
        return tuple(self._records())

    def _records(self) -> Iterator[BlockRecord]:
        for name, block in self.blocks.items():
            uri = EXPLAINED_URI if block.spec.policy == "explained" else PLAIN_URI
            used = {"autoscaler": PolicyReference(clean(uri), block.spec.parameters)} if block.spec.policy else {}
            yield BlockRecord(
                clean(name), clean("cluster-1"), 1, block.spec.maximum, clean("model.x:1.0.0-stable"), used
            )

    async def policies(self) -> tuple[PolicyRecord, ...]:
        code = clean("http://files.example/policy.zip")
        return tuple(
            PolicyRecord(clean(uri), clean(uri.partition(":")[0]), clean("1.0"), clean("stable"), code)
            for uri in (EXPLAINED_URI, PLAIN_URI)
        )

    async def policy_report(self, block_id: str) -> PolicyReport:
        rule = self.blocks[block_id].rule
        if self.blocks[block_id].spec.policy != "explained":
            return PolicyReport(Voice.SILENT)
        return self._reports.read(block_id, json.loads(json.dumps(rule.management("get_state", {}))))

    async def decisions(self, block_id: str, since: int, boot_id: str | None, limit: int = 256) -> DecisionPage | None:
        asked = {"since": since, "boot_id": boot_id, "limit": limit}
        return read_page(json.loads(json.dumps(self.blocks[block_id].rule.management("get_decisions", asked))))

    async def parameters(self, block_id: str) -> ParameterReport | None:
        return read_parameters(json.loads(json.dumps(self.blocks[block_id].rule.management("get_parameters", {}))))

    async def block(self, block_id: str) -> BlockReading | None:
        return None

    async def health(self, block_id: str) -> tuple[HealthReading, ...]:
        return ()

    async def record(self, block_id: str) -> BlockRecord | None:
        return next((entry for entry in self._records() if entry.block_id == block_id), None)

    async def policy(self, uri: str) -> PolicyRecord | None:
        return None

    async def served(self, url_path: str, limit: int) -> bytes:
        raise ReadError("http", "404")

    def served_url(self, file_name: str) -> str:
        return f"http://files.example/{file_name}"

    async def pods(self, block_id: str) -> tuple[Pod, ...]:
        raise ReadError("no_address", "no mapping address is configured")

    def has(self, endpoint: str) -> bool:
        return True

    async def close(self) -> None:
        return None
