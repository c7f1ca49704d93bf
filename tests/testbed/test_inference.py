"""Inference over REST: shapes, refusals, and the load that foreign clients really cause."""

import asyncio

import httpx
import pytest

from aios_top.testbed.inference import count_words
from fakes.embedded import BLOCK, embedded, state, until


@pytest.fixture
async def aios():
    async with embedded(state(None)) as running:
        yield running


async def instance(aios):
    found = (await aios.get("cluster_metrics", f"/block/{BLOCK}")).json()["data"]
    return next((item for item in found if item["instanceId"] == "in-aa01"), {})


async def test_infer_answers_with_as_many_words_as_asked_for(aios):
    answer = (await aios.infer(7, 20, 3)).json()
    assert isinstance(answer.pop("ts"), float)
    reply = {"reply": "word word word ", "instance": "in-aa01"}
    assert answer == {"model": BLOCK, "session_id": "s-7", "seq_no": 7, "data": reply}


async def test_words_are_counted_into_the_metrics(aios):
    await aios.infer(1, 20, 3)

    async def counted():
        document = await instance(aios)
        return document if document.get("llm_prompts_total") else None

    document = await until(counted)
    assert (document["llm_prompt_tokens_total"], document["llm_tokens_generated_total"]) == (20.0, 3.0)
    assert document["llm_input_tokens_per_minute_rolling"]["average_1m"] == 20


async def test_chat_and_completions_look_like_openai(aios):
    payload = {"mode": "chat", "message": "hi", "gen_params": {"max_tokens": 2}}
    chat = (await aios.post("inference", "/v1/chat/completions", {"model": BLOCK, "messages": payload})).json()
    assert chat["id"].startswith("chatcmpl-")
    assert chat["object"] == "chat.completion"
    content = {"reply": "word word ", "instance": "in-aa01"}
    assert chat["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    ]
    plain = (await aios.post("inference", "/v1/completions", {"model": BLOCK, "prompt": payload})).json()
    assert (plain["object"], plain["choices"][0]["text"]) == ("text_completion", content)


async def test_a_form_is_answered_like_json(aios):
    fields = {
        "model": (None, BLOCK),
        "session_id": (None, "s"),
        "seq_no": (None, "4"),
        "data": (None, '{"message": "a b", "gen_params": {"max_tokens": 1}}'),
    }
    answer = (await aios.send("POST", "inference", "/v1/infer-multipart", files=fields)).json()
    assert (answer["seq_no"], answer["data"]["reply"]) == (4, "word ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seq_no": None}, "'NoneType' object cannot be interpreted as an integer"),
        ({"seq_no": "1"}, "'str' object cannot be interpreted as an integer"),
        ({"seq_no": 1.0}, "'float' object cannot be interpreted as an integer"),
        ({"seq_no": -1}, "Value out of range: -1"),
        ({"seq_no": 2**64}, f"Value out of range: {2**64}"),
        ({"model": "nope"}, "nope not found in the DB, err=API returned non-200 status code"),
        ({"model": ""}, "Expecting value: line 1 column 1 (char 0)"),
        ("seq_no", "'seq_no'"),
        ("session_id", "'session_id'"),
        ("data", "'data'"),
        ("model", "Expecting value: line 1 column 1 (char 0)"),
    ],
)
async def test_every_refusal_of_infer_is_http_200(aios, change, message):
    body = {"model": BLOCK, "session_id": "s", "seq_no": 1, "data": "hi"}
    body = {**body, **change} if isinstance(change, dict) else {key: body[key] for key in body if key != change}
    answer = await aios.post("inference", "/v1/infer", body)
    assert (answer.status_code, answer.json()) == (200, {"success": False, "message": message})


@pytest.mark.parametrize("content", ["", "{", "[]", "3"])
async def test_a_body_that_is_no_object_is_a_refusal_too(aios, content):
    headers = {"content-type": "application/json"}
    answer = await aios.send("POST", "inference", "/v1/infer", content=content, headers=headers)
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    chat = await aios.send("POST", "inference", "/v1/chat/completions", content=content, headers=headers)
    assert (chat.status_code, set(chat.json()["error"])) == (500, {"message", "type", "param", "code"})


