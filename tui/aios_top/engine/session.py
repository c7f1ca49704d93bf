"""Everything that runs for one AIOS installation: the poller, the operator's changes, a deploy, a load test."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aios_top.engine.actions import Actions
from aios_top.engine.awakening import Awakening
from aios_top.engine.backfill import backfill
from aios_top.engine.deploy import Deploy, PlannedDeploy
from aios_top.engine.drafts import Drafts
from aios_top.engine.evidence import Progress, online_facts
from aios_top.engine.gate import WriteGate
from aios_top.engine.lint import Linter
from aios_top.engine.load_session import LoadSession
from aios_top.engine.policy_actions import PolicyActions
from aios_top.engine.poll import Poller
from aios_top.engine.rebind import plan_bind, plan_rollback
from aios_top.engine.recorder import Recorder
from aios_top.engine.session_options import SessionOptions
from aios_top.engine.session_ports import Ports
from aios_top.engine.tryouts import Tryouts
from aios_top.engine.verify import Verifier
from aios_top.model.audit import AuditEntry
from aios_top.model.change import BindPolicy, Fate, Manage, Outcome, Plan, ResetCooldown, RestartExecutor
from aios_top.model.deploy import DeployState
from aios_top.model.errors import ActionRefusedError
from aios_top.model.lint import LintReport
from aios_top.model.lint_facts import Facts
from aios_top.model.shadow import ShadowState
from aios_top.model.state import FleetState
from aios_top.model.text import Clean
from aios_top.model.verified import with_verifications

Listener = Callable[[FleetState], None]


class Session:
    """The engine's front: one state to read, one method per thing an operator can do.

    All coroutines run on one asyncio loop, which is not the screen's: a stalled terminal stops none of them.
    """

    def __init__(self, ports: Ports, options: SessionOptions, gate: WriteGate | None = None) -> None:
        self.options = options
        self.gate = gate or WriteGate(read_only=options.read_only, writable=options.writable)
        self._ports = ports
        self._listeners: list[Listener] = []
        self.tryouts = Tryouts(ports.workbench)
        """Simulations and what-ifs."""
        file = options.policy_file
        self._verifier = None if file is None else Verifier(ports.rules, file, ports.clock.monotonic)
        self._poller = Poller(
            ports.reads,
            ports.clock,
            self._publish,
            poll_seconds=options.poll_seconds,
            context=options.context,
            origin_note=options.origin_note,
            reach=options.reach,
            complete=self._with_verifications,
        )
        self._actions = Actions(
            ports.reads,
            ports.mutations,
            ports.audit,
            ports.clock,
            self.latest,
            self.gate,
            who=options.who,
            context=options.context,
            reach=options.reach,
        )
        self._deploys = Deploy(self._actions, ports.reads, ports.clock)
        self._linter = Linter(ports.reads, ports.bundles, ports.clock, self.latest)
        self._drafts = Drafts(ports.rules, ports.clock, self.latest, self._linter)
        self._policy = PolicyActions(ports.reads, self._actions.sender, self._linter, ports.clock, self._actions.place)
        self._deploy: DeployState | None = None
        self._planned: PlannedDeploy | None = None
        self.load = LoadSession(
            ports.generator,
            ports.load_runs,
            self._actions.sender,
            ports.clock,
            self.latest,
            allowed=options.allowed_targets,
            limits=options.load_limits,
        )

    # -- the picture

    @property
    def production(self) -> bool:
        """Whether the context is marked production."""
        return self.options.production

    def now(self) -> float:
        """Return unix seconds of the engine's clock, in which all times of a state are."""
        return self._ports.clock.now()

    def latest(self) -> FleetState:
        """Return the newest state; safe from any thread."""
        return self._poller.state

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on the engine's thread with every new state; returns what ends the subscription."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def run(self) -> None:
        """Poll until cancelled, then stop what is still running."""
        self._listeners.append(self._offer)
        filling = asyncio.create_task(self._backfill())
        try:
            await self._poller.run()
        finally:
            filling.cancel()
            await self.load.close()
            if self._verifier is not None:
                await self._verifier.close()
            await self.stop_shadow()

    async def _backfill(self) -> None:
        if self._ports.histories is not None:
            await backfill(self._poller, self._ports.histories, self.subscribe)

    async def refresh(self) -> FleetState:
        """Ask every source once and return the state."""
        return await self._poller.refresh()

    async def verify(self) -> FleetState:
        """Evaluate every known decision again with the policy file at hand, and return the state with the results."""
        if self._verifier is not None:
            await self._verifier.finish(self.latest().blocks)
        return self._poller.show()

    def wake(self) -> None:
        """Poll now instead of at the end of the period."""
        self._poller.wake()

    async def set_poll_seconds(self, seconds: float) -> None:
        """Change the period, from a quarter of a second to a minute."""
        self._poller.poll_seconds = min(60.0, max(0.25, seconds))
        self._poller.wake()

    def audit_entries(self) -> Sequence[AuditEntry]:
        """Return what operators have done, oldest first."""
        return self._ports.audit.entries()

    async def lint(
        self, block_id: str, path: str | None = None, startup_seconds: float | None = None, *, anew: bool = True
    ) -> LintReport:
        """Return what is wrong with how a block is autoscaled; see `engine.lint`."""
        return await self._linter.report(block_id, path, startup_seconds, anew=anew)

    # -- a draft beside the running policy

    async def start_shadow(self, block_id: str, values: Mapping[str, Any], path: str | None = None) -> ShadowState:
        """Let a draft decide beside a block's policy from now on, in the place of an earlier one; sends nothing."""
        return await self._drafts.start(block_id, values, path)

    async def finish_shadow(self) -> ShadowState | None:
        """Compare what is known and not yet compared."""
        return await self._drafts.finish()

    async def stop_shadow(self) -> None:
        """Compare nothing more; what was found stays to be read."""
        await self._drafts.stop()

    def shadow_state(self) -> ShadowState | None:
        """Return the running or last comparison."""
        return self._drafts.state

    async def evidence(self, state: FleetState, progress: Progress = lambda _done, _all, _what: None) -> list[Facts]:
        """Return what is known of the policies of a state, also of a recorded one; archives are fetched, never run."""
        linter = Linter(self._ports.reads, self._ports.bundles, self._ports.clock, lambda: state)
        return await online_facts(linter, state, progress)

    # -- changes

    async def plan_reset(self, block_id: str) -> Plan:
        """Plan the end of a block's cooldown."""
        return await self._actions.plan_reset(block_id)

    async def plan_scale(self, block_id: str, replicas: int | None = None, change: int | None = None) -> Plan:
        """Plan a manual scale to a count, or by a difference."""
        return await self._actions.plan_scale(block_id, replicas=replicas, change=change)

    async def plan_manage(self, block_id: str, action: str, data: Mapping[str, Any]) -> Plan:
        """Plan any other management action of a block's policy."""
        return await self._actions.plan_manage(block_id, action, data)

    async def plan_set(self, block_id: str, values: Mapping[str, Any]) -> Plan:
        """Plan other parameters of the running policy, until its executor restarts."""
        return await self._policy.plan_set(self._actions.fresh_block(block_id), values)

    async def plan_pause(self, block_id: str, seconds: float, direction: str = "both", reason: str = "") -> Plan:
        """Plan a pause of a block's scaling; `direction` is `both`, `up` or `down`."""
        return await self._policy.plan_pause(self._actions.fresh_block(block_id), seconds, direction, reason)

    async def plan_resume(self, block_id: str, direction: str = "both") -> Plan:
        """Plan the end of a pause."""
        return await self._policy.plan_resume(self._actions.fresh_block(block_id), direction)

    async def plan_force(self, block_id: str, change: int, victims: Sequence[str] = (), **options: Any) -> Plan:
        """Plan a scaling that the policy carries out at its next evaluation; see `PolicyActions.plan_force`."""
        return await self._policy.plan_force(self._actions.fresh_block(block_id), change, victims, **options)

    async def plan_cancel(self, block_id: str) -> Plan:
        """Plan to take back a scaling that waits for the next evaluation."""
        return await self._policy.plan_cancel(self._actions.fresh_block(block_id))

    async def plan_rollback(self, block_id: str, uri: str | None = None) -> Plan:
        """Plan to bind a block to the version before its own, or to `uri`."""
        return await plan_rollback(self._actions.sender, self._ports.reads, block_id, uri, self.options.context)

    async def policy_facts(self, block_id: str, path: str | None = None, *, archive: bool = True) -> Facts:
        """Return everything that is known of a block's policy; `path` names the local one to compare with."""
        return await self._linter.facts(block_id, path, archive=archive)

    async def plan_restart(self, block_id: str) -> Plan:
        """Plan the restart of a block's executor, which loads its policy anew."""
        return await self._actions.plan_restart(block_id)

    def awakening(self, block_id: str) -> Awakening:
        """Return what tells when a block's autoscaler runs anew; to be taken before its restart is sent."""
        return Awakening(self._ports.reads, self._ports.clock, block_id, self.latest().blocks[Clean(block_id)].policy)

    async def plan_bind(self, block_id: str, uri: str) -> Plan:
        """Plan to bind a block to another registered policy."""
        return await plan_bind(self._actions.sender, self._ports.reads, block_id, uri, self.options.context)

    async def execute(self, plan: Plan) -> Outcome:
        """Send a plan that the operator has confirmed; then look at once what it changed."""
        outcome = await self._actions.execute(plan)
        if outcome.fate is Fate.DONE:
            for request in plan.requests:
                self._follow(request.change)
        self._poller.wake()
        return outcome

    # -- a deploy

    async def plan_deploy(self, path: str, block_ids: Sequence[str], restart: bool) -> Plan:
        """Plan the deploy of a policy's folder or archive to some blocks."""
        bundle = await asyncio.to_thread(self._ports.bundles.load, path)
        plan = await self._deploys.plan(bundle, block_ids, restart=restart)
        self._planned = PlannedDeploy(plan, bundle, tuple(block_ids))
        return plan

    async def run_deploy(self, plan: Plan, progress: Callable[[DeployState], None]) -> DeployState:
        """Carry out a planned deploy; `progress` is called on the engine's thread, `deploy_state` tells the same."""
        planned, self._planned = self._planned, None
        if planned is None or planned.plan is not plan:
            raise ActionRefusedError("this deploy was planned before another one: plan it again")

        def note(state: DeployState) -> None:
            self._deploy = state
            progress(state)

        self._deploy = await self._deploys.run(plan, planned.bundle, note)
        for block_id in planned.block_ids:
            self._poller.forget_policy(block_id)
        self._poller.wake()
        return self._deploy

    def deploy_state(self) -> DeployState | None:
        """Return the running or last deploy."""
        return self._deploy

    def _follow(self, change: object) -> None:
        """Tell the poller what a change means for what it knows."""
        match change:
            case ResetCooldown(block_id):
                self._poller.note_cooldown_reset(block_id)
            case RestartExecutor(block_id) | BindPolicy(block_id) | Manage(block_id=block_id):
                self._poller.forget_policy(block_id)

    def _with_verifications(self, state: FleetState) -> FleetState:
        return state if self._verifier is None else with_verifications(state, self._verifier.of)

    def _offer(self, state: FleetState) -> None:
        if self._verifier is not None:
            self._verifier.offer(state.blocks)
        self._drafts.offer(state)

    @property
    def recorder(self) -> Recorder | None:
        """What records the polls, None where nothing can."""
        return self._ports.recorder

    def _publish(self, state: FleetState) -> None:
        self.load.observe(state)
        recorder, poll = self._ports.recorder, self._poller.poll
        if recorder is not None and poll is not None:
            recorder.take(poll, state, self._poller.picture, self.load.state, self._deploy)
        for listener in tuple(self._listeners):
            listener(state)
