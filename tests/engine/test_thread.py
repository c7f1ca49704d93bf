"""The engine's thread: opening, calling, failing, closing."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aios_top.engine.thread import EngineThread


class Recorder:
    """A session that writes down what happens to it and on which thread."""

    def __init__(self, ends_with: Exception | None = None) -> None:
        self.events: list[str] = []
        self.threads: set[str] = set()
        self.ends_with = ends_with
        self.started = threading.Event()

    async def run(self) -> None:
        self.threads.add(threading.current_thread().name)
        if self.ends_with:
            raise self.ends_with
        try:
            await asyncio.Event().wait()
        finally:
            self.events.append("run ended")

    async def double(self, number: int) -> int:
        self.threads.add(threading.current_thread().name)
        await asyncio.sleep(0)
        return number * 2

    async def slow(self) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # such as writing to the record that the outcome is unknown
            self.events.append("slow cancelled")
            raise

    async def quick(self, gate: threading.Event) -> str:
        self.started.set()
        await asyncio.to_thread(gate.wait)
        self.events.append("quick answered")
        return "answer"


def engine_of(session: Recorder, failures: list[BaseException] | None = None) -> EngineThread[Recorder]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Recorder]:
        session.events.append("opened")
        yield session
        session.events.append("closed")

    return EngineThread(opened, (failures if failures is not None else []).append)


def test_calls_run_on_the_engines_thread_and_return_there() -> None:
    session = Recorder()
    engine = engine_of(session)
    assert engine.start() is session
    assert engine.submit(session.double, 21).result(10) == 42
    assert engine.close(1)
    assert session.threads == {"aios-top-engine"}
    assert session.events == ["opened", "run ended", "closed"]


def test_what_opening_raises_reaches_the_starter() -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[Recorder]:
        raise OSError("no such file: config.toml")
        yield Recorder()

    engine = EngineThread(broken)
    with pytest.raises(OSError, match=r"config\.toml"):
        engine.start()
    assert engine.close(1)


def test_a_session_that_ends_by_itself_is_a_failure() -> None:
    failures: list[BaseException] = []
    engine = engine_of(Recorder(KeyError("poller")), failures)
    engine.start()
    assert engine.close(1)
    assert [type(failure) for failure in failures] == [KeyError]


def test_closing_waits_for_an_answer_that_comes_in_time() -> None:
    session, gate = Recorder(), threading.Event()
    engine = engine_of(session)
    engine.start()
    answer = engine.submit(session.quick, gate)
    assert session.started.wait(10)
    assert engine.busy
    threading.Timer(0.05, gate.set).start()
    assert engine.close(10)
    assert answer.result(0) == "answer"
    assert session.events == ["opened", "quick answered", "run ended", "closed"]


def test_closing_cancels_what_does_not_end_and_lets_it_clean_up_before_the_connections_go() -> None:
    session = Recorder()
    engine = engine_of(session)
    engine.start()
    engine.submit(session.slow)
    assert session.started.wait(10)
    assert engine.close(0.05)
    assert session.events == ["opened", "slow cancelled", "run ended", "closed"]
