"""Asks every block's policy on time through the management services, a few at once; a dead one delays no other."""

import asyncio
from collections.abc import Callable

from msgspec import Struct

from aios_top.engine.observe import decisions_since
from aios_top.engine.picture import Picture
from aios_top.engine.ports import Clock, Reads
from aios_top.model.errors import ReadError
from aios_top.model.fact import DecisionsTold, Fact, PolicyTold
from aios_top.model.policy_state import ParameterReport, PolicyReport, Voice
from aios_top.model.text import Clean, clean

SILENT_SECONDS = 60.0
"""Period at which a policy that did not answer `get_state` is asked again: it may have been replaced."""
UNREACHABLE_SECONDS = 5.0
PAGES = 3
"""A policy keeps 512 decisions and sends 256 at a time."""
REFUSED_SECONDS = 30.0
"""Pause after an answer that says that nobody here may ask."""
AT_ONCE = 8
"""Management requests in flight."""


class _Policy(Struct):
    """One block's autoscaler as the poller knows it."""

    parameters: ParameterReport | None = None
    parameters_for: tuple[object, object] | None = None
    """Boot id and generation that `parameters` belong to."""
    ask_again_at: float = 0.0
    asking: asyncio.Task[None] | None = None


class PolicyPolls:
    """What is asked of the policies of one AIOS, and when again."""

    def __init__(
        self, reads: Reads, clock: Clock, picture: Picture, learn: Callable[[Fact], None], now: Callable[[], float]
    ) -> None:
        """`picture` says which blocks there are, `learn` takes what their policies answer, told at `now`."""
        self._reads = reads
        self._clock = clock
        self._picture = picture
        self._learn = learn
        self._now = now
        self._policies: dict[Clean, _Policy] = {}
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._ask_at = 0.0
        """When any policy may be asked again."""
        self._refused = False

    def forget(self, block_id: Clean) -> None:
        """Ask this block's policy again at once, e.g. after a restart."""
        policy = self._policies.get(block_id)
        if policy is not None:
            policy.ask_again_at = 0.0

    def asking(self) -> list[asyncio.Task[None]]:
        """Return what is being asked."""
        return [policy.asking for policy in self._policies.values() if policy.asking is not None]

    def start(self) -> list[asyncio.Task[None]]:
        """Begin to ask every policy whose time has come; returns those that are being asked."""
        if not any(self._reads.has(name) for name in ("autoscaler", "gateway", "updater")):
            return []
        now = self._clock.monotonic()
        if now < self._ask_at:
            return []
        tasks: list[asyncio.Task[None]] = []
        for block_id, record in self._picture.knowledge.records.items():
            policy = self._policies.setdefault(Clean(block_id), _Policy())
            if record.autoscaler is None:
                self._note_absent(Clean(block_id))
                continue
            if policy.asking is None or policy.asking.done():
                if now < policy.ask_again_at or (tasks and self._refused):
                    continue
                policy.asking = asyncio.create_task(self._ask_policy(Clean(block_id), policy))
            tasks.append(policy.asking)
        return tasks

    def _note_absent(self, block_id: Clean) -> None:
        """Say once that a block has no policy to ask."""
        told = self._picture.knowledge.told.get(block_id)
        if told is None or told.report.voice is not Voice.ABSENT:
            self._learn(PolicyTold(block_id, PolicyReport(Voice.ABSENT), None))

    async def _ask_policy(self, block_id: Clean, policy: _Policy) -> None:
        async with self._limit:
            if self._clock.monotonic() < self._ask_at:
                return
            try:
                report = await self._reads.policy_report(block_id)
                if report.voice is Voice.FULL:
                    await self._ask_details(block_id, policy, report)
            except ReadError as error:
                report = PolicyReport(Voice.UNREACHABLE, problem=clean(str(error)), problem_kind=error.kind)
                self._pause(error)
            else:
                self._refused = False
        pause = {Voice.SILENT: SILENT_SECONDS, Voice.UNREACHABLE: UNREACHABLE_SECONDS}.get(report.voice, 0.0)
        policy.ask_again_at = self._clock.monotonic() + pause
        if report.voice is not Voice.FULL:
            policy.parameters = policy.parameters_for = None
        self._learn(PolicyTold(block_id, report, self._now(), policy.parameters))

    def _pause(self, error: ReadError) -> None:
        """Ask no policy for a while when the service before them all refuses, then one of them first."""
        if error.kind in {"not_authorised", "busy"}:
            self._refused = True
            wait = error.retry_after_seconds
            self._ask_at = self._clock.monotonic() + (REFUSED_SECONDS if wait is None else wait)

    async def _ask_details(self, block_id: Clean, policy: _Policy, report: PolicyReport) -> None:
        """Read the decisions since the cursor, and the parameters when they may have changed."""
        memory = self._picture.memory(block_id)
        last = report.last_decision
        for _ in range(PAGES):
            if last is None or (report.boot_id == memory.boot_id and (last.seq or 0) <= memory.cursor):
                break
            page = await self._reads.decisions(block_id, decisions_since(memory), memory.boot_id)
            if page is None or (page.boot_id, page.next_since) == (memory.boot_id, memory.cursor):
                break
            self._learn(DecisionsTold(block_id, page))
        generation = (report.boot_id, report.state.get("parameters_generation"))
        if policy.parameters is None or policy.parameters_for != generation:
            policy.parameters = await self._reads.parameters(block_id)
            policy.parameters_for = generation
