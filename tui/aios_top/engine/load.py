"""A load test as the console sees it: the sending process, its counts, and what the autoscaler makes of it."""

import asyncio
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from aios_top.engine.load_counts import LoadCounts
from aios_top.engine.load_watch import LoadWatch
from aios_top.engine.ports import Clock, LoadFlight, LoadGenerator
from aios_top.model.change import Fate, Outcome
from aios_top.model.errors import ReadError
from aios_top.model.load import Cause, LoadPhase, LoadState, Prediction
from aios_top.model.load_job import LoadJob, LoadNews, Order, OrderKind, RequestEnd
from aios_top.model.state import BlockState

Publish = Callable[[LoadState], None]

BEAT_SECONDS = 1.0
"""How often the sending process is told that somebody watches."""
BY_OPERATOR = "stopped by the operator"


class LoadTest:
    """One run; all methods belong to the loop that `run` runs on."""

    def __init__(
        self,
        job: LoadJob,
        generator: LoadGenerator,
        clock: Clock,
        publish: Publish,
        *,
        block: BlockState | None = None,
        prediction: Prediction | None = None,
        expected: int = 0,
    ) -> None:
        """Prepare; `block` is the block before the load, `expected` the number of requests that the plan comes to."""
        self._job = job
        self._generator = generator
        self._clock = clock
        self._publish = publish
        self._flight: LoadFlight | None = None
        self._stops = 0
        self._watched = asyncio.Event()
        now = clock.now()
        self._counts = LoadCounts()
        self._watch = LoadWatch(job.plan, block, now)
        self.state = LoadState(
            job.plan,
            LoadPhase.RUNNING,
            now,
            job.url,
            job.address,
            expected=expected,
            prediction=prediction,
            lag=self._watch.lag,
        )

    @property
    def ends(self) -> list[RequestEnd]:
        """Every request that has ended, in the order of their ends."""
        return self._counts.ends

    @property
    def job(self) -> LoadJob:
        """What was to be sent, and where."""
        return self._job

    async def run(self) -> LoadState:
        """Send, wait for the answers, watch what follows, and return the final state."""
        self._show()
        try:
            await self._send()
            await self._watch_on()
        except asyncio.CancelledError:
            self._show(cause=Cause.UI_LOST, stop_reason="the console ended", phase=LoadPhase.STOPPED)
            raise
        finally:
            self._end()
        return self.state

    # -- orders

    def stop(self, cause: Cause = Cause.OPERATOR, reason: str = BY_OPERATOR) -> None:
        """Send nothing more and wait for the answers; a second call gives up on them too, and on watching."""
        if not self.state.phase.sending:
            self._watched.set()
            return
        again = self._stops > 0 or self.state.phase is LoadPhase.DRAINING
        if again and cause is not Cause.OPERATOR:
            return
        self._stops += 1
        self._order(OrderKind.GIVE_UP if again else OrderKind.STOP, cause=cause, reason=reason)

    def change_rate(self, factor: float) -> None:
        """Multiply the present rate by `factor`."""
        self._order(OrderKind.RATE, factor=self.state.factor * factor)

    def next_stage(self) -> None:
        """Go on to the next stage."""
        self._order(OrderKind.NEXT_STAGE)

    def hold(self) -> None:
        """Stay at the present rate, or go on when that was so."""
        self._order(OrderKind.HOLD)

    def _order(self, kind: OrderKind, **more: Any) -> None:
        if self._flight is not None:
            self._flight.order(Order(kind, **more))

    # -- sending

    async def _send(self) -> None:
        flight = self._flight = await self._generator.start(self._job)
        if self._stops:  # the operator was faster than the process
            flight.order(Order(OrderKind.STOP, reason=BY_OPERATOR))
        beating = asyncio.create_task(self._beat())
        try:
            async for news in flight.news():
                self._take(news)
        except ReadError as error:
            self._show(cause=Cause.CRASHED, stop_reason=str(error))
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            self._flight = None
            await flight.close()

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(BEAT_SECONDS)
            self._order(OrderKind.BEAT)

    def _begin_at(self, at: float) -> None:
        """Note when the sending process really began: starting it takes a moment."""
        self._watch.begin_at(at)
        self._show(started_at=at, lag=self._watch.lag)

    def _take(self, news: LoadNews) -> None:
        """Count what the sending process tells."""
        if self._counts.due == 0 and not self._counts.ends:
            self._begin_at(self._clock.now() - news.at)
        self._counts.add(news)
        counts = self._counts
        self._watch.note_ends(counts, self.state.started_at)
        self._show(
            phase=LoadPhase.DRAINING if news.draining else LoadPhase.RUNNING,
            due=news.due,
            sent=news.sent,
            ok=counts.ok,
            failed=counts.failed,
            lost=counts.lost,
            waiting=news.waiting,
            errors=tuple(counts.errors.most_common()),
            kinds=dict(counts.kinds),
            latencies=tuple(counts.latencies),
            latency=counts.latency.spread(),
            service=counts.service.spread(),
            lateness=counts.lateness.spread(),
            input_tokens=counts.input_tokens,
            rate=news.rate,
            stage=news.stage,
            held=news.held,
            factor=news.factor,
            slip=max(self.state.slip, news.slip),
            seconds=counts.seconds(),
            cause=news.cause,
            stop_reason="" if news.cause is Cause.COMPLETE else news.reason,
            lag=self._watch.lag,
        )

    # -- what the autoscaler does

    def observe(self, block: BlockState, now: float) -> None:
        """Take a new state of the block into account, and stop when what was waited for has happened."""
        self._watch.observe(block, now)
        self._show(
            lag=self._watch.lag,
            gains=self._watch.gains,
            server=self._watch.server,
            calibration=self._watch.calibration(self._counts),
            replica_seconds=self._watch.replica_seconds,
        )
        found = self._watch.reached(block)
        if found is not None and self.state.phase is LoadPhase.RUNNING:
            self.stop(*found)
        elif found is not None and self.state.phase is LoadPhase.WATCHING and self.state.cause is Cause.COMPLETE:
            self._show(cause=found[0], stop_reason=found[1])
        if self._watch.settled:
            self._watched.set()

    async def _watch_on(self) -> None:
        """Watch the autoscaler after the last answer, as long as the plan says."""
        seconds = self._job.plan.watch_seconds
        if seconds <= 0 or self.state.cause in {Cause.UI_LOST, Cause.CRASHED} or self._stops > 1:
            return
        if self._watch.settled:
            return
        self._show(phase=LoadPhase.WATCHING)
        watched = asyncio.create_task(self._watched.wait())
        limit = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({watched, limit}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watched.cancel()
            limit.cancel()
            await asyncio.gather(watched, limit, return_exceptions=True)

    def _end(self) -> None:
        self._watch.end_notes()
        cause = self.state.cause or Cause.COMPLETE
        phase = LoadPhase.FINISHED if cause in {Cause.COMPLETE, Cause.GOAL} else LoadPhase.STOPPED
        self._show(phase=phase, cause=cause, ended_at=self._clock.now(), lag=self._watch.lag)

    def kept_as(self, folder: str) -> None:
        """Note where the report was kept."""
        self._show(saved_as=folder)

    def _show(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self._publish(self.state)


def load_outcome(state: LoadState) -> Outcome:
    """Return a run's end as an outcome; a request that was never answered leaves it unknown."""
    counts = (
        f"{state.sent} sent: {state.ok} ok, {state.failed} failed, {state.lost + state.in_flight} without an answer"
    )
    fate = Fate.FAILED if state.failed else Fate.UNKNOWN if state.lost or state.in_flight else Fate.DONE
    return Outcome(fate, f"{counts}{'; ' if state.stop_reason else ''}{state.stop_reason}", sent_at=state.started_at)
