"""Starts load tests, one at a time: checked, recorded before they are sent, and kept when they have ended."""

import asyncio
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from re import sub

from aios_top.engine.load import BY_OPERATOR, LoadTest, load_outcome
from aios_top.engine.load_plan import checked, described
from aios_top.engine.load_report import files
from aios_top.engine.ports import Clock, LoadGenerator, LoadRuns
from aios_top.engine.sending import Sender
from aios_top.model.aim import crossing_plan, predicted, within
from aios_top.model.errors import ActionRefusedError
from aios_top.model.load import Api, Cause, Estimate, LoadLimits, LoadPlan, LoadState
from aios_top.model.load_job import LoadJob, RequestEnd
from aios_top.model.load_target import check_address, check_target
from aios_top.model.state import BlockState, FleetState


class LoadSession:
    """The load tests of one session; all coroutines belong to the engine's loop."""

    def __init__(
        self,
        generator: LoadGenerator,
        runs: LoadRuns,
        sender: Sender,
        clock: Clock,
        latest: Callable[[], FleetState],
        *,
        allowed: AbstractSet[str],
        limits: LoadLimits,
    ) -> None:
        self.limits = limits
        self._generator = generator
        self._runs = runs
        self._sender = sender
        self._clock = clock
        self._latest = latest
        self._allowed = allowed
        self._test: LoadTest | None = None
        self._task: asyncio.Task[LoadState] | None = None
        self._starting = False
        self.state: LoadState | None = None
        """The running or last load test; safe to read from any thread."""

    def target(self, api: Api = Api.INFER) -> str:
        """Return the base URL that a load test would be sent to; raises ReadError."""
        return self._generator.target(api)

    def estimate(self, plan: LoadPlan) -> Estimate:
        """Return what a plan comes to; raises ActionRefusedError when it is out of bounds."""
        return checked(plan, self.limits)

    async def prepare(self, plan: LoadPlan) -> LoadJob:
        """Check plan and target and resolve the host once; nothing is sent to it. Raises ActionRefusedError."""
        checked(plan, self.limits)
        url = self._generator.target(plan.api)
        check_target(url, self._allowed)
        address = await self._generator.resolve(url)
        check_address(url, address)
        return LoadJob(plan, url, address, self.limits)

    def aimed(self, block_id: str, percent: float, duration_seconds: float, seed: int = 1) -> LoadPlan:
        """Return the plan that lifts the policy's value above its up threshold; raises ActionRefusedError."""
        block = self._latest().blocks.get(block_id)
        if block is None:
            raise ActionRefusedError(
                f"load test: nothing is known of {block_id} yet, so nothing can be computed for it"
            )
        plan = crossing_plan(block, percent, duration_seconds, seed)
        if isinstance(plan, str):
            raise ActionRefusedError(f"load test: {plan}")
        return within(plan, self.limits.requests)

    async def start(self, plan: LoadPlan) -> None:
        """Start a load test; it is recorded first, and what cannot be recorded is not sent."""
        if self.running or self._starting:
            raise ActionRefusedError("a load test is running: stop it first")
        self._starting = True
        try:
            await self._start(plan)
        finally:
            self._starting = False

    async def _start(self, plan: LoadPlan) -> None:
        self._sender.gate.check()
        self._check_block(plan.block_id)
        found = checked(plan, self.limits)
        job = await self.prepare(plan)
        await self._end_watching()
        free = self._runs.claim()
        try:
            intent = await self._sender.intend(
                {"title": f"Load test on {plan.block_id}", "request": {"change": "LoadTest", **described(job, found)}}
            )
            block = self._latest().blocks.get(plan.block_id)
            prediction = None if block is None else predicted(plan, block, self._clock.now())
            test = LoadTest(
                job,
                self._generator,
                self._clock,
                self._note,
                block=block,
                prediction=prediction,
                expected=found.requests,
            )
        except BaseException:
            free()
            raise
        self._test, self.state = test, test.state
        self._task = asyncio.create_task(self._carry_out(test, intent, free))

    async def _carry_out(self, test: LoadTest, intent: int, free: Callable[[], None]) -> LoadState:
        """Run to the end, keep the report and record the outcome, also when it is broken off."""
        try:
            await test.run()
        finally:
            free()
            await asyncio.shield(self._conclude(test, intent))
        return test.state

    async def _conclude(self, test: LoadTest, intent: int) -> None:
        found = await asyncio.to_thread(files, test.state, test.job, test.ends)
        begun = datetime.fromtimestamp(test.state.started_at, UTC).strftime("%Y%m%dT%H%M%SZ")
        block = sub(r"[^A-Za-z0-9._-]", "_", test.state.plan.block_id)[:80]
        try:
            test.kept_as(await asyncio.to_thread(self._runs.save, f"{begun}-{block}", found))
        except OSError as error:
            test.kept_as(f"(not kept: {error})")
        await self._sender.conclude(intent, load_outcome(test.state))

    def _check_block(self, block_id: str) -> None:
        """Refuse a block that AIOS does not list, where its list is known."""
        blocks = self._latest().blocks
        if blocks and block_id not in blocks:
            raise ActionRefusedError(f"there is no block {block_id}; known blocks: {', '.join(blocks)}")

    # -- while it runs

    @property
    def running(self) -> bool:
        """Whether requests are sent or awaited."""
        return self._busy and self.state is not None and self.state.phase.sending

    @property
    def _busy(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def ends(self) -> list[RequestEnd]:
        """Every request of the running or last load test that has ended."""
        return [] if self._test is None else self._test.ends

    @property
    def job(self) -> LoadJob | None:
        """What the running or last load test was to send, and where."""
        return None if self._test is None else self._test.job

    def observe(self, fleet: FleetState) -> None:
        """Show the running load test what its block does."""
        if self._test is None or not self._busy:
            return
        block: BlockState | None = fleet.blocks.get(self._test.state.plan.block_id)
        if block is not None:
            self._test.observe(block, fleet.at)

    async def stop(self, cause: Cause = Cause.OPERATOR, reason: str = BY_OPERATOR) -> None:
        """Stop sending and wait for the answers; a second call gives them up, a third ends the watching."""
        if self._test is not None:
            self._test.stop(cause, reason)

    async def change_rate(self, factor: float) -> None:
        """Multiply the present rate; raises ActionRefusedError for more load through a closed write gate."""
        if factor > 1:
            self._sender.gate.check()
        if self._test is not None:
            self._test.change_rate(factor)

    async def next_stage(self) -> None:
        """Go on to the next stage."""
        if self._test is not None:
            self._test.next_stage()

    async def hold(self) -> None:
        """Stay at the present rate, or go on."""
        if self._test is not None:
            self._test.hold()

    async def ended(self) -> LoadState | None:
        """Wait for the running load test to end."""
        if self._task is not None:
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()
        return self.state

    async def close(self) -> None:
        """End a load test that still runs, with everything that is under way."""
        if self._task is not None and self._busy:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _end_watching(self) -> None:
        """Let a run that only watches any more make room for a new one."""
        if self._test is not None and self._task is not None and self._busy:
            self._test.stop()
            await asyncio.wait({self._task})

    def _note(self, state: LoadState) -> None:
        self.state = state
