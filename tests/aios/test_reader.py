"""The reader against a loopback AIOS: what it asks, in which order, and what it makes of the answers."""

import threading

import pytest

from aios_top.aios.address import Addresses
from aios_top.aios.limits import DEFAULT_LIMITS, FleetAllowance, Limits
from aios_top.aios.reader import AiosReader
from aios_top.aios.wire_metrics import PROJECTION
from aios_top.model.errors import ReadError
from aios_top.model.policy_state import Voice
from aios_top.model.record import BlockRecord, Pod, PolicyReference
from aios_top.model.text import Clean
from fakes.loopback import Loopback, by_path, in_turn, reply, silence

FLEET = reply(200, {"success": True, "data": [{"blockId": "b", "instances": [{"instanceId": "in-aa01"}]}]})
NULL = reply(200, {"success": True, "data": None})
NOT_FOUND = reply(404, b"<html>404</html>", "text/html")


def reading(*services: str, server: Loopback, limits: Limits = DEFAULT_LIMITS, **more: str) -> AiosReader:
    return AiosReader(Addresses({**dict.fromkeys(services, server.url), **more}), limits, now=lambda: 1000.0)


async def test_a_fleet_read_is_one_projected_aggregation():
    async with Loopback(FLEET) as server:
        reader = reading("metrics", server=server)
        found = await reader.fleet()
        await reader.close()

    assert server.lines == ["POST /block/aggregate"]
    assert server.requests[0].json == PROJECTION
    assert found.received_at == 1000.0
    assert found.latency_seconds > 0
    assert [block.block_id for block in found.blocks] == ["b"]


@pytest.mark.parametrize(
    "refusal",
    [
        NOT_FOUND,
        reply(405, b"<html>405</html>", "text/html"),
        reply(500, {"success": False, "error": "no aggregation here"}),
        reply(400, {"success": False, "error": "unknown stage"}),
        reply(200, {"success": True, "data": [{"_id": "5f"}]}),
        reply(200, {"success": True}),
        reply(200, b"null"),
        reply(200, b"{"),
    ],
)
async def test_a_service_without_aggregation_is_queried_and_remembered(refusal):
    async with Loopback(by_path({"/block/aggregate": refusal}, FLEET)) as server:
        reader = reading("metrics", server=server)
        first, second = await reader.fleet(), await reader.fleet()
        await reader.close()

    assert first.blocks == second.blocks
    assert server.lines == ["POST /block/aggregate", "POST /block/query", "POST /block/query"]
    assert server.requests[1].json == {}


async def test_a_service_that_is_down_altogether_is_not_blamed_for_its_aggregation():
    down = reply(500, {"success": False, "error": "no database"})
    async with Loopback(in_turn(down, down, FLEET)) as server:
        reader = reading("metrics", server=server)
        with pytest.raises(ReadError, match="no database"):
            await reader.fleet()
        await reader.fleet()
        await reader.close()

    assert server.lines == ["POST /block/aggregate", "POST /block/query", "POST /block/aggregate"]


async def test_a_timeout_is_not_a_refusal():
    async with Loopback(silence) as server:
        reader = reading("metrics", server=server, limits=Limits(read_seconds=0.1))
        with pytest.raises(ReadError, match=r"within 100ms"):
            await reader.fleet()
        await reader.close()

    assert server.lines == ["POST /block/aggregate"]


async def test_a_large_fleet_is_decoded_beside_the_loop(monkeypatch):
    document = {"instanceId": "in-aa01", "llm_prompts_total": 1.0, "note": "x" * 1000}
    big = [{"blockId": f"b{number}", "instances": [document]} for number in range(400)]
    threads: list[str] = []
    async with Loopback(in_turn(FLEET, reply(200, {"success": True, "data": big}))) as server:
        reader = reading("metrics", server=server)
        rows = reader._documents.rows
        monkeypatch.setattr(
            reader._documents, "rows", lambda answer: threads.append(threading.current_thread().name) or rows(answer)
        )
        await reader.fleet()
        found = await reader.fleet()
        await reader.close()

    assert len(found.blocks) == 400
    assert threads[0] == threading.main_thread().name
    assert threads[1] != threads[0]


def test_the_allowance_follows_the_fleet():
    allowance = FleetAllowance(Limits())
    assert (allowance.answer_bytes, allowance.seconds) == (64 * 2**20, 4.0)

    allowance.saw(1000, 20_000_000)
    assert allowance.answer_bytes == 2 * 2**20 + 1000 * 4096
    assert allowance.seconds == 6.0

    allowance.saw(100_000, 0)
    assert allowance.answer_bytes == 64 * 2**20
    allowance.saw(0, 40)  # AIOS wiped its store: all instances may be back at once
    assert allowance.answer_bytes == 64 * 2**20


