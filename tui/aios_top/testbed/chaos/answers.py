"""Every fault by name: what goes over the connection instead of the true answer."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from aios_top.testbed.chaos.hostile import in_every_id


class Pause(Struct, frozen=True):
    """Wait before the next piece."""

    seconds: float


class Reset(Struct, frozen=True):
    """Break the connection off with a RST."""


Step = bytes | Pause | Reset
Fault = Callable[[bytes], Iterator[Step]]
"""Given the body of the true answer, the steps that take its place; at their end the connection is closed."""

_OK = b"HTTP/1.1 200 OK\r\n"
_JSON = b"Content-Type: application/json\r\n"
_FOR_EVER = 10_000


def reply(body: bytes, head: bytes = _OK, more: bytes = _JSON) -> bytes:
    """Return a whole answer."""
    return head + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _bytes(*pieces: bytes) -> Fault:
    return lambda _body: iter(pieces)


def _body(change: Callable[[bytes], bytes]) -> Fault:
    """Return the fault that changes the true body and sends it whole."""
    return lambda body: iter((reply(change(body)),))


def _drip(start: bytes, piece: bytes, seconds: float = 0.2) -> Fault:
    def steps(_body: bytes) -> Iterator[Step]:
        yield start
        for _ in range(_FOR_EVER):
            yield piece
            yield Pause(seconds)

    return steps


def _endless(_body: bytes) -> Iterator[Step]:
    yield _OK + _JSON + b"\r\n"
    while True:
        yield b" " * 65536


def _status(line: bytes, *headers: bytes) -> Fault:
    return _bytes(reply(b"", b"HTTP/1.1 " + line + b"\r\n", b"".join(header + b"\r\n" for header in headers)))


def _documents(change: Callable[[dict[str, Any]], object]) -> Fault:
    """Return the fault that changes every metric document of the true answer, or any record in another."""

    def changed(body: bytes) -> bytes:
        try:
            found = json.loads(body)
        except ValueError:
            return body
        _each_record(found, change)
        return json.dumps(found).encode()

    return _body(changed)


def _each_record(found: Any, change: Callable[[dict[str, Any]], object]) -> None:
    if isinstance(found, list):
        for member in found:
            _each_record(member, change)
    elif isinstance(found, dict):
        if "instanceId" in found:
            change(found)
        for member in list(found.values()):
            _each_record(member, change)


def _twice(body: bytes) -> bytes:
    return body.replace(b'"instances":[{', b'"instances":[{"instanceId":"in-twin"},{"instanceId":"in-twin"},{')


SIZES = "llm_input_tokens_per_minute_rolling"

FAULTS: Mapping[str, Fault] = {
    "accept_silent": lambda _body: iter((Pause(600.0),)),
    "slow_headers": _drip(_OK, b"X-Slow: 1\r\n"),
    "slow_body": _drip(_OK + _JSON + b"Content-Length: 9000\r\n\r\n", b" "),
    "lying_length_1TB": _drip(_OK + _JSON + b"Content-Length: 1000000000000\r\n\r\n{", b" "),
    "endless_body": _endless,
    "gzip_bomb": _bytes(reply(gzip.compress(bytes(1 << 20), mtime=0), _OK, _JSON + b"Content-Encoding: gzip\r\n")),
    "reset_before_response": lambda _body: iter((Reset(),)),
    "rst_after_ok": lambda body: iter((reply(body), Reset())),
    "close_mid_body": lambda body: iter(
        (_OK + _JSON + b"Content-Length: %d\r\n\r\n" % (len(body) + 9) + body[: len(body) // 2],)
    ),
    "close_mid_chunk": _bytes(_OK + _JSON + b'Transfer-Encoding: chunked\r\n\r\n9\r\n{"suc'),
    "close_no_length": lambda body: iter((_OK + _JSON + b"\r\n" + body[: len(body) // 2],)),
    "length_too_short": lambda body: iter((reply(body) + reply(b'{"success":666}'),)),
    "not_http": _bytes(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "bad_chunk": _bytes(_OK + _JSON + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n"),
    "two_lengths": _bytes(_OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "endless_headers": _bytes(_OK + b"X: y\r\n" * 40_000),
    "set_cookie_flood": lambda body: iter((reply(body, _OK, _JSON + b"Set-Cookie: a=b\r\n" * 50),)),
    "reason_esc": _bytes(b"HTTP/1.1 500 \x1b[2J\x1b]0;PWNED\x07\r\nContent-Length: 0\r\n\r\n"),
    "http_503_retry_after": _status(b"503 Busy", b"Retry-After: 3"),
    "http_429": _status(b"429 Slow Down", b"Retry-After: 2"),
    "http_500": _status(b"500 Oops"),
    "redirect": _status(b"302 Found", b"Location: http://127.0.0.1:9/elsewhere"),
    "html_200": _bytes(reply(b"<html><b>\x1b[31mhello</b></html>", _OK, b"Content-Type: text/html\r\n")),
    "empty_200": _bytes(reply(b"")),
    "json_truncated": _body(lambda body: body[: len(body) * 2 // 3]),
    "json_bad_utf8": _body(lambda body: body[:-1] + b"\xff}"),
    "json_utf16": _body(lambda body: body.decode().encode("utf-16")),
    "json_deep": _bytes(reply(b"[" * 100_000)),
    "json_list_root": _bytes(reply(b"[1,2,3]")),
    "json_null_root": _bytes(reply(b"null")),
    "json_success_false": _bytes(reply(b'{"success":false,"error":"\\u001b[31mno\\u001b[2J"}')),
    "json_success_str": _bytes(reply(b'{"success":"yes","data":[]}')),
    "json_dup_instance": _body(_twice),
    "json_nan": _documents(lambda record: record.update({SIZES: {"average_1m": float("nan")}})),
    "json_inf": _documents(lambda record: record.update({SIZES: {"average_1m": float("inf")}})),
    "json_neg": _documents(lambda record: record.update({SIZES: {"average_1m": -5.0}})),
    "json_rate_str": _documents(lambda record: record.update({SIZES: "412.5"})),
    "json_id_missing": _documents(lambda record: record.pop("instanceId")),
    "ts_future": _documents(lambda record: record.update(timestamp=4102444800.0)),
    "ts_neg": _documents(lambda record: record.update(timestamp=-1.0)),
    "hostile_ids": _documents(in_every_id),
}
"""The faults of reads."""

LOST_REPLIES: Mapping[str, Fault] = {
    "mutate_then_reset": FAULTS["reset_before_response"],
    "mutate_then_hang": FAULTS["accept_silent"],
    "mutate_then_500": FAULTS["http_500"],
}
"""The faults of changes: each is carried out, and its answer gets lost."""
