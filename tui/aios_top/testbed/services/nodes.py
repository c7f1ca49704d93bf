"""The nodes' status (node port 32304)."""

from aiohttp import web

from aios_top.testbed.stores.records import Records
from aios_top.testbed.wire import flask_json


def routes(clusters: Records) -> list[web.RouteDef]:
    """Return the service's paths."""
    service = _Nodes(clusters)
    return [web.get("/healthy_nodes", service.healthy), web.get("/nodes_status", service.status)]


class _Nodes:
    def __init__(self, clusters: Records) -> None:
        self._clusters = clusters

    async def healthy(self, _request: web.Request) -> web.Response:
        """Return the ids of all nodes: none ever fails here."""
        return flask_json({"success": True, "nodes": self._ids()})

    async def status(self, _request: web.Request) -> web.Response:
        """Return every node with its state."""
        return flask_json({"success": True, "nodes": [{"id": node_id, "healthy": True} for node_id in self._ids()]})

    def _ids(self) -> list[str]:
        """Every node once: the clusters' records may share them."""
        nodes = [node["id"] for record in self._clusters.all() for node in record["nodes"].get("nodeData", [])]
        return list(dict.fromkeys(nodes))
