"""The state of the demo: the blocks of the simulator's scenarios, two clusters, and a registry with two policies."""

import io
import json
import zipfile
from pathlib import Path

from aios_top.shipped import shipped
from aios_top.sim.demo import BlockSpec, demo_blocks
from aios_top.sim.pace import Pace
from aios_top.testbed.creation import Component, embedded_cluster
from aios_top.testbed.document import Document
from aios_top.testbed.ports import LOOPBACK, NODE_PORTS
from aios_top.testbed.state import BlockState, State

TUTORIAL_POLICY = Path(__file__).parent / "policies" / "tokenautoscaler"
STAND_INS = (
    "cluster-selector:1.0-stable",
    "allocator:1.0-stable",
    "token-based-lb:1.0-stable",
    "health_checker:1.0-stable",
)
"""Policies that the blocks name and that nothing here runs; the registry knows them as texts."""
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def demo_state(pace: Pace) -> State:
    """Return the demo's state; addresses are written with AIOS's own node ports."""
    clusters = (
        _cluster("cluster-1", ("node-1", "node-2", "node-3", "node-4"), as_lists=False),
        # The cluster that the tutorial's createBlock asks for, on the same host; its urlMap has the one-element
        # lists that AIOS's own generator writes.
        _cluster("gcp-cluster-2", ("wc-gpu-node1", "wc-gpu-node2"), as_lists=True),
    )
    by_id = {cluster["id"]: cluster for cluster in clusters}
    specs = demo_blocks(pace)
    policies, files = _registry()
    return State(
        clusters=clusters,
        blocks=tuple(
            BlockState(_block(spec, by_id[spec.cluster_id]), spec.profile, spec.min_instances) for spec in specs
        ),
        policies=policies,
        files=files,
        components=tuple(Component(spec.component_uri, spec.profile) for spec in specs),
    )


def packed(folder: Path) -> bytes:
    """Return a zip whose root holds `code/` with the files of `folder/code`; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "code").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, path.read_bytes())
    return buffer.getvalue()


def _registry() -> tuple[tuple[Document, ...], dict[str, bytes]]:
    """Return the registered policies and the archives that they name."""
    records: list[Document] = []
    files: dict[str, bytes] = {}
    for folder in (TUTORIAL_POLICY, shipped("policy")):
        record: Document = json.loads((folder / "registration.json").read_bytes())
        archive = f"{record['name']}.zip"
        files[archive] = packed(folder)
        records.append({**record, "code": _served(archive)})
    for uri in STAND_INS:
        name = uri.partition(":")[0]
        files[f"{name}.txt"] = (
            f"{uri}: the embedded AIOS decides in this policy's place and does not run it.\n".encode()
        )
        records.append(_stand_in(uri, _served(f"{name}.txt")))
    return tuple(records), files


def _served(name: str) -> str:
    return f"http://{LOOPBACK}:{NODE_PORTS['files']}/{name}"


def _stand_in(uri: str, code: str) -> Document:
    name, _, version = uri.partition(":")
    number, _, tag = version.partition("-")
    objects = (
        "metadata", "policy_input_schema", "policy_output_schema", "policy_settings_schema",
        "policy_parameters_schema", "policy_settings", "policy_parameters", "functionality_data", "resource_estimates",
    )  # fmt: skip
    texts = {"name": name, "version": number, "release_tag": tag, "tags": "stand-in", "code": code}
    description = "Named by the demo's blocks; not run by the embedded AIOS."
    return {**texts, "code_type": "text", "type": "policy", "description": description, **{key: {} for key in objects}}


def _cluster(cluster_id: str, node_ids: tuple[str, ...], *, as_lists: bool) -> Document:
    def url(port: int) -> str:
        return f"http://{LOOPBACK}:{port}"

    def listed(port: int) -> str | list[str]:
        return [url(port)] if as_lists else url(port)

    count = len(node_ids)
    return {
        "nodes": {"count": count, "nodeData": [{"id": node_id} for node_id in node_ids]},
        "gpus": {"count": 8 * count, "memory": 8 * 81_920 * count},
        "vcpus": {"count": 64 * count},
        "storage": {"disks": count, "size": 2_000_000 * count},
        "network": {"interfaces": count, "txBandwidth": 25_000, "rxBandwidth": 25_000},
        "id": cluster_id,
        "regionId": "demo",
        "memory": 512_000 * count,
        "swap": 0,
        "config": {
            "publicHostname": LOOPBACK,
            "useGateway": False,
            "urlMap": {
                "controllerService": url(NODE_PORTS["controller"]),
                "metricsService": url(NODE_PORTS["cluster_metrics"]),
                "blocksQuery": url(32302),
                "publicGateway": listed(32000),
                "parameterUpdater": listed(NODE_PORTS["updater"]),
                "membershipServer": listed(30501),
            },
        },
        "tags": ["simulated"],
        "clusterMetadata": {"name": cluster_id, "description": "Simulated by aios-top on this machine."},
        "reputation": 5,
    }


def _block(spec: BlockSpec, cluster: Document) -> Document:
    component = Component(spec.component_uri, spec.profile)
    return {
        "id": spec.block_id,
        "componentUri": spec.component_uri,
        "component": component.record(),
        "blockUri": spec.component_uri,
        "blockMetadata": {"description": f"Simulated replicas of the profile {spec.profile}."},
        "policies": _policies(spec),
        "cluster": embedded_cluster(cluster),
        "minInstances": spec.min_instances,
        "maxInstances": spec.max_instances,
        "tags": [],
    }


def _policies(spec: BlockSpec) -> Document:
    policies: Document = {
        "clusterAllocator": {"policyRuleURI": STAND_INS[0]},
        "resourceAllocator": {"policyRuleURI": STAND_INS[1], "settings": {"selection_mode": "balanced"}},
        "loadBalancer": {"policyRuleURI": STAND_INS[2]},
        "stabilityChecker": {"policyRuleURI": STAND_INS[3]},
    }
    if spec.policy_uri is not None:
        policies["autoscaler"] = {
            "policyRuleURI": spec.policy_uri,
            "parameters": dict(spec.parameters),
            "settings": dict(spec.settings),
        }
    return policies
