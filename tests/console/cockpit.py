"""An engine without AIOS: it hands out constructed states and writes down what it was asked."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from msgspec.structs import replace

from aios_top.engine.load_plan import checked
from aios_top.model.aim import crossing_plan
from aios_top.model.audit import AuditEntry
from aios_top.model.change import (
    BindPolicy,
    Fate,
    Manage,
    Outcome,
    Plan,
    PreparedRequest,
    ResetCooldown,
    RestartExecutor,
    ScaleUp,
)
from aios_top.model.deploy import DeployState, DeployStep, StepStatus
from aios_top.model.errors import ActionRefusedError
from aios_top.model.lint import LintReport
from aios_top.model.lint_facts import Facts
from aios_top.model.load import Api, Estimate, LoadLimits, LoadPhase, LoadPlan, LoadState
from aios_top.model.recording import RecordingState
from aios_top.model.shadow import ShadowPlan, ShadowState
from aios_top.model.state import BlockState, FleetState
from aios_top.model.text import clean
from aios_top.model.tryout import SimulationWish, Tryout, TryoutPhase
from aios_top.model.verification import PolicyFile

T = TypeVar("T")


@dataclass
class FakeGate:
    """A write gate as the engine's."""

    writable: bool = True
    read_only: bool = False

    def toggle(self) -> bool:
        """Open or close it, unless locked."""
        self.writable = not self.writable and not self.read_only
        return self.writable


