"""Background work on the embedded AIOS's loop: started by name, ended by its owner, never silent when it breaks."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_LOG = logging.getLogger(__name__)

Result = TypeVar("Result")


def spawn(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Start a task whose failure is logged when it happens."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.error("%s ended: %r", task.get_name(), error, exc_info=error)


async def every(seconds: float, work: Callable[[], None], *, first_after_seconds: float = 0.0) -> None:
    """Do the work again and again; what is missed is left out, never made up for."""
    await asyncio.sleep(first_after_seconds)
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        work()
        due = max(due + seconds, loop.time())
        await asyncio.sleep(due - loop.time())


async def in_own_thread(work: Callable[[], Result], name: str) -> Result:
    """Run blocking work that may never return; its thread then hinders neither the loop nor the exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(outcome: Result | BaseException) -> None:
        if future.done():
            return
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def run() -> None:
        try:
            outcome: Result | BaseException = work()
        except Exception as error:  # noqa: BLE001 - it is handed to whoever waits
            outcome = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future
