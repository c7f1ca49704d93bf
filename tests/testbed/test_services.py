"""Every service over real HTTP: envelopes, status codes, pages and refusals."""

import asyncio
import json

import pytest

from aios_top.testbed.ports import GRPC, NODE_PORTS
from fakes.embedded import BLOCK, CLUSTER, POLICY_URI, embedded, policy_record, state, until

DOCUMENT = {"blockId": BLOCK, "instanceId": "in-aa01", "type": "app", "timestamp": 1.0}
EXECUTOR = {"blockId": BLOCK, "instanceId": "executor", "type": "app", "uptime": 5.0}


@pytest.fixture
async def aios():
    """A block with one instance; nothing happens by itself."""
    async with embedded(ticking=False) as running:
        await running.running.until_loaded()
        yield running


def push(aios, *documents):
    for document in documents:
        aios.running.site.metrics.push(document)


async def test_everything_listens_on_loopback_and_knows_its_way(aios):
    assert set(aios.running.urls) - {GRPC} == set(NODE_PORTS)
    assert all(url.startswith("http://127.0.0.1:") for url in aios.running.urls.values())


@pytest.mark.parametrize("service", sorted(set(NODE_PORTS) - {"blocks", "clusters", "files"}))
async def test_an_unknown_path_of_a_flask_service_is_flasks_page(aios, service):
    answer = await aios.get(service, "/no/such/path/at/all")
    assert (answer.status_code, answer.reason_phrase) == (404, "NOT FOUND")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>")


@pytest.mark.parametrize("service", ["blocks", "clusters"])
async def test_express_gives_unknown_paths_and_wrong_methods_one_page(aios, service):
    for answer in (await aios.get(service, "/nope"), await aios.send("PATCH", service, f"/{service}/x")):
        assert answer.status_code == 404
        assert f"<pre>Cannot {answer.request.method} " in answer.text
    broken = await aios.send(
        "POST", service, f"/{service}/query", content="{", headers={"content-type": "application/json"}
    )
    assert (broken.status_code, broken.headers["content-type"]) == (400, "text/html; charset=utf-8")


async def test_a_wrong_method_of_a_flask_service_is_405(aios):
    answer = await aios.get("policies", "/policy")
    assert (answer.status_code, answer.reason_phrase) == (405, "METHOD NOT ALLOWED")
    assert "POST" in answer.headers["allow"]


async def test_global_metrics(aios):
    assert (await aios.get("metrics", f"/block/{BLOCK}")).json() == {"success": True, "data": []}
    push(aios, DOCUMENT, EXECUTOR)
    answer = (await aios.get("metrics", f"/block/{BLOCK}")).json()
    assert [document["instanceId"] for document in answer["data"][0]["instances"]] == ["in-aa01"]
    assert (await aios.post("metrics", "/block/query", {"blockId": BLOCK})).json() == answer
    refused = await aios.post("metrics", "/block/query", {"$bogus": 1})
    assert (refused.status_code, refused.json()["error"]) == (400, "unknown top level operator: $bogus")
    empty = await aios.send("POST", "metrics", "/block/query", headers={"content-type": "application/json"})
    assert (empty.status_code, empty.json()["success"]) == (500, False)
    projected = await aios.post("metrics", "/block/aggregate", [{"$project": {"blockId": 1, "instances.type": 1}}])
    assert projected.json()["data"] == [{"blockId": BLOCK, "instances": [{"type": "app"}]}]
    assert (await aios.post("metrics", "/block/aggregate", [{"$no": 1}])).status_code == 400
    health = (await aios.get("metrics", f"/block/health/{BLOCK}")).json()
    assert (health["healthy"], health["instances"][0]["reason"][:5]) == (False, "stale")
    assert (await aios.get("metrics", "/block/health/nope")).status_code == 404
    assert (await aios.send("DELETE", "metrics", f"/block/{BLOCK}")).json()["data"]["deleted_count"] == 1
    assert (await aios.send("DELETE", "metrics", f"/block/{BLOCK}")).status_code == 400


