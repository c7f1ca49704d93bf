"""Block discovery of the inference host (node port 31501): tells whether a block is known."""

from aiohttp import web

from aios_top.testbed.inference import unknown_block
from aios_top.testbed.kubernetes.cluster import Cluster
from aios_top.testbed.wire import flask_json

QUEUE_PORT = 6379


def routes(cluster: Cluster) -> list[web.RouteDef]:
    """Return the service's only path."""
    service = _Discovery(cluster)
    return [web.post("/discovery/get_url/{block_id}", service.get_url)]


class _Discovery:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def get_url(self, request: web.Request) -> web.Response:
        """Return the address of the block's request queue."""
        block_id = request.match_info["block_id"]
        if block_id not in self._cluster.deployed:
            return flask_json({"success": False, "message": unknown_block(block_id)})
        host = f"{block_id}-executor-svc.blocks.svc.cluster.local"
        return flask_json({"success": True, "queue_url": host, "port": QUEUE_PORT})
