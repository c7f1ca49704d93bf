"""Inference requests and what is made of their replies."""

import pytest

from aios_top.aios.address import Addresses
from aios_top.aios.inference import AiosInference
from aios_top.aios.limits import DEFAULT_LIMITS, Limits
from aios_top.model.errors import ReadError
from aios_top.model.load import InferenceReply
from fakes.loopback import Loopback, drip, reply, reset, silence

IMPATIENT = Limits(inference_seconds=0.2)


async def reply_to(answer, limits=DEFAULT_LIMITS) -> InferenceReply:
    async with Loopback(answer) as server:
        inference = AiosInference(Addresses({"inference": server.url}), limits)
        found = await inference.infer("b", "s-1", 7, "word word", 40)
        await inference.close()
    assert len(server.requests) <= 1
    assert found.message.isprintable()
    return found


async def test_the_request_is_the_chat_of_the_block():
    async with Loopback(reply(200, {"data": "a b c"})) as server:
        inference = AiosInference(Addresses({"inference": server.url}))
        found = await inference.infer("gemma3", "s-1", 7, "word word", 40)
        await inference.close()

    assert found == InferenceReply(ok=True, kind="ok", output_words=3)
    assert inference.target() == server.url
    assert server.lines == ["POST /v1/infer"]
    assert server.requests[0].json == {
        "model": "gemma3",
        "session_id": "s-1",
        "seq_no": 7,
        "data": {
            "mode": "chat",
            "message": "word word",
            "gen_params": {"temperature": 0.1, "top_p": 0.95, "max_tokens": 40},
        },
        "graph": {},
        "selection_query": {},
    }


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
    found = await reply_to(answer, IMPATIENT if kind == "timeout" else DEFAULT_LIMITS)

    assert (found.ok, found.kind) == (False, kind)
    assert found.message


async def test_nobody_listening_is_connect():
    async with Loopback() as server:
        url = server.url
    inference = AiosInference(Addresses({"inference": url}))
    found = await inference.infer("b", "s", 1, "x", 1)
    await inference.close()

    assert (found.ok, found.kind) == (False, "connect")


@pytest.mark.parametrize(
    ("data", "words"),
    [("a b", 2), ({"reply": "a b c"}, 3), ({"text": "a"}, 1), ({"x": 1}, None), (["a"], None), ("", 0), (None, None)],
)
async def test_words_are_counted_where_blocks_put_them(data, words):
    assert await reply_to(reply(200, {"data": data})) == InferenceReply(ok=True, kind="ok", output_words=words)


async def test_without_an_address_the_option_is_named():
    inference = AiosInference(Addresses({"metrics": "http://h"}))
    with pytest.raises(ReadError, match="--url inference="):
        inference.target()
    with pytest.raises(ReadError, match="--url inference="):
        await inference.infer("b", "s", 1, "x", 1)
    await inference.close()