async def test_cluster_metrics(aios):
    push(aios, DOCUMENT, EXECUTOR)
    assert len((await aios.get("cluster_metrics", f"/block/{BLOCK}")).json()["data"]) == 2
    found = (await aios.post("cluster_metrics", "/block/query", {"instanceId": "executor"})).json()["data"]
    assert [document["nodeKey"] for document in found] == [f"executor__{BLOCK}"]
    refused = await aios.post("cluster_metrics", "/block/query", {"$bogus": 1})
    assert (refused.status_code, set(refused.json())) == (500, {"success", "data"})
    gone = await aios.send("DELETE", "cluster_metrics", "/block/delete", json={"nodeId": BLOCK})
    assert gone.json() == {"success": True, "data": 1}
    empty = {"success": True, "data": {"cluster_metrics": {}, "node_metrics": []}}
    assert (await aios.get("cluster_metrics", "/cluster")).json() == empty
    assert (await aios.get("gateway", f"/cluster-metrics/{CLUSTER}")).json() == {"success": True, "data": empty}


async def test_blocks_leave_out_empty_objects_and_take_mongo_updates(aios):
    record = (await aios.get("blocks", f"/blocks/{BLOCK}")).json()
    assert "blockInitData" not in record
    assert "parameters" not in record["policies"]["autoscaler"]
    assert record["tags"] == []
    assert (await aios.get("blocks", "/blocks")).json() == [record]
    query = {"query": {"cluster.id": CLUSTER}, "options": {}}
    assert (await aios.post("blocks", "/blocks/query", query)).json() == [record]
    update = {"$set": {"policies.autoscaler.parameters.cooldown_seconds": 7}}
    changed = (await aios.send("PUT", "blocks", f"/blocks/{BLOCK}", json=update)).json()
    assert changed["policies"]["autoscaler"]["parameters"] == {"cooldown_seconds": 7}
    unknown = await aios.send("PUT", "blocks", "/blocks/nope", json=update)
    assert (unknown.status_code, unknown.json()) == (404, {"message": "Block not found"})
    assert (await aios.send("PUT", "blocks", f"/blocks/{BLOCK}", json={"$bogus": {}})).status_code == 400


async def test_blocks_are_created_once_and_unknown_fields_dropped(aios):
    made = await aios.post("blocks", "/blocks", {"id": "new", "nonsense": 1, "minInstances": 1})
    assert made.status_code == 201
    assert {key for key in made.json() if not key.startswith("_")} == {"id", "minInstances"}
    twice = await aios.post("blocks", "/blocks", {"id": "new"})
    assert (twice.status_code, twice.json()["message"][:6]) == (400, "E11000")
    assert (await aios.post("blocks", "/blocks", {})).json() == {
        "message": "Block validation failed: id: Path `id` is required."
    }
    assert (await aios.send("DELETE", "blocks", "/blocks/new")).status_code == 200
    assert (await aios.send("DELETE", "blocks", "/blocks/new")).status_code == 404


async def test_the_registry_answers_200_stores_duplicates_and_renames(aios):
    assert (await aios.post("policies", "/policy", policy_record(description="second"))).json()["success"]
    found = (await aios.post("policies", "/policy/query", {"policy_rule_uri": {"$regex": "^probe"}})).json()["data"]
    assert [record["description"] for record in found] == ["", "second"]
    assert (await aios.get("policies", f"/policy/{POLICY_URI}")).json()["data"]["description"] == ""
    renamed = await aios.send("PUT", "policies", f"/policy/{POLICY_URI}", json=policy_record(version="1.1"))
    assert renamed.json() == {"success": True, "data": "Policy updated successfully."}
    assert (await aios.get("policies", "/policy/probe:1.1-stable")).json()["success"]
    assert (await aios.get("policies", f"/policy/{POLICY_URI}")).json()["data"]["description"] == "second"
    incomplete = {key: value for key, value in policy_record().items() if key != "resource_estimates"}
    for answer, message in (
        (await aios.post("policies", "/policy", incomplete), "'resource_estimates'"),
        (await aios.send("PUT", "policies", "/policy/nope:1-a", json=policy_record()), "Failed to update policy."),
        (await aios.send("DELETE", "policies", "/policy/nope:1-a"), "Failed to delete policy."),
        (await aios.get("policies", "/policy/nope:1-a"), "Policy not found."),
        (await aios.post("policies", "/policy/query", {"$bogus": 1}), "unknown top level operator: $bogus"),
    ):
        assert (answer.status_code, answer.json()) == (200, {"success": False, "message": message})
    for content, start in (("{", "400 Bad Request"), ("[]", "list indices")):
        headers = {"content-type": "application/json"}
        answer = await aios.send("POST", "policies", "/policy", content=content, headers=headers)
        assert (answer.status_code, answer.json()["message"].startswith(start)) == (200, True)
    text = await aios.send("POST", "policies", "/policy", content="x", headers={"content-type": "text/plain"})
    assert (text.status_code, text.json()["message"][:3]) == (200, "415")


