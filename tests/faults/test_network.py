"""The network at its worst: after each fault one named error, the last good figures with their age, and no storm."""

import random
import socket
import ssl
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from aios_top.aios.address import Addresses
from aios_top.aios.credentials import Credentials
from aios_top.aios.limits import Limits
from aios_top.aios.reader import AiosReader
from aios_top.engine.breaker import Breaker
from aios_top.engine.poll import Poller
from aios_top.model.errors import ReadError
from aios_top.model.secret import Secret
from aios_top.model.state import Link
from fakes.clock import FakeClock
from fakes.loopback import Loopback, in_turn, reply, reset, silence
from fakes.reads import FakeReads
from faults.bodies import GOOD
from faults.polled import PATIENT, SHORT, polled
from faults.server import CUT, ENCODED, ENDLESS, NO_HTTP, SLOW, STATUSES, FaultServer, redirects, then_reset

EXPECTED: dict[str, tuple[str, set[str], str]] = {
    "N-01 accept_silent": ("accept_silent", {"timeout"}, "within 400ms"),
    "N-02 slow_headers": ("slow_headers", {"timeout"}, "within 400ms"),
    "N-03 slow_body": ("slow_body", {"timeout"}, "within 400ms"),
    "N-13 lying_length_1TB": ("lying_length_1TB", {"timeout"}, "within 400ms"),
    "N-28 http_100_flood": ("http_100_flood", {"timeout"}, "within 400ms"),
    **{f"N-04 {name}": (name, {"too_large"}, "too large") for name in ("endless_body", "endless_chunks")},
    "N-05 json_100mb": ("json_100mb", {"too_large"}, "too large"),
    **{f"N-06 {name}": (name, {"encoding"}, "encoding refused") for name in ENCODED if "bomb" in name},
    **{f"N-07 {name}": (name, {"encoding"}, "encoding refused") for name in ENCODED if "bomb" not in name},
    "N-08 reset_before_response": ("reset_before_response", {"protocol"}, "closed the connection"),
    **{f"N-10 {name}": (name, {"truncated", "bad_json", "protocol"}, "") for name in CUT},
    **{f"N-12 {name}": (name, {"protocol"}, "HTTP") for name in NO_HTTP},
    **{f"N-18 {name}": (name, {"http", "shape"}, "") for name in STATUSES if name != "reason_esc"},
    "N-27 reason_esc": ("reason_esc", {"http", "protocol"}, ""),
}
FAULTS = {**SLOW, **ENDLESS, **ENCODED, **CUT, **NO_HTTP, **STATUSES, "reset_before_response": reset}


@pytest.mark.parametrize("case", EXPECTED)
async def test_a_fault_is_named_and_the_last_figures_stay(case: str) -> None:
    fault, kinds, words = EXPECTED[case]
    async with FaultServer(reply(200, GOOD), FAULTS) as server, polled(server.url, _limits(fault)) as world:
        await world.poll()
        good, seen_at = world.block.instances, world.block.seen_at
        asked = len(server.requests)
        server.pin(fault)
        await world.poll()

        assert world.metrics.link is Link.DOWN
        problem = str(world.metrics.problem)
        assert world.metrics.problem_kind in kinds
        assert not problem.startswith(str(world.metrics.problem_kind))
        assert words in problem
        assert problem.isprintable()
        assert "PWNED" not in problem or "\u241b" in problem
        assert len(server.requests) - asked <= 3  # the aggregation, the query instead, one retry: never a storm
        assert server.most_in_flight == 1
        assert [entry.reading for entry in world.block.instances] == [entry.reading for entry in good]
        assert (world.block.seen_at, world.block.missed_polls, world.block.stale) == (seen_at, 1, False)
        assert world.block.problem == world.metrics.problem

        await world.poll()
        assert world.block.stale
        server.pin(None)
        await world.poll(after=60.0)
        assert (world.block.problem, world.block.missed_polls, world.metrics.problem_kind) == (None, 0, None)


def _limits(fault: str) -> Limits:
    return SHORT if fault in SLOW else PATIENT


@pytest.mark.parametrize("fault", SLOW)
async def test_n_01_the_product_itself_gives_up_at_four_seconds(fault: str) -> None:
    """The command line's default is 5 s; the client's own is the 4 s of the promise."""
    assert Limits().read_seconds == 4.0
    async with FaultServer(SLOW[fault]) as server, polled(server.url, SHORT) as world:
        started = time.monotonic()
        await world.poll()
        assert 0.3 < time.monotonic() - started < 8  # twice: the query is not asked after a timeout


async def test_n_09_a_server_that_resets_after_each_reply_is_no_error_on_the_screen() -> None:
    async with FaultServer(then_reset(reply(200, GOOD))) as server, polled(server.url) as world:
        for _ in range(300):
            await world.poll()
        assert world.metrics.failures == 0
        assert len(server.requests) <= 600


