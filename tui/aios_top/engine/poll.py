"""Asks AIOS on time, survives what it answers, and publishes one state per poll."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec.structs import replace

from aios_top.engine.breaker import Breaker
from aios_top.engine.picture import Picture
from aios_top.engine.policy_polls import PolicyPolls
from aios_top.engine.ports import Clock, History, Reads
from aios_top.model.errors import ReadError
from aios_top.model.fact import (
    CooldownReset,
    Fact,
    FleetFailed,
    FleetRead,
    PoliciesRead,
    Poll,
    RecordsRead,
    Resumed,
)
from aios_top.model.state import FleetState
from aios_top.model.text import Clean

RECORDS_SECONDS = 10.0
"""Period of the blocks database, whose records change only when someone edits them."""
POLICIES_SECONDS = 30.0
PAUSE_SECONDS = 20.0
"""A poll that is this late means that the process or the machine stood still."""
PATIENCE = 0.8
"""Part of a poll's period that a state waits for management answers; later ones show in the next state."""

BACKFILL_SECONDS = 1980.0
"""How far back history is asked for: the longest time axis."""

T = TypeVar("T")
Publish = Callable[[FleetState], None]
Complete = Callable[[FleetState], FleetState]


class Poller:
    """Polls one AIOS installation.

    The fleet's metrics, the databases and the management services are independent: a dead one delays no other.
    """

    def __init__(
        self,
        reads: Reads,
        clock: Clock,
        publish: Publish,
        *,
        poll_seconds: float = 2.0,
        context: str = "",
        origin_note: str = "",
        reach: str = "",
        seed: int | None = None,
        complete: Complete = lambda state: state,
    ) -> None:
        """`complete` adds to each state what is known beside the polls before it is published."""
        self.poll_seconds = poll_seconds
        self._reads = reads
        self._clock = clock
        self._publish = publish
        self._complete = complete
        self._chance = random.Random(seed)
        self._breakers: dict[str, Breaker] = {}
        self.picture = Picture(clock.now(), context, origin_note, reach)
        self._policies = PolicyPolls(reads, clock, self.picture, self._learn, self._now)
        self._facts: list[Fact] = []
        self._records_at = self._policies_at = float("-inf")
        self._wake = asyncio.Event()
        self._databases: asyncio.Task[None] | None = None
        self.poll: Poll | None = None
        """What the newest state was made of."""

    @property
    def state(self) -> FleetState:
        """The newest state."""
        return self.picture.state

    async def run(self) -> None:
        """Poll until cancelled; a poll that was missed, as after a suspend, is not made up for."""
        try:
            while True:
                started = self._clock.monotonic()
                await self._poll(patience=self.poll_seconds * PATIENCE)
                await self._rest(self.poll_seconds - (self._clock.monotonic() - started))
                self._note_pause(self._clock.monotonic() - started)
        finally:
            await self._end()

    async def refresh(self) -> FleetState:
        """Ask every source once, wait for all of them, publish and return the state."""
        await self._poll(patience=None)
        return self.state

    def show(self) -> FleetState:
        """Publish and return the state anew, with what has become known beside the polls."""
        self._publish_state()
        return self.state

    def wake(self) -> None:
        """Poll now instead of at the end of the period."""
        self._wake.set()

    def forget_policy(self, block_id: str) -> None:
        """Ask this block's policy again at once, e.g. after a restart."""
        self._policies.forget(Clean(block_id))

    def note_cooldown_reset(self, block_id: str) -> None:
        """Remember that the console itself reset the timer of a policy that cannot say so."""
        self._learn(CooldownReset(Clean(block_id), self._clock.now()))

    def _note_pause(self, seconds: float) -> None:
        """Remember that this process stood still: what is on the screen is that old, whoever asks why."""
        if seconds > self.poll_seconds + PAUSE_SECONDS:
            self._learn(Resumed(self._now(), seconds))

    async def _rest(self, seconds: float) -> None:
        """Sleep for the rest of the period, or until somebody wants fresh figures."""
        self._wake.clear()
        sleep = asyncio.ensure_future(self._clock.sleep(max(0.0, seconds)))
        wake = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({sleep, wake}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            wake.cancel()

    async def _poll(self, patience: float | None) -> None:
        databases = self._start_databases()
        fleet = asyncio.create_task(self._ask_fleet())
        try:
            if not self.picture.knowledge.records and databases is not None:
                await self._wait({databases}, patience)  # without the records nobody knows whose policy to ask
            asked = self._policies.start()
            await fleet
        finally:
            fleet.cancel()
        waiting = {task for task in asked if not task.done()}
        if databases is not None and patience is None:
            waiting.add(databases)
        await self._wait(waiting, patience)
        self._publish_state()

    async def _wait(self, tasks: set[asyncio.Task[None]], patience: float | None) -> None:
        """Wait for tasks up to `patience` seconds of the engine's clock; those that are late go on."""
        if not tasks:
            return
        limit = None if patience is None else asyncio.ensure_future(self._clock.sleep(patience))
        try:
            pending: set[asyncio.Future[None]] = set(tasks)
            while pending:
                done, _ = await asyncio.wait(
                    pending | ({limit} if limit else set()), return_when=asyncio.FIRST_COMPLETED
                )
                pending -= done
                if limit is not None and limit in done:
                    return
        finally:
            if limit is not None:
                limit.cancel()

    async def _end(self) -> None:
        """Cancel what is still being asked."""
        tasks = self._policies.asking()
        if self._databases is not None:
            tasks.append(self._databases)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask_fleet(self) -> None:
        """Read all metric documents; a failure keeps the last good ones and their age."""
        reading = await self._guarded("metrics", self._reads.fleet)
        if reading is None:
            self._learn(FleetFailed(self._breaker("metrics").state.problem))
        else:
            self._learn(FleetRead(replace(reading, received_at=round(reading.received_at, 3))))

    def _start_databases(self) -> asyncio.Task[None] | None:
        """Begin to read the block records and the registry when they are due."""
        if self._databases is not None and not self._databases.done():
            return self._databases
        now = self._clock.monotonic()
        if now - self._records_at < RECORDS_SECONDS and now - self._policies_at < POLICIES_SECONDS:
            return None
        self._databases = asyncio.create_task(self._ask_databases(now))
        return self._databases

    async def _ask_databases(self, now: float) -> None:
        await asyncio.gather(self._ask_records(now), self._ask_registry(now))

    async def _ask_records(self, now: float) -> None:
        if now - self._records_at >= RECORDS_SECONDS and self._reads.has("blocks"):
            records = await self._guarded("blocks", self._reads.records)
            if records is not None:
                self._learn(RecordsRead(records))
                self._records_at = now

    async def _ask_registry(self, now: float) -> None:
        if now - self._policies_at >= POLICIES_SECONDS and self._reads.has("policies"):
            policies = await self._guarded("policies", self._reads.policies)
            if policies is not None:
                self._learn(PoliciesRead(policies))
                self._policies_at = now

    async def _guarded(self, name: str, ask: Callable[[], Awaitable[T]]) -> T | None:
        """Ask one endpoint through its breaker; None when it failed or is left alone for now."""
        breaker = self._breaker(name)
        started = self._clock.monotonic()
        if not breaker.allows(started):
            return None
        try:
            answer = await ask()
        except ReadError as error:
            breaker.failed(self._clock.monotonic(), error)
            return None
        now = self._clock.monotonic()
        breaker.succeeded(now, self._clock.now(), now - started)
        return answer

    def _breaker(self, name: str) -> Breaker:
        if name not in self._breakers:
            self._breakers[name] = Breaker(name, self._chance)
        return self._breakers[name]

    def _now(self) -> float:
        """Return the time to the millisecond: what is finer says nothing and fills recordings."""
        return round(self._clock.now(), 3)

    async def backfill(self, source: History) -> bool:
        """Ask once for the history of the known blocks from before the console; return whether there was any.

        Only a source that failed is listed among the services: one that answered is not asked again, so that nobody
        knows how it does, and need not be a service at all.
        """
        blocks, now = list(self.state.blocks), self._now()
        found = await self._guarded(source.name, lambda: source.history(blocks, now - BACKFILL_SECONDS, now))
        if found is not None:
            del self._breakers[source.name]
        for fact in found or ():
            self._learn(fact)
        return bool(found)

    def note(self, fact: Fact) -> None:
        """Learn something that no poll brought; the next state shows it."""
        self._learn(fact)

    def _learn(self, fact: Fact) -> None:
        """Put a fact into the picture, and into what the next state was made of."""
        self.picture.take(fact)
        self._facts.append(fact)

    def _publish_state(self) -> None:
        now = self._now()
        endpoints = {name: breaker.state for name, breaker in self._breakers.items()}
        self.picture.publish(now, self.poll_seconds, endpoints)
        state = self.picture.state = self._complete(self.picture.state)
        facts, self._facts = tuple(self._facts), []
        self.poll = Poll(now, state.sequence, self.poll_seconds, facts, endpoints, state.context, state.origin_note)
        self._publish(state)
