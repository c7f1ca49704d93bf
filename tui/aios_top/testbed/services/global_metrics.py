"""Global block metrics (node port 30201): the copy of every block's documents, and the health judgement."""

import time

from aiohttp import web

from aios_top.testbed.mongo.filter import MongoError, select
from aios_top.testbed.mongo.pipeline import aggregate
from aios_top.testbed.stores.metrics import MetricStores
from aios_top.testbed.wire import RequestBodyError, flask_json, read_flask_json


def routes(stores: MetricStores) -> list[web.RouteDef]:
    """Return the service's paths."""
    service = _GlobalMetrics(stores)
    return [
        web.get("/block/{block_id}", service.block),
        web.get("/block/health/{block_id}", service.health),
        web.post("/block/query", service.query),
        web.post("/block/aggregate", service.aggregate),
        web.post("/block", service.create),
        web.put("/block/{block_id}", service.replace),
        web.delete("/block/{block_id}", service.delete),
    ]


class _GlobalMetrics:
    def __init__(self, stores: MetricStores) -> None:
        self._stores = stores

    async def block(self, request: web.Request) -> web.Response:
        wanted = {"blockId": request.match_info["block_id"]}
        return _data(select(self._stores.global_documents(), wanted))

    async def query(self, request: web.Request) -> web.Response:
        try:
            return _data(select(self._stores.global_documents(), await read_flask_json(request)))
        except RequestBodyError as error:
            return _failure(str(error), 500)
        except MongoError as error:
            return _failure(str(error), 400)

    async def aggregate(self, request: web.Request) -> web.Response:
        try:
            return _data(aggregate(self._stores.global_documents(), await read_flask_json(request)))
        except RequestBodyError as error:
            return _failure(str(error), 500)
        except MongoError as error:
            return _failure(str(error), 400)

    async def health(self, request: web.Request) -> web.Response:
        health = self._stores.health(request.match_info["block_id"], time.time())
        return _failure("No block data found", 404) if health is None else flask_json(health)

    async def create(self, request: web.Request) -> web.Response:
        return await self._write(request, None)

    async def replace(self, request: web.Request) -> web.Response:
        return await self._write(request, request.match_info["block_id"])

    async def _write(self, request: web.Request, block_id: str | None) -> web.Response:
        try:
            body = await read_flask_json(request)
        except RequestBodyError as error:
            return _failure(str(error), 500)
        if not isinstance(body, dict) or not (block_id or body.get("blockId")):
            return _failure("'blockId'", 400)
        document = {"instances": [], **body, "blockId": block_id or body["blockId"]}
        self._stores.put_global(document)
        return _data(document)

    async def delete(self, request: web.Request) -> web.Response:
        if not self._stores.delete_global(request.match_info["block_id"]):
            return _failure("No document found to delete", 400)
        return _data({"deleted_count": 1, "message": "Block deleted"})


def _data(data: object) -> web.Response:
    return flask_json({"success": True, "data": data})


def _failure(message: str, status: int) -> web.Response:
    return flask_json({"success": False, "error": message}, status)
