"""The embedded AIOS answers every recorded request as AIOS did.

Each request is sent over a real socket to a server in the state of the recording. Status, media type, key set and
value types must be equal, and so must every message, ports aside. The client shares no schema with the server: what
is compared here are the recordings.
"""

import asyncio
import json
import re
import time
from typing import Any

import aiohttp
import pytest

from aios_top.testbed.server import Options, Running, serve
from conformance.exchanges import Exchange, http_exchanges, media_type, shape, without_addresses
from conformance.states import pace, recorded_state
from fakes.captures import PORTS

PER_BLOCK = {"autoscaler", "mapping"}

OWN_WORDS = {
    "parser_createBlock_no_registry": "recorded while AIOS's task service was down, which is part of the embedded AIOS",
    "updater_mgmt_autoscaler_no_instance_id": "the resolver's sentence ends in an address of its objects",
    "updater_mgmt_unknown_block": "the resolver's sentence ends in an address of its objects",
    "updater_mgmt_executor_down": "names the host as Kubernetes does; the recording ran on loopback",
    "updater_mgmt_instances": "keyed by the pods' addresses; the recording ran on loopback",
    "gateway_cluster_metrics": "hardware of the recording's machine",
}
"""Messages whose words may differ, each with its reason."""

MESSAGE_KEYS = frozenset({"message", "error", "data", "status"})


def messages(answer: Any) -> list[str]:
    """Every text under a key that carries a message, in order, without ports and ages."""
    found: list[str] = []
    if isinstance(answer, dict):
        for key, member in sorted(answer.items()):
            if isinstance(member, str) and key in MESSAGE_KEYS:
                found.append(re.sub(r"\d+s ago", "Ns ago", without_addresses(member)))
            else:
                found += messages(member)
    return found


async def wait_for_autoscaler(running: Running, session: aiohttp.ClientSession) -> None:
    """The recordings were made while the autoscaler's management answered."""
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        async with session.post(f"{running.urls['autoscaler']}/llm-demo/mgmt", json={"mgmt_action": "echo"}) as answer:
            if answer.status == 200:
                return
        await asyncio.sleep(0.02)
    raise AssertionError("the autoscaler did not load its policy")


def local_url(running: Running, recorded: str) -> str:
    port, path = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", recorded).groups()  # type: ignore[union-attr]
    service = PORTS[int(port)]
    return running.urls[service] + ("/llm-demo" if service in PER_BLOCK else "") + path


def sent_body(exchange: Exchange) -> dict[str, Any]:
    """The body as it was sent: text in the recording is text on the wire, anything else is JSON."""
    if exchange.body is None:
        return {}
    if isinstance(exchange.body, str):
        is_json = exchange.name in {"policy_post_bad_json", "gmetrics_query_nobody"}
        kind = "application/json" if is_json else "text/plain"
        return {"data": exchange.body, "headers": {"Content-Type": kind}}
    return {"json": exchange.body}


@pytest.mark.parametrize("exchange", http_exchanges(), ids=lambda exchange: exchange.name)
async def test_it_answers_as_recorded(exchange: Exchange) -> None:
    running = await serve(Options(scenario=None, pace=pace(), state=recorded_state(exchange.name), ticking=False))
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
            if exchange.name != "policy_create":  # then there is no policy that an autoscaler could load
                await wait_for_autoscaler(running, session)
            url = local_url(running, exchange.url)
            async with session.request(exchange.method, url, **sent_body(exchange)) as response:
                status, kind, text = response.status, response.content_type, await response.text()
    finally:
        await running.close()
    assert status == exchange.status, text
    assert media_type(kind) == media_type(exchange.content_type)
    if media_type(exchange.content_type) == "text/html":
        assert text == exchange.answer
        return
    answer = json.loads(text)
    if exchange.name == "updater_mgmt_instances":  # one member per pod address
        assert list(map(shape, answer.values())) == list(map(shape, exchange.answer.values())) * len(answer)
        return
    assert shape(answer) == shape(exchange.answer)
    if exchange.name not in OWN_WORDS:
        assert messages(answer) == messages(exchange.answer)


def test_every_exception_is_a_recording() -> None:
    names = {exchange.name for exchange in http_exchanges()}
    assert OWN_WORDS.keys() <= names
    assert len(names) >= 112
