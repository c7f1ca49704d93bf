"""The parser (node port 30501): `/api/<action>` with a spec in an envelope; inner failures hide in `result`."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web

from aios_top.testbed.creation import Creation, SpecError
from aios_top.testbed.document import Document
from aios_top.testbed.hop import HopError, call
from aios_top.testbed.site import Site
from aios_top.testbed.wire import RequestBodyError, flask_json, read_flask_object


def routes(site: Site, creation: Creation, session: aiohttp.ClientSession) -> list[web.RouteDef]:
    """Return the service's only path."""
    service = _Parser(site, creation, session)
    return [web.post("/api/{action}", service.perform)]


class _Parser:
    def __init__(self, site: Site, creation: Creation, session: aiohttp.ClientSession) -> None:
        self._site = site
        self._creation = creation
        self._session = session
        self._actions: dict[str, Callable[[Document], Awaitable[Document]]] = {
            "createBlock": self._create_block,
            "executeMgmtCommand": self._manage,
        }

    async def perform(self, request: web.Request) -> web.Response:
        """Run one action; the envelope says success even when the result is an error."""
        name = request.match_info["action"]
        action = self._actions.get(name)
        if action is None:
            return flask_json({"error": f"Invalid action: {name}"}, 500)
        try:
            result = await action(_values(await read_flask_object(request)))
        except (RequestBodyError, SpecError) as error:
            return flask_json({"error": str(error)}, 500)
        return flask_json({"success": True, "task_id": "", "result": result})

    async def _create_block(self, values: Document) -> Document:
        return self._creation.create(values)

    async def _manage(self, values: Document) -> Document:
        """Pass a management command to the gateway, with the empty instance id that it wants."""
        for field in ("blockId", "service", "mgmtCommand"):
            if not values.get(field):
                raise SpecError(f"Missing {field} in the payload")
        command = {
            "block_id": values["blockId"],
            "service": values["service"],
            "action": values["mgmtCommand"],
            "payload": values.get("mgmtData", {}),
            "instance_id": values.get("instanceId", ""),
        }
        try:
            answer: Document = await call(self._session, "POST", f"{self._site.urls['gateway']}/blocks/mgmt", command)
        except HopError as error:
            return {"error": str(error)}
        return answer


def _values(body: Document) -> Document:
    """Return `body.spec.values` of an envelope with `head` or `header`; raises SpecError for another shape."""
    if "header" not in body and "head" not in body:
        raise SpecError("Missing header in the specification")
    values: Any = body
    for key in ("body", "spec", "values"):
        values = values.get(key) if isinstance(values, dict) else None
    if not isinstance(values, dict):
        raise SpecError("Missing body.spec.values in the specification")
    return values
