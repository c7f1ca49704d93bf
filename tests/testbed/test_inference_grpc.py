"""Inference over gRPC, where its packages are installed."""

import asyncio
import json

import pytest

from fakes.embedded import BLOCK, embedded, state, until

grpc = pytest.importorskip("grpc", reason="the extra grpc is not installed")


@pytest.fixture
async def aios():
    async with embedded(state(None)) as running:
        yield running


class Client:
    """A client with the same messages; `infer` returns the reply packet."""

    def __init__(self, aios):
        from aios_top.testbed.services.inference_grpc import _message_classes

        self.request, self.reply = _message_classes()
        self.channel = grpc.aio.insecure_channel(aios.running.urls["grpc"].removeprefix("http://"))
        self.call = self.channel.unary_unary(
            "/BlockInferenceService/infer",
            request_serializer=self.request.SerializeToString,
            response_deserializer=self.reply.FromString,
        )

    def infer(self, data, block_id=BLOCK, seq_no=7, seconds=5.0):
        packet = self.request(block_id=block_id, session_id="s-9", seq_no=seq_no, data=data, ts=123.5)
        return self.call(packet, timeout=seconds)


@pytest.fixture
async def client(aios):
    client = Client(aios)
    yield client
    await client.channel.close()


async def test_a_reply_carries_the_block_s_answer_as_text(client):
    reply = await client.infer('{"message": "a b c", "gen_params": {"max_tokens": 2}}')
    assert (reply.session_id, reply.seq_no, reply.output_ptr) == ("s-9", 7, "")
    assert json.loads(reply.data) == {"reply": "word word ", "instance": "in-aa01"}


async def test_an_unknown_block_is_an_ordinary_reply(client):
    reply = await client.infer("{}", block_id="nope")
    assert json.loads(reply.data) == {
        "success": False,
        "message": "nope not found in the DB, err=API returned non-200 status code",
    }
    assert (reply.ts, reply.output_ptr) == (123.5, "{}")


async def test_a_payload_on_which_the_block_fails_runs_into_the_clients_deadline(client, aios):
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await client.infer('{"message": "x", "gen_params": {"max_tokens": "many"}}', seconds=0.2)
    assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(lambda: not aios.running.cluster.deployed[BLOCK].traffic.waits)


async def test_ten_unanswered_requests_block_the_server_for_all(client):
    bad = '{"message": "x", "gen_params": {"max_tokens": "many"}}'
    hung = [asyncio.ensure_future(client.infer(bad, seq_no=number, seconds=1.5)) for number in range(10)]
    await asyncio.sleep(0.3)
    with pytest.raises(grpc.aio.AioRpcError):
        await client.infer('{"message": "a"}', seconds=0.3)
    assert all(isinstance(item, grpc.aio.AioRpcError) for item in await asyncio.gather(*hung, return_exceptions=True))
    reply = await client.infer('{"message": "a", "gen_params": {"max_tokens": 1}}', seq_no=99)
    assert json.loads(reply.data)["reply"] == "word "