async def test_upload_then_download_gives_the_same_bytes(aios):
    content = bytes(range(256)) * 300
    form = {"files": {"file": ("p.zip", content)}, "data": {"path": "."}}
    assert (await aios.send("POST", "upload", "/upload", **form)).status_code == 200
    served = await aios.get("files", "/p.zip")
    assert served.content == content
    assert served.headers["content-type"] == "application/zip"
    head = await aios.send("HEAD", "files", "/p.zip")
    assert (head.headers["content-length"], head.content) == (str(len(content)), b"")
    cached = await aios.get("files", "/p.zip", headers={"if-modified-since": served.headers["last-modified"]})
    assert cached.status_code == 304
    assert 'href="p.zip"' in (await aios.get("files", "/")).text
    nested = {"files": {"file": ("q.zip", b"q")}, "data": {"path": "sub/folder"}}
    assert (await aios.send("POST", "upload", "/upload", **nested)).json()["path"] == "sub/folder/q.zip"
    assert (await aios.get("files", "/sub/folder/q.zip")).content == b"q"
    assert (await aios.get("files", "/sub")).headers["location"] == "/sub/"
    assert (await aios.get("files", "/nope.zip")).status_code == 404
    assert (await aios.send("POST", "files", "/p.zip", content=b"x")).status_code == 501


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("p.zip", ".."), ("p.zip", "/etc"), ("p.zip", "a/../../b"), ("p.zip", "a\\b"), ("../p.zip", "."),
        ("..", "."), ("a\\..\\p", "."), ("p\x1b[2J.zip", "."),
    ],
)  # fmt: skip
async def test_an_upload_stays_below_its_folder(aios, name, path):
    answer = await aios.send("POST", "upload", "/upload", files={"file": (name, b"x")}, data={"path": path})
    files = [item for item in aios.running.site.folder.rglob("*") if item.is_file() and item.read_bytes() == b"x"]
    assert answer.status_code == 400 or [item.is_relative_to(aios.running.files.root) for item in files] == [True]
    if path != ".":
        assert answer.status_code == 400
        assert "leaves the upload folder" in answer.json()["message"]


async def test_an_upload_that_is_none_is_refused(aios):
    assert (await aios.post("upload", "/upload", {})).status_code == 400
    no_file = await aios.send("POST", "upload", "/upload", files={"other": ("x", b"x")})
    assert (no_file.status_code, no_file.json()["message"]) == (400, "the form has no field file")


@pytest.mark.parametrize(
    "path", ["/..%2fsecret", "/%2e%2e%2fsecret", "/sub%2f..%2f..%2fsecret", "/%00", "/secret%00.zip"]
)
async def test_a_download_stays_below_its_folder(aios, path):
    (aios.running.files.root.parent / "secret").write_text("secret")
    assert (await aios.get("files", path)).status_code == 404


async def test_scaling_through_the_gateway_wraps_the_controllers_answer(aios):
    up = {"block_id": BLOCK, "operation": "scale", "instances_count": 2}
    answer = await aios.post("gateway", f"/controller/block-scaling/{CLUSTER}", up)
    assert answer.json() == {"success": True, "data": {"success": True, "data": "scaled instances"}}
    assert len(aios.instances()) == 3
    inner = (await aios.post("gateway", f"/controller/block-scaling/{CLUSTER}", {**up, "block_id": "nope"})).json()
    assert (inner["success"], inner["data"]["success"]) == (True, False)
    assert inner["data"]["data"].startswith("HTTP error occurred: 500 Server Error: INTERNAL SERVER ERROR for url: ")
    unknown = await aios.post("gateway", "/controller/block-scaling/nope", up)
    assert (unknown.status_code, unknown.json()["success"]) == (500, False)
    gone = {"block_id": BLOCK, "instance_id": aios.instances()[0]}
    answer = await aios.post("gateway", f"/controller/removeInstance/{CLUSTER}", gone)
    assert answer.json()["data"] == {"success": True, "data": "Action performed"}
    assert "in-aa01" not in aios.instances()
    back = {"blockId": BLOCK, "instanceId": "in-zzzz", "extra_data": {}}
    assert (await aios.post("gateway", f"/controller/reassign-instance/{CLUSTER}", back)).json()["data"]["success"]
    assert "in-zzzz" in aios.instances()


