"""Changes: what stands on the wire, that it stands there once, and what became of it."""

import asyncio
import json

import pytest

from aios_top.aios.address import Addresses
from aios_top.aios.limits import DEFAULT_LIMITS, Limits
from aios_top.aios.mutator import AiosMutator
from aios_top.model.change import (
    BindPolicy,
    Fate,
    Manage,
    RegisterPolicy,
    ResetCooldown,
    RestartExecutor,
    ScaleDown,
    ScaleUp,
    UpdatePolicy,
    UploadArchive,
)
from aios_top.model.errors import ReadError
from fakes.loopback import Loopback, drip, in_turn, reply, reset, silence

ARCHIVE = b"PK\x03\x04" + bytes(range(256))
TARGET = {"block_id": "b", "service": "autoscaler", "instance_id": ""}
RECORD = {"name": "tökens", "policy_parameters": {}}
EVERYTHING = ("gateway", "autoscaler", "updater", "controller", "upload", "policies", "blocks")
DONE = reply(200, {"success": True, "data": {"success": True, "data": "scaled instances"}})
IMPATIENT = Limits(change_seconds=0.2)

WIRE = [
    (
        ResetCooldown("b"),
        EVERYTHING,
        "POST /blocks/mgmt",
        {**TARGET, "action": "reset_cooldown", "payload": {}},
    ),
    (ResetCooldown("b"), ("autoscaler", "updater"), "POST /mgmt", {"mgmt_action": "reset_cooldown", "mgmt_data": {}}),
    (ResetCooldown("b"), ("updater",), "POST /mgmt", {**TARGET, "mgmt_action": "reset_cooldown", "mgmt_data": {}}),
    (
        Manage("b", "update_thresholds", {"input_up_threshold": 700}),
        EVERYTHING,
        "POST /blocks/mgmt",
        {**TARGET, "action": "update_thresholds", "payload": {"input_up_threshold": 700}},
    ),
    (
        ScaleUp("b", "c/1", 2),
        EVERYTHING,
        "POST /controller/block-scaling/c%2F1",
        {"block_id": "b", "operation": "scale", "instances_count": 2},
    ),
    (
        ScaleUp("b", "c/1", 2),
        ("controller",),
        "POST /executeAction",
        {"action": "scale", "cluster_id": "c/1", "block_id": "b", "operation": "scale", "instances_count": 2},
    ),
    (
        ScaleDown("b", "c", ("in-aa01", "in-bb02")),
        EVERYTHING,
        "POST /controller/block-scaling/c",
        {"block_id": "b", "operation": "downscale", "instances_list": ["in-aa01", "in-bb02"]},
    ),
    (
        ScaleDown("b", "c", ("in-aa01",)),
        ("controller",),
        "POST /executeAction",
        {
            "action": "scale",
            "cluster_id": "c",
            "block_id": "b",
            "operation": "downscale",
            "instances_list": ["in-aa01"],
        },
    ),
    (RegisterPolicy(RECORD), EVERYTHING, "POST /policy", RECORD),
    (UpdatePolicy("t:1.0-s", RECORD), EVERYTHING, "PUT /policy/t:1.0-s", RECORD),
    (
        BindPolicy("b", "t:1.0-s"),
        EVERYTHING,
        "PUT /blocks/b",
        {"$set": {"policies.autoscaler.policyRuleURI": "t:1.0-s"}},
    ),
    (
        RestartExecutor("b", "b-executor-7d9f"),
        EVERYTHING,
        "POST /cluster-actions/k8s-objects/remove",
        {
            "objects": [
                {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b-executor-7d9f", "namespace": "blocks"}}
            ]
        },
    ),
]
CHANGES = [*{type(row[0]): row[0] for row in WIRE}.values(), UploadArchive("p.zip", ARCHIVE)]


def at(server: Loopback, *services: str) -> Addresses:
    return Addresses(dict.fromkeys(services or EVERYTHING, server.url))


async def outcome_of(change, answer, limits=DEFAULT_LIMITS):
    async with Loopback(answer) as server:
        outcome = await AiosMutator(at(server), limits, now=lambda: 1000.0).send(change)
    assert outcome.message.isprintable()
    return outcome, server


@pytest.mark.parametrize(("change", "services", "line", "document"), WIRE)
async def test_what_was_shown_is_what_is_sent(change, services, line, document):
    async with Loopback(DONE) as server:
        mutator = AiosMutator(at(server, *services))
        prepared = mutator.prepare(change)
        await mutator.send(change)

    (request,) = server.requests
    assert request.line == line
    assert f"{prepared.method} {prepared.url}" == line.replace(" ", f" {server.url}")
    assert prepared.body == document
    assert request.body == json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    assert request.headers["content-type"] == "application/json"


async def test_an_upload_is_the_form_that_was_described():
    change = UploadArchive("p.zip", ARCHIVE)
    async with Loopback(reply(200, b"stored", "text/plain")) as server:
        mutator = AiosMutator(at(server))
        prepared = mutator.prepare(change)
        outcome = await mutator.send(change)

    (request,) = server.requests
    boundary = request.headers["content-type"].removeprefix("multipart/form-data; boundary=").encode()
    parts = [part.strip(b"\r\n") for part in request.body.split(b"--" + boundary)][1:-1]
    found = {part.split(b'name="', 1)[1].split(b'"', 1)[0]: part.split(b"\r\n\r\n", 1) for part in parts}
    assert (request.line, f"{prepared.method} {prepared.url}") == ("POST /upload", f"POST {server.url}/upload")
    assert prepared.body == {"file": f"p.zip ({len(ARCHIVE):,} bytes)", "path": "."}
    assert b'filename="p.zip"' in found[b"file"][0]
    assert found[b"file"][1] == ARCHIVE
    assert found[b"path"][1] == b"."
    assert outcome.fate is Fate.DONE


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
async def test_read_only_sends_no_packet(change):
    async with Loopback(DONE) as server:
        outcome = await AiosMutator(at(server), read_only=True).send(change)

    assert outcome.fate is Fate.REFUSED
    assert "read-only" in outcome.message
    assert outcome.sent_at is None
    assert server.connections == 0


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
@pytest.mark.parametrize(
    "answer",
    [
        silence,
        reset,
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", b"1"),
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        reply(502, b"<html>bad gateway</html>", "text/html"),
        reply(200, b"\x1f\x8b", Content_Encoding="gzip"),
        reply(200, b"x" * 3_000_000),
    ],
    ids=["hang", "reset", "drip", "half", "no_http", "proxy", "gzip", "too_large"],
)
async def test_a_lost_answer_is_unknown_and_the_change_is_sent_once(change, answer):
    async def hang_up(request, writer):
        writer.write(answer)
        await writer.drain()
        writer.close()

    limits = DEFAULT_LIMITS if isinstance(answer, bytes) else IMPATIENT
    outcome, server = await outcome_of(change, hang_up if isinstance(answer, bytes) else answer, limits)

    if isinstance(change, UploadArchive) and isinstance(answer, bytes) and answer.startswith(b"HTTP/1.1 502"):
        assert outcome.fate is Fate.FAILED  # an upload is proved by its served bytes: nothing is left open here
    else:
        assert outcome.fate is Fate.UNKNOWN
        assert "unknown" in outcome.message
    assert outcome.sent_at == 1000.0
    assert len(server.requests) == 1
    assert server.connections == 1


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
async def test_nobody_listening_is_a_failure_that_sent_nothing(change):
    async with Loopback() as server:
        addresses = at(server)
    outcome = await AiosMutator(addresses).send(change)

    assert outcome.fate is Fate.FAILED
    assert outcome.message.startswith("not sent: nothing listens")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
async def test_without_an_address_nothing_is_sent_and_the_option_is_named(change):
    mutator = AiosMutator(Addresses({"metrics": "http://h"}))
    with pytest.raises(ReadError) as caught:
        mutator.prepare(change)
    outcome = await mutator.send(change)

    assert caught.value.kind == "no_address"
    assert outcome.fate is Fate.REFUSED
    assert "--url" in outcome.message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, "\ud800"])
