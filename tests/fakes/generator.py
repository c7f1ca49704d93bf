"""The load generator without its process: the real run on the test's own loop, with a sender that a test scripts."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aios_top.load import messages
from aios_top.load.run import LoadRun
from aios_top.model.load import Api, InferenceReply
from aios_top.model.load_job import LoadJob, LoadNews, Order

OK = InferenceReply(True, "ok")
TARGET = "http://127.0.0.1:31504"


class FakeSender:
    """Answers after `seconds`, with `replies` in turn and OK after them; None is never answered."""

    def __init__(self, clock: Any, seconds: float = 1.0, replies: list[InferenceReply | None] | None = None) -> None:
        self.clock = clock
        self.seconds = seconds
        self.replies = replies or []
        self.requests: list[tuple[str, str, int, str, int]] = []
        self.times: list[float] = []
        self.in_flight = self.most_in_flight = self.cancelled = 0

    async def infer(self, block_id: str, session_id: str, seq_no: int, text: str, max_tokens: int) -> InferenceReply:
        self.requests.append((block_id, session_id, seq_no, text, max_tokens))
        self.times.append(self.clock.monotonic())
        reply = self.replies.pop(0) if self.replies else OK
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if reply is None:
                await asyncio.Event().wait()
            await self.clock.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1
        return reply or OK


class FakeGenerator:
    """Satisfies `engine.ports.LoadGenerator`; what crosses the pipes goes through the real encoding."""

    def __init__(self, sender: Any, clock: Any, *, target: str = TARGET, address: str = "127.0.0.1") -> None:
        self.sender = sender
        self.clock = clock
        self.address = address
        self.jobs: list[LoadJob] = []
        self.asked: list[str] = []
        self.flight: FakeFlight | None = None
        self._target = target

    def target(self, api: Api) -> str:
        del api
        return self._target

    async def resolve(self, url: str) -> str:
        self.asked.append(url)
        return self.address

    async def start(self, job: LoadJob) -> "FakeFlight":
        self.jobs.append(job)
        self.flight = FakeFlight(messages.job(messages.line(job)), self.sender, self.clock)
        return self.flight


class FakeFlight:
    """One run; `orders` lists what it was told."""

    def __init__(self, job: LoadJob, sender: Any, clock: Any) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.orders: list[Order] = []
        self.run = LoadRun(job, sender, clock, lambda news: self._queue.put_nowait(messages.line(news)))
        self.task = asyncio.ensure_future(self.run.run())
        self.task.add_done_callback(lambda _: self._queue.put_nowait(None))

    async def news(self) -> AsyncIterator[LoadNews]:
        while (line := await self._queue.get()) is not None:
            yield messages.news(line)

    def order(self, order: Order) -> None:
        self.orders.append(order)
        self.run.obey(order)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
