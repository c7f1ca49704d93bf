"""Inference requests and what is made of their replies."""

import pytest

from aios_top.aios.address import Addresses
from aios_top.aios.inference import HttpInference
from aios_top.load.child import ProcessGenerator
from aios_top.model.errors import ReadError
from aios_top.model.load import Api, InferenceReply
from fakes.loopback import Loopback, drip, reply, reset, silence


async def reply_to(answer, seconds=None, api=Api.INFER) -> InferenceReply:
    async with Loopback(answer) as server:
        inference = HttpInference(api, server.url, "127.0.0.1", 4, seconds=seconds)
        found = await inference.infer("b", "s-1", 7, "word word", 40)
        await inference.close()
    assert len(server.requests) <= 1
    assert found.message.isprintable()
    return found


CHAT = {"mode": "chat", "message": "word word", "gen_params": {"temperature": 0.1, "top_p": 0.95, "max_tokens": 40}}
KEY = {"model": "gemma3", "session_id": "s-1", "seq_no": 7}


@pytest.mark.parametrize(
    ("api", "line", "document", "answer"),
    [
        (Api.INFER, "POST /v1/infer", {"data": CHAT, "graph": {}, "selection_query": {}}, {"data": "a b c"}),
        (Api.CHAT, "POST /v1/chat/completions", {"messages": CHAT}, {"choices": [{"message": {"content": "a b c"}}]}),
        (Api.COMPLETIONS, "POST /v1/completions", {"prompt": "word word"}, {"choices": [{"text": {"reply": "a b c"}}]}),
    ],
)
async def test_the_request_of_each_entry_point(api, line, document, answer):
    async with Loopback(reply(200, answer)) as server:
        inference = HttpInference(api, server.url, "127.0.0.1", 1)
        found = await inference.infer("gemma3", "s-1", 7, "word word", 40)
        await inference.close()

    assert found == InferenceReply(ok=True, kind="ok", output_words=3)
    assert server.lines == [line]
    assert server.requests[0].json == {**KEY, **document}
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert not {"cookie", "authorization"} & server.requests[0].headers.keys()


async def test_a_name_is_dialled_at_the_pinned_address_and_no_proxy_is_asked(monkeypatch):
    async with Loopback(reply(200, {"data": "x"})) as server, Loopback(reply(200, {"data": "x"})) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        port = server.url.rpartition(":")[2]
        inference = HttpInference(Api.INFER, f"http://aios.example:{port}", "127.0.0.1", 1)
        found = await inference.infer("b", "s", 1, "x", 1)
        await inference.close()

    assert found.ok
    assert server.requests[0].headers["host"] == f"aios.example:{port}"
    assert proxy.connections == 0


async def test_a_redirect_is_not_followed():
    async with Loopback(reply(200, {"data": "x"})) as other:
        found = await reply_to(reply(307, b"", Location=other.url))

    assert "redirect refused (307" in found.message
    assert other.connections == 0


async def test_a_connection_is_used_again_but_what_it_said_too_much_is_never_an_answer():
    async with Loopback(reply(200, {"data": "x"}) + reply(200, {"success": False})) as server:
        inference = HttpInference(Api.INFER, server.url, "127.0.0.1", 1)
        found = [await inference.infer("b", "s", number, "x", 1) for number in range(3)]
        await inference.close()

    assert all(entry.ok for entry in found)
    assert len(server.requests) == 3
    async with Loopback(reply(200, {"data": "x"})) as server:
        inference = HttpInference(Api.INFER, server.url, "127.0.0.1", 1)
        for number in range(3):
            assert (await inference.infer("b", "s", number, "x", 1)).ok
        await inference.close()
    assert (len(server.requests), server.connections) == (3, 1)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(200, {"success": False, "message": "no block"}), "failed"),
        (reply(500, {"error": {"message": "boom", "code": 500}}), "failed"),
        (reply(200, {"data": {"success": False, "message": "job failed"}}), "failed"),
        (reply(500, {"data": "x"}), "http"),
        (reply(500, b"<html></html>", "text/html"), "http"),
        (reply(503, b"", Retry_After="5"), "http"),
        (reply(401, b""), "http"),
        (reply(307, b"", Location="http://evil.example"), "http"),
        (reply(200, {"model": "b"}), "protocol"),
        (reply(200, []), "protocol"),
        (reply(200, b"{"), "protocol"),
        (reply(200, b"<html></html>", "text/html"), "protocol"),
        (reply(200, b"x" * 3_000_000), "protocol"),
        (reset, "protocol"),
        (silence, "timeout"),
        (drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "), "timeout"),
    ],
)
async def test_every_failure_has_a_kind(answer, kind):
    found = await reply_to(answer, 0.2 if kind == "timeout" else None)

    assert (found.ok, found.kind) == (False, kind)
    assert found.message


async def test_nobody_listening_is_connect():
    async with Loopback() as server:
        url = server.url
    inference = HttpInference(Api.INFER, url, "127.0.0.1", 1)
    found = await inference.infer("b", "s", 1, "x", 1)
    await inference.close()

    assert (found.ok, found.kind) == (False, "connect")


@pytest.mark.parametrize(
    ("data", "words"),
    [("a b", 2), ({"reply": "a b c"}, 3), ({"text": "a"}, 1), ({"x": 1}, None), (["a"], None), ("", 0), (None, None)],
)
async def test_words_are_counted_where_blocks_put_them(data, words):
    assert await reply_to(reply(200, {"data": data})) == InferenceReply(ok=True, kind="ok", output_words=words)


@pytest.mark.parametrize(
    "answer", [{"choices": []}, {"choices": [{}]}, {"choices": "x"}, {"choices": [{"message": None}]}, {"choices": {}}]
)
async def test_a_choice_without_a_reply_is_an_unexpected_shape(answer):
    found = await reply_to(reply(200, answer), api=Api.CHAT)

    assert (found.ok, found.kind) == (False, "protocol")


async def test_without_an_address_the_option_is_named():
    generator = ProcessGenerator(Addresses({"metrics": "http://h"}))
    with pytest.raises(ReadError, match="--url inference="):
        generator.target(Api.INFER)
    with pytest.raises(ReadError, match="--url grpc="):
        generator.target(Api.GRPC)


async def test_a_host_is_looked_up_once_and_a_name_without_an_address_is_named():
    generator = ProcessGenerator(Addresses({}))
    assert await generator.resolve("http://127.0.0.1:31504") == "127.0.0.1"
    assert await generator.resolve("http://[::1]:31504") == "::1"
    with pytest.raises(ReadError, match="has no address"):
        await generator.resolve("http://no-such-host.invalid:31504")
