"""The mapping container of every block's executor (container port 5000), at `/<block>/...` of one listener."""

from aiohttp import web

from aios_top.testbed.document import Document
from aios_top.testbed.kubernetes.cluster import Cluster
from aios_top.testbed.wire import flask_json


def routes(cluster: Cluster) -> list[web.RouteDef]:
    """Return the service's paths."""
    service = _Mapping(cluster)
    return [
        web.get("/{block_id}/getInstances", service.instances),
        web.get("/{block_id}/getInstancesCount", service.count),
    ]


class _Mapping:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def instances(self, request: web.Request) -> web.Response:
        """Return the block's pods, the executor's among them."""
        return flask_json({"success": True, "data": self._pods(request)})

    async def count(self, request: web.Request) -> web.Response:
        """Return how many pods the block has; the executor counts."""
        return flask_json({"success": True, "data": len(self._pods(request))})

    def _pods(self, request: web.Request) -> list[Document]:
        block = self._cluster.deployed.get(request.match_info["block_id"])
        if block is None:
            raise web.HTTPNotFound
        return block.pods()
