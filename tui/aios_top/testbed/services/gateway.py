"""The cluster controller gateway (node port 30600): the management host's way into every cluster."""

from typing import Any

import aiohttp
from aiohttp import web

from aios_top.testbed.document import Document
from aios_top.testbed.hop import HopError, call
from aios_top.testbed.site import Site
from aios_top.testbed.wire import RequestBodyError, flask_json, read_flask_object

UPDATER_SECONDS = 300.0


def routes(site: Site, session: aiohttp.ClientSession) -> list[web.RouteDef]:
    """Return the service's paths."""
    service = _Gateway(site, session)
    return [
        web.post("/blocks/mgmt", service.manage),
        web.post("/controller/block-scaling/{cluster_id}", service.scale),
        web.post("/controller/removeInstance/{cluster_id}", service.remove_instance),
        web.post("/controller/reassign-instance/{cluster_id}", service.reassign),
        web.get("/cluster-metrics/{cluster_id}", service.cluster_metrics),
    ]


class _Gateway:
    def __init__(self, site: Site, session: aiohttp.ClientSession) -> None:
        self._site = site
        self._session = session

    async def manage(self, request: web.Request) -> web.Response:
        """Pass a management command on; here its names are `action` and `payload`."""
        try:
            body = await read_flask_object(request)
        except RequestBodyError as error:
            return flask_json({"error": str(error)}, 500)
        updater = await self._updater_of(body.get("block_id"))
        if updater is None:
            return flask_json({"error": "cluster data not defined in the block"}, 500)
        command = {
            "block_id": body.get("block_id"),
            "service": body.get("service"),
            "mgmt_action": body.get("action"),
            "mgmt_data": body.get("payload"),
            "instance_id": body.get("instance_id"),
        }
        try:
            answer = await call(self._session, "POST", f"{updater}/mgmt", command, timeout_seconds=UPDATER_SECONDS)
        except HopError as error:
            return flask_json({"success": False, "message": str(error)})
        return flask_json(answer)

    async def scale(self, request: web.Request) -> web.Response:
        """Scale a block by hand."""
        return await self._act(request, "scale")

    async def remove_instance(self, request: web.Request) -> web.Response:
        """Remove one instance."""
        return await self._act(request, "remove_instance")

    async def reassign(self, request: web.Request) -> web.Response:
        """Make one instance anew."""
        return await self._act(request, "reassign")

    async def cluster_metrics(self, request: web.Request) -> web.Response:
        """Wrap the cluster's own answer once more."""
        try:
            url_map = await self._url_map(request.match_info["cluster_id"])
            answer = await call(self._session, "GET", f"{one_url(url_map['metricsService'])}/cluster")
        except HopError as error:
            return flask_json({"success": False, "data": f"HTTP error occurred: {error}"}, 500)
        return flask_json({"success": True, "data": answer})

    async def _act(self, request: web.Request, action: str) -> web.Response:
        """Pass an action to the cluster's controller; its failure comes back inside a success."""
        cluster_id = request.match_info["cluster_id"]
        try:
            body = await read_flask_object(request)
            url_map = await self._url_map(cluster_id)
        except RequestBodyError as error:
            return flask_json({"success": False, "data": str(error)}, 500)
        except HopError as error:
            return flask_json({"success": False, "data": f"HTTP error occurred: {error}"}, 500)
        url = f"{one_url(url_map['controllerService'])}/executeAction"
        try:
            answer = await call(self._session, "POST", url, {**body, "action": action, "cluster_id": cluster_id})
        except HopError as error:
            answer = {"success": False, "data": f"HTTP error occurred: {error}"}
        return flask_json({"success": True, "data": answer})

    async def _url_map(self, cluster_id: str) -> Document:
        record = await call(self._session, "GET", f"{self._site.urls['clusters']}/clusters/{cluster_id}")
        url_map: Document = record["config"]["urlMap"]
        return url_map

    async def _updater_of(self, block_id: Any) -> str | None:
        """Return the base URL of the updater in the cluster that the block's record holds, None without one."""
        try:
            record = await call(self._session, "GET", f"{self._site.urls['blocks']}/blocks/{block_id}")
            return one_url(record["cluster"]["config"]["urlMap"]["parameterUpdater"])
        except (HopError, KeyError):
            return None


def one_url(value: Any) -> str:
    """Return the URL of a urlMap entry: AIOS writes some of them as lists of one."""
    return str(value[0] if isinstance(value, list) else value).rstrip("/")
