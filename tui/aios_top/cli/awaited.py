"""Runs what a command awaits."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def awaited(call: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return what it returns.

    As the result of its own task, `asyncio.run` would spell it out twice while it puts the handler of interrupts back,
    for a message that nobody sees; a state of four blocks with their decisions takes 200 ms.
    """
    found: list[T] = []

    async def keep() -> None:
        found.append(await call)

    asyncio.run(keep())
    return found[0]
