"""Runs a policy file against simulated replicas, with AIOS's timings and faster than real time."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from aios_top.engine.ports import Rule
from aios_top.model.rule import asks, thresholds, window
from aios_top.model.rule_call import Encoded, RuleError
from aios_top.model.simulation import (
    BY_TUTORIAL,
    Latency,
    Sample,
    Scaling,
    SimulationPlan,
    SimulationReport,
    percentile,
)
from aios_top.sim.block import BlockSim
from aios_top.sim.closed_loop import WALL, ClosedLoop
from aios_top.sim.lengths import TRAFFIC
from aios_top.sim.pace import REAL, Pace
from aios_top.sim.profile import PROFILES
from aios_top.sim.workload import Phase, Workload

BLOCK_ID = "simulated-block"
SAMPLE_SECONDS = 30.0
RECORDS_EVERY = 100
"""Evaluations between two looks into the policy's own records, of which it keeps 512."""

Progress = Callable[[float], None]
"""Told the share that is done, 0 to 1; what it raises ends the run."""


class Scene(Struct, frozen=True):
    """Where a run begins and what it meets, when that is not a profile's own load on a block that has just started."""

    phases: tuple[Phase, ...]
    """The load; may be empty."""
    replicas: int
    """At the beginning, all of them ready."""
    pace: Pace


def simulate(
    plan: SimulationPlan, rule: Rule, progress: Progress = lambda _share: None, scene: Scene | None = None
) -> SimulationReport:
    """Run a plan; the same plan and policy always give the same report.

    Raises RuleError when the policy cannot be constructed or its process had to be ended; ValueError for a plan
    that cannot be run. What the policy raises in an evaluation is an error in the report, as AIOS only logs it.
    """
    scene = scene or _scene(plan)
    rule.construct({"intervalSeconds": plan.interval_seconds}, plan.parameters, WALL)
    asked = _Asked(rule, plan)
    loop = ClosedLoop(
        block=BlockSim(BLOCK_ID, PROFILES[TRAFFIC[plan.profile].replica], plan.seed),
        workload=Workload(scene.phases, plan.seed),
        pace=scene.pace,
        decide=asked.decide,
        record={
            "id": BLOCK_ID,
            "minInstances": plan.min_instances,
            "maxInstances": plan.max_instances,
            "policies": {"autoscaler": {"parameters": dict(plan.parameters)}},
        },
        replicas=scene.replicas,
        room=plan.room,
    )
    watch = _Watch(loop, plan, progress)
    loop.run(plan.seconds)
    asked.look()
    return _report(plan, scene, loop, watch, asked)


def _scene(plan: SimulationPlan) -> Scene:
    """Return the profile's load on a block that has just started, at AIOS's own pace."""
    traffic = TRAFFIC.get(plan.profile)
    if traffic is None:
        raise ValueError(f"there is no profile {plan.profile!r}; choose one of {', '.join(TRAFFIC)}")
    phase = Phase.of(plan.profile, 0.0, plan.seconds, plan.requests_per_minute)
    phase = replace(
        phase,
        input_tokens=plan.input_tokens or phase.input_tokens,
        output_tokens=plan.output_tokens or phase.output_tokens,
    )
    pace = replace(REAL, replica_start_seconds=plan.replica_start_seconds, evaluation_seconds=plan.interval_seconds)
    return Scene((phase,), max(1, plan.min_instances), pace)


class _Asked(Struct):
    """Puts AIOS's questions to the policy and keeps count of when its up rule was met."""

    rule: Rule
    plan: SimulationPlan
    warnings: tuple[str, ...] = ()
    rules_met: list[str | None] = field(default_factory=list)
    _explains: bool = False
    _seen: int = 0
    _since_look: int = 0
    _now: float = 0.0

    def __post_init__(self) -> None:
        """Ask the policy what it thinks of its parameters; one that does not answer explains nothing."""
        told = self._manage("get_parameters")
        if told.get("status") == "ok":
            self._explains = True
            self.warnings = parameter_warnings(told)
        else:
            self.warnings = (BY_TUTORIAL,)

    def decide(self, given: dict[str, Any], metrics: dict[str, Any], now: float) -> Any:
        """Ask for a decision; what the policy raises is returned instead, an answer that is none."""
        self._now = now
        try:
            result = self.rule.evaluate(given, Encoded(msgspec.json.encode(metrics).decode()), WALL + now)
        except RuleError as error:
            if error.ended:
                raise
            result = error
        if self._explains:
            self._since_look += 1
            if self._since_look >= RECORDS_EVERY:
                self.look()
        else:
            self.rules_met.append(_tutorial_rule(self.plan.parameters, given, metrics))
        return result

    def look(self) -> None:
        """Read the records that are new."""
        self._since_look = 0
        page = self._manage("get_decisions", {"since": self._seen, "detail": "brief"}) if self._explains else {}
        for record in page.get("decisions", ()):
            would = record.get("would")
            self.rules_met.append(would.get("rule") if isinstance(would, Mapping) else None)
        self._seen = page.get("next_since", self._seen)

    def over_threshold_minutes(self) -> float:
        """Return the time in which the up rule was met."""
        return sum(met == "up" for met in self.rules_met) * self.plan.interval_seconds / 60.0

    def _manage(self, action: str, data: Any = None) -> Mapping[str, Any]:
        try:
            answer = self.rule.management(action, data, WALL + self._now)
        except RuleError as error:
            if error.ended:
                raise
            return {}
        return answer if isinstance(answer, Mapping) else {}


