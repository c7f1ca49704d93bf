"""A recording in place of the engine: the same console over it, from which nothing can be sent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

from aios_top.console.ports import Gate
from aios_top.engine.thread import EngineThread
from aios_top.engine.tryouts import Tryouts
from aios_top.model.audit import AuditEntry
from aios_top.model.deploy import DeployState
from aios_top.model.errors import ActionRefusedError
from aios_top.model.lint import LintReport
from aios_top.model.load import Api, Estimate, LoadLimits, LoadPlan, LoadState
from aios_top.model.moment import Moment
from aios_top.model.recording import RecordingState
from aios_top.model.shadow import ShadowState
from aios_top.model.state import BlockState, FleetState
from aios_top.model.tryout import SimulationWish, Tryout
from aios_top.model.what_if import Question

T = TypeVar("T")


class ClosedGate:
    """A write gate that nothing opens."""

    writable = False
    read_only = True

    def toggle(self) -> bool:
        """Stay closed."""
        return False


class RecordedCockpit:
    """Behaves as `console.ports.Cockpit` with the last moment of a recording; what would ask AIOS is refused."""

    def __init__(self, last: Moment, tryouts: Tryouts | None = None) -> None:
        """Show moments up to `last`; with `tryouts`, what was decided can be taken again."""
        self._last = last
        self._tryouts = tryouts
        self._thread: EngineThread[_Idle] | None = None

    def close(self) -> None:
        """End what is being tried out."""
        if self._thread is not None:
            self._thread.close(0.0)

    @property
    def gate(self) -> Gate:
        """A closed one."""
        return ClosedGate()

    @property
    def production(self) -> bool:
        """No: nothing can happen to it."""
        return False

    @property
    def load_limits(self) -> LoadLimits:
        """The built-in ones, of which nothing is used."""
        return LoadLimits()

    def now(self) -> float:
        """Return the time of the last moment."""
        return self._last.state.at

    def latest(self) -> FleetState:
        """Return the last state."""
        return self._last.state

    def subscribe(self, callback: Callable[[FleetState], None]) -> Callable[[], None]:  # noqa: ARG002 - nothing comes
        """Return the way to stop what never comes."""
        return lambda: None

    def submit(self, call: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> "Future[T]":
        """Run a coroutine on a loop of its own: a refusal, or something to try out."""
        if self._thread is None:
            self._thread = EngineThread(_idle)
            self._thread.start()
        return self._thread.submit(call, *arguments)

    def tryout(self) -> Tryout | None:
        """Return the running or last simulation or what-if."""
        return None if self._tryouts is None else self._tryouts.state

    async def simulate(self, wish: SimulationWish, block: BlockState | None) -> None:
        """Begin a simulation."""
        await self._bench().simulate(wish, block)

    async def what_if(self, block: BlockState, changes: Mapping[str, Any]) -> None:
        """Begin to take a block's decisions again, as they are known at the moment on the screen."""
        await self._bench().what_if(block, Question(block.block_id, changes, block.in_force))

    async def tryout_ended(self) -> Tryout | None:
        """Wait for the running one to end."""
        return await self._bench().ended()

    async def stop_tryout(self) -> None:
        """Stop the running one."""
        await self._bench().stop()

    def _bench(self) -> Tryouts:
        if self._tryouts is None:
            raise ActionRefusedError("nothing can be tried out here")
        return self._tryouts

    def load_state(self) -> LoadState | None:
        """Return the last load test."""
        return self._last.load

    def deploy_state(self) -> DeployState | None:
        """Return the last deploy."""
        return self._last.deploy

    def audit_entries(self) -> Sequence[AuditEntry]:
        """Return the operator's record as it was recorded."""
        return self._last.audit

    def recording(self) -> RecordingState | None:
        """Return None: a recording is not recorded."""
        return None

    async def toggle_recording(self) -> None:
        """Do nothing."""

    async def refresh(self) -> None:
        """Do nothing: there is nobody to ask."""

    async def set_poll_seconds(self, seconds: float) -> None:
        """Do nothing."""

    def load_target(self, api: Api) -> str:  # noqa: ARG002 - the Protocol's signature, here and below
        """Refuse."""
        return _refuse()

    def load_estimate(self, plan: LoadPlan) -> Estimate:  # noqa: ARG002
        """Refuse."""
        return _refuse()

    def aimed_load(self, block_id: str, percent: float, seconds: float) -> LoadPlan:  # noqa: ARG002
        """Refuse."""
        return _refuse()

    def lint_report(self, block_id: str) -> LintReport | None:  # noqa: ARG002
        """Return None: looking for what is wrong needs the running policy."""
        return None

    def shadow_state(self) -> ShadowState | None:
        """Return None: no draft runs beside a recording."""
        return None

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Refuse everything else that the console can ask of the engine, whatever is added to it."""
        if name.startswith("_"):
            raise AttributeError(name)
        return _refused


class _Idle:
    """Nothing polls a recording."""

    async def run(self) -> None:
        """Wait until cancelled."""
        await asyncio.Event().wait()


@asynccontextmanager
async def _idle() -> AsyncIterator[_Idle]:
    yield _Idle()


async def _refused(*_arguments: Any) -> None:
    _refuse()


def _refuse() -> NoReturn:
    raise ActionRefusedError("this is a recording: nothing can be sent from it")
