"""The two metric stores: the cluster's, fed by every pod, and the global copy, fed only by executors."""

from typing import Any

from aios_top.testbed.document import Document
from aios_top.testbed.mongo.filter import select

EXECUTOR = "executor"
STALE_SECONDS = 60
"""A document older than this is unhealthy; counted on the metrics host's clock."""


class MetricStores:
    """Metric documents by node key, merged as they come in; documents are replaced, never changed in place."""

    def __init__(self) -> None:
        self._cluster: dict[str, Document] = {}
        self._global: dict[str, Document] = {}
        self._nodes: dict[str, Document] = {}

    # What the pods and the node daemon send.

    def push(self, document: Document) -> None:
        """Take one pod's document in; an executor's first copies its block, as it stands, to the global store.

        So the executor's own numbers reach the global store one push later than its instances' do.
        """
        node_key = f"{document['instanceId']}__{document['blockId']}"
        if document["instanceId"] == EXECUTOR:
            block_id = document["blockId"]
            self._global[block_id] = {"blockId": block_id, "instances": self.of_block(block_id)}
        self._cluster[node_key] = {**self._cluster.get(node_key, {}), **document, "nodeKey": node_key}

    def push_node(self, document: Document) -> None:
        """Take a node's hardware document in."""
        self._nodes[document["nodeId"]] = document

    def wipe(self) -> None:
        """Forget every document of the cluster store, as AIOS does every half hour; the global copy stays."""
        self._cluster.clear()

    # The cluster's store.

    def of_block(self, block_id: str) -> list[Document]:
        """Return the block's documents, executor and removed instances included, in order of arrival."""
        return [document for document in self._cluster.values() if document["blockId"] == block_id]

    def query(self, query: Any) -> list[Document]:
        """Return the cluster store's documents that fulfil a Mongo filter; raises MongoError."""
        return select(list(self._cluster.values()), query)

    def delete_one(self, block_id: Any) -> int:
        """Forget one document of the block, the oldest; returns how many were."""
        for node_key, document in self._cluster.items():
            if document["blockId"] == block_id:
                del self._cluster[node_key]
                return 1
        return 0

    def nodes(self, query: Any) -> list[Document]:
        """Return the nodes' documents that fulfil a Mongo filter; raises MongoError."""
        return select(list(self._nodes.values()), query)

    # The global store.

    def global_documents(self) -> list[Document]:
        """Return `{"blockId", "instances"}` of every block."""
        return list(self._global.values())

    def put_global(self, document: Document) -> None:
        """Store a block's global document as it is."""
        self._global[document["blockId"]] = document

    def delete_global(self, block_id: str) -> bool:
        """Forget a block's global document; tells whether there was one."""
        return self._global.pop(block_id, None) is not None

    def health(self, block_id: str, wall: float) -> Document | None:
        """Judge every instance by the age of its timestamp, or return None for a block without documents."""
        block = self._global.get(block_id)
        if block is None:
            return None
        instances = [_instance_health(document, wall) for document in block["instances"]]
        return {
            "success": True,
            "block_id": block_id,
            "healthy": all(instance["healthy"] for instance in instances),
            "instances": instances,
        }


def _instance_health(document: Document, wall: float) -> Document:
    instance_id = document.get("instanceId")
    if instance_id == EXECUTOR:
        return {"instanceId": instance_id, "healthy": True, "reason": "executor instance"}
    timestamp = document.get("timestamp")
    if not timestamp:
        return {"instanceId": instance_id, "healthy": False, "reason": "missing timestamp"}
    age = wall - timestamp
    health: Document = {"instanceId": instance_id, "healthy": age <= STALE_SECONDS, "lastMetrics": age}
    if age > STALE_SECONDS:
        health["reason"] = f"stale metrics (last updated {int(age)}s ago)"
    return health
