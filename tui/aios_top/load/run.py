"""One run of a load test: when each request is sent, what became of it, and how the run ends."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from aios_top.load.pacer import Pacer
from aios_top.load.stops import StopRules
from aios_top.load.words import prompt
from aios_top.model.load import Cause, InferenceReply, LoadPlan, Shape
from aios_top.model.load_job import LoadJob, LoadNews, Order, OrderKind, RequestEnd
from aios_top.model.span import length
from aios_top.sim.schedule import Asked, schedule

NEWS_SECONDS = 0.25
BEAT_SECONDS = 10.0
"""How long whoever watches may be silent before the run stops."""
GIVEN_UP = InferenceReply(False, "given_up", "given up by the client")


class Clock(Protocol):
    """The run's only source of time."""

    def monotonic(self) -> float:
        """Return monotonic seconds."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Sender(Protocol):
    """Sends one request and judges its answer."""

    async def infer(self, block_id: str, session_id: str, seq_no: int, text: str, max_tokens: int) -> InferenceReply:
        """Send one request and wait for its answer, without a limit of its own."""


class _Flight(Struct):
    """A request that is under way."""

    asked: Asked
    planned: float
    sent: float
    stage: int
    session_id: str
    task: "asyncio.Task[None] | None" = None
    verdict: InferenceReply = GIVEN_UP
    """What it counts as when it is cancelled."""


class LoadRun:
    """Sends a plan's requests; all methods belong to the loop that `run` runs on."""

    def __init__(
        self,
        job: LoadJob,
        sender: Sender,
        clock: Clock,
        publish: Callable[[LoadNews], None],
        beat_seconds: float | None = None,
    ) -> None:
        """Prepare; with `beat_seconds` the run stops when no order came for so long."""
        self._plan: LoadPlan = job.plan
        self._places = job.limits.places(job.plan.api)
        self._sender = sender
        self._clock = clock
        self._publish = publish
        self._beat_seconds = beat_seconds
        self._began = self._beat_at = clock.monotonic()
        self._pacer = Pacer(job.plan, job.limits, clock)
        self._asked: Iterator[Asked] = schedule(job.plan)
        self._rules = StopRules(job.plan, self._places)
        self._flying: dict[int, _Flight] = {}
        self._waiting: deque[tuple[Asked, float, int]] = deque()
        self._ends: list[RequestEnd] = []
        self._due = self._sent = 0
        self._planned_all = False
        self._draining_since: float | None = None
        self._cause: Cause | None = None
        self._reason = ""
        self._over = asyncio.Event()
        self._bug: BaseException | None = None

    async def run(self) -> None:
        """Send everything, wait for the answers, and tell the end."""
        watching = asyncio.create_task(self._watch())
        pacing = asyncio.create_task(self._pace())
        pacing.add_done_callback(self._paced)
        try:
            await self._over.wait()
        finally:
            self._planned_all = True  # what is cancelled below must not make room for more
            self._waiting.clear()
            for task in (watching, pacing, *self._tasks()):
                task.cancel()
            await asyncio.gather(watching, pacing, *self._tasks(), return_exceptions=True)
        if self._bug is not None:
            raise self._bug
        self._tell(done=True)

    def obey(self, order: Order) -> None:
        """Do what the parent says; any order shows that it is alive."""
        self._beat_at = self._clock.monotonic()
        match order.kind:
            case OrderKind.STOP:
                self.stop(order.cause, order.reason)
            case OrderKind.GIVE_UP:
                self.give_up(order.cause, order.reason)
            case OrderKind.RATE:
                self._pacer.change_factor(order.factor)
            case OrderKind.NEXT_STAGE:
                self._pacer.next_stage()
            case OrderKind.HOLD:
                self._pacer.hold()

    def stop(self, cause: Cause, reason: str) -> None:
        """Send nothing more and wait for the answers as long as the plan says; then give them up."""
        if self._draining_since is not None:
            return
        self._draining_since = self._clock.monotonic()
        self._cause, self._reason = cause, reason
        self._planned_all = True
        self._waiting.clear()
        self._pacer.end()
        self._end_when_empty()
        self._tell()

    def give_up(self, cause: Cause, reason: str) -> None:
        """Wait for no answer any more."""
        self.stop(cause, reason)
        for task in self._tasks():
            task.cancel()

    # -- sending

    async def _pace(self) -> None:
        """Make every request due at its planned time, or when a place is free in a closed loop."""
        if self._plan.shape is Shape.CLOSED:
            for _ in range(min(self._plan.concurrency, self._places)):
                self._next_of_closed_loop()
            if self._plan.duration_seconds is None:
                await self._over.wait()
            else:
                await self._pacer.until(self._began + self._plan.duration_seconds)
            return
        for asked in self._asked:
            planned = await self._pacer.due(asked.gap)
            if planned is None:
                return
            self._come_due(asked, planned)

    def _paced(self, pacing: "asyncio.Task[None]") -> None:
        if not pacing.cancelled() and pacing.exception() is not None:
            self._fail(pacing.exception())
        self._planned_all = True
        self._end_when_empty()

    def _come_due(self, asked: Asked, planned: float) -> None:
        self._due += 1
        if len(self._flying) < self._places:
            self._send(asked, planned, self._pacer.stage)
        else:
            self._waiting.append((asked, planned, self._pacer.stage))

    def _next_of_closed_loop(self) -> None:
        asked = None if self._planned_all else next(self._asked, None)
        if asked is None:
            self._planned_all = True
        else:
            self._come_due(asked, self._clock.monotonic())

    def _send(self, asked: Asked, planned: float, stage: int) -> None:
        flight = _Flight(asked, planned, self._clock.monotonic(), stage, str(uuid.uuid4()))
        self._sent += 1
        self._flying[asked.number] = flight
        flight.task = asyncio.create_task(self._request(flight))

    async def _request(self, flight: _Flight) -> None:
        """Send one request in a session of its own and count its end."""
        asked = flight.asked
        text = prompt(asked.input_tokens, self._plan.seed, asked.number)
        flight.sent = self._clock.monotonic()
        try:
            reply = await self._sender.infer(
                self._plan.block_id, flight.session_id, asked.number, text, asked.max_output_tokens
            )
        except asyncio.CancelledError:
            reply = flight.verdict
        except Exception as error:  # noqa: BLE001 - a bug is not an answer: it ends the run and is raised there
            self._fail(error)
            return
        self._count(flight, reply)

    def _count(self, flight: _Flight, reply: InferenceReply) -> None:
        asked, began = flight.asked, self._began
        end = RequestEnd(
            asked.number,
            flight.session_id,
            flight.stage,
            flight.planned - began,
            flight.sent - began,
            self._clock.monotonic() - began,
            asked.input_tokens,
            asked.max_output_tokens,
            reply.kind,
            reply.message,
            reply.output_words,
        )
        self._ends.append(end)
        del self._flying[asked.number]
        stop = self._rules.after(end)
        if stop is not None:
            self.stop(stop[0], f"stopped by itself: {stop[1]}")
        if self._waiting:
            self._send(*self._waiting.popleft())
        elif self._plan.shape is Shape.CLOSED:
            self._next_of_closed_loop()
        self._end_when_empty()

    def _end_when_empty(self) -> None:
        if self._planned_all and not self._flying and not self._waiting:
            self._over.set()

    def _fail(self, error: BaseException | None) -> None:
        self._bug = self._bug or error
        self._over.set()

    def _tasks(self) -> list["asyncio.Task[None]"]:
        return [flight.task for flight in self._flying.values() if flight.task is not None]

    # -- watching

    async def _watch(self) -> None:
        """Tell the news, end what takes too long, and stop when a rule says so."""
        while True:
            await self._clock.sleep(NEWS_SECONDS)
            now = self._clock.monotonic()
            self._lose_overdue(now)
            self._judge(now)
            self._tell()

    def _lose_overdue(self, now: float) -> None:
        """End requests whose deadline is over; the deadline is ours, for AIOS has none."""
        limit = self._plan.timeout_seconds
        for flight in list(self._flying.values()):
            if now - flight.sent < limit:
                break  # they are in the order in which they were sent
            flight.verdict = InferenceReply(False, "timeout", f"no answer within {length(limit)}")
            if flight.task is not None:
                flight.task.cancel()

    def _judge(self, now: float) -> None:
        if self._draining_since is not None:
            if now - self._draining_since >= self._plan.drain_seconds:
                self.give_up(self._cause or Cause.OPERATOR, self._reason)
            return
        if self._beat_seconds is not None and now - self._beat_at > self._beat_seconds:
            self.stop(Cause.UI_LOST, f"stopped by itself: the console stood still for {length(self._beat_seconds)}")
            return
        if self._pacer.timed_out:
            self.stop(Cause.TIME, "the longest time that a run may send is over")
            return
        stop = self._rules.at(now - self._began, len(self._waiting), self._pacer.slip)
        if stop is not None:
            self.stop(stop[0], f"stopped by itself: {stop[1]}")

    def _tell(self, *, done: bool = False) -> None:
        ends, self._ends = tuple(self._ends), []
        pacer = self._pacer
        self._publish(
            LoadNews(
                at=self._clock.monotonic() - self._began,
                draining=self._draining_since is not None,
                done=done,
                due=self._due,
                sent=self._sent,
                in_flight=len(self._flying),
                waiting=len(self._waiting),
                rate=pacer.rate,
                stage=pacer.stage,
                held=pacer.held,
                factor=pacer.factor,
                slip=pacer.take_slip(),
                cause=self._cause or (Cause.COMPLETE if done else None),
                reason=self._reason,
                ends=ends,
            )
        )
