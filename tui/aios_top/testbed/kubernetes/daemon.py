"""The node daemon: reports what each node's replicas use of it."""

from aios_top.testbed.document import Document
from aios_top.testbed.kubernetes.cluster import Cluster
from aios_top.testbed.site import Site
from aios_top.testbed.stores.nodes import node_document
from aios_top.testbed.stores.records import Records

_MEGABYTE = 1_048_576
_SYSTEM_MEGABYTES = 4_000
"""What a node uses without any replica."""
_MODEL_SHARE_OF_CARD = 0.44
"""Part of a card's memory that a loaded model takes (36 of 80 GB measured for Gemma 3 27B)."""


class NodeDaemon:
    """Pushes one hardware document per node of every cluster."""

    def __init__(self, site: Site, cluster: Cluster, clusters: Records) -> None:
        self._site = site
        self._cluster = cluster
        self._clusters = clusters

    def report(self) -> None:
        """Push all nodes' documents."""
        for record in self._clusters.all():
            nodes = record["nodes"]["nodeData"]
            for node in nodes:
                self._site.metrics.push_node(self._document(node["id"], record, len(nodes)))

    def _document(self, node_id: str, record: Document, nodes: int) -> Document:
        memory, cards, busy = self._usage(node_id)
        total_memory = record["memory"] // nodes
        total_cards = record["gpus"]["memory"] // nodes
        used_memory = min(_SYSTEM_MEGABYTES + memory, total_memory)
        return node_document(
            node_id,
            record["id"],
            {"count": record["gpus"]["count"] // nodes, "totalMem": total_cards, "usedMem": min(cards, total_cards)},
            {
                "averageUtil": round(100.0 * used_memory / total_memory, 2),
                "totalMem": total_memory,
                "usedMem": used_memory,
            },
            {"count": record["vcpus"]["count"] // nodes, "load1m": 0.2 + busy},
        )

    def _usage(self, node_id: str) -> tuple[int, int, int]:
        """Return megabytes of memory, megabytes of cards, and requests being served on one node."""
        memory = cards = busy = 0
        for block in self._cluster.deployed.values():
            profile, replicas = block.traffic.sim.profile, block.traffic.sim.replicas
            for instance_id, pod in block.instances.items():
                if pod.node_id == node_id:
                    memory += profile.memory_bytes // _MEGABYTE
                    cards += round(profile.gpu_memory_megabytes * _MODEL_SHARE_OF_CARD)
                    busy += replicas[instance_id].active
        return memory, cards, busy