async def test_the_controller_enforces_no_maximum_and_undoes_nothing(aios):
    async def scale(**body):
        return await aios.post("controller", "/executeAction", {"action": "scale", "block_id": BLOCK, **body})

    assert (await scale(operation="scale", instances_count=6)).json()["success"]
    assert len(aios.instances()) == 7
    assert (await scale(operation="upscale", instances_count=1)).json() == {"success": True, "data": "scaled instances"}
    assert len(aios.instances()) == 7
    keep, *others = aios.instances()
    stopped = await scale(operation="downscale", instances_list=[others[0], "in-none", others[1]])
    assert (stopped.status_code, stopped.json()["data"]) == (500, "(404)\nReason: NotFound\n")
    assert aios.instances() == [keep, *others[1:]]
    short = await scale(operation="scale", instances_count=2, allocation_data=[{"node_id": "node-1", "gpu_ids": [0]}])
    assert (short.status_code, short.json()["data"]) == (500, "list index out of range")
    assert len(aios.instances()) == 7
    assert (await scale(operation="downscale", instances_list=aios.instances())).json()["success"]
    assert aios.instances() == []
    for body, message in (
        ({"operation": "scale"}, "'instances_count'"),
        ({"operation": "scale", "instances_count": "2"}, "'str' object cannot be interpreted as an integer"),
        ({"instances_count": 1}, "'operation'"),
        ({"operation": "scale", "instances_count": 10**9}, "the embedded AIOS holds at most 256 instances per block"),
    ):
        assert (await scale(**body)).json() == {"success": False, "data": message}
    unknown = await aios.post("controller", "/executeAction", {"action": "restart_executor"})
    assert unknown.json()["data"] == "Unknown action: restart_executor"


async def test_what_a_client_began_and_gave_up_is_done_all_the_same(aios):
    host, port = aios.running.urls["gateway"].removeprefix("http://").split(":")
    body = json.dumps({"block_id": BLOCK, "operation": "scale", "instances_count": 1})
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /controller/block-scaling/{CLUSTER} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    await writer.drain()
    writer.close()
    await until(lambda: len(aios.instances()) == 2)


async def test_management_through_every_door(aios):
    own = {"mgmt_action": "echo", "mgmt_data": {"a": 1}}
    expected = {"success": True, "data": {"action": "echo", "data": {"a": 1}}}
    assert (await aios.post("autoscaler", f"/{BLOCK}/mgmt", own)).json() == expected
    near = {"block_id": BLOCK, "service": "autoscaler", **own, "instance_id": ""}
    assert (await aios.post("updater", "/mgmt", near)).json() == expected
    far = {"block_id": BLOCK, "service": "autoscaler", "action": "echo", "payload": {"a": 1}, "instance_id": ""}
    assert (await aios.post("gateway", "/blocks/mgmt", far)).json() == expected
    values = {"blockId": BLOCK, "service": "autoscaler", "mgmtCommand": "echo", "mgmtData": {"a": 1}}
    spec = {"header": {"templateUri": "Parser/V1", "parameters": {}}, "body": {"spec": {"values": values}}}
    answer = (await aios.post("parser", "/api/executeMgmtCommand", spec)).json()
    assert answer == {"success": True, "task_id": "", "result": expected}


