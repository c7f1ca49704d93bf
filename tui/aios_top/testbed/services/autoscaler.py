"""The management server of every block's autoscaler (container port 10000), at `/<block>/mgmt` of one listener.

AIOS gives each block an executor service with node ports of its own, which no API names; one listener with the
block in the path stands in for them.
"""

from aiohttp import web

from aios_top.testbed.autoscaler.loop import ManagementError
from aios_top.testbed.kubernetes.cluster import Cluster
from aios_top.testbed.tasks import in_own_thread
from aios_top.testbed.wire import RequestBodyError, flask_json, flask_reason, read_flask_object


def routes(cluster: Cluster) -> list[web.RouteDef]:
    """Return the service's only path."""
    service = _Management(cluster)
    return [web.post("/{block_id}/mgmt", service.manage)]


class _Management:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def manage(self, request: web.Request) -> web.Response:
        block_id = request.match_info["block_id"]
        block = self._cluster.deployed.get(block_id)
        if block is None:
            raise web.HTTPNotFound
        autoscaler = block.executor.autoscaler
        if autoscaler is None or not autoscaler.listens:
            return _not_listening(block_id)
        try:
            body = await read_flask_object(request)
        except RequestBodyError as error:
            return _failure(str(error), 500)
        action, data = body.get("mgmt_action"), body.get("mgmt_data", {})
        if not action:
            return _failure("mgmt_action is required", 400)
        try:
            answer = await in_own_thread(lambda: autoscaler.manage(action, data), f"mgmt {block_id}")
        except ManagementError as error:
            return _failure(str(error), 500)
        return web.Response(body=b'{"data":' + answer.encode() + b',"success":true}\n', content_type="application/json")


def _not_listening(block_id: str) -> web.Response:
    """Answer for a port that nothing listens on: the autoscaler has not loaded its policy (yet)."""
    return web.Response(
        text=f"<html><body><h1>503 Service Unavailable</h1>\nNothing listens for {block_id}.\n</body></html>\n",
        status=503,
        reason=flask_reason(503),
        content_type="text/html",
    )


def _failure(message: str, status: int) -> web.Response:
    return flask_json({"success": False, "message": message}, status)
