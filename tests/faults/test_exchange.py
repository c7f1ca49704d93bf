"""What a sick or hostile server can do to a read: each fault, and the one named error that comes of it."""

import asyncio
import ssl
import time
import tracemalloc

import pytest

from aios_top import __version__
from aios_top.aios.address import Addresses
from aios_top.aios.limits import Limits
from aios_top.aios.read_list import ReadOnlyError
from aios_top.aios.transport import ReadTransport
from aios_top.model.errors import ReadError
from fakes.loopback import Loopback, drip, in_turn, reply, reset, silence

OK = reply(200, {"success": True})
LIMITS = Limits(read_seconds=20, answer_bytes=64 * 1024)
IMPATIENT = Limits(read_seconds=0.4, answer_bytes=64 * 1024)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def closing(content: bytes):
    """Send these bytes and close the connection."""

    async def answer(_, writer):
        writer.write(content)
        await writer.drain()
        writer.close()

    return answer


class Client(ReadTransport):
    """A transport whose `metrics` is the given server."""

    def __init__(self, url: str, limits: Limits = LIMITS) -> None:
        super().__init__(Addresses({"metrics": url}), limits)

    async def get(self):
        return await self.ask("metrics", "/block/b")

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()


async def failure(url: str, limits: Limits = LIMITS) -> ReadError:
    async with Client(url, limits) as client:
        with pytest.raises(ReadError) as caught:
            await client.get()
    assert str(caught.value).isprintable()
    assert "metrics" in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "answer",
    [
        silence,
        drip(b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n"),
        drip(HEAD + b"Content-Length: 9000\r\n\r\n", b"1"),
        drip(HEAD + b"Content-Length: 1000000000000\r\n\r\n", b"1"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0),
    ],
    ids=["accept_silent", "slow_headers", "slow_body", "lying_length_1TB", "http_100_flood"],
)
async def test_the_deadline_is_for_all_of_it(answer):
    async with Loopback(answer) as server:
        started = time.monotonic()
        error = await failure(server.url, IMPATIENT)

    assert error.kind == "timeout"
    assert "within 400ms" in str(error)
    assert 0.3 < time.monotonic() - started < 4