async def test_a_fleet_that_outgrew_its_allowance_is_read_at_the_next_poll():
    limits = Limits(answer_bytes=100, fleet_bytes=10_000, bytes_per_instance=100)
    grown = [{"blockId": "b", "instances": [{"instanceId": f"in-{number:04}"} for number in range(100)]}]
    big = reply(200, {"success": True, "data": grown})
    async with Loopback(in_turn(FLEET, big, big)) as server:
        reader = reading("metrics", server=server, limits=limits)
        await reader.fleet()
        with pytest.raises(ReadError, match="larger than 200 bytes"):
            await reader.fleet()
        found = await reader.fleet()
        await reader.close()

    assert len(found.blocks[0].instances) == 100


async def test_bad_records_hide_no_good_ones():
    rows = [
        {"id": "a", "minInstances": "1", "maxInstances": 3.5, "cluster": "c", "policies": ["x"]},
        {"no": "id"},
        None,
        {"id": 5},
        {"id": ""},
        {
            "id": "b\x1b",
            "policies": {"autoscaler": {"policyRuleURI": "u:1-s"}, "odd": {"policyRuleURI": 5}, "gone": None},
        },
    ]
    async with Loopback(reply(200, rows)) as server:
        reader = reading("blocks", server=server)
        found = await reader.records()
        await reader.close()

    assert found == (
        BlockRecord(Clean("a")),
        BlockRecord(Clean("b\u241b"), policies={"autoscaler": PolicyReference(Clean("u:1-s"))}),
    )


@pytest.mark.parametrize("body", [{}, None, "x", {"success": True, "data": []}, [{"no": "id"}], [None]])
async def test_what_is_no_list_of_records_is_an_error_and_never_no_records(body):
    async with Loopback(reply(200, body)) as server:
        reader = reading("blocks", server=server)
        with pytest.raises(ReadError) as caught:
            await reader.records()
        await reader.close()

    assert caught.value.kind == "shape"


async def test_an_empty_list_of_records_is_empty():
    async with Loopback(reply(200, [])) as server:
        reader = reading("blocks", server=server)
        assert await reader.records() == ()
        await reader.close()


async def test_urls_in_answers_are_never_dialled():
    record = dict.fromkeys(("name", "version", "release_tag"), "x")
    async with Loopback() as other:
        record = {**record, "code": f"{other.url}/evil.zip"}
        cluster = {
            "id": "c",
            "config": {"urlMap": {"publicGateway": [other.url], "metricsService": other.url, "n": [1]}},
        }
        answers = {"/policy/query": reply(200, {"success": True, "data": [record]}), "/clusters/c": reply(200, cluster)}
        async with Loopback(by_path(answers)) as server:
            reader = reading("policies", "clusters", server=server)
            (policy,) = await reader.policies()
            urls = await reader.cluster_urls("c")
            await reader.close()

        assert policy.code == record["code"]
        assert urls == {"publicGateway": other.url, "metricsService": other.url}
        assert other.connections == 0


@pytest.mark.parametrize(
    ("found", "seconds"),
    [
        ("12.96s ago", 12.96),
        ("0s ago", 0.0),
        (12.5, 12.5),
        (3, 3.0),
        ("soon", None),
        ("-1s ago", None),
        (True, None),
        (None, None),
    ],
)
async def test_the_age_in_a_health_row_is_a_number_or_a_text(found, seconds):
    row = {"instanceId": "in-aa01", "healthy": True, "lastMetrics": found}
    async with Loopback(reply(200, {"success": True, "instances": [row]})) as server:
        reader = reading("metrics", server=server)
        (health,) = await reader.health("b")
        await reader.close()

    assert (health.age_seconds, health.healthy) == (seconds, True)


async def test_ids_are_quoted_into_paths():
    async with Loopback(reply(404, {"message": "Block not found"})) as server:
        reader = reading("blocks", server=server)
        assert await reader.record("a/../b?x=1#y é") is None
        await reader.close()

    assert server.lines == ["GET /blocks/a%2F..%2Fb%3Fx%3D1%23y%20%C3%A9"]


# -- the running policy


AUTOSCALER = "POST /mgmt"
GATEWAY = "POST /blocks/mgmt"