async def test_chat_refuses_with_500(aios):
    answer = await aios.post("inference", "/v1/chat/completions", {"model": "nope", "messages": []})
    assert answer.status_code == 500
    assert answer.json()["error"] == {
        "message": "nope not found in the DB, err=API returned non-200 status code",
        "type": "internal_error",
        "param": None,
        "code": 500,
    }


async def test_a_request_on_which_the_block_fails_is_never_answered_and_ends_with_its_client(aios):
    body = {"model": BLOCK, "session_id": "s", "seq_no": 1, "data": {"message": "x", "gen_params": {"max_tokens": "m"}}}
    traffic = aios.running.cluster.deployed[BLOCK].traffic
    with pytest.raises(httpx.ReadTimeout):
        await aios.post("inference", "/v1/infer", body, timeout=0.2)
    await until(lambda: not traffic.waits)
    assert (await aios.infer(2, 2)).status_code == 200


async def test_a_request_lost_with_its_instance_is_never_answered(aios):
    asked = asyncio.create_task(aios.infer(1, 100_000, 1))
    sim = aios.running.cluster.deployed[BLOCK].traffic.sim
    await until(lambda: sim.active)
    down = {"action": "scale", "block_id": BLOCK, "operation": "downscale", "instances_list": ["in-aa01"]}
    assert (await aios.post("controller", "/executeAction", down)).json()["success"]
    up = {"action": "scale", "block_id": BLOCK, "operation": "scale", "instances_count": 1}
    assert (await aios.post("controller", "/executeAction", up)).json()["success"]
    assert (await aios.infer(2, 2)).status_code == 200
    assert not asked.done()
    asked.cancel()
    assert sim.lost_total == 1


async def test_without_an_instance_a_request_waits_and_with_a_new_one_it_is_served(aios):
    down = {"action": "scale", "block_id": BLOCK, "operation": "downscale", "instances_list": ["in-aa01"]}
    await aios.post("controller", "/executeAction", down)
    asked = asyncio.create_task(aios.infer(1, 2))
    await until(lambda: aios.running.cluster.deployed[BLOCK].traffic.sim.waiting)
    up = {"action": "scale", "block_id": BLOCK, "operation": "scale", "instances_count": 1}
    await aios.post("controller", "/executeAction", up)
    assert (await asked).json()["data"]["instance"] == aios.instances()[0]


async def test_while_the_executor_restarts_its_queue_refuses_and_what_it_held_is_lost(aios):
    down = {"action": "scale", "block_id": BLOCK, "operation": "downscale", "instances_list": ["in-aa01"]}
    await aios.post("controller", "/executeAction", down)
    asked = asyncio.create_task(aios.infer(1, 2))
    sim = aios.running.cluster.deployed[BLOCK].traffic.sim
    await until(lambda: sim.waiting)
    await aios.restart_executor()
    assert (await aios.infer(2, 2)).json()["message"].startswith("Error 111 connecting to ")
    await until(lambda: aios.running.cluster.deployed[BLOCK].traffic.accepts)
    await aios.post(
        "controller",
        "/executeAction",
        {"action": "scale", "block_id": BLOCK, "operation": "scale", "instances_count": 1},
    )
    assert (await aios.infer(3, 2)).json()["data"]["reply"] == "word "
    assert not asked.done()
    asked.cancel()


async def test_more_requests_of_a_foreign_client_mean_queue_and_latency(aios):
    await aios.infer(0, 10, 2)

    async def latency():
        document = await instance(aios)
        return document.get("latency", {}).get("current")

    alone = await until(latency)
    asked = [asyncio.create_task(aios.infer(number, 10, 2)) for number in range(1, 9)]
    sim = aios.running.cluster.deployed[BLOCK].traffic.sim
    await until(lambda: sim.queued >= 5)
    started = asyncio.get_running_loop().time()
    await asyncio.gather(*asked)
    assert asyncio.get_running_loop().time() - started > 4 * alone


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("a b c", 3),
        ('{"message": "a b"}', 2),
        ("{a b", 2),
        ({"message": "a b", "gen_params": {"max_tokens": 9}}, 2),
        ({"messages": [{"content": [{"type": "text", "text": "a b c"}]}]}, 3),
        ([{"role": "user", "content": "hello there"}], 2),
        (None, 0),
        (17, 0),
    ],
)
def test_the_stand_in_tokenizer_counts_words(data, words):
    assert count_words(data) == words
