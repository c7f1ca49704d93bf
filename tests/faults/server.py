"""The fault server: a real socket that answers with named faults, by path, pinned for all, or in turn.

`GET /<fault>` gives that fault; `pin` gives one to every request; `schedule` gives them in order, then goes on with
the true answer.
"""

import asyncio
import gzip
import json
from collections.abc import Iterable, Mapping
from typing import Any

from fakes.loopback import Answer, Loopback, Request, Writer, drip, reply, reset, silence

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\n"
PWNED = b"\x1b[2J\x1b]0;PWNED\x07"


def closing(content: bytes) -> Answer:
    """Send these bytes and close the connection."""

    async def answer(_: Request, writer: Writer) -> None:
        writer.write(content)
        await writer.drain()
        writer.close()

    return answer


def flood(head: bytes, piece: bytes) -> Answer:
    """Send `head`, then `piece` as fast as it is taken, for ever."""

    async def answer(_: Request, writer: Writer) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()

    return answer


def then_reset(content: bytes) -> Answer:
    """Send a whole answer and break the connection off."""

    async def answer(request: Request, writer: Writer) -> None:
        writer.write(content)
        await writer.drain()
        await reset(request, writer)

    return answer


_BLOCK = b"x" * 65536
_BOMB = gzip.compress(bytes(16 * 2**20), mtime=0)  # decoded 16 MiB; whoever decodes a chunk of it is found out

SLOW: Mapping[str, Answer] = {
    "accept_silent": silence,
    "slow_headers": drip(PLAIN, b"X-Slow: 1\r\n"),
    "slow_body": drip(HEAD + b"Content-Length: 9000\r\n\r\n", b" "),
    "lying_length_1TB": drip(HEAD + b"Content-Length: 1000000000000\r\n\r\n", b" "),
    "http_100_flood": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0),
}
ENDLESS: Mapping[str, Answer] = {
    "endless_body": flood(HEAD + b"\r\n", _BLOCK),
    "endless_chunks": flood(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + _BLOCK + b"\r\n"),
    "json_100mb": flood(HEAD + b"Content-Length: 100000000\r\n\r\n", _BLOCK),
}
ENCODED: Mapping[str, Answer] = {
    "gzip_bomb_1gb": reply(200, _BOMB, Content_Encoding="gzip"),
    "gzip_bomb_chunked": closing(
        HEAD
        + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(_BOMB)
        + _BOMB
        + b"\r\n0\r\n\r\n"
    ),
    "gzip_truncated": reply(200, gzip.compress(b"{}" * 99)[:-12], Content_Encoding="gzip"),
    "gzip_corrupt": reply(200, b"\x1f\x8b" + b"\xff" * 99, Content_Encoding="gzip"),
    "deflate": reply(200, b"x", Content_Encoding="deflate"),
    "br": reply(200, b"x", Content_Encoding="br"),
}
CUT: Mapping[str, Answer] = {
    "close_mid_body": closing(HEAD + b"Content-Length: 100\r\n\r\n{"),
    "close_mid_chunk": closing(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"),
    "close_no_length": closing(HEAD + b'\r\n{"success":true,"data":[{"blockId":"gemma","instances":[{"insta'),
}
NO_HTTP: Mapping[str, Answer] = {
    "not_http": closing(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "http09": closing(b"<html>hello</html>"),
    "bad_chunk": closing(HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n"),
    "two_lengths": closing(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "negative_length": closing(HEAD + b"Content-Length: -1\r\n\r\n{}"),
    "endless_headers": flood(PLAIN, b"X: y\r\n" * 1000),
    "huge_header_line": closing(PLAIN + b"X: " + b"a" * 200_000),
    "many_headers": closing(PLAIN + b"X: y\r\n" * 40_000),
    "nul_bytes": closing(b"\x00\x01\x02\x03\r\n\r\n"),
    "header_esc": closing(b"HTTP/1.1 200 OK\r\nBad Header: " + PWNED + b"\r\n\r\n"),
}
STATUSES: Mapping[str, Answer] = {
    "http_204": reply(204, b""),
    "http_304": reply(304, b""),
    "http_404": reply(404, b""),
    "http_500": reply(500, b""),
    "http_599": reply(599, b"", content_type=""),
    "http_999": reply(999, b""),
    "html_200": reply(200, b"<html>" + PWNED + b"</html>", content_type="text/html"),
    "empty_200": reply(200, b""),
    "reason_esc": closing(b"HTTP/1.1 500 " + PWNED + b"\r\nContent-Length: 0\r\n\r\n"),
}


def redirects(target: str) -> dict[str, Answer]:
    """Return the ten redirects, those with a choice pointing at `target`."""
    return {
        **{f"redirect_{status}": reply(status, b"", Location=f"{target}/secret?x=1") for status in (301, 302, 303, 307, 308)},
        "redirect_relative": reply(302, b"", Location="/login"),
        "redirect_userinfo": reply(302, b"", Location=f"http://127.0.0.1@{target.removeprefix('http://')}/"),
        "redirect_file": reply(302, b"", Location="file:///etc/passwd"),
        "redirect_metadata": reply(302, b"", Location="http://169.254.169.254/latest/meta-data/"),
        "redirect_nowhere": reply(302, b"", Location="http://[::1"),
    }  # fmt: skip


class FaultServer(Loopback):
    """`async with FaultServer(true)`: answers truly unless a fault is asked for, pinned or due."""

    def __init__(self, truth: Answer, faults: Mapping[str, Answer] | None = None) -> None:
        super().__init__(self._serve_one)
        self.truth: Answer = truth
        self.faults = dict(faults or {})
        self.pinned: Answer | None = None
        self._due: list[str] = []
        self.most_in_flight = 0
        self._in_flight = 0

    def pin(self, fault: str | Answer | None) -> None:
        """Answer every request with this fault, by name or as it is; None: truly again."""
        self.pinned = self.faults[fault] if isinstance(fault, str) else fault

    def schedule(self, names: Iterable[str]) -> None:
        """Answer the next requests with these faults, in order."""
        self._due += names

    async def _serve_one(self, request: Request, writer: Writer) -> None:
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            await self._answer(request, writer)
        finally:
            self._in_flight -= 1

    async def _answer(self, request: Request, writer: Writer) -> None:
        asked = request.target.rpartition("/")[2]
        answer = self.truth
        if asked in self.faults:
            answer = self.faults[asked]
        elif self.pinned is not None:
            answer = self.pinned
        elif self._due:
            answer = self.faults[self._due.pop(0)]
        if isinstance(answer, bytes):
            writer.write(answer)
        else:
            await answer(request, writer)


def failing(message: str) -> bytes:
    """Return AIOS's own way to say no."""
    return reply(200, {"success": False, "error": message})


async def gone(_: Request, writer: Writer) -> None:
    """Close without a word."""
    writer.close()
    await asyncio.sleep(0)


def as_json(value: Any) -> bytes:
    return reply(200, json.dumps(value).encode())
