"""The clusters database (node port 30101): Express, mongoose records, no envelope."""

from aiohttp import web

from aios_top.testbed.mongo.filter import MongoError
from aios_top.testbed.stores.records import Records
from aios_top.testbed.wire import express_json, read_express_json


def routes(clusters: Records) -> list[web.RouteDef]:
    """Return the service's paths."""
    service = _Clusters(clusters)
    return [
        web.get("/clusters", service.everything),
        web.get("/clusters/{cluster_id}", service.cluster),
        web.post("/clusters/query", service.query),
    ]


class _Clusters:
    def __init__(self, clusters: Records) -> None:
        self._clusters = clusters

    async def everything(self, _request: web.Request) -> web.Response:
        return express_json(self._clusters.all())

    async def cluster(self, request: web.Request) -> web.Response:
        record = self._clusters.get(request.match_info["cluster_id"])
        return express_json({"error": "Cluster not found"}, 404) if record is None else express_json(record)

    async def query(self, request: web.Request) -> web.Response:
        body = await read_express_json(request)
        try:
            return express_json(self._clusters.query(body.get("query", {})))
        except MongoError as error:
            return express_json({"error": str(error)}, 500)
