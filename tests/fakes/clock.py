"""A clock that stands still until a test advances it."""

import asyncio
import heapq
import itertools

SETTLING_TURNS = 50
"""Turns of the event loop that a woken task gets to do its work before the next sleeper wakes."""


class FakeClock:
    """Satisfies `engine.ports.Clock`; `advance` wakes the sleepers in order, each at its own moment."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self._now = now
        self._numbers = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waker = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._numbers), waker))
        await waker

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        end = self._now + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, waker = heapq.heappop(self._sleepers)
            self._now = max(self._now, due)
            if not waker.done():
                waker.set_result(None)
            await self.settle()
        self._now = end
        await self.settle()

    async def settle(self) -> None:
        """Let everything that can run without time passing run."""
        for _ in range(SETTLING_TURNS):
            await asyncio.sleep(0)
