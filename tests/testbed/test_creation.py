"""Creating blocks through the parser."""

import pytest

from fakes.embedded import BLOCK, embedded, state, until

ALLOCATOR = {"name": "clusterAllocator", "policyRuleURI": "cluster-selector:2.0-stable"}
RESOURCES = {
    "name": "resourceAllocator",
    "policyRuleURI": "allocator:2.0-stable",
    "parameters": {"allocation_data": {"node_id": "far-2", "gpus": [0, 1]}},
}
AUTOSCALER = {"name": "autoscaler", "policyRuleURI": "probe:1.0-stable", "parameters": {"limit": 5}}


def choosing(variable, operator, value):
    query = {"variable": variable, "operator": operator, "value": value}
    return {**ALLOCATOR, "parameters": {"filter": {"clusterQuery": query}}}


def spec(*policies, **values):
    rules = [{"values": policy} for policy in policies or (choosing("id", "==", "cluster-2"), RESOURCES, AUTOSCALER)]
    default = {
        "mode": "allocate",
        "blockId": "new-block",
        "blockComponentURI": "model.demo:1.0.0-stable",
        "minInstances": 2,
        "maxInstances": 3,
        "policyRulesSpec": rules,
    }
    chosen = {key: value for key, value in {**default, **values}.items() if value is not None}
    return {"head": {"templateUri": "Parser/V1", "parameters": {}}, "body": {"spec": {"values": chosen}}}


@pytest.fixture
async def aios():
    async with embedded(state()) as running:
        yield running


async def create(aios, body):
    return await aios.post("parser", "/api/createBlock", body)


async def test_allocate_creates_a_block_with_one_instance_whatever_the_minimum(aios):
    answer = (await create(aios, spec())).json()
    assert (answer["success"], answer["task_id"], answer["result"]["success"]) == (True, "", True)
    assert answer["result"]["data"]["task_id"]
    await until(lambda: "new-block" in aios.running.cluster.deployed and aios.instances("new-block"))
    record = (await aios.get("blocks", "/blocks/new-block")).json()
    assert (record["cluster"]["id"], record["minInstances"], record["maxInstances"]) == ("cluster-2", 2, 3)
    assert record["policies"]["autoscaler"]["parameters"] == {"limit": 5}
    assert "settings" not in record["policies"]["autoscaler"]

    async def seen():
        data = (await aios.get("metrics", "/block/new-block")).json()["data"]
        return data and {document["instanceId"]: document.get("nodeId") for document in data[0]["instances"]}

    async def complete():
        found = await seen()
        return found if found and len(found) == 2 else None

    found = await until(complete)
    assert set(found) == {"executor", *aios.instances("new-block")}
    assert set(found.values()) == {None, "far-2"}
    assert len(aios.instances("new-block")) == 1
    await aios.running.until_loaded()
    assert (await aios.infer(1, 3, block_id="new-block")).json()["data"]["reply"] == "word "


async def test_dry_run_is_the_default_and_changes_nothing(aios):
    result = (await create(aios, spec(mode=None))).json()["result"]
    assert result == {"success": True, "data": {"cluster_id": "cluster-2", "node_id": "far-2"}}
    assert (await aios.get("blocks", "/blocks/new-block")).status_code == 404
    chosen = (await create(aios, spec(ALLOCATOR, RESOURCES, mode="select_clusters"))).json()["result"]
    assert chosen == {"success": True, "data": ["cluster-123", "cluster-2"]}


async def test_an_id_is_made_up_when_there_is_none(aios):
    assert (await create(aios, spec(blockId=None))).json()["result"]["success"]
    await until(lambda: any(name.startswith("blk-") for name in aios.running.cluster.deployed))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"blockId": BLOCK}, "already exists"),
        ({"blockComponentURI": "model.nope:1-a"}, "not found in the components registry"),
        ({"policyRulesSpec": []}, "clusterAllocator, resourceAllocator"),
        ({"policyRulesSpec": [{"values": ALLOCATOR}, {"nonsense": 1}, 7]}, "resourceAllocator"),
        ({"policyRulesSpec": [{"values": choosing("id", "==", "x")}, {"values": RESOURCES}]}, "no cluster matches"),
        ({"policyRulesSpec": [{"values": choosing("id", "~", "x")}, {"values": RESOURCES}]}, "operator"),
    ],
)
async def test_failures_on_the_way_hide_in_the_result(aios, values, words):
    answer = await create(aios, spec(**values))
    body = answer.json()
    assert (answer.status_code, body["success"], body["task_id"]) == (200, True, "")
    assert words in body["result"]["error"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"blockComponentURI": None}, "Missing required field: blockComponentURI"),
        ({"minInstances": None}, "Missing required field: minInstances"),
        ({"maxInstances": None}, "Missing required field: maxInstances"),
        ({"mode": "later"}, "Invalid mode: later"),
        ({"blockId": "Not_A_Name"}, "Invalid blockId: 'Not_A_Name' is no Kubernetes name"),
    ],
)
async def test_an_invalid_spec_is_a_500(aios, values, message):
    answer = await create(aios, spec(**values))
    assert (answer.status_code, answer.json()) == (500, {"error": message})


@pytest.mark.parametrize("body", [{}, {"head": {}}, {"head": {}, "body": {"spec": []}}, []])
async def test_an_envelope_that_is_none_is_a_500(aios, body):
    answer = await create(aios, body)
    assert (answer.status_code, set(answer.json())) == (500, {"error"})


async def test_only_one_of_two_at_once_creates_the_block(aios):
    first, second = await create(aios, spec()), await create(aios, spec())
    assert first.json()["result"]["success"]
    await until(lambda: "new-block" in aios.running.cluster.deployed)
    assert second.json()["result"].get("error") or len(aios.instances("new-block")) <= 1