async def test_a_record_that_json_cannot_carry_is_refused(value):
    async with Loopback(DONE) as server:
        outcome = await AiosMutator(at(server)).send(RegisterPolicy({"name": value}))

    assert outcome.fate is Fate.REFUSED
    assert server.connections == 0


SCALE = ScaleUp("b", "c", 1)
DOWN = ScaleDown("b", "c", ("in-aa01", "in-bb02"))
RESET = ResetCooldown("b")
RESTART = RestartExecutor("b", "b-executor-7d9f")
BIND = BindPolicy("b", "t:1.0-s")
UPLOAD = UploadArchive("p.zip", ARCHIVE)


def said(data, status=200):
    return reply(status, {"success": True, "data": data})


@pytest.mark.parametrize(
    ("change", "answer", "fate", "words"),
    [
        (SCALE, reply(200, {"success": True, "data": {"success": False, "data": "boom"}}), Fate.FAILED, "boom"),
        (SCALE, reply(200, {"success": False, "data": "boom"}), Fate.FAILED, "boom"),
        (SCALE, reply(500, {"success": False, "data": "quota \x1b[2J exceeded"}), Fate.FAILED, "quota \u241b[2J"),
        (SCALE, reply(500, {"success": True, "data": "scaled instances"}), Fate.FAILED, "status 500"),
        (SCALE, reply(200, {"success": "true"}), Fate.UNKNOWN, "success 'true'"),
        (SCALE, reply(200, []), Fate.UNKNOWN, "without success or error"),
        (SCALE, reply(200, b"<html></html>", "text/html"), Fate.UNKNOWN, "instead of JSON"),
        (SCALE, reply(404, b"<html></html>", "text/html"), Fate.FAILED, "404 with text/html"),
        (SCALE, reply(405, b"<html></html>", "text/html"), Fate.FAILED, "405 with text/html"),
        (SCALE, reply(500, b"<html></html>", "text/html"), Fate.UNKNOWN, "look at the replicas"),
        (SCALE, reply(401, b""), Fate.FAILED, "not authorised"),
        (SCALE, reply(307, b"", Location="http://evil.example/x"), Fate.FAILED, "redirect refused"),
        (SCALE, reply(429, b"", Retry_After="5"), Fate.FAILED, "retry in 5s"),
        (
            SCALE,
            reply(200, {"success": True, "data": {"success": False, "data": "(host='c'): Read timed out."}}),
            Fate.UNKNOWN,
            "look at the replicas before doing it again",
        ),
        (
            ScaleUp("b", "c", 3),
            reply(500, {"success": False, "data": "quota"}),
            Fate.FAILED,
            "AIOS stops at the first that fails",
        ),
        (
            DOWN,
            reply(500, {"success": False, "data": "(404)\nReason: NotFound\n"}),
            Fate.FAILED,
            "AIOS stops at the first that fails",
        ),
        (RESET, said(None), Fate.FAILED, "the policy gave no answer: it does not know this action"),
        (RESET, said({"status": "ok", "message": "done \x07"}), Fate.DONE, "the policy answered: done \u2407"),
        (RESET, said({"status": "error", "reason": "not now"}), Fate.FAILED, "the policy refused: not now"),
        (RESET, said({"status": "error"}), Fate.FAILED, "no reason given"),
        (RESET, said({"success": False, "message": "no"}), Fate.FAILED, "the policy refused: no"),
        (RESET, said({"status": "not_implemented", "action": "x"}), Fate.FAILED, "does not know this action"),
        (RESET, said({"status": "not_implemented", "supported": ["a", "b"]}), Fate.FAILED, "it knows a, b"),
        (RESET, said("yes"), Fate.DONE, "answered"),
        (RESET, reply(200, {"success": True}), Fate.UNKNOWN, "without data"),
        (
            RESET,
            reply(200, {"success": False, "message": "HTTPConnectionPool(host='x', port=1): Read timed out."}),
            Fate.UNKNOWN,
            "look at the cooldown",
        ),
        (RESTART, said("removed objects"), Fate.DONE, "pod b-executor-7d9f deleted"),
        (RESTART, reply(500, {"success": False, "data": "NotFound"}), Fate.FAILED, "NotFound"),
        (BIND, reply(200, {"id": "b", "policies": {"autoscaler": {"policyRuleURI": "t:1.0-s"}}}), Fate.DONE, "restart"),
        (
            BIND,
            reply(200, {"id": "b", "policies": {"autoscaler": {"policyRuleURI": "t:0.9-s"}}}),
            Fate.FAILED,
            "t:0.9-s",
        ),
        (BIND, reply(200, {"id": "b"}), Fate.FAILED, "instead of t:1.0-s"),
        (BIND, reply(404, {"message": "Block not found"}), Fate.FAILED, "Block not found"),
        (UPLOAD, reply(201, b""), Fate.DONE, "only its served bytes prove it"),
        (UPLOAD, reply(200, {"success": True}), Fate.DONE, "only its served bytes prove it"),
        (UPLOAD, reply(200, {"success": False, "message": "disk full"}), Fate.FAILED, "disk full"),
        (UPLOAD, reply(400, {"success": False, "message": "bad name"}), Fate.FAILED, "bad name"),
        (UPLOAD, reply(500, b"oops", "text/plain"), Fate.FAILED, "answers 500"),
    ],
)
async def test_the_innermost_word_decides(change, answer, fate, words):
    outcome, server = await outcome_of(change, answer)

    assert (outcome.fate, words in outcome.message) == (fate, True), outcome.message
    assert len(server.requests) == 1


