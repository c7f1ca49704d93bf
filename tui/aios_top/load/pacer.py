"""Waits for the planned time of each request, also when the rate is changed meanwhile."""

import asyncio
from typing import Protocol

from aios_top.model.load import LoadLimits, LoadPlan
from aios_top.sim.schedule import stages_of
from aios_top.sim.tempo import Tempo

SLOWEST_FACTOR, STEEPEST_FACTOR = 0.05, 20.0


class Clock(Protocol):
    """Where the time comes from."""

    def monotonic(self) -> float:
        """Return monotonic seconds."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Pacer:
    """The clockwork of one run: planned times follow each other, whenever this process is woken."""

    def __init__(self, plan: LoadPlan, limits: LoadLimits, clock: Clock) -> None:
        self._clock = clock
        self._stages = stages_of(plan)
        self._tempo = Tempo(self._stages)
        self._open = plan.shape.open_loop
        self._fastest = limits.rate
        self._mark = clock.monotonic()
        """Up to here the stages have passed: the planned time of the last request, or the last change."""
        self._last = self._mark + limits.seconds
        self._end = self._last if plan.duration_seconds is None else min(self._last, self._mark + plan.duration_seconds)
        self._passed = 0.0
        """Gap that has passed since the last planned time, because a change came in between."""
        self._nap: asyncio.Future[None] | None = None
        self._changed = self._ended = False
        self.slip = 0.0
        """Longest delay of a wake-up that has not been told yet, seconds."""

    @property
    def rate(self) -> float | None:
        """Requests per second that are offered now, None where there is no rate."""
        return self._tempo.rate if self._open and not self._ended else None

    @property
    def stage(self) -> int:
        """Index of the present stage."""
        return min(self._tempo.stage, max(0, len(self._stages) - 1))

    @property
    def held(self) -> bool:
        """Whether the present stage goes on without end."""
        return self._tempo.held

    @property
    def factor(self) -> float:
        """What multiplies the planned rates."""
        return self._tempo.factor

    @property
    def timed_out(self) -> bool:
        """Whether sending has lasted as long as any run may."""
        return self._clock.monotonic() >= self._last

    def take_slip(self) -> float:
        """Return the longest delay since the last call."""
        slip, self.slip = self.slip, 0.0
        return slip

    async def due(self, gap: float) -> float | None:
        """Wait for the planned time `gap` after the last one and return it; None when the load ends before."""
        if not self._open:
            return None if self._ended else self._mark  # a burst: everything is planned for its start
        while not self._ended:
            wait = self._tempo.seconds_for(max(0.0, gap - self._passed))
            planned = None if wait is None else self._mark + wait
            if planned is not None and planned <= self._end:
                if await self.until(planned):
                    self._tempo.advance(planned - self._mark)
                    self._mark, self._passed = planned, 0.0
                    return planned
            # Nothing more comes due; the stages still run to their end, and a change may make room.
            elif await self.until(min(self._end, self._mark + self._tempo.seconds_left)):
                return None
        return None

    async def until(self, at: float) -> bool:
        """Wait until the monotonic time `at`; False when a change or the end came before."""
        self._changed = False
        pause = at - self._clock.monotonic()
        if pause > 0:
            self._nap = asyncio.ensure_future(self._clock.sleep(pause))
            try:
                await self._nap
            except asyncio.CancelledError:
                if not (self._changed or self._ended):
                    raise
                return False
            finally:
                self._nap.cancel()
                self._nap = None
            self.slip = max(self.slip, self._clock.monotonic() - at)
        return not self._ended

    def change_factor(self, factor: float) -> None:
        """Multiply the planned rates, at most up to the fastest rate that is allowed."""
        highest = max((max(stage.rate, stage.last_rate) for stage in self._stages), default=0.0)
        if self._open and highest > 0:
            self._catch_up()
            self._tempo.factor = min(STEEPEST_FACTOR, self._fastest / highest, max(SLOWEST_FACTOR, factor))
            self._wake()

    def next_stage(self) -> None:
        """Go on to the next stage."""
        self._catch_up()
        self._tempo.next_stage()
        self._wake()

    def hold(self) -> None:
        """Stay at the present rate, or go on when that was so."""
        self._catch_up()
        self._tempo.held = not self._tempo.held
        self._wake()

    def end(self) -> None:
        """Let no more requests come due."""
        self._ended = True
        self._wake()

    def _catch_up(self) -> None:
        """Let the stages pass up to now at what was in force until now."""
        now = max(self._mark, self._clock.monotonic())
        self._passed += self._tempo.advance(now - self._mark)
        self._mark = now

    def _wake(self) -> None:
        self._changed = True
        if self._nap is not None:
            self._nap.cancel()
