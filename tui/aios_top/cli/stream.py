"""The engine's states as a stream for the commands that go on until they are interrupted."""

import asyncio
from collections.abc import AsyncGenerator

from aios_top.engine.session import Session
from aios_top.model.state import FleetState


async def states(session: Session) -> AsyncGenerator[FleetState]:
    """Poll, and yield every published state; polling ends with the stream."""
    arrived: asyncio.Queue[FleetState] = asyncio.Queue()
    unsubscribe = session.subscribe(arrived.put_nowait)
    polling = asyncio.create_task(session.run())
    try:
        while True:
            arriving = asyncio.create_task(arrived.get())
            await asyncio.wait({arriving, polling}, return_when=asyncio.FIRST_COMPLETED)
            if not arriving.done():
                arriving.cancel()
                polling.result()
                return
            yield arriving.result()
    finally:
        unsubscribe()
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
