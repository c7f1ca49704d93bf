"""The engine as the console meets it: what the screen asks crosses to the engine's thread here."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from aios_top.console.ports import Gate
from aios_top.engine.session import Session
from aios_top.engine.thread import EngineThread
from aios_top.model.audit import AuditEntry
from aios_top.model.change import Outcome, Plan
from aios_top.model.deploy import DeployState
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.lint import LintReport
from aios_top.model.lint_facts import Facts
from aios_top.model.load import Api, Cause, Estimate, LoadLimits, LoadPlan, LoadState
from aios_top.model.recording import RecordingState
from aios_top.model.shadow import ShadowState
from aios_top.model.state import BlockState, FleetState
from aios_top.model.tryout import SimulationWish, Tryout
from aios_top.model.what_if import Question
from aios_top.render.load import runs

T = TypeVar("T")

AUDIT_LIMIT = 2000
"""Newest entries of the operator's record that the screen keeps."""
EVIDENCE_SECONDS = 30.0
"""How long a capsule waits for the archives that AIOS serves."""
AUDIT_SECONDS = 1.0
"""How old the record on the screen may be before it is read on."""
LINT_SECONDS = 5.0
"""How old a look at a block may be while its policy page is open."""


class EngineCockpit:
    """A session on its thread, as the console meets it."""

    def __init__(self, thread: EngineThread[Session]) -> None:
        """Start the thread; raises what opening the session raised."""
        self._thread = thread
        self._session = thread.start()
        self._audit: tuple[AuditEntry, ...] = ()
        self._audit_read = self._session.now()
        self._reading_audit = False
        self._reports: dict[str, LintReport] = {}
        self._looking: set[str] = set()
        self.submit(self._read_audit)

    @property
    def gate(self) -> Gate:
        """The write gate, which the engine enforces."""
        return self._session.gate

    @property
    def production(self) -> bool:
        """Whether the context is marked production."""
        return self._session.production

    def now(self) -> float:
        """Return unix seconds of the engine's clock."""
        return self._session.now()

    def latest(self) -> FleetState:
        """Return the newest state."""
        return self._session.latest()

    def subscribe(self, callback: Callable[[FleetState], None]) -> Callable[[], None]:
        """Call `callback` on the engine's thread with every new state."""
        return self._session.subscribe(callback)

    def submit(self, call: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> "Future[T]":
        """Start an engine coroutine on the engine's loop."""
        return self._thread.submit(call, *arguments)

    def load_state(self) -> LoadState | None:
        """Return the running or last load test."""
        return self._session.load.state

    def deploy_state(self) -> DeployState | None:
        """Return the running or last deploy."""
        return self._session.deploy_state()

    def audit_entries(self) -> Sequence[AuditEntry]:
        """Return the operator's record as last read, and read on when that is old: others write into it too.

        The file is never read on the screen's thread.
        """
        if self.now() - self._audit_read > AUDIT_SECONDS and not self._reading_audit:
            self._reading_audit = True
            self.submit(self._read_audit)
        return self._audit

    async def refresh(self) -> None:
        """Poll now."""
        self._session.wake()
        await self._read_audit()

    async def set_poll_seconds(self, seconds: float) -> None:
        """Change the polling period."""
        await self._session.set_poll_seconds(seconds)

    async def plan_reset(self, block_id: str) -> Plan:
        """Prepare a cooldown reset."""
        return await self._session.plan_reset(block_id)

    async def plan_scale(self, block_id: str, replicas: int | None, change: int | None) -> Plan:
        """Prepare a scaling by hand."""
        return await self._session.plan_scale(block_id, replicas, change)

    async def plan_restart(self, block_id: str) -> Plan:
        """Prepare a restart of the block's executor."""
        return await self._session.plan_restart(block_id)

    async def plan_bind(self, block_id: str, uri: str) -> Plan:
        """Prepare to bind the block to another registered policy."""
        return await self._session.plan_bind(block_id, uri)

    def shadow_state(self) -> ShadowState | None:
        """Return the running or last comparison of a draft with a running policy."""
        return self._session.shadow_state()

    async def start_shadow(self, block_id: str, values: Mapping[str, Any], path: str | None) -> ShadowState:
        """Let a draft decide beside a block's policy."""
        return await self._session.start_shadow(block_id, values, path)

    async def stop_shadow(self) -> None:
        """End the comparison; what was found stays to be read."""
        await self._session.stop_shadow()

    async def execute(self, plan: Plan) -> Outcome:
        """Carry out a plan, and read what it left in the record, whatever came of it."""
        try:
            return await self._session.execute(plan)
        finally:
            await self._read_audit()

    def lint_report(self, block_id: str) -> LintReport | None:
        """Return the last look at a block, and look again on the engine's loop when it is old."""
        report = self._reports.get(block_id)
        if block_id not in self._looking and (report is None or self.now() - report.at > LINT_SECONDS):
            self._looking.add(block_id)
            self.submit(self._lint, block_id)
        return report

    async def _lint(self, block_id: str) -> None:
        try:
            self._reports[block_id] = await self._session.lint(block_id, anew=False)
        except (ActionRefusedError, ReadError):
            self._reports.pop(block_id, None)
        finally:
            self._looking.discard(block_id)

    async def policy_facts(self, block_id: str, path: str | None = None) -> Facts:
        """Return everything that is known of a block's policy."""
        return await self._session.policy_facts(block_id, path)

    async def plan_set(self, block_id: str, values: Mapping[str, Any]) -> Plan:
        """Prepare other parameters of the running policy."""
        return await self._session.plan_set(block_id, values)

    async def plan_pause(self, block_id: str, seconds: float, direction: str, reason: str) -> Plan:
        """Prepare a pause of a block's scaling."""
        return await self._session.plan_pause(block_id, seconds, direction, reason)

    async def plan_resume(self, block_id: str) -> Plan:
        """Prepare the end of a pause."""
        return await self._session.plan_resume(block_id)

    async def plan_force(self, block_id: str, change: int, ignore_cooldown: bool, reason: str) -> Plan:
        """Prepare a scaling that the policy carries out at its next evaluation."""
        return await self._session.plan_force(block_id, change, ignore_cooldown=ignore_cooldown, reason=reason)

    async def plan_cancel(self, block_id: str) -> Plan:
        """Prepare to take back a scaling that waits for the next evaluation."""
        return await self._session.plan_cancel(block_id)

    def tryout(self) -> Tryout | None:
        """Return the running or last simulation or what-if."""
        return self._session.tryouts.state

    async def simulate(self, wish: SimulationWish, block: BlockState | None) -> None:
        """Begin a simulation."""
        await self._session.tryouts.simulate(wish, block)

    async def what_if(self, block: BlockState, changes: Mapping[str, Any]) -> None:
        """Begin to take a block's decisions again with changed parameters."""
        await self._session.tryouts.what_if(block, Question(block.block_id, changes, block.in_force))

    async def tryout_ended(self) -> Tryout | None:
        """Wait for the running one to end."""
        return await self._session.tryouts.ended()

    async def stop_tryout(self) -> None:
        """Stop the running one."""
        await self._session.tryouts.stop()

    async def plan_deploy(self, folder: str, block_ids: Sequence[str], restart: bool) -> Plan:
        """Prepare a deploy of the policy in `folder`."""
        return await self._session.plan_deploy(folder, block_ids, restart)

    async def run_deploy(self, plan: Plan, progress: Callable[[DeployState], None]) -> DeployState:
        """Carry out a prepared deploy; `progress` is called on the engine's thread."""
        try:
            return await self._session.run_deploy(plan, progress)
        finally:
            await self._read_audit()

    @property
    def load_limits(self) -> LoadLimits:
        """How much load one run may make."""
        return self._session.load.limits

    def load_target(self, api: Api) -> str:
        """Return the base URL that a load test would be sent to."""
        return self._session.load.target(api)

    def load_estimate(self, plan: LoadPlan) -> Estimate:
        """Return what a plan comes to."""
        return self._session.load.estimate(plan)

    def aimed_load(self, block_id: str, percent: float, seconds: float) -> LoadPlan:
        """Return the load that makes the block's policy scale up."""
        return self._session.load.aimed(block_id, percent, seconds)

    async def start_load(self, plan: LoadPlan) -> None:
        """Start a load test."""
        await self._session.load.start(plan)
        await self._read_audit()

    async def stop_load(self) -> None:
        """Stop sending; a second call also gives up on the requests in flight."""
        await self._session.load.stop()

    async def change_load_rate(self, factor: float) -> None:
        """Multiply the present rate of the running load test."""
        await self._session.load.change_rate(factor)

    async def next_load_stage(self) -> None:
        """Go on to the next stage of the running load test."""
        await self._session.load.next_stage()

    async def hold_load(self) -> None:
        """Let the running load test stay at its present rate, or go on."""
        await self._session.load.hold()

    def evidence(self, state: FleetState) -> Sequence[Facts]:
        """Return what is known of the policies of a state, for a capsule; waits, so not on the screen's thread.

        Raises ReadError, ActionRefusedError, and TimeoutError when AIOS takes too long.
        """
        return self.submit(self._session.evidence, state).result(EVIDENCE_SECONDS)

    def recording(self) -> RecordingState | None:
        """Return how the recording stands."""
        recorder = self._session.recorder
        return None if recorder is None else recorder.state

    def recorded(self) -> RecordingState:
        """Return how the recording stands, one that is off where there can be none."""
        return self.recording() or RecordingState()

    async def toggle_recording(self) -> None:
        """Begin to record, or end it: what waits for the disk is written first."""
        recorder = self._session.recorder
        if recorder is None:
            return
        if recorder.is_on:
            await asyncio.to_thread(recorder.stop)
        else:
            recorder.start()

    def screen_stalled(self) -> None:
        """Stop a load test that nobody can watch any more; what AIOS has accepted is still awaited."""
        if runs(self.load_state()):
            reason = "stopped by itself: nobody has read the screen for ten seconds"
            self.submit(self._session.load.stop, Cause.UI_LOST, reason)

    async def _read_audit(self) -> None:
        try:
            entries = await asyncio.to_thread(self._session.audit_entries)
            self._audit = tuple(entries[-AUDIT_LIMIT:])
        finally:
            self._audit_read = self.now()
            self._reading_audit = False
