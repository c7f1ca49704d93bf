"""The blocks database (node port 30100): Express, mongoose records, no envelope."""

import json

from aiohttp import web

from aios_top.testbed.document import Document
from aios_top.testbed.mongo.filter import MongoError
from aios_top.testbed.stores.records import DuplicateIdError, MissingIdError, Records
from aios_top.testbed.wire import express_json, read_express_json


def routes(blocks: Records) -> list[web.RouteDef]:
    """Return the service's paths."""
    service = _Blocks(blocks)
    return [
        web.get("/blocks", service.everything),
        web.get("/blocks/{block_id}", service.block),
        web.post("/blocks", service.create),
        web.post("/blocks/query", service.query),
        web.put("/blocks/{block_id}", service.update),
        web.delete("/blocks/{block_id}", service.delete),
    ]


class _Blocks:
    def __init__(self, blocks: Records) -> None:
        self._blocks = blocks

    async def everything(self, _request: web.Request) -> web.Response:
        return express_json(self._blocks.all())

    async def block(self, request: web.Request) -> web.Response:
        return _or_not_found(self._blocks.get(request.match_info["block_id"]))

    async def query(self, request: web.Request) -> web.Response:
        body = await read_express_json(request)
        try:
            return express_json(self._blocks.query(body.get("query", {})))
        except MongoError as error:
            return _message(str(error), 500)

    async def create(self, request: web.Request) -> web.Response:
        body = await read_express_json(request)
        try:
            return express_json(self._blocks.insert(body), 201)
        except MissingIdError:
            return _message("Block validation failed: id: Path `id` is required.", 400)
        except DuplicateIdError as error:
            quoted = json.dumps(str(error))
            return _message(
                f"E11000 duplicate key error collection: db.blocks index: id_1 dup key: {{ id: {quoted} }}", 400
            )

    async def update(self, request: web.Request) -> web.Response:
        body = await read_express_json(request)
        try:
            return _or_not_found(self._blocks.update(request.match_info["block_id"], body))
        except MongoError as error:
            return _message(str(error), 400)

    async def delete(self, request: web.Request) -> web.Response:
        if not self._blocks.delete(request.match_info["block_id"]):
            return _or_not_found(None)
        return _message("Block deleted successfully", 200)


def _or_not_found(record: Document | None) -> web.Response:
    return _message("Block not found", 404) if record is None else express_json(record)


def _message(message: str, status: int) -> web.Response:
    return express_json({"message": message}, status)
