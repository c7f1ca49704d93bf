"""Block creation, as parser, allocator and controller do it together behind `/api/createBlock`."""

import asyncio
import logging
import re
from typing import Any

from msgspec import Struct

from aios_top.sim.profile import PROFILES
from aios_top.testbed.document import Document
from aios_top.testbed.identity import Names
from aios_top.testbed.kubernetes.cluster import Cluster
from aios_top.testbed.mongo.filter import MongoError
from aios_top.testbed.site import Site
from aios_top.testbed.stores.records import DuplicateIdError, Records
from aios_top.testbed.tasks import spawn

_LOG = logging.getLogger(__name__)

REQUIRED = ("blockComponentURI", "minInstances", "maxInstances")
NEEDED_POLICIES = ("clusterAllocator", "resourceAllocator")
BLOCK_ID = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
OPERATORS = {"==": "$eq", "!=": "$ne", ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte", "IN": "$in"}


class SpecError(Exception):
    """A specification that the parser refuses before it asks anybody."""


class Component(Struct, frozen=True):
    """An entry of the components registry, and the profile its replicas are simulated with."""

    uri: str
    profile: str

    def record(self) -> Document:
        """Return the part that a block's record repeats."""
        name, _, version = self.uri.removeprefix("model.").partition(":")
        number, _, tag = version.partition("-")
        return {
            "componentId": {"name": name, "version": number, "releaseTag": tag},
            "containerRegistryInfo": {"containerImage": f"{name}:{number}", "componentMode": "aios"},
        }


class Creation:
    """Creates blocks; what the block's allocator policies would decide is decided here."""

    def __init__(
        self, site: Site, cluster: Cluster, blocks: Records, clusters: Records, components: dict[str, Component]
    ) -> None:
        self._site = site
        self._cluster = cluster
        self._blocks = blocks
        self._clusters = clusters
        self._components = components
        self._names = Names(f"{site.seed}/creation")
        self._tasks: set[asyncio.Task[None]] = set()

    def create(self, values: Document) -> Document:
        """Test (`dry_run`), choose clusters (`select_clusters`) or create (`allocate`); returns the parser's result.

        Raises SpecError for an invalid specification; `{"error"}` is a failure on the way.
        """
        for field in REQUIRED:
            if field not in values:
                raise SpecError(f"Missing required field: {field}")
        mode = values.get("mode", "dry_run")
        if mode not in ("allocate", "dry_run", "select_clusters"):
            raise SpecError(f"Invalid mode: {mode}")
        block_id = values.get("blockId") or f"blk-{self._names.pod_suffix()}{self._names.pod_suffix()[:3]}"
        if not isinstance(block_id, str) or not BLOCK_ID.fullmatch(block_id):
            raise SpecError(f"Invalid blockId: {block_id!r} is no Kubernetes name")
        policies = _policies(values.get("policyRulesSpec"))
        component = self._components.get(str(values["blockComponentURI"]))
        if component is None:
            return {"error": f"component {values['blockComponentURI']} not found in the components registry"}
        if mode != "select_clusters" and self._blocks.get(block_id) is not None:
            return {"error": f"block {block_id} already exists"}
        missing = [name for name in NEEDED_POLICIES if name not in policies]
        if missing:
            return {"error": f"policies needed to allocate are missing: {', '.join(missing)}"}
        try:
            chosen = self._clusters.query(_cluster_filter(policies["clusterAllocator"]))
        except (MongoError, SpecError) as error:
            return {"error": f"clusterAllocator filter: {error}"}
        if not chosen:
            return {"error": "no cluster matches the filter of the clusterAllocator policy"}
        if mode == "select_clusters":
            return {"success": True, "data": [record["id"] for record in chosen]}
        record = _block_record(block_id, values, component, policies, chosen[0])
        node_id = _node(policies["resourceAllocator"], chosen[0])
        if mode == "dry_run":
            return {"success": True, "data": {"cluster_id": chosen[0]["id"], "node_id": node_id}}
        return self._allocate(record, component, node_id)

    def _allocate(self, record: Document, component: Component, node_id: str) -> Document:
        task = spawn(self._deploy(record, component, node_id), f"create {record['id']}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return {"success": True, "data": {"task_id": self._names.task_id()}}

    async def _deploy(self, record: Document, component: Component, node_id: str) -> None:
        """Store the record, wait, start the executor and ONE instance, whatever `minInstances` says."""
        try:
            self._blocks.insert(record)
        except DuplicateIdError:
            _LOG.warning("block %s was created twice at once", record["id"])
            return
        # AIOS waits 5 s here and 15 s for the executor.
        await asyncio.sleep(self._site.pace.executor_ready_seconds / 3)
        block = self._cluster.deploy(record["id"], PROFILES[component.profile])
        block.start_executor(node_id, self._site.pace.executor_ready_seconds)
        block.add_instance(node_id, self._site.pace.replica_start_seconds)

    def stop(self) -> None:
        """Give up what is still being created."""
        for task in self._tasks:
            task.cancel()


def _policies(entries: Any) -> Document:
    """Return the block's policies by name; an entry without name or uri is logged and skipped, as in AIOS."""
    policies: Document = {}
    for entry in entries if isinstance(entries, list) else []:
        values = entry.get("values") if isinstance(entry, dict) else None
        if not isinstance(values, dict) or not (values.get("name") and values.get("policyRuleURI")):
            _LOG.warning("policyRulesSpec entry skipped: %r", entry)
            continue
        policies[values["name"]] = {
            "policyRuleURI": values["policyRuleURI"],
            "parameters": values.get("parameters") or {},
            "settings": values.get("settings") or {},
        }
    return policies


def _cluster_filter(policy: Document) -> Document:
    """Turn a cluster selector's filter into a Mongo filter; no filter takes every cluster."""
    query = policy["parameters"].get("filter", {}).get("clusterQuery")
    return {} if not query else _condition(query)


def _condition(query: Any) -> Document:
    if not isinstance(query, dict):
        raise SpecError("clusterQuery must be an object")
    if "logicalOperator" in query:
        logical = {"AND": "$and", "OR": "$or"}.get(str(query["logicalOperator"]).upper())
        conditions = query.get("conditions")
        if logical is None or not isinstance(conditions, list):
            raise SpecError("logicalOperator must be AND or OR, with a list of conditions")
        return {logical: [_condition(condition) for condition in conditions]}
    operator = OPERATORS.get(str(query.get("operator")).upper())
    if operator is None or "variable" not in query:
        raise SpecError(f"a condition needs variable, value and an operator of {', '.join(OPERATORS)}")
    return {str(query["variable"]): {operator: query.get("value")}}


def _node(policy: Document, cluster: Document) -> str:
    """Return the node that the resource allocator's parameters name if the cluster has it, else its first."""
    nodes = [str(node["id"]) for node in cluster["nodes"]["nodeData"]]
    allocation = policy["parameters"].get("allocation_data")
    wanted = allocation.get("node_id") if isinstance(allocation, dict) else None
    return wanted if wanted in nodes else nodes[0]


def _block_record(
    block_id: str, values: Document, component: Component, policies: Document, cluster: Document
) -> Document:
    return {
        "id": block_id,
        "componentUri": component.uri,
        "component": component.record(),
        "blockUri": component.uri,
        "blockMetadata": values.get("blockMetadata") or {},
        "policies": policies,
        "cluster": embedded_cluster(cluster),
        "blockInitData": values.get("blockInitData") or {},
        "initSettings": values.get("initSettings") or {},
        "parameters": values.get("parameters") or {},
        "minInstances": values["minInstances"],
        "maxInstances": values["maxInstances"],
        "tags": [],
    }


def embedded_cluster(record: Document) -> Document:
    """Return a cluster's record as a block's record holds it."""
    inner = {key: value for key, value in record.items() if key not in ("_id", "__v")}
    return {**inner, "status": "live"}