@pytest.mark.parametrize(
    "head", [b"Content-Length: 100000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n"], ids=str
)
async def test_an_endless_body_is_cut_at_the_cap(head):
    block = b"x" * 65536
    piece = b"10000\r\n" + block + b"\r\n" if b"chunked" in head else block
    sent = 0

    async def flood(_, writer):
        nonlocal sent
        writer.write(HEAD + head)
        while True:
            writer.write(piece)
            await writer.drain()
            sent += len(piece)

    async with Loopback(flood) as server:
        tracemalloc.start()
        error = await failure(server.url, Limits(read_seconds=20, answer_bytes=2**20))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert error.kind == "too_large"
    assert "1,048,576 bytes" in str(error)
    assert peak < 16 * 2**20


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate, gzip", "\x1b[2J"])
async def test_an_encoded_body_is_refused_before_a_byte_is_decoded(encoding):
    async with Loopback(reply(200, b"\x1f\x8b" + b"\0" * 999, Content_Encoding=encoding)) as server:
        error = await failure(server.url)

    assert error.kind in {"encoding", "protocol"}
    assert "encoding refused" in str(error) or error.kind == "protocol"
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_refused_and_its_target_never_asked(status):
    async with Loopback(OK) as other, Loopback(reply(status, b"", Location=f"{other.url}/secret?x=1")) as server:
        error = await failure(server.url)

    assert error.kind == "redirect"
    assert f"redirect refused ({status} → {other.url})" in str(error)
    assert other.connections == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("/login", "no other host"),
        ("", "no other host"),
        ("http://[::1", "a malformed URL"),
        ("file:///etc/passwd", "no other host"),
        ("http://169.254.169.254/latest", "http://169.254.169.254"),
        ("http://127.0.0.1@evil.example/", "http://evil.example"),
        ("http://a\x1b[2Jb/", "http://a"),
        ("//evil.example/x", "://evil.example"),
    ],
)
async def test_wherever_a_redirect_points_it_is_refused(location, shown):
    async with Loopback(reply(302, b"", Location=location)) as server:
        error = await failure(server.url)

    assert (error.kind, shown in str(error)) in {("redirect", True), ("protocol", False)}
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_not_authorised_is_named(status):
    async with Loopback(reply(status, b"")) as server:
        error = await failure(server.url)

    assert (error.kind, error.retry_after_seconds) == ("not_authorised", None)


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (503, "7", 7.0),
        (429, "7", 7.0),
        (429, "99999999999999999999999999", 60.0),
        (429, "Wed, 01 Jan 2070 00:00:00 GMT", 60.0),
        (429, "-5", None),
        (429, "soon", None),
        (429, "nan", None),
        (429, "inf", None),
        (429, "Wed, 01 Jan 2020 00:00:00 GMT", None),
        (429, "", None),
    ],
)
async def test_busy_carries_the_wait_the_server_asked_for(status, header, seconds):
    async with Loopback(reply(status, b"", Retry_After=header)) as server:
        error = await failure(server.url)

    assert (error.kind, error.retry_after_seconds) == ("busy", seconds)
    if seconds == 7:
        assert f"{status}, retry in 7s" in str(error)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (closing(HEAD + b"Content-Length: 100\r\n\r\n{"), "truncated"),
        (closing(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"), "truncated"),
        (closing(HEAD), "protocol"),
        (closing(b"SSH-2.0-OpenSSH_9.6\r\n"), "protocol"),
        (closing(b"\x00\x01\x02\x03\r\n\r\n"), "protocol"),
        (closing(b"<html>hello</html>"), "protocol"),
        (closing(HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n"), "protocol"),
        (closing(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), "protocol"),
        (closing(HEAD + b"Content-Length: -1\r\n\r\n{}"), "protocol"),
        (closing(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000), "protocol"),
        (closing(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000), "protocol"),
        (closing(b"HTTP/1.1 200 \x1b]0;PWNED\x07\r\nBad Header: \x1b[2J\r\n\r\n"), "protocol"),
    ],
)
async def test_what_is_no_whole_http_answer_is_named(answer, kind):
    async with Loopback(answer) as server:
        assert (await failure(server.url)).kind == kind


async def test_a_connection_that_ends_without_an_answer_is_tried_once_more():
    async with Loopback(in_turn(reset, OK)) as server, Client(server.url) as client:
        answer = await client.get()

    assert answer.status == 200
    assert len(server.requests) == 2


async def test_and_not_a_third_time():
    async with Loopback(reset) as server:
        error = await failure(server.url)

    assert error.kind == "protocol"
    assert len(server.requests) == 2


async def test_a_body_that_breaks_off_is_not_asked_for_again():
    async with Loopback(closing(HEAD + b"Content-Length: 100\r\n\r\n{")) as server:
        await failure(server.url)

    assert len(server.requests) == 1


async def test_a_server_that_resets_after_every_reply_costs_no_read():
    async def answer(request, writer):
        writer.write(OK)
        await writer.drain()
        await reset(request, writer)

    async with Loopback(answer) as server, Client(server.url, Limits()) as client:
        for _ in range(300):
            assert (await client.get()).status == 200

    assert len(server.requests) <= 600


async def test_surplus_bytes_are_never_the_next_answer():
    surplus = reply(200, {"success": 666})
    async with Loopback(in_turn(OK + surplus, reply(200, {"real": 2}))) as server, Client(server.url) as client:
        await client.get()
        second = await client.get()

    assert second.body == b'{"real": 2}'
    assert server.connections == 2


async def test_no_cookie_is_kept():
    async with Loopback(reply(200, {}, Set_Cookie="session=1; Path=/")) as server, Client(server.url) as client:
        await client.get()
        await client.get()

    assert all("cookie" not in request.headers for request in server.requests)


async def test_the_environment_has_no_say(monkeypatch, tmp_path):
    async with Loopback(OK) as proxy, Loopback(OK) as server:
        for name in ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hunter2")
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        async with Client(server.url) as client:
            await client.get()

    assert proxy.connections == 0
    assert "authorization" not in server.requests[0].headers


async def test_a_request_says_who_asks():
    async with Loopback(OK) as server, Client(server.url) as client:
        await client.get()

    assert server.requests[0].headers["user-agent"] == f"aios-top/{__version__}"


async def test_nobody_listening_is_refused():
    async with Loopback() as server:
        url = server.url
    error = await failure(url)

    assert error.kind == "refused"
    assert "nothing listens at metrics (http://127.0.0.1:" in str(error)


async def test_a_name_without_an_address_is_dns():
    error = await failure("http://no-such-host.invalid", Limits(read_seconds=5))

    assert error.kind in {"dns", "timeout"}


async def test_tls_to_a_plain_port_is_named_in_time():
    async with Loopback(silence) as server:
        started = time.monotonic()
        error = await failure(server.url.replace("http:", "https:"), Limits(connect_seconds=0.3))

    assert error.kind in {"timeout", "tls"}
    assert time.monotonic() - started < 4


async def test_tls_to_a_server_that_answers_in_plain_text_is_named():
    async def talk(_, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    error = await failure(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()
    await server.wait_closed()

    assert error.kind == "tls"


async def test_a_certificate_that_nobody_trusts_is_refused(self_signed):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    error = await failure(f"https://localhost:{server.sockets[0].getsockname()[1]}", Limits(connect_seconds=2))
    server.close()
    await server.wait_closed()

    assert error.kind == "tls"
    assert "certificate" in str(error)


async def test_at_most_sixteen_sockets_are_open_at_a_time():
    open_now = most = 0

    async def slow(_, writer):
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.01)
        open_now -= 1
        writer.write(OK)

    async with Loopback(slow) as server, Client(server.url, Limits()) as client:
        await asyncio.gather(*(client.get() for _ in range(60)))

    assert len(server.requests) == 60
    assert most <= 16


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/block/query", {}),
        ("/policy/query", {"policy_rule_uri": {"$regex": "^t"}}),
        ("/block/aggregate", [{"$project": {"a": 1}}]),
        ("/mgmt", {"mgmt_action": "get_state", "mgmt_data": {}}),
        ("/blocks/mgmt", {"block_id": "b", "service": "autoscaler", "action": "get_decisions", "payload": {}}),
        ("/mgmt", {"block_id": "b", "service": "autoscaler", "mgmt_action": "dry_run"}),
    ],
)
async def test_a_post_that_only_asks_leaves(path, document):
    async with Loopback(OK) as server, Client(server.url) as client:
        await client.ask("metrics", path, document)

    assert server.requests[0].json == document


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/policy", {"name": "x"}),
        ("/executeAction", {"action": "scale"}),
        ("/controller/block-scaling/c", {"operation": "scale"}),
        ("/block/aggregate", [{"$match": {}}, {"$out": "blocks"}]),
        ("/block/aggregate", [{"$merge": {"into": "blocks"}}]),
        ("/block/aggregate", {"$project": {}}),
        ("/block/aggregate", ["$out"]),
        ("/mgmt", {"mgmt_action": "reset_cooldown"}),
        ("/mgmt", {"mgmt_data": {}}),
        ("/mgmt", {}),
        ("/mgmt", []),
        ("/mgmt", {"mgmt_action": ["get_state"]}),
        ("/blocks/mgmt", {"service": "autoscaler", "action": "reset_cooldown", "payload": {}}),
        ("/blocks/mgmt", {"service": "autoscaler", "action": "get_state", "mgmt_action": "reset_cooldown"}),
        ("/blocks/mgmt", {"service": "executor", "action": "get_state"}),
        ("/query/../policy", {}),
        ("/policy?/query", {}),
        ("/policy#/query", {}),
    ],
)
async def test_anything_else_never_leaves_a_reader(path, document):
    async with Loopback(OK) as server, Client(server.url) as client:
        with pytest.raises(ReadOnlyError, match="not on the read list"):
            await client.ask("metrics", path, document)

    assert server.connections == 0


async def test_a_service_without_an_address_says_how_to_give_one():
    async with Client("http://127.0.0.1:1") as client:
        with pytest.raises(ReadError, match="--url blocks=http://HOST:PORT") as caught:
            await client.ask("blocks", "/blocks")

    assert caught.value.kind == "no_address"
