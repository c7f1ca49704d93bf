"""A poller over real sockets whose time is the test's: what a fault leaves on the screen's state."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aios_top.aios.address import Addresses
from aios_top.aios.credentials import NOBODY, Credentials
from aios_top.aios.limits import Limits
from aios_top.aios.reader import AiosReader
from aios_top.engine.poll import Poller
from aios_top.model.state import BlockState, EndpointState, FleetState
from fakes.clock import FakeClock

SHORT = Limits(read_seconds=0.4, connect_seconds=0.4)
"""The deadline of the tests: four seconds of the product's would only be waited for."""
PATIENT = Limits(read_seconds=30.0, connect_seconds=10.0)
"""For faults that end by themselves, however slow the machine."""


class Polled:
    """One poller and every state it has published."""

    def __init__(self, urls: Mapping[str, str], limits: Limits = PATIENT, credentials: Credentials = NOBODY) -> None:
        self.clock = FakeClock(998.0)  # the first poll comes at the stamps of the bodies
        self.reads = AiosReader(Addresses(urls), limits, credentials=credentials, now=self.clock.now)
        self.states: list[FleetState] = []
        self.poller = Poller(self.reads, self.clock, self.states.append, seed=1)

    async def poll(self, *, after: float = 2.0) -> FleetState:
        """Poll once, `after` seconds later."""
        await self.clock.advance(after)
        return await self.poller.refresh()

    @property
    def metrics(self) -> EndpointState:
        return self.states[-1].endpoints["metrics"]

    @property
    def block(self) -> BlockState:
        return self.states[-1].blocks["gemma"]


@asynccontextmanager
async def polled(
    url: str, limits: Limits = PATIENT, credentials: Credentials = NOBODY, **more: str
) -> AsyncIterator[Polled]:
    """Poll an AIOS whose metrics service is at `url`."""
    world = Polled({"metrics": url, **more}, limits, credentials)
    try:
        yield world
    finally:
        await world.reads.close()
