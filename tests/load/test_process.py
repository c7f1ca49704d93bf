"""The sending process itself, over real pipes and a real server that keeps a log of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from typing import Any

import psutil
import pytest

from aios_top.aios.address import Addresses
from aios_top.aios.credentials import Credentials
from aios_top.aios.read_list import ReadOnlyError
from aios_top.load import messages
from aios_top.load.child import ProcessGenerator
from aios_top.model.errors import ReadError
from aios_top.model.load import Api, Cause, LoadLimits, LoadPlan, Shape, Stage
from aios_top.model.load_job import LoadJob, LoadNews, Order, OrderKind, RequestEnd
from aios_top.model.secret import Secret
from fakes.embedded import until
from fakes.loopback import Loopback, reply, reset, silence

GOOD = {
    Api.INFER: {"model": "b", "session_id": "s", "seq_no": 1, "ts": 1.0, "data": {"reply": "a b"}},
    Api.CHAT: {"choices": [{"message": {"content": {"reply": "a b"}}}]},
    Api.COMPLETIONS: {"choices": [{"text": "a b"}]},
}
FAULTS: dict[str, tuple[Any, str]] = {
    # what the server does -> the kind that the client has to count
    "success false": (reply(200, {"success": False, "message": "b not found in the DB"}), "failed"),
    "chat error": (reply(500, {"error": {"message": "down", "code": 500}}), "failed"),
    "block says no": (reply(200, {"data": {"success": False, "message": "job failed"}}), "failed"),
    "no reason": (reply(500, {"ts": 1}), "http"),
    "html page": (reply(502, b"<html></html>", "text/html"), "http"),
    "redirect": (reply(307, b"", Location="http://127.0.0.1:9/"), "http"),
    "no reply": (reply(200, {"model": "b"}), "protocol"),
    "half json": (reply(200, b'{"data": '), "protocol"),
    "cut off": (reply(200, {"data": "x" * 99})[:-50], "protocol"),
    "reset": (reset, "protocol"),
    "never": (silence, "timeout"),
}


def job(url: str, requests: int = 30, **values: Any) -> LoadJob:
    return LoadJob(LoadPlan("b", requests, **values), url, "127.0.0.1", LoadLimits())


async def carried_out(given: LoadJob) -> tuple[LoadNews, list[RequestEnd]]:
    """Run a job to its end; what the process told last, and every request."""
    flight = await ProcessGenerator(Addresses({})).start(given)
    try:
        told = [news async for news in flight.news()]
    finally:
        await flight.close()
    return told[-1], [end for news in told for end in news.ends]


@pytest.mark.parametrize("api", [Api.INFER, Api.CHAT, Api.COMPLETIONS])
async def test_counts_by_outcome_are_those_of_the_servers_own_log_under_every_fault(api):
    log: Counter[str] = Counter()
    names = list(FAULTS)

    async def answer(request: Any, writer: Any) -> None:
        """Fail every third request, in turn in every way; three requests are never answered."""
        number = request.json["seq_no"]
        place = number // 3 % len(names)
        name = names[place] if number % 3 == 0 else "good"
        if name == "block says no" and api is not Api.INFER:
            name = "success false"
        found, kind = FAULTS.get(name, (reply(200, GOOD[api]), "ok"))
        log[kind] += 1
        if isinstance(found, bytes):
            writer.write(found)
            if name == "cut off":
                writer.close()
        else:
            await found(request, writer)

    async with Loopback(answer) as server:
        last, ends = await carried_out(
            job(server.url, 99, api=api, timeout_seconds=1.0, max_error_rate=1.0, shape=Shape.CLOSED, concurrency=4)
        )
        assert Counter(end.kind for end in ends) == log
        assert {request.target for request in server.requests} == {
            "/v1/" + ("chat/completions" if api is Api.CHAT else api)
        }
    assert (last.sent, len(ends), log["timeout"], last.cause) == (99, 99, 3, Cause.COMPLETE)
    assert all(log[kind] for kind in ("ok", "failed", "http", "protocol"))
    assert len({end.session_id for end in ends}) == 99


async def test_orders_reach_it_and_the_end_is_told():
    async with Loopback(reply(200, GOOD[Api.INFER])) as server:
        plan = {"shape": Shape.CONSTANT, "stages": (Stage(300, 20),)}
        flight = await ProcessGenerator(Addresses({})).start(job(server.url, 2000, **plan))
        told = []
        async for news in flight.news():
            told.append(news)
            if len(told) == 2:
                flight.order(Order(OrderKind.STOP, reason="enough"))
        await flight.close()
    assert (told[-1].done, told[-1].cause, told[-1].reason) == (True, Cause.OPERATOR, "enough")
    assert told[-1].sent == len(server.requests) == sum(len(news.ends) for news in told)


async def test_the_last_news_arrive_whole_although_they_are_longer_than_a_pipe_holds():
    """A thousand ends in one message have half a megabyte, and their reader may be late."""
    answer = reply(200, {"success": False, "message": "m" * 290})
    given = {"max_error_rate": 1.0, "input_tokens": 1, "shape": Shape.CLOSED, "concurrency": 64, "drain_seconds": 0.0}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FAST, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=messages.LONGEST_LINE
    )
    async with Loopback(answer) as server:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(messages.line(job(server.url, 1000, **given)))
        await until(lambda: len(server.requests) == 1000, 30)
        await asyncio.sleep(0.5)  # nobody reads meanwhile
        told = [messages.news(line) for line in (await process.stdout.read()).splitlines()]
        assert await process.wait() == 0
    assert told[-1].done
    assert sum(len(news.ends) for news in told) == told[-1].sent == 1000


FAST = """
from aios_top.load import process, run, stops
run.NEWS_SECONDS = 60.0  # everything in the last message
stops.JUDGED_FROM = 10_000  # failures have the longest messages
process.main()
"""


async def quiet_after_a_second(server: Loopback) -> bool:
    """Whether no request came from one second from now on."""
    await asyncio.sleep(1.0)
    seen = len(server.requests)
    await asyncio.sleep(1.0)
    return len(server.requests) == seen


PARENT = """
import asyncio, os, sys
from aios_top.aios.address import Addresses
from aios_top.load import messages
from aios_top.load.child import ProcessGenerator

