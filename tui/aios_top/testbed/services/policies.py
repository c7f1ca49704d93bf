"""The policy registry (node port 30102): every answer is HTTP 200, failures too."""

from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from aios_top.testbed.faults import Faults
from aios_top.testbed.mongo.filter import MongoError
from aios_top.testbed.stores.registry import Registry
from aios_top.testbed.wire import RequestBodyError, flask_json, read_flask_json


def routes(registry: Registry) -> list[web.RouteDef]:
    """Return the service's paths; `GET /policy` is no such path, so it answers 405."""
    service = _Policies(registry)
    return [
        web.post("/policy", service.create),
        web.post("/policy/query", service.query),
        web.get("/policy/{uri}", service.policy),
        web.put("/policy/{uri}", service.replace),
        web.delete("/policy/{uri}", service.delete),
        web.post("/executor/{executor_id}/execute_policy", service.execute),
    ]


def outage(faults: Faults) -> Middleware:
    """Return the middleware that drops connections while the scenario's registry is down."""

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if faults.active("registry_down") and request.transport is not None:
            request.transport.abort()
            raise web.HTTPServiceUnavailable
        return await handler(request)

    return gate


class _Policies:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def create(self, request: web.Request) -> web.Response:
        try:
            self._registry.create(await read_flask_json(request))
        except (RequestBodyError, KeyError, TypeError) as error:
            return _failure(str(error))
        return _success("Policy created successfully.")

    async def policy(self, request: web.Request) -> web.Response:
        record = self._registry.get(request.match_info["uri"])
        return _failure("Policy not found.") if record is None else _success(record)

    async def replace(self, request: web.Request) -> web.Response:
        try:
            replaced = self._registry.replace(request.match_info["uri"], await read_flask_json(request))
        except (RequestBodyError, KeyError, TypeError) as error:
            return _failure(str(error))
        return _success("Policy updated successfully.") if replaced else _failure("Failed to update policy.")

    async def delete(self, request: web.Request) -> web.Response:
        deleted = self._registry.delete(request.match_info["uri"])
        return _success("Policy deleted successfully.") if deleted else _failure("Failed to delete policy.")

    async def query(self, request: web.Request) -> web.Response:
        try:
            return _success(self._registry.query(await read_flask_json(request)))
        except (RequestBodyError, MongoError) as error:
            return _failure(str(error))

    async def execute(self, _request: web.Request) -> web.Response:
        """Refuse remote execution: no policy executor runs here, and local autoscalers use none."""
        return flask_json({"success": False, "message": "Executor not found"}, 404)


def _success(data: Any) -> web.Response:
    return flask_json({"success": True, "data": data})


def _failure(message: str) -> web.Response:
    return flask_json({"success": False, "message": message})
