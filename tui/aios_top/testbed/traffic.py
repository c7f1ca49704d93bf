"""The requests of one block: background load and foreign clients in, replies out, in real time."""

import asyncio
from collections import deque
from itertools import count
from typing import NoReturn

from msgspec import Struct

from aios_top.sim.block import BlockSim
from aios_top.sim.job import Done, Job
from aios_top.sim.workload import Workload
from aios_top.testbed.clock import Clock

SHORTEST_PAUSE_SECONDS = 0.001

ReplyKey = tuple[str, int]
"""Session id and sequence number: the name of the queue that a reply goes to."""


class Reply(Struct, frozen=True):
    """What a block answers: so many words, from this instance."""

    instance_id: str
    words: int


class Traffic:
    """Moves one block's simulator along with the clock, one timer at a time."""

    def __init__(self, sim: BlockSim, clock: Clock, workload: Workload | None) -> None:
        """Use `workload` as background load, which starts with `start`."""
        self.sim = sim
        self._clock = clock
        self._workload = workload
        self._accepts = False
        self._timer: asyncio.TimerHandle | None = None
        self._numbers = count()
        self._keys: dict[str, ReplyKey] = {}
        self._replies: dict[ReplyKey, deque[asyncio.Future[Reply]]] = {}

    def accept(self, accepts: bool) -> None:
        """Take requests from now on, or drop them: the executor is up, or is not."""
        self.step()
        self._accepts = accepts

    @property
    def accepts(self) -> bool:
        """Whether the executor takes requests."""
        return self._accepts

    @property
    def waits(self) -> bool:
        """Whether any client waits for a reply."""
        return bool(self._replies)

    def step(self) -> None:
        """Bring the simulator to the present, hand out what was finished, and set the timer for what comes next."""
        now = self._clock.now()
        if self._workload is not None:
            for job in self._workload.jobs_until(now):
                if self._accepts:
                    self._deliver(self.sim.advance(job.arrived))
                    self.sim.submit(job, job.arrived)
        self._deliver(self.sim.advance(now))
        self._schedule(now)

    def stop(self) -> None:
        """Let time stand still for this block; whoever waits for a reply waits forever."""
        if self._timer is not None:
            self._timer.cancel()
        self._workload = None

    async def ask(self, key: ReplyKey, input_tokens: int, output_tokens: int) -> Reply:
        """Send a request in and wait for a reply to its queue, as long as it takes."""
        self.step()
        now = self._clock.now()
        job = Job(f"asked-{next(self._numbers)}", now, input_tokens, output_tokens, key[0])
        self._keys[job.job_id] = key
        self.sim.submit(job, now)
        self._schedule(now)
        return await self._reply(key)

    async def never(self, key: ReplyKey) -> NoReturn:
        """Wait for the reply to a request that the block failed on, which does not come."""
        while True:
            await self._reply(key)

    async def _reply(self, key: ReplyKey) -> Reply:
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._replies.setdefault(key, deque()).append(reply)
        try:
            return await reply
        finally:
            self._forget(key, reply)

    def lose(self, jobs: list[Job]) -> None:
        """Forget requests that will never be answered; their clients are not told."""
        for job in jobs:
            self._keys.pop(job.job_id, None)

    def _deliver(self, finished: list[Done]) -> None:
        for done in finished:
            key = self._keys.pop(done.job.job_id, None)
            waiting = self._replies.get(key) if key is not None else None
            reply = next((future for future in waiting or () if not future.done()), None)
            if reply is not None:
                reply.set_result(Reply(done.instance_id, done.job.output_tokens))

    def _forget(self, key: ReplyKey, reply: asyncio.Future[Reply]) -> None:
        waiting = self._replies[key]
        waiting.remove(reply)
        if not waiting:
            del self._replies[key]

    def _schedule(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        arrival = None if self._workload is None else self._workload.next_arrival()
        moments = [at for at in (self.sim.next_event(now), arrival) if at is not None]
        if moments:
            pause = max(min(moments) - now, SHORTEST_PAUSE_SECONDS)
            self._timer = asyncio.get_running_loop().call_later(pause, self.step)
