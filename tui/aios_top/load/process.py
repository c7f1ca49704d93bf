"""The sending process: `python -m aios_top.load.process`. Job and orders come on stdin, news go to stdout.

It ends when its parent does: the end of stdin, or a stdout that nobody reads, ends every request at once.
"""

import asyncio
import gc
import os
import sys
from typing import NoReturn

from aios_top.aios.senders import Sender, open_sender
from aios_top.engine.clock import SystemClock
from aios_top.load import messages
from aios_top.load.run import BEAT_SECONDS, LoadRun
from aios_top.load.words import prompt
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.load_job import LoadJob, LoadNews
from aios_top.model.load_target import check_address

FLUSH_SECONDS = 0.01
LONGEST_BACKLOG = 4 * 1024 * 1024
"""Bytes of news that nobody reads, after which the parent counts as gone."""


def main() -> NoReturn:
    """Run one job; exits with 0 after its end, 1 when it could not run, 3 when the parent went away."""
    try:
        code = asyncio.run(_main())
    except (ReadError, ActionRefusedError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        code = 1
    sys.stderr.flush()
    os._exit(code)


async def _main() -> int:
    orders = await _standard_input()
    job = messages.job(await orders.readline())
    check_address(job.url, job.address)
    sender = await open_sender(job)
    try:
        return await _Sending(job, sender, orders, await _standard_output()).run()
    finally:
        await sender.close()


class _Sending:
    """A run with its two pipes."""

    def __init__(self, job: LoadJob, sender: Sender, orders: asyncio.StreamReader, out: asyncio.WriteTransport) -> None:
        self._job = job
        self._sender = sender
        self._out = out
        self._orders = orders
        self._lost = asyncio.Event()

    async def run(self) -> int:
        # A collection takes longer than the schedule may be late, and a run is too short to fill the memory.
        gc.disable()
        prompt(1, 0, 0)  # the first of anything takes longer, too
        load = LoadRun(self._job, self._sender, SystemClock(), self._tell, BEAT_SECONDS)
        running = asyncio.create_task(load.run())
        listening = asyncio.create_task(self._listen(load))
        losing = asyncio.create_task(self._lost.wait())
        await asyncio.wait({running, listening, losing}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            return 3  # nobody is there to watch: the process ends, and every connection with it
        running.result()
        while self._out.get_write_buffer_size() and not listening.done():  # noqa: ASYNC110 - a transport tells nobody
            await asyncio.sleep(FLUSH_SECONDS)  # the last news may be longer than a pipe holds
        self._out.close()
        listening.cancel()
        return 0

    async def _listen(self, load: LoadRun) -> None:
        """Obey until the end of stdin."""
        while text := await self._orders.readline():
            load.obey(messages.order(text))

    def _tell(self, news: LoadNews) -> None:
        if self._out.is_closing() or self._out.get_write_buffer_size() > LONGEST_BACKLOG:
            self._lost.set()
        else:
            self._out.write(messages.line(news))


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=messages.LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _standard_output() -> asyncio.WriteTransport:
    transport, _ = await asyncio.get_running_loop().connect_write_pipe(asyncio.BaseProtocol, sys.stdout)
    return transport


if __name__ == "__main__":
    main()