async def test_n_11_what_follows_an_answer_is_never_the_next_one() -> None:
    surplus = reply(200, {"success": 666})
    async with FaultServer(in_turn(reply(200, GOOD) + surplus, reply(200, GOOD))) as server:
        async with polled(server.url) as world:
            await world.poll()
            await world.poll()
            assert world.metrics.failures == 0
            assert world.block.missed_polls == 0
        assert server.connections == 2


async def test_n_12_no_cookie_is_kept() -> None:
    crumbs = reply(200, GOOD, Set_Cookie="session=1; Path=/")
    async with FaultServer(crumbs) as server, polled(server.url) as world:
        await world.poll()
        await world.poll()
        assert len(server.requests) == 2
        assert all("cookie" not in request.headers for request in server.requests)


@pytest.mark.parametrize(
    ("case", "header", "least", "most"),
    [
        ("N-14 seconds", lambda: "7", 7, 8),
        ("N-15 a date", lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=7), usegmt=True), 4, 8),
    ],
)
async def test_a_busy_server_is_left_alone_as_long_as_it_asks(case, header, least, most) -> None:
    async with FaultServer(reply(200, GOOD)) as server, polled(server.url) as world:
        await world.poll()
        server.pin(reply(503, b"", Retry_After=header()))
        await world.poll()
        assert "503, retry in" in str(world.metrics.problem)
        if case.startswith("N-14"):
            assert "503, retry in 7s" in str(world.metrics.problem)
        asked, waited = len(server.requests), 0.0
        while len(server.requests) == asked:
            waited += 0.25
            await world.poll(after=0.25)
        assert least <= waited <= most + 0.25


@pytest.mark.parametrize("value", ["99999999999999999999", "-5", "soon", "nan", "inf", "1e9", "", "\u00b2", "0x10"])
async def test_n_16_a_wait_that_is_none_is_the_usual_one(value: str) -> None:
    async with FaultServer(reply(200, GOOD)) as server, polled(server.url) as world:
        await world.poll()
        server.pin(reply(429, b"", Retry_After=value))
        await world.poll()
        assert world.metrics.problem_kind == "busy"
        server.pin(None)
        for _ in range(62):
            await world.poll(after=1.0)
        assert world.metrics.link is Link.UP


@pytest.mark.parametrize("status", [401, 403])
async def test_n_17_who_is_not_authorised_does_not_insist(status: int) -> None:
    async with FaultServer(reply(status, b"")) as server, polled(server.url) as world:
        for _ in range(60):
            await world.poll(after=1.0)
        assert "not authorised" in str(world.metrics.problem)
        assert len(server.requests) <= 3  # at 0, 30 and 60 s


async def test_n_17_policies_behind_a_service_that_refuses_are_not_asked_each() -> None:
    records = [{"id": f"b{number}", "policies": {"autoscaler": {"policyRuleURI": "p:1-s"}}} for number in range(20)]
    async with (
        FaultServer(reply(401, b"")) as gateway,
        FaultServer(reply(200, GOOD)) as metrics,
        FaultServer(reply(200, records)) as blocks,
        polled(metrics.url, blocks=blocks.url, gateway=gateway.url) as world,
    ):
        await world.poll()
        first = len(gateway.requests)
        for _ in range(60):
            await world.poll(after=1.0)
    assert first <= 8
    assert len(gateway.requests) - first <= 2


