"""An embedded AIOS inside the test's own loop: a small state, very short periods, a client, and waiting for facts."""

import asyncio
import io
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import httpx

from aios_top.sim.pace import Pace
from aios_top.testbed.creation import Component
from aios_top.testbed.server import Options, Running, serve
from aios_top.testbed.state import BlockState, State
from aios_top.testbed.stores.registry import FIELDS

TINY = Pace(
    name="tiny",
    push_seconds=0.05,
    executor_push_seconds=0.05,
    first_evaluation_seconds=0.1,
    evaluation_seconds=0.05,
    replica_start_seconds=0.05,
    pod_list_seconds=0.02,
    pod_list_full_every=5,
    wipe_seconds=1800.0,
    executor_ready_seconds=0.05,
    cooldown_seconds=0.1,
)

BLOCK = "llm-demo"
CLUSTER = "cluster-123"
POLICY_URI = "probe:1.0-stable"
FILES = "http://127.0.0.1:32555"

HOLDS = """
class AIOSv1PolicyRule:
    def __init__(self, rule_id, settings, parameters):
        self.rule_id, self.settings, self.parameters = rule_id, settings, parameters
    def eval(self, parameters, input_data, context):
        return {"skip": True}
    def management(self, action, data):
        return {"action": action, "data": data}
"""


def cluster_record(cluster_id: str = CLUSTER, nodes: tuple[str, ...] = ("node-1",)) -> dict[str, Any]:
    """Return a cluster's record, with AIOS's own node ports in its urlMap."""
    urls = {"controllerService": 32300, "metricsService": 32301, "parameterUpdater": 32303}
    return {
        "id": cluster_id,
        "regionId": "r1",
        "nodes": {"count": len(nodes), "nodeData": [{"id": node} for node in nodes]},
        "gpus": {"count": 1, "memory": 24000},
        "vcpus": {"count": 8},
        "storage": {"disks": 1, "size": 100000},
        "network": {"interfaces": 1, "txBandwidth": 1000, "rxBandwidth": 1000},
        "memory": 16000,
        "swap": 0,
        "config": {
            "publicHostname": "127.0.0.1",
            "useGateway": False,
            "urlMap": {name: f"http://127.0.0.1:{port}" for name, port in urls.items()},
        },
        "tags": ["t"],
        "clusterMetadata": {"name": "demo"},
        "reputation": 5,
    }


def block_record(block_id: str = BLOCK, autoscaler: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a block's record; without `autoscaler` it has no such policy."""
    policies: dict[str, Any] = {"resourceAllocator": {"policyRuleURI": "allocator:1.0-stable", "settings": {"x": 1}}}
    if autoscaler is not None:
        policies["autoscaler"] = autoscaler
    return {
        "id": block_id,
        "componentUri": "model.demo:1.0.0-stable",
        "component": {"componentId": {"name": "demo", "version": "1.0.0", "releaseTag": "stable"}},
        "blockUri": "model.demo:1.0.0-stable",
        "blockMetadata": {"description": "demo"},
        "policies": policies,
        "cluster": {**cluster_record(), "status": "live"},
        "blockInitData": {},
        "minInstances": 1,
        "maxInstances": 3,
        "tags": [],
    }


def policy_record(name: str = "probe", version: str = "1.0", **fields: Any) -> dict[str, Any]:
    """Return a complete registry record of a policy whose archive is `<name>.zip` on the files service."""
    record: dict[str, Any] = dict.fromkeys(FIELDS, "")
    record |= {field: {} for field in FIELDS if "schema" in field or "policy_" in field}
    record |= {"metadata": {}, "functionality_data": {}, "resource_estimates": {}}
    record |= {"name": name, "version": version, "release_tag": "stable", "type": "policy", "code_type": "zip"}
    return record | {"code": f"{FILES}/{name}.zip"} | fields


def zipped(source: str, **more: str) -> bytes:
    """Return a policy archive with this code/function.py."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {"code/function.py": source, **more}.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def state(
    source: str | None = HOLDS,
    *,
    parameters: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    instances: tuple[str, ...] = ("in-aa01",),
    profile: str = "aios-gemma3",
    **record: Any,
) -> State:
    """Return one block with this policy source (none: no autoscaler policy); `record` changes the registry record."""
    autoscaler = {"policyRuleURI": POLICY_URI, "parameters": parameters or {}, "settings": settings or {}}
    return State(
        clusters=(cluster_record(), cluster_record("cluster-2", ("far-1", "far-2"))),
        blocks=(BlockState(block_record(autoscaler=None if source is None else autoscaler), profile, instances),),
        policies=() if source is None else (policy_record(**record),),
        files={} if source is None else {"probe.zip": zipped(source)},
        components=(Component("model.demo:1.0.0-stable", profile),),
    )


@dataclass(frozen=True)
class Aios:
    """A running embedded AIOS and a client for it."""

    running: Running
    client: httpx.AsyncClient

    def url(self, service: str, path: str) -> str:
        return self.running.urls[service] + path

    async def get(self, service: str, path: str, **options: Any) -> httpx.Response:
        return await self.client.get(self.url(service, path), **options)

    async def post(self, service: str, path: str, body: Any, **options: Any) -> httpx.Response:
        return await self.client.post(self.url(service, path), json=body, **options)

    async def send(self, method: str, service: str, path: str, **options: Any) -> httpx.Response:
        return await self.client.request(method, self.url(service, path), **options)

    def instances(self, block_id: str = BLOCK) -> list[str]:
        return list(self.running.cluster.deployed[block_id].instances)

    def log(self, block_id: str = BLOCK) -> list[str]:
        autoscaler = self.running.cluster.deployed[block_id].executor.autoscaler
        return [] if autoscaler is None else list(autoscaler.log)

    async def infer(self, seq_no: int, words: int, max_tokens: int = 1, block_id: str = BLOCK) -> httpx.Response:
        data = {"mode": "chat", "message": "word " * words, "gen_params": {"max_tokens": max_tokens}}
        body = {"model": block_id, "session_id": f"s-{seq_no}", "seq_no": seq_no, "data": data}
        return await self.post("inference", "/v1/infer", body)

    async def restart_executor(self, block_id: str = BLOCK) -> httpx.Response:
        pods = (await self.get("mapping", f"/{block_id}/getInstances")).json()["data"]
        name = next(pod["metadata"]["name"] for pod in pods if pod["metadata"]["labels"]["instanceID"] == "executor")
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "blocks"}}
        return await self.post("controller", "/cluster-actions/k8s-objects/remove", {"objects": [pod]})


@asynccontextmanager
async def embedded(start: State | None = None, **options: Any) -> AsyncIterator[Aios]:
    """Run an embedded AIOS with a small state, tiny periods and no scenario, unless `options` say otherwise."""
    options = {"scenario": None, "pace": TINY, "state": start or state(), **options}
    running = await serve(Options(**options))
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:
            yield Aios(running, client)
    finally:
        await running.close()


async def until(fact: Callable[[], Any | Awaitable[Any]], seconds: float = 8.0) -> Any:
    """Wait until the fact is true and return it; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = fact()
        if isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("did not become true in time")
        await asyncio.sleep(0.01)