async def test_the_autoscaler_itself_is_asked_first():
    async with Loopback(NULL) as server:
        reader = reading("gateway", "updater", server=server, autoscaler=f"{server.url}/{{block}}")
        report = await reader.policy_report("gemma 3")
        await reader.close()

    assert report.voice is Voice.SILENT
    assert server.lines == ["POST /gemma%203/mgmt"]
    assert server.requests[0].json == {"mgmt_action": "get_state", "mgmt_data": {}}


async def test_then_the_gateway_then_the_updater():
    asked = {"block_id": "b", "service": "autoscaler", "instance_id": ""}
    question = {"since": 7, "boot_id": "x", "limit": 3}
    async with Loopback(NULL) as server:
        near = reading("gateway", "updater", server=server)
        far = reading("updater", server=server)
        assert await near.decisions("b", 7, "x", 3) is None
        assert await far.parameters("b") is None
        await near.close()
        await far.close()

    assert server.lines == [GATEWAY, AUTOSCALER]
    assert server.requests[0].json == {**asked, "action": "get_decisions", "payload": question}
    assert server.requests[1].json == {**asked, "mgmt_action": "get_parameters", "mgmt_data": {}}


async def test_a_guessed_autoscaler_that_is_none_is_passed_over():
    async with Loopback() as gone:
        nobody = gone.url
    async with Loopback(by_path({"/blocks/mgmt": NULL}, NOT_FOUND)) as server:
        for place in (nobody, server.url):
            addresses = Addresses({"gateway": server.url, "autoscaler": f"{place}/{{block}}"}, guessed=["autoscaler"])
            reader = AiosReader(addresses)
            assert (await reader.policy_report("b")).voice is Voice.SILENT
            await reader.close()

    assert server.lines == [GATEWAY, "POST /b/mgmt", GATEWAY]


async def test_a_given_autoscaler_that_is_none_is_an_error():
    async with Loopback(by_path({"/blocks/mgmt": NULL}, NOT_FOUND)) as server:
        reader = reading("gateway", "autoscaler", server=server)
        with pytest.raises(ReadError, match="autoscaler answers 404 with text/html"):
            await reader.policy_report("b")
        await reader.close()


async def test_an_autoscaler_without_a_policy_is_unreachable_and_not_silent():
    message = "'NoneType' object has no attribute 'execute_mgmt_command'"
    async with Loopback(reply(500, {"success": False, "message": message})) as server:
        reader = reading("autoscaler", server=server)
        with pytest.raises(ReadError, match="execute_mgmt_command"):
            await reader.policy_report("b")
        await reader.close()


async def test_without_any_way_to_ask_the_next_step_is_named():
    reader = AiosReader(Addresses({"metrics": "http://h"}))
    with pytest.raises(ReadError, match="--url gateway=") as caught:
        await reader.policy_report("b")
    await reader.close()

    assert caught.value.kind == "no_address"


# -- files and pods


async def test_a_served_file_comes_back_byte_for_byte():
    content = bytes(range(256)) * 20
    async with Loopback(by_path({"/a%20b.zip": reply(200, content, "application/zip")}, NOT_FOUND)) as server:
        reader = reading("files", server=server)
        assert reader.served_url("a b.zip") == f"{server.url}/a%20b.zip"
        assert await reader.served("a b.zip", 10_000) == content
        with pytest.raises(ReadError, match="larger than 100 bytes"):
            await reader.served("a b.zip", 100)
        with pytest.raises(ReadError, match="files answers 404"):
            await reader.served("other.zip", 100)
        await reader.close()


async def test_pods_are_kubernetes_objects():
    pods = [
        {"metadata": {"name": "b-executor-7d9f", "namespace": "blocks", "labels": {"instanceID": "executor"}}, "status": {"phase": "Running"}},
        {"metadata": {"name": "b-in-aa01", "labels": None}, "status": None},
        {"metadata": {}},
    ]  # fmt: skip
    async with Loopback(by_path({"/b/getInstances": reply(200, {"success": True, "data": pods})})) as server:
        reader = reading(server=server, mapping=f"{server.url}/{{block}}")
        found = await reader.pods("b")
        await reader.close()

    assert found == (
        Pod(Clean("b-executor-7d9f"), Clean("executor"), Clean("Running"), Clean("blocks")),
        Pod(Clean("b-in-aa01"), None),
    )


async def test_without_a_mapping_address_there_is_none_and_it_says_so():
    reader = AiosReader(Addresses.build("10.0.0.5"))
    with pytest.raises(ReadError) as caught:
        await reader.pods("b")
    await reader.close()

    assert caught.value.kind == "no_address"
    assert not reader.has("mapping")
    assert reader.has("gateway")