async def test_management_that_cannot_arrive_says_so_in_each_doors_own_way(aios):
    near = {"block_id": BLOCK, "service": "autoscaler", "mgmt_action": "echo"}
    lost = await aios.post("updater", "/mgmt", near)
    assert (lost.status_code, f"{BLOCK}-none-svc" in lost.json()["message"]) == (500, True)
    for changed, status, words in (
        ({"service": "scaler", "instance_id": ""}, 500, "Invalid service type: scaler"),
        ({"mgmt_action": "", "instance_id": ""}, 400, "Missing required fields"),
        ({"block_id": "nope", "instance_id": ""}, 200, "Name or service not known"),
        ({"service": "executor", "instance_id": ""}, 200, "Connection refused"),
    ):
        answer = await aios.post("updater", "/mgmt", {**near, **changed})
        assert (answer.status_code, words in answer.json()["message"]) == (status, True), answer.text
    every = await aios.post("updater", "/mgmt", {**near, "service": "instances", "instance_id": ""})
    assert [item["success"] for item in every.json().values()] == [False]
    far = {"block_id": BLOCK, "service": "autoscaler", "action": "echo", "payload": {}}
    null = await aios.post("gateway", "/blocks/mgmt", far)
    assert (null.status_code, null.json()["success"]) == (200, False)
    assert null.json()["message"].startswith("500 Server Error: INTERNAL SERVER ERROR for url: ")
    unknown = await aios.post("gateway", "/blocks/mgmt", {**far, "block_id": "nope", "instance_id": ""})
    assert (unknown.status_code, unknown.json()) == (500, {"error": "cluster data not defined in the block"})
    assert (await aios.post("autoscaler", "/nope/mgmt", {})).status_code == 404
    missing = await aios.post("autoscaler", f"/{BLOCK}/mgmt", {"mgmt_data": {}})
    assert (missing.status_code, missing.json()["message"]) == (400, "mgmt_action is required")


async def test_the_smaller_services(aios):
    assert (await aios.get("mapping", f"/{BLOCK}/getInstancesCount")).json() == {"success": True, "data": 2}
    pods = (await aios.get("mapping", f"/{BLOCK}/getInstances")).json()["data"]
    assert [pod["metadata"]["labels"]["instanceID"] for pod in pods] == ["executor", "in-aa01"]
    assert pods[0]["metadata"]["name"].startswith(f"{BLOCK}-executor-")
    assert (await aios.get("nodes", "/healthy_nodes")).json() == {
        "success": True, "nodes": ["node-1", "far-1", "far-2"],
    }  # fmt: skip
    known = (await aios.post("discovery", f"/discovery/get_url/{BLOCK}", {})).json()
    assert (known["success"], known["port"]) == (True, 6379)
    assert not (await aios.post("discovery", "/discovery/get_url/nope", {})).json()["success"]
    cluster = (await aios.get("clusters", f"/clusters/{CLUSTER}")).json()
    assert cluster["config"]["urlMap"]["controllerService"] == aios.running.urls["controller"]
    assert (await aios.get("clusters", "/clusters/nope")).json() == {"error": "Cluster not found"}
    assert len((await aios.post("clusters", "/clusters/query", {"query": {}})).json()) == 2


async def test_a_deleted_instance_pod_comes_back_under_its_id_with_counters_at_zero_and_old_rolling_values():
    async with embedded(state(None)) as aios:
        await aios.infer(1, 30)

        async def document():
            found = (await aios.get("cluster_metrics", f"/block/{BLOCK}")).json()["data"]
            return next((item for item in found if item["instanceId"] == "in-aa01"), {})

        async def counted(prompts):
            return (await document()).get("llm_prompts_total") == prompts

        await until(lambda: counted(1.0))
        pods = (await aios.get("mapping", f"/{BLOCK}/getInstances")).json()["data"]
        pod = {"kind": "Pod", "metadata": {"name": pods[1]["metadata"]["name"], "namespace": "blocks"}}
        removed = await aios.post("controller", "/cluster-actions/k8s-objects/remove", {"objects": [pod]})
        assert removed.json()["success"]
        await until(lambda: counted(0.0))
        assert (await document())["llm_input_tokens_per_minute_rolling"]["current"] == 30
        assert aios.instances() == ["in-aa01"]
        again = await aios.post("controller", "/cluster-actions/k8s-objects/remove", {"objects": [pod]})
        assert (again.status_code, again.json()["data"]) == (500, "(404)\nReason: NotFound\n")