async def test_n_19_a_flapping_server_opens_the_breaker_no_more_than_every_five_seconds() -> None:
    async with FaultServer(reply(200, GOOD), {"http_500": reply(500, b"")}) as server, polled(server.url) as world:
        asked: list[bool] = []
        for second in range(60):
            server.pin("http_500" if second // 2 % 2 else None)  # down and up every two seconds
            before = len(server.requests)
            await world.poll(after=1.0)
            asked.append(len(server.requests) > before)
        openings = sum(1 for earlier, later in pairwise(asked) if earlier and not later)
        assert openings <= 60 / 5
        assert world.states[-1].failures == world.metrics.failures > 10


async def test_n_20_no_redirect_is_followed() -> None:
    async with Loopback(reply(200, GOOD)) as other:
        for name, answer in redirects(other.url).items():
            async with FaultServer(answer) as server, polled(server.url) as world:
                await world.poll()
                named = "Invalid URL in location header" if name == "redirect_nowhere" else "redirect refused (30"
                assert named in str(world.metrics.problem), name
                assert len(server.requests) == 1, name
        assert other.connections == 0


_dialled: list[object] | None = None


def _note_connections(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and _dialled is not None:
        _dialled.append(arguments[1])


sys.addaudithook(_note_connections)


async def test_n_21_the_metadata_address_is_never_dialled() -> None:
    global _dialled  # noqa: PLW0603 - an audit hook cannot be taken away
    async with FaultServer(redirects("http://127.0.0.1:1")["redirect_metadata"]) as server, polled(server.url) as world:
        _dialled = []
        await world.poll()
        dialled, _dialled = _dialled, None
    assert dialled
    assert {address[0] for address in dialled} == {"127.0.0.1"}  # type: ignore[index]


async def test_n_22_the_environment_has_no_say(monkeypatch, tmp_path) -> None:
    async with Loopback(reply(200, GOOD)) as proxy, FaultServer(reply(200, GOOD)) as server:
        for name in ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY", "http_proxy", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
        monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hunter2")
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        async with polled(server.url, blocks=server.url.replace("http:", "https:")) as world:
            await world.poll()
            assert world.metrics.link is Link.UP
    assert proxy.connections == 0
    assert "authorization" not in server.requests[0].headers
    assert not (tmp_path / "keys").exists()


async def test_n_23_an_address_in_an_answer_is_text() -> None:
    async with Loopback(reply(200, {})) as other:
        url = f"{other.url}/evil.zip"
        policy = {"name": "p", "version": "1", "release_tag": "s", "code": url}
        record = {"id": "gemma", "policies": {"autoscaler": {"policyRuleURI": "p:1-s"}}, "code": url,
                  "cluster": {"id": "c", "config": {"urlMap": {"metricsService": url, "controllerService": [url]}}}}  # fmt: skip
        async with (
            FaultServer(reply(200, GOOD)) as metrics,
            FaultServer(reply(200, [record])) as blocks,
            FaultServer(reply(200, {"success": True, "data": [policy]})) as policies,
            polled(metrics.url, blocks=blocks.url, policies=policies.url) as world,
        ):
            state = await world.poll()
        assert state.policies[0].code == url
        assert other.connections == 0


async def test_n_24_a_token_stays_with_its_origin_when_the_address_changes() -> None:
    async with FaultServer(reply(200, GOOD)) as first, FaultServer(reply(200, GOOD)) as second:
        proof = Credentials(first.url, {"Authorization": Secret("Bearer canary")})
        for server in (first, second):
            async with polled(server.url, credentials=proof) as world:
                await world.poll()
    assert first.requests[0].headers["authorization"] == "Bearer canary"
    assert "authorization" not in second.requests[0].headers


async def test_n_26_dns_refused_and_tls_are_told_apart(self_signed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    kinds = {}
    async with Loopback(silence) as plain:
        for name, url in {
            "dns": "http://no-such-host.invalid",
            "refused": f"http://127.0.0.1:{port}",
            "tls to a plain port": plain.url.replace("http:", "https:"),
        }.items():
            started = time.monotonic()
            async with polled(url, Limits(connect_seconds=0.5, read_seconds=5)) as world:
                await world.poll()
            kinds[name] = world.metrics.problem_kind
            assert time.monotonic() - started < 10
    assert kinds["dns"] in {"dns", "timeout"}
    assert kinds["refused"] == "refused"
    assert kinds["tls to a plain port"] in {"timeout", "tls"}
    assert Limits().connect_seconds == 2.0


async def test_n_29_one_dead_endpoint_delays_no_other() -> None:
    for dead in ("fleet", "records", "policies", "report:b"):
        clock = FakeClock()
        reads = FakeReads(clock)
        reads.fails[dead] = ReadError("timeout", "no answer")
        states = []
        poller = Poller(reads, clock, states.append, poll_seconds=2.0, seed=1)
        for _ in range(31):
            await poller.refresh()
            await clock.advance(2.0)
        others = {name: reads.calls[name] for name in ("fleet", "records", "policies") if name != dead}
        assert others.get("fleet", 31) == 31, dead
        assert others.get("records", 7) >= 6, dead
        assert others.get("policies", 3) >= 2, dead
        assert len(states) == 31


def test_n_30_fifty_consoles_do_not_ask_a_dead_server_together() -> None:
    """At saturation one request per console each 15 s in the mean, spread: no ten seconds see three times that."""
    chance = random.Random(30)
    asked: Counter[int] = Counter()
    for number in range(50):
        breaker, now = Breaker("metrics", random.Random(number)), chance.uniform(0, 2)
        while now < 600:
            if breaker.allows(now):
                asked[int(now // 10)] += 1
                breaker.failed(now, ReadError("refused", "nothing listens"))
            now += 2.0
    saturated = [asked[slot] for slot in range(12, 60)]
    mean = sum(saturated) / len(saturated)
    assert mean <= 50 * 10 / 15 * 1.1
    assert max(saturated) <= 3 * mean


async def test_a_metrics_service_with_a_certificate_nobody_trusts_is_named(self_signed) -> None:
    """N-26 again: `verify` cannot be turned off by the environment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed)
    async with TlsServer(context) as url:
        reads = AiosReader(Addresses({"metrics": url}), PATIENT)
        with pytest.raises(ReadError) as caught:
            await reads.fleet()
        await reads.close()
    assert caught.value.kind == "tls"
    assert "certificate" in str(caught.value)


class TlsServer:
    """Speaks TLS and nothing else."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    async def __aenter__(self) -> str:
        import asyncio

        self._server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=self._context)
        return f"https://localhost:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()
