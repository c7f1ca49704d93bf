"""Runs a session on a thread and an event loop of its own, so that a stalled screen stops nothing."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


class Runnable(Protocol):
    """What the thread keeps running."""

    async def run(self) -> None:
        """Run until cancelled."""


S = TypeVar("S", bound=Runnable)

_JOIN_SECONDS = 5.0
"""How long closing the connections may take after the last answer."""


class EngineThread(Generic[S]):
    """A thread that opens a session, runs it, starts calls on its loop, and closes it."""

    def __init__(
        self,
        open_session: Callable[[], AbstractAsyncContextManager[S]],
        failed: Callable[[BaseException], None] = lambda _error: None,
    ) -> None:
        """`failed` is called on the engine's thread when the session ends by itself, which it never should."""
        self._open_session = open_session
        self._failed = failed
        self._opened: Future[S] = Future()
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._grace_seconds = 0.0
        self._calls: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._run, name="aios-top-engine", daemon=True)

    def start(self) -> S:
        """Open the session and return it; raises what opening raised."""
        self._thread.start()
        return self._opened.result()

    def submit(self, call: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> "Future[T]":
        """Start `call(*arguments)` on the session's loop."""
        return asyncio.run_coroutine_threadsafe(self._tracked(call(*arguments)), self._loop)

    @property
    def busy(self) -> bool:
        """Whether a call has not ended yet."""
        return bool(self._calls)

    def close(self, grace_seconds: float) -> bool:
        """Let running calls end within the grace, cancel the rest, close the session; False when it hangs."""
        self._grace_seconds = grace_seconds
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(grace_seconds + _JOIN_SECONDS)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever started the thread
            if self._opened.done():
                self._failed(error)
            else:
                self._opened.set_exception(error)

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with self._open_session() as session:
            running = asyncio.create_task(session.run())
            running.add_done_callback(self._note_end)
            self._opened.set_result(session)
            await self._stop.wait()
            await self._end_calls()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _note_end(self, running: "asyncio.Task[None]") -> None:
        if not running.cancelled():
            self._failed(running.exception() or RuntimeError("the engine stopped by itself"))

    async def _end_calls(self) -> None:
        """Wait for what is under way: an answer that is not waited for leaves its outcome unknown."""
        calls = tuple(self._calls)
        if calls:
            _, late = await asyncio.wait(calls, timeout=self._grace_seconds)
            for call in late:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    async def _tracked(self, call: Coroutine[Any, Any, T]) -> T:
        """Run a call as a task that closing can wait for, its cleaning up included."""
        task = asyncio.current_task()
        if task is None:  # a coroutine that runs is run by a task
            raise RuntimeError("not inside a task")
        self._calls.add(task)
        try:
            return await call
        finally:
            self._calls.discard(task)