def _tutorial_rule(parameters: Mapping[str, Any], given: Mapping[str, Any], metrics: Mapping[str, Any]) -> str | None:
    """Return which rule of the tutorial is met, for a policy that keeps no records."""
    documents = [d for d in metrics["block_metrics"] if d["instanceId"] in given["current_instances"]]
    if not documents:
        return None
    period = window(parameters).value
    means = [
        sum(document.get(f"llm_{side}_tokens_per_minute_rolling", {}).get(period, 0) for document in documents)
        / len(documents)
        for side in ("input", "output")
    ]
    return asks(means[0], means[1], thresholds(parameters))


def parameter_warnings(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what an answer of `get_parameters` says about values and names that do not work as meant."""
    errors = told.get("parameter_errors")
    found = [f"{name}: {problem}" for name, problem in errors.items()] if isinstance(errors, Mapping) else []
    return (*found, *(f"{name}: no parameter of this policy" for name in told.get("unknown_parameters") or ()))


class _Watch:
    """Samples the block while the loop runs."""

    def __init__(self, loop: ClosedLoop, plan: SimulationPlan, progress: Progress) -> None:
        self._loop = loop
        self._plan = plan
        self._progress = progress
        self._answered = 0
        self.samples: list[Sample] = []
        loop.at(0.0, self._sample)

    def _sample(self, now: float) -> None:
        loop = self._loop
        recent = sorted(loop.latencies[self._answered :])
        self._answered = len(loop.latencies)
        p95 = recent[min(len(recent) - 1, int(len(recent) * 0.95))] if recent else None
        self.samples.append(Sample(now, len(loop.block.replicas), loop.block.queued, p95))
        self._progress(now / self._plan.seconds)
        loop.at(now + SAMPLE_SECONDS, self._sample)


def _report(plan: SimulationPlan, scene: Scene, loop: ClosedLoop, watch: _Watch, asked: _Asked) -> SimulationReport:
    block, samples = loop.block, tuple(watch.samples)
    queued = [sample.queued for sample in samples]
    scalings = tuple(
        Scaling(change.at, change.kind, change.replicas, change.reason)
        for change in loop.changes
        if change.kind != "fault"
    )
    return SimulationReport(
        plan=plan,
        requests_per_minute=_requests_per_minute(scene.phases, plan.seconds),
        evaluations=len(loop.results),
        scalings=scalings,
        replica_hours=loop.replica_seconds / 3600.0,
        over_threshold_minutes=asked.over_threshold_minutes(),
        latency=_latency(loop),
        queue_mean=sum(queued) / len(queued),
        queue_peak=max(queued),
        arrived=block.submitted_total,
        answered=block.done_total,
        lost=block.lost_total,
        replicas_peak=max([scene.replicas, *(scaling.replicas for scaling in scalings)]),
        replicas_end=len(block.replicas),
        samples=samples,
        warnings=asked.warnings,
    )


def _requests_per_minute(phases: Sequence[Phase], seconds: float) -> float:
    """Return the mean rate of a load."""
    return sum(phase.requests_per_minute * (phase.until - phase.at) for phase in phases) / seconds


def _latency(loop: ClosedLoop) -> Latency:
    """Sum up all answers, and the ages of the requests that still have none."""
    open_jobs = [*loop.block.waiting, *(job for replica in loop.block.replicas.values() for job in replica.jobs)]
    ordered = sorted(loop.latencies + array("d", [loop.now - job.arrived for job in open_jobs]))
    p50, p95, p99 = (percentile(ordered, share) for share in (0.5, 0.95, 0.99))
    return Latency(len(ordered), p50, p95, p99, ordered[-1] if ordered else None)
