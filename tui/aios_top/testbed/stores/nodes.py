"""Hardware documents of nodes, and the cluster's totals made of them."""

from typing import Any

from aios_top.testbed.document import Document


def node_document(node_id: str, cluster_id: str, gpus: Document, memory: Document, vcpus: Document) -> Document:
    """Return a node daemon's document: `{"nodeId", "clusterId", "type", "metrics": {"resource": {"node"}}}`."""
    node = {"id": node_id, "gpus": gpus, "memory": memory, "vcpus": vcpus}
    return {"nodeId": node_id, "clusterId": cluster_id, "type": "hardware", "metrics": {"resource": {"node": node}}}


def cluster_view(documents: list[Document]) -> Document:
    """Return `{"cluster_metrics", "node_metrics"}`; both are empty before the first node document."""
    nodes = [document["metrics"]["resource"]["node"] for document in documents]
    return {"cluster_metrics": _totals(nodes) if nodes else {}, "node_metrics": nodes}


def _totals(nodes: list[Document]) -> Document:
    used, total = _sum(nodes, "memory", "usedMem"), _sum(nodes, "memory", "totalMem")
    return {
        "gpus": {key: _sum(nodes, "gpus", key) for key in ("count", "totalMem", "usedMem")},
        "memory": {"averageUtil": 100.0 * used / total if total else 0.0, "totalMem": total, "usedMem": used},
        "vcpus": {"count": _sum(nodes, "vcpus", "count"), "load1m": _sum(nodes, "vcpus", "load1m")},
    }


def _sum(nodes: list[Document], group: str, key: str) -> Any:
    return sum(node[group].get(key, 0) for node in nodes)
