"""A TCP server on a free loopback port: it notes every request and answers with the bytes a test gives it."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    """One request as it stood on the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def line(self) -> str:
        return f"{self.method} {self.target}"


Writer = asyncio.StreamWriter
Answer = bytes | Callable[[Request, Writer], Awaitable[None]]
"""What to send to every request, or what to do with its connection."""


def by_path(answers: dict[str, bytes], otherwise: bytes = b"") -> Answer:
    """Answer each path in its own way."""

    async def answer(request: Request, writer: Writer) -> None:
        writer.write(answers.get(request.target, otherwise))

    return answer


def in_turn(*answers: Answer) -> Answer:
    """Give one answer after the other, the last one for ever."""
    waiting = list(answers)

    async def answer(request: Request, writer: Writer) -> None:
        current = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(current, bytes):
            writer.write(current)
        else:
            await current(request, writer)

    return answer


async def silence(_: Request, __: Writer) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def reset(_: Request, writer: Writer) -> None:
    """Break the connection off with a RST."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def drip(start: bytes, piece: bytes, seconds: float = 0.02) -> Answer:
    """Send `start`, then `piece` for ever, with pauses."""

    async def answer(_: Request, writer: Writer) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(seconds)

    return answer


def reply(status: int = 200, body: Any = None, content_type: str = "application/json", **headers: str) -> bytes:
    """A complete HTTP answer; a body that is no bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(content)}"]
    lines += [f"Content-Type: {content_type}"] if content_type else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


class Loopback:
    """`async with Loopback(answer)`: listens until the end of the block."""

    def __init__(self, answer: Answer = b"") -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.connections = 0
        self._open: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def lines(self) -> list[str]:
        return [request.line for request in self.requests]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**22)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while True:
                request = await _read(reader)
                self.requests.append(request)
                if isinstance(self.answer, bytes):
                    writer.write(self.answer)
                else:
                    await self.answer(request, writer)
                await writer.drain()
                if request.headers.get("connection") == "close" or writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._open.discard(task)
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)
