"""Starts the sending process and talks to it; satisfies `engine.ports.LoadGenerator`."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress

from msgspec.structs import replace

from aios_top.aios.address import Addresses
from aios_top.aios.credentials import NOBODY, Credentials
from aios_top.aios.read_list import ReadOnlyError
from aios_top.aios.resolve import resolved
from aios_top.aios.transport import no_address
from aios_top.load import messages
from aios_top.model.errors import ReadError
from aios_top.model.load import Api
from aios_top.model.load_job import LoadJob, LoadNews, LoadProof, Order
from aios_top.model.load_target import host_and_port

END_SECONDS = 2.0
"""How long the process may take to end after its pipe was closed, before it is killed."""
KEPT_LINES = 20


class ProcessGenerator:
    """Runs each load test in a process of its own."""

    def __init__(self, addresses: Addresses, credentials: Credentials = NOBODY, *, read_only: bool = False) -> None:
        self._addresses = addresses
        self._credentials = credentials
        self._read_only = read_only

    def target(self, api: Api) -> str:
        """Return the base URL that requests go to; raises ReadError `no_address`."""
        service = "grpc" if api is Api.GRPC else "inference"
        url = self._addresses.url(service)
        if url is None:
            raise ReadError("no_address", no_address(service))
        return url

    async def resolve(self, url: str) -> str:
        """Return the one IP address that the host of `url` has now; raises ReadError."""
        return await resolved(*host_and_port(url))

    async def start(self, job: LoadJob) -> "ChildFlight":
        """Start the process and give it its job; raises ReadOnlyError in a session that sends none."""
        if self._read_only:
            raise ReadOnlyError("this session is read-only: no inference request leaves it")
        # -P: a file in the working directory must not pass for a module. Its own session: a Ctrl+C in the terminal
        # is the parent's to handle.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "aios_top.load.process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=messages.LONGEST_LINE,
            start_new_session=True,
        )
        flight = ChildFlight(process)
        flight.send(messages.line(replace(job, proof=self._proof(job.url))))
        return flight

    def _proof(self, url: str) -> LoadProof | None:
        """Return what proves who asks, to the origin that it belongs to and to no other."""
        proof = self._credentials
        if not proof.covers(url):
            return None
        headers = {name: secret.reveal() for name, secret in proof.headers.items()}
        return LoadProof(headers, proof.certificate, proof.ca_file)


class ChildFlight:
    """One running sending process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._errors: deque[str] = deque(maxlen=KEPT_LINES)
        self._complaining = asyncio.create_task(self._keep_errors())

    async def news(self) -> AsyncIterator[LoadNews]:
        """Yield what it tells until it ends; raises ReadError with its own words when it ends before its run does."""
        out = self.process.stdout
        done = False
        while out is not None and (text := await out.readline()).endswith(b"\n"):
            news = messages.news(text)
            done = news.done
            yield news
        if not done:
            await self.process.wait()
            await self._complaining
            said = self._errors[-1] if self._errors else f"exit status {self.process.returncode}"
            raise ReadError("crashed", f"the process that sends ended by itself: {said}")

    def order(self, order: Order) -> None:
        """Tell it something; one that has ended hears nothing."""
        self.send(messages.line(order))

    def send(self, text: bytes) -> None:
        """Write a line to it."""
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            self.process.stdin.write(text)

    async def close(self) -> None:
        """End it: it takes the end of its stdin as the end of everything."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await self.process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        await self._complaining

    async def _keep_errors(self) -> None:
        """Read its stderr to the end, so that it never waits for a reader."""
        stream = self.process.stderr
        while stream is not None and (text := await stream.readline()):
            self._errors.append(text.decode(errors="replace").rstrip())
