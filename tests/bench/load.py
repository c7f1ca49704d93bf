"""How well the load generator keeps its schedule, and what it costs beside a bare aiohttp loop in the same sitting.

    python tests/bench/load.py [quick]

A trivial server on loopback runs in a process of its own. Prints a table; nothing is judged here, for absolute times
hold for one machine and one moment. Rates above the built-in caps are the configuration's `i_accept_higher_caps`; the
target is always loopback.
"""

import asyncio
import json
import multiprocessing
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import aiohttp
from msgspec.structs import replace

from aios_top.aios.address import Addresses
from aios_top.load.child import ProcessGenerator
from aios_top.model.load import LoadLimits, LoadPlan, Shape, Stage
from aios_top.model.load_job import LoadJob, Order, OrderKind, RequestEnd
from aios_top.model.spread import Distribution, Spread

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
BODY = b'{"model":"b","session_id":"s","seq_no":1,"ts":1.0,"data":{"reply":"a b c"}}'
LIMITS = replace(LoadLimits(), requests=20_000, rate=500.0, in_flight=640)
PARALLEL = 16


class Trivial(asyncio.Protocol):
    """Answers every request at once; while `stalled` is set, only when it is over."""

    stalled_until = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while True:
            head, found, rest = self.waiting.partition(b"\r\n\r\n")
            if not found:
                return
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            if len(rest) < length:
                return
            self.waiting = rest[length:]
            pause = Trivial.stalled_until - time.monotonic()
            answer = HEAD % len(BODY) + BODY
            if pause > 0:
                asyncio.get_running_loop().call_later(pause, self.transport.write, answer)
            else:
                self.transport.write(answer)


def serve(stall_after: float, stall_seconds: float, told: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Trivial, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])

        def stall() -> None:
            Trivial.stalled_until = time.monotonic() + stall_seconds

        if stall_seconds:
            loop.call_later(stall_after, stall)
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def serving(stall_after: float = 0.0, stall_seconds: float = 0.0) -> Iterator[str]:
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(stall_after, stall_seconds, theirs))
    process.start()
    try:
        yield f"http://127.0.0.1:{mine.recv()}"
    finally:
        process.terminate()
        process.join()


async def run(plan: LoadPlan, url: str, limits: LoadLimits = LIMITS) -> tuple[list[RequestEnd], float]:
    """Carry a plan out; return its requests and the CPU seconds of the sending process, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    flight = await ProcessGenerator(Addresses({})).start(LoadJob(plan, url, "127.0.0.1", limits))

    async def beat() -> None:
        while True:
            flight.order(Order(OrderKind.BEAT))
            await asyncio.sleep(1.0)

    beating = asyncio.create_task(beat())
    told = [news async for news in flight.news()]
    beating.cancel()
    await flight.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if told[-1].reason:
        print(told[-1].reason, file=sys.stderr)
    ends = [end for news in told for end in news.ends]
    return ends, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def spread(values: list[float]) -> Spread:
    found = Distribution()
    for value in values:
        found.add(value)
    return found.spread()


def open_loop(rate: float, seconds: float) -> dict[str, Any]:
    plan = LoadPlan("b", 20_000, 10, 10, shape=Shape.POISSON, stages=(Stage(seconds, rate),))
    constant = replace(plan, shape=Shape.CONSTANT)
    with serving() as url:
        rows = {}
        for name, given in (("constant", constant), ("poisson", plan)):
            control = subprocess.Popen(
                [sys.executable, "-c", CONTROL, str(rate), str(int(rate * seconds))], stdout=subprocess.PIPE, text=True
            )
            ends, cpu = asyncio.run(run(given, url))
            woken, _ = control.communicate()
            late = spread([end.sent - end.planned for end in ends])
            offered = max(end.planned for end in ends) - min(end.planned for end in ends)
            achieved = max(end.sent for end in ends) - min(end.sent for end in ends)
            rows[name] = {
                "late_p50_ms": 1e3 * (late.p50 or 0),
                "late_p99_ms": 1e3 * (late.p99 or 0),
                "bare_timer_late_p99_ms": 1e3 * float(woken),
                "late_max_ms": 1e3 * (late.maximum or 0),
                "rate_error_percent": 100 * abs(offered / achieved - 1),
                "ok": sum(end.ok for end in ends) / len(ends),
                "cpu_ms_per_request": 1e3 * cpu / len(ends),
            }
    return rows


CONTROL = """
import asyncio, sys, time

async def main():
    late, due = [], time.monotonic()
    for _ in range(int(sys.argv[2])):
        due += 1 / float(sys.argv[1])
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        late.append(time.monotonic() - due)
    late.sort()
    print(late[int(0.99 * len(late)) - 1])

asyncio.run(main())
"""
"""A process that only sleeps: how late the machine itself wakes a loop of the same rate, at the same time."""


def stall(rate: float) -> dict[str, Any]:
    """A server that answers nothing for five seconds: who waited shows from the planned time only."""
    plan = LoadPlan("b", 20_000, 10, 10, shape=Shape.CONSTANT, stages=(Stage(30.0, rate),))
    with serving(10.0, 5.0) as url:
        ends, _ = asyncio.run(run(plan, url, replace(LIMITS, in_flight=2)))
    latency, service = (spread([getattr(end, name) for end in ends if end.ok]) for name in ("latency", "service"))
    return {"planned_p99_s": latency.p99, "service_p99_s": service.p99, "n": latency.n}


def closed_loop(requests: int) -> dict[str, Any]:
    """The generator and a bare aiohttp loop in turn, each the best of three, on the same server.

    Rates suffer from whatever else runs on the machine; the CPU time of a request does so less.
    """
    plan = LoadPlan("b", requests, 10, 10, shape=Shape.CLOSED, concurrency=PARALLEL)
    with serving() as url:
        ours, bare, ours_cpu, bare_cpu = [], [], [], []
        for _ in range(3):
            _, start = asyncio.run(run(replace(plan, requests=1), url))
            ends, cpu = asyncio.run(run(plan, url))
            ours.append(len(ends) / (max(end.ended for end in ends) - min(end.sent for end in ends)))
            ours_cpu.append((cpu - start) / len(ends))
            before = time.process_time()
            bare.append(asyncio.run(bare_loop(url, requests)))
            bare_cpu.append((time.process_time() - before) / requests)
    return {
        "ours_per_second": max(ours),
        "bare_aiohttp_per_second": max(bare),
        "share_of_rate": max(ours) / max(bare),
        "ours_cpu_us": 1e6 * min(ours_cpu),
        "bare_aiohttp_cpu_us": 1e6 * min(bare_cpu),
        "share_by_cpu": min(bare_cpu) / min(ours_cpu),
    }


async def bare_loop(url: str, requests: int) -> float:
    """Send as many requests as possible with aiohttp and nothing else."""
    left = iter(range(requests))
    document = {"model": "b", "session_id": "s", "seq_no": 1, "data": {"mode": "chat", "message": "a b c"}}
    connector = aiohttp.TCPConnector(limit=PARALLEL)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def worker() -> None:
            for _ in left:
                async with session.post(f"{url}/v1/infer", json=document) as response:
                    await response.json()

        began = time.monotonic()
        await asyncio.gather(*(worker() for _ in range(PARALLEL)))
        return requests / (time.monotonic() - began)


def main() -> None:
    quick = "quick" in sys.argv[1:]
    table = {
        "open loop, 200 a second": open_loop(200.0, 10.0 if quick else 30.0),
        "server stalls 5 s": stall(20.0),
        f"closed loop, {PARALLEL} in flight": closed_loop(3_000 if quick else 10_000),
    }
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