async def main():
    flight = await ProcessGenerator(Addresses({})).start(messages.job(sys.stdin.buffer.readline()))
    async for news in flight.news():
        print(flight.process.pid, news.sent, flush=True)

asyncio.run(main())
"""
STEADY = {"shape": Shape.CONSTANT, "stages": (Stage(300, 20),)}


async def test_it_sends_nothing_a_second_after_its_parent_was_killed():
    async with Loopback(reply(200, GOOD[Api.INFER])) as server:
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PARENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(messages.line(job(server.url, 2000, **STEADY)))
        await until(lambda: len(server.requests) > 3, 20)
        child = int((await parent.stdout.readline()).split()[0])
        parent.send_signal(signal.SIGKILL)
        await parent.wait()
        assert await quiet_after_a_second(server)
        await until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


async def test_it_sends_nothing_a_second_after_nobody_reads_its_news():
    async with Loopback(reply(200, GOOD[Api.INFER])) as server:
        read, write = os.pipe()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "aios_top.load.process", stdin=subprocess.PIPE, stdout=write
        )
        os.close(write)
        assert process.stdin is not None
        process.stdin.write(messages.line(job(server.url, 2000, **STEADY)))
        await until(lambda: len(server.requests) > 3, 20)
        os.close(read)  # what it writes now breaks the pipe
        assert await quiet_after_a_second(server)
        assert await asyncio.wait_for(process.wait(), 10) == 3


async def test_closing_its_pipe_ends_it_with_everything_under_way():
    async with Loopback(silence) as server:
        flight = await ProcessGenerator(Addresses({})).start(job(server.url, 20))
        await until(lambda: len(server.requests) == 20, 20)
        await asyncio.wait_for(flight.close(), 5)
        assert flight.process.returncode == 3


async def test_a_job_that_it_cannot_read_or_may_not_do_is_told_in_its_own_words():
    generator = ProcessGenerator(Addresses({}))
    bad = LoadJob(LoadPlan("b"), "http://localhost:1", "169.254.169.254", LoadLimits())
    flight = await generator.start(bad)
    with pytest.raises(
        ReadError, match=r"ended by itself: load test: localhost leads to 169\.254\.169\.254, which is never"
    ):
        [news async for news in flight.news()]
    await flight.close()


async def test_a_secret_goes_to_its_origin_and_to_no_other():
    async with Loopback(reply(200, GOOD[Api.INFER])) as server, Loopback(reply(200, GOOD[Api.INFER])) as other:
        credentials = Credentials(server.url, {"authorization": Secret("Bearer canary")})
        for url in (server.url, other.url):
            flight = await ProcessGenerator(Addresses({}), credentials).start(job(url, 1))
            assert "canary" not in repr(flight)
            [news async for news in flight.news()]
            await flight.close()
    assert [request.headers.get("authorization") for request in server.requests] == ["Bearer canary"]
    assert [request.headers.get("authorization") for request in other.requests] == [None]


async def test_a_read_only_session_starts_no_process():
    with pytest.raises(ReadOnlyError, match="read-only"):
        await ProcessGenerator(Addresses({}), read_only=True).start(job("http://127.0.0.1:1"))
