"""The cluster's metrics database (node port 32301): the freshest documents, and what the policy sees."""

from aiohttp import web

from aios_top.testbed.mongo.filter import MongoError
from aios_top.testbed.stores.metrics import MetricStores
from aios_top.testbed.stores.nodes import cluster_view
from aios_top.testbed.wire import RequestBodyError, flask_json, read_flask_json, read_flask_object


def routes(stores: MetricStores) -> list[web.RouteDef]:
    """Return the service's paths."""
    service = _ClusterMetrics(stores)
    return [
        web.get("/block/{block_id}", service.block),
        web.post("/block/query", service.query),
        web.delete("/block/delete", service.delete_one),
        web.get("/cluster", service.cluster),
        web.get("/node/{node_id}", service.node),
        web.post("/node/query", service.query_nodes),
    ]


class _ClusterMetrics:
    def __init__(self, stores: MetricStores) -> None:
        self._stores = stores

    async def block(self, request: web.Request) -> web.Response:
        return _data(self._stores.of_block(request.match_info["block_id"]))

    async def query(self, request: web.Request) -> web.Response:
        try:
            return _data(self._stores.query(await read_flask_json(request)))
        except (RequestBodyError, MongoError) as error:
            return flask_json({"success": False, "data": str(error)}, 500)

    async def delete_one(self, request: web.Request) -> web.Response:
        """Delete one document of the BLOCK that the body calls `nodeId`, as AIOS does."""
        try:
            body = await read_flask_object(request)
        except RequestBodyError as error:
            return flask_json({"success": False, "data": str(error)}, 500)
        return _data(self._stores.delete_one(body.get("nodeId")))

    async def cluster(self, _request: web.Request) -> web.Response:
        return _data(cluster_view(self._stores.nodes({})))

    async def node(self, request: web.Request) -> web.Response:
        return _data(self._stores.nodes({"nodeId": request.match_info["node_id"]}))

    async def query_nodes(self, request: web.Request) -> web.Response:
        try:
            return _data(self._stores.nodes(await read_flask_json(request)))
        except RequestBodyError as error:
            return flask_json({"success": False, "error": str(error)}, 500)
        except MongoError as error:
            return flask_json({"success": False, "error": str(error)}, 400)


def _data(data: object) -> web.Response:
    return flask_json({"success": True, "data": data})