async def test_an_outcome_carries_the_innermost_answer_and_its_time():
    state = {"status": "ok", "current_config": {"min_replicas": 2}}
    outcome, _ = await outcome_of(Manage("b", "update_thresholds", {"min_replicas": 2}), said(state))

    assert outcome.answer == state
    assert outcome.sent_at == 1000.0
    assert outcome.seconds is not None
    assert 0 < outcome.seconds < 5


async def test_the_surplus_of_an_earlier_answer_decides_nothing():
    no = reply(200, {"success": True, "data": {"success": False, "data": "the real answer"}})
    async with Loopback(in_turn(DONE + DONE, no)) as server:
        mutator = AiosMutator(at(server))
        assert (await mutator.send(SCALE)).fate is Fate.DONE
        outcome = await mutator.send(SCALE)

    assert outcome.fate is Fate.FAILED
    assert "the real answer" in outcome.message
    assert server.connections == 2


async def test_a_hundred_broken_answers_are_a_hundred_requests():
    """Never retried: the count at the server equals the count of sends, whatever breaks."""
    faults = [reset, b"HTTP/1.1 200 OK\r\n", reply(500, b""), reply(503, b"", Retry_After="0")]

    async def close_after(_, writer):
        fault = faults[len(server.requests) % len(faults)]
        if isinstance(fault, bytes):
            writer.write(fault)
            await writer.drain()
            writer.close()
        else:
            await fault(_, writer)

    async with Loopback(close_after) as server:
        mutator = AiosMutator(at(server))
        for _ in range(100):
            assert (await mutator.send(SCALE)).fate is not Fate.DONE

    assert len(server.requests) == 100


async def test_a_large_upload_gets_more_time():
    received = asyncio.Event()

    async def slow(_, writer):
        received.set()
        await asyncio.sleep(0.4)
        writer.write(reply(200, b""))

    limits = Limits(change_seconds=0.1, upload_bytes_per_second=1000)
    outcome, _ = await outcome_of(UploadArchive("p.zip", b"x" * 2000), slow, limits)

    assert received.is_set()
    assert outcome.fate is Fate.DONE
