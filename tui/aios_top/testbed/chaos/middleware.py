"""Puts faults between a service and the console; what AIOS's own services ask each other stays whole."""

import asyncio
import json
import socket
import struct
from collections.abc import Iterator

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from aios_top.testbed.chaos.answers import FAULTS, LOST_REPLIES, Pause, Reset, Step
from aios_top.testbed.chaos.schedule import Chaos
from aios_top.testbed.clock import Clock

CONSOLE = "aios-top/"
"""Beginning of the console's `User-Agent`."""
_QUESTIONS = ("get_state", "get_decisions", "get_parameters", "dry_run")
_FULL_BYTES = 1024 * 1024
_RELIEF_SECONDS = 0.01


def faults_for(service: str, chaos: Chaos, clock: Clock) -> Middleware:
    """Return the middleware that spoils some answers of one service."""

    @web.middleware
    async def spoil(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.headers.get("User-Agent", "").startswith(CONSOLE):
            return await handler(request)
        reads = await _only_asks(request)
        name = chaos.draw(service, clock.now(), reads=reads)
        if name is None:
            return await handler(request)
        answer = await handler(request)
        body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
        await _play(request, (FAULTS if reads else LOST_REPLIES)[name](body))
        return answer

    return spoil


async def _only_asks(request: web.Request) -> bool:
    """Tell whether a request changes nothing."""
    if request.method == "GET" or request.path.endswith(("/query", "/aggregate")):
        return True
    if not request.path.endswith("/mgmt"):
        return False
    try:
        asked = json.loads(await request.read())
    except ValueError:
        return False
    return isinstance(asked, dict) and asked.get("action", asked.get("mgmt_action")) in _QUESTIONS


async def _play(request: web.Request, steps: Iterator[Step]) -> None:
    """Write the steps to the connection and close it; the service's own answer then finds no one to go to."""
    for step in steps:
        transport = request.transport
        if transport is None or transport.is_closing():
            return
        if isinstance(step, bytes):
            transport.write(step)
            while not transport.is_closing() and transport.get_write_buffer_size() > _FULL_BYTES:  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(_RELIEF_SECONDS)
        elif isinstance(step, Pause):
            await _wait(request, step.seconds)
        elif isinstance(step, Reset):
            _reset(transport)
    if request.transport is not None:
        request.transport.close()


async def _wait(request: web.Request, seconds: float) -> None:
    """Wait, at most until the client has gone."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(min(seconds, 0.2))


def _reset(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
