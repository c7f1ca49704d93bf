"""Runs simulations and what-ifs in the background, one at a time, in processes that no screen waits for."""

import asyncio
import threading
from collections.abc import Callable

from msgspec.structs import replace

from aios_top.engine.ports import Workbench
from aios_top.model.errors import ActionRefusedError
from aios_top.model.rule_call import RuleError
from aios_top.model.simulation import SimulationPlan
from aios_top.model.span import length
from aios_top.model.state import BlockState
from aios_top.model.tryout import RUNNING_SET, SimulationWish, Tryout, TryoutPhase
from aios_top.model.what_if import Question

Progress = Callable[[float], None]
Work = Callable[[Progress], Tryout]


class _StoppedError(Exception):
    """The operator does not want it any more."""


class Tryouts:
    """The tryouts of one session; coroutines belong to the engine's loop, `state` may be read on any thread."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._stopping = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self.state: Tryout | None = None
        """The running or last one."""

    async def simulate(self, wish: SimulationWish, block: BlockState | None) -> None:
        """Begin to simulate; raises ActionRefusedError for parameters that there are not, or while one is running."""
        plans = [self._plan(wish, block, named) for named in filter(None, (wish.parameters, wish.against))]
        against = f" against {wish.against}" if wish.against else ""
        title = f"Simulation: {wish.profile}, {length(3600 * wish.hours)}, {plans[0].name}{against}"

        def work(progress: Progress) -> Tryout:
            return Tryout(title, reports=tuple(self._workbench.simulate(plans, progress)))

        self._begin(title, work)

    async def what_if(self, block: BlockState, question: Question) -> None:
        """Begin to take a block's known decisions again; raises ActionRefusedError when there are none."""
        decisions = sorted(block.decisions, key=lambda decision: decision.at)
        if not decisions:
            raise ActionRefusedError(f"{block.block_id} has no decision yet that could be taken again")
        title = f"What if  {block.block_id}"

        def work(progress: Progress) -> Tryout:
            return Tryout(title, answer=self._workbench.what_if(decisions, question, progress))

        self._begin(title, work)

    async def stop(self) -> None:
        """Stop the running one."""
        self._stopping.set()

    async def ended(self) -> Tryout | None:
        """Wait for the running one, and return it."""
        if self._task is not None:
            await asyncio.wait({self._task})
        return self.state

    def _plan(self, wish: SimulationWish, block: BlockState | None, named: str) -> SimulationPlan:
        if named == RUNNING_SET and block is None:
            raise ActionRefusedError("no block is selected whose running parameters could be taken")
        given = block.in_force if named == RUNNING_SET and block is not None else self._workbench.parameters(named)
        changes = wish.changes if named == wish.parameters else {}
        record = None if block is None else block.record
        return SimulationPlan(
            name=f"{named} changed" if changes else named,
            profile=wish.profile,
            hours=wish.hours,
            parameters={**given, **changes},
            requests_per_minute=wish.requests_per_minute,
            replica_start_seconds=wish.replica_start_seconds,
            min_instances=max(1, (record and record.min_instances) or 1),
            max_instances=max(1, (record and record.max_instances) or 8),
        )

    def _begin(self, title: str, work: Work) -> None:
        if self.state is not None and self.state.running:
            raise ActionRefusedError(f"{self.state.title} is running: stop it first")
        self._stopping.clear()
        self.state = Tryout(title)
        self._task = asyncio.create_task(self._run(work))

    async def _run(self, work: Work) -> None:
        begun = self.state
        if begun is None:
            return
        try:
            done = await asyncio.to_thread(work, self._note)
            self.state = replace(done, phase=TryoutPhase.DONE, share=1.0)
        except _StoppedError:
            self.state = replace(begun, phase=TryoutPhase.STOPPED)
        except (RuleError, ValueError, OSError) as error:
            self.state = replace(begun, phase=TryoutPhase.FAILED, problem=f"the policy {error}")
        except asyncio.CancelledError:
            self._stopping.set()  # the thread ends at its next step, and its processes with it
            raise

    def _note(self, share: float) -> None:
        """Take the progress over, on the working thread."""
        if self._stopping.is_set():
            raise _StoppedError
        if self.state is not None and self.state.running:
            self.state = replace(self.state, share=share)
