"""The state of the demo: what a newcomer and the tutorial's curl lines find there."""

import io
import json
import zipfile

import pytest

from aios_top.shipped import shipped
from aios_top.sim.pace import PACES, QUICK
from aios_top.testbed.demo import TUTORIAL_POLICY, demo_state, packed
from aios_top.testbed.stores.registry import FIELDS
from fakes.embedded import embedded, until

HERE = ("gemma3-27b-block", "llama3-8b-chat", "qwen2-7b-code", "bge-embedding")


@pytest.fixture
async def aios():
    async with embedded(demo_state(QUICK), scenario="quiet", pace=QUICK) as running:
        yield running


@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
def test_blocks_carry_the_pace_in_their_policys_parameters(pace):
    records = {block.record["id"]: block.record for block in demo_state(pace).blocks}
    assert set(records) == set(HERE)
    autoscaler = records["gemma3-27b-block"]["policies"]["autoscaler"]
    assert autoscaler["parameters"]["cooldown_seconds"] == pace.cooldown_seconds
    assert autoscaler["parameters"]["input_tokens_up_threshold"] == 500
    assert "autoscaler" not in records["bge-embedding"]["policies"]


def test_every_registered_policy_is_complete():
    for record in demo_state(QUICK).policies:
        assert set(FIELDS) <= set(record), record["name"]


async def test_the_registry_serves_the_shipped_policy_byte_for_byte(aios):
    records = (await aios.post("policies", "/policy/query", {})).json()["data"]
    by_uri = {record["policy_rule_uri"]: record for record in records}
    for uri, folder in (
        ("tokenautoscaler:2.0-stable", TUTORIAL_POLICY),
        ("tokenautoscaler-explained:1.0-stable", shipped("policy")),
    ):
        content = (await aios.client.get(by_uri[uri]["code"])).content
        assert content == packed(folder)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.read("code/function.py") == (folder / "code" / "function.py").read_bytes()
            assert not [name for name in archive.namelist() if "__pycache__" in name or not name.startswith("code/")]
    for record in records:
        assert (await aios.client.head(record["code"])).status_code == 200


async def test_every_autoscaler_of_the_demo_loads(aios):
    await aios.running.until_loaded()
    state = await aios.post("autoscaler", "/gemma3-27b-block/mgmt", {"mgmt_action": "get_state", "mgmt_data": {}})
    assert state.json()["data"]["status"] == "ok"


async def test_one_clusters_url_map_has_the_lists_that_aios_writes(aios):
    plain = (await aios.get("clusters", "/clusters/cluster-1")).json()["config"]["urlMap"]
    lists = (await aios.get("clusters", "/clusters/gcp-cluster-2")).json()["config"]["urlMap"]
    assert plain["parameterUpdater"] == aios.running.urls["updater"]
    assert lists["parameterUpdater"] == [aios.running.urls["updater"]]


async def test_a_specification_of_the_tutorials_shape_creates_its_block(aios):
    rules = [
        {
            "name": "clusterAllocator",
            "policyRuleURI": "cluster-selector:2.0-stable",
            "parameters": {"filter": {"clusterQuery": {"variable": "id", "operator": "==", "value": "gcp-cluster-2"}}},
        },
        {
            "name": "resourceAllocator",
            "policyRuleURI": "allocator:2.0-stable",
            "parameters": {"allocation_data": {"node_id": "wc-gpu-node2", "gpus": [0, 1]}},
        },
        {
            "name": "autoscaler",
            "policyRuleURI": "tokenautoscaler:2.0-stable",
            "parameters": {"input_tokens_up_threshold": 1500, "averaging_period": "average_1m"},
            "settings": {"scale_up_cooldown": 45},
        },
    ]
    values = {
        "mode": "allocate",
        "blockId": "gemma3-27b-block2",
        "blockComponentURI": "model.gemma3-27b:1.0.0-stable",
        "minInstances": 1,
        "maxInstances": 3,
        "blockInitData": {"model_name": "gemma.gguf"},
        "policyRulesSpec": [{"values": rule} for rule in rules],
    }
    body = {"head": {"templateUri": "Parser/V1", "parameters": {}}, "body": {"spec": {"values": values}}}
    answer = await aios.send(
        "POST", "parser", "/api/createBlock", content=json.dumps(body), headers={"content-type": "application/json"}
    )
    assert answer.json()["result"]["success"]
    await until(lambda: "gemma3-27b-block2" in aios.running.cluster.deployed)
    await aios.running.until_loaded()
    # Management reaches it through a cluster whose urlMap holds lists.
    command = {
        "block_id": "gemma3-27b-block2", "service": "autoscaler", "action": "reset_cooldown", "payload": {},
        "instance_id": "",
    }  # fmt: skip
    assert (await aios.post("gateway", "/blocks/mgmt", command)).json()["data"]["status"] == "ok"


async def test_the_same_seed_gives_the_same_instances():
    async def ids():
        async with embedded(demo_state(QUICK), scenario="quiet", ticking=False) as aios:
            await aios.post(
                "controller",
                "/executeAction",
                {"action": "scale", "block_id": "bge-embedding", "operation": "scale", "instances_count": 2},
            )
            return {block_id: aios.instances(block_id) for block_id in HERE}

    assert await ids() == await ids()