@dataclass
class FakeCockpit:
    """Satisfies `aios_top.console.ports.Cockpit`; `calls` lists every engine method that was submitted."""

    state: FleetState
    gate: FakeGate = field(default_factory=FakeGate)
    production: bool = False
    clock: float | None = None
    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    subscribers: list[Callable[[FleetState], None]] = field(default_factory=list)
    load: LoadState | None = None
    deploy: DeployState | None = None
    record: RecordingState | None = None
    audit: list[AuditEntry] = field(default_factory=list)
    load_limits: LoadLimits = LoadLimits()
    outcome: Outcome = field(default_factory=lambda: Outcome(Fate.DONE, "Cooldown reset.", sent_at=1.0, seconds=0.1))
    tried: Tryout | None = None
    tryout_end: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None
    """Raised by every plan_* method when set."""
    executed: list[Plan] = field(default_factory=list)
    reports: dict[str, LintReport] = field(default_factory=dict)
    facts: Callable[[Facts], Facts] | None = None
    """Adds served and local code to the facts of a block."""
    shadow: ShadowState | None = None

    def now(self) -> float:
        return self.state.at + 0.5 if self.clock is None else self.clock

    def latest(self) -> FleetState:
        return self.state

    def subscribe(self, callback: Callable[[FleetState], None]) -> Callable[[], None]:
        self.subscribers.append(callback)
        return lambda: self.subscribers.remove(callback)

    def publish(self, state: FleetState) -> None:
        """Do what a poll does."""
        self.state = state
        for callback in list(self.subscribers):
            callback(state)

    def submit(self, call: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> "Future[T]":
        """Run the coroutine on the test's own loop."""
        future: Future[T] = Future()

        async def run() -> None:
            try:
                future.set_result(await call(*arguments))
            except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for the future
                future.set_exception(error)

        self._task = asyncio.ensure_future(run())
        return future

    def recording(self) -> RecordingState | None:
        return self.record

    async def toggle_recording(self) -> None:
        self._called("toggle_recording")

    def load_state(self) -> LoadState | None:
        return self.load

    def deploy_state(self) -> DeployState | None:
        return self.deploy

    def audit_entries(self) -> Sequence[AuditEntry]:
        return tuple(self.audit)

    def _called(self, name: str, *arguments: Any) -> None:
        self.calls.append((name, arguments))

    async def refresh(self) -> None:
        self._called("refresh")

    async def set_poll_seconds(self, seconds: float) -> None:
        self._called("set_poll_seconds", seconds)

    def _plan(self, title: str, *requests: PreparedRequest) -> Plan:
        if self.failure is not None:
            raise self.failure
        return Plan(
            title=title,
            requests=requests,
            seen="replicas 3 (reported 2s ago)",
            effect="The next evaluation in ~4s may act at once: input 812 > 500 asks for one more.",
            undo="None: a cooldown cannot be restored, it starts again with the next action.",
        )

    async def plan_reset(self, block_id: str) -> Plan:
        self._called("plan_reset", block_id)
        body = {"mgmt_action": "reset_cooldown", "mgmt_data": {}}
        request = PreparedRequest(ResetCooldown(block_id), "POST", "http://127.0.0.1:30600/mgmt", body)
        return self._plan(f"Reset the cooldown of {block_id}", request)

    async def plan_scale(self, block_id: str, replicas: int | None, change: int | None) -> Plan:
        self._called("plan_scale", block_id, replicas, change)
        request = PreparedRequest(
            ScaleUp(block_id, "cluster-1", 1), "POST", "http://127.0.0.1:30600/scale", {"operation": "upscale"}
        )
        return self._plan(f"Scale {block_id}", request)

    async def plan_restart(self, block_id: str) -> Plan:
        self._called("plan_restart", block_id)
        request = PreparedRequest(
            RestartExecutor(block_id, f"{block_id}-executor-0"), "POST", "http://127.0.0.1:32300/remove"
        )
        return self._plan(f"Restart the executor of {block_id}", request)

    async def plan_bind(self, block_id: str, uri: str) -> Plan:
        self._called("plan_bind", block_id, uri)
        request = PreparedRequest(BindPolicy(block_id, uri), "PUT", "http://127.0.0.1:30100/blocks")
        return self._plan(f"Bind {block_id} to {uri}", request)

    def lint_report(self, block_id: str) -> LintReport | None:
        return self.reports.get(block_id)

    async def policy_facts(self, block_id: str, path: str | None = None) -> Facts:
        self._called("policy_facts", block_id, path)
        if self.failure is not None:
            raise self.failure
        facts = Facts(self.state.blocks[block_id], self.state.policies)
        return facts if self.facts is None else self.facts(facts)

    async def plan_set(self, block_id: str, values: Mapping[str, Any]) -> Plan:
        self._called("plan_set", block_id, dict(values))
        return self._managed(block_id, "set_parameters", {"parameters": dict(values)})

    async def plan_pause(self, block_id: str, seconds: float, direction: str, reason: str) -> Plan:
        self._called("plan_pause", block_id, seconds, direction, reason)
        return self._managed(block_id, "pause", {"seconds": seconds})

    async def plan_resume(self, block_id: str) -> Plan:
        self._called("plan_resume", block_id)
        return self._managed(block_id, "resume", {})

    async def plan_force(self, block_id: str, change: int, ignore_cooldown: bool, reason: str) -> Plan:
        self._called("plan_force", block_id, change, ignore_cooldown, reason)
        return self._managed(block_id, "force_scale", {"operation": "upscale"})

    async def plan_cancel(self, block_id: str) -> Plan:
        self._called("plan_cancel", block_id)
        return self._managed(block_id, "force_scale", {"operation": "cancel"})

    def _managed(self, block_id: str, action: str, data: dict[str, Any]) -> Plan:
        body = {"action": action, "payload": data}
        request = PreparedRequest(Manage(block_id, action, data), "POST", "http://127.0.0.1:30600/blocks/mgmt", body)
        return self._plan(f"{action} of {block_id}", request)

    def shadow_state(self) -> ShadowState | None:
        return self.shadow

    async def start_shadow(self, block_id: str, values: Mapping[str, Any], path: str | None) -> ShadowState:
        self.calls.append(("start_shadow", (block_id, values, path)))
        if self.failure is not None:
            raise self.failure
        file = PolicyFile(clean(path or "the shipped policy"), b"", "00")
        self.shadow = ShadowState(ShadowPlan(clean(block_id), file, values), self.now())
        return self.shadow

    async def stop_shadow(self) -> None:
        self.calls.append(("stop_shadow", ()))
        self.shadow = None if self.shadow is None else replace(self.shadow, running=False)

    def tryout(self) -> Tryout | None:
        return self.tried

    async def simulate(self, wish: SimulationWish, block: BlockState | None) -> None:
        self._called("simulate", wish, None if block is None else block.block_id)
        self._begin_tryout("Simulation")

    async def what_if(self, block: BlockState, changes: Mapping[str, Any]) -> None:
        self._called("what_if", block.block_id, dict(changes))
        self._begin_tryout("What if")

    def _begin_tryout(self, title: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.tried = Tryout(title)

    async def tryout_ended(self) -> Tryout | None:
        await self.tryout_end.wait()
        return self.tried

    def end_tryout(self, tried: Tryout) -> None:
        """Do what the engine does when one has ended."""
        self.tried = tried
        self.tryout_end.set()

    async def stop_tryout(self) -> None:
        self._called("stop_tryout")
        if self.tried is not None:
            self.end_tryout(replace(self.tried, phase=TryoutPhase.STOPPED))

    async def execute(self, plan: Plan) -> Outcome:
        self._called("execute", plan)
        self.executed.append(plan)
        return self.outcome

    async def plan_deploy(self, folder: str, block_ids: Sequence[str], restart: bool) -> Plan:
        self._called("plan_deploy", folder, tuple(block_ids), restart)
        return self._plan("Deploy tokenautoscaler-explained:2.1-stable")

    async def run_deploy(self, plan: Plan, progress: Callable[[DeployState], None]) -> DeployState:
        self._called("run_deploy", plan)
        step = DeployStep("upload", StepStatus.DONE, "sha256 9f31")
        progress(DeployState("tokenautoscaler-explained:2.1-stable", ("gemma3-27b-block",), (step,)))
        self.deploy = DeployState(
            "tokenautoscaler-explained:2.1-stable", ("gemma3-27b-block",), (step,), Outcome(Fate.DONE, "Deployed.")
        )
        return self.deploy

    def load_target(self, api: Api) -> str:
        del api
        return "http://127.0.0.1:31504"

    def load_estimate(self, plan: LoadPlan) -> Estimate:
        return checked(plan, self.load_limits)

    def aimed_load(self, block_id: str, percent: float, seconds: float) -> LoadPlan:
        self._called("aimed_load", block_id, percent, seconds)
        plan = crossing_plan(self.state.blocks[block_id], percent, seconds)
        if isinstance(plan, str):
            raise ActionRefusedError(plan)
        return plan

    async def start_load(self, plan: LoadPlan) -> None:
        self._called("start_load", plan)
        self.load = LoadState(plan, LoadPhase.RUNNING, self.now(), target="http://127.0.0.1:31504")

    async def stop_load(self) -> None:
        self._called("stop_load")

    async def change_load_rate(self, factor: float) -> None:
        self._called("change_load_rate", factor)

    async def next_load_stage(self) -> None:
        self._called("next_load_stage")

    async def hold_load(self) -> None:
        self._called("hold_load")
