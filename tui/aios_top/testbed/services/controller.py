"""The cluster controller (node port 32300): scaling, single instances, and deletion of Kubernetes objects."""

from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from aios_top.testbed.document import Document
from aios_top.testbed.hop import HopError, call
from aios_top.testbed.kubernetes.cluster import ActionError, Cluster
from aios_top.testbed.site import Site
from aios_top.testbed.wire import RequestBodyError, flask_json, read_flask_object

Action = Callable[[Document], Awaitable[str]]

QUOTA_EXCEEDED = '(403)\nReason: Forbidden\nHTTP response body: {"message":"exceeded quota: gpu-quota"}\n'
"""What the scenarios' fault `scale_fails` answers."""


def routes(site: Site, cluster: Cluster, session: aiohttp.ClientSession) -> list[web.RouteDef]:
    """Return the service's paths."""
    service = _Controller(site, cluster, session)
    return [
        web.post("/executeAction", service.execute),
        web.post("/cluster-actions/k8s-objects/remove", service.remove_objects),
    ]


class _Controller:
    def __init__(self, site: Site, cluster: Cluster, session: aiohttp.ClientSession) -> None:
        self._site = site
        self._cluster = cluster
        self._session = session
        self._actions: dict[str, Action] = {
            "scale": self._scale,
            "remove_instance": self._remove_instance,
            "reassign": self._reassign,
            "remove_block": self._remove_block,
        }

    async def execute(self, request: web.Request) -> web.Response:
        """Perform one action; `cluster_id` is not looked at, as in AIOS."""
        try:
            body = await read_flask_object(request)
            action = self._actions.get(body["action"])
            if action is None:
                return _failure(f"Unknown action: {body['action']}")
            return flask_json({"success": True, "data": await action(body)})
        except (RequestBodyError, ActionError, KeyError, TypeError) as error:
            return _failure(str(error))
        except HopError as error:
            return _failure(f"HTTP error occurred: {error}")

    async def remove_objects(self, request: web.Request) -> web.Response:
        """Delete Kubernetes objects by kind and exact name, in order, up to the first that is not there."""
        try:
            body = await read_flask_object(request)
            for wanted in body["objects"]:
                self._cluster.delete_object(wanted["kind"], wanted["metadata"]["name"])
        except (RequestBodyError, ActionError, KeyError, TypeError) as error:
            return _failure(str(error))
        return flask_json({"success": True, "data": "removed objects"})

    async def _scale(self, body: Document) -> str:
        """Scale up or down; an operation of another name succeeds and does nothing."""
        operation, block_id = body["operation"], body["block_id"]
        if self._site.faults.active("scale_fails", block_id):
            raise ActionError(QUOTA_EXCEEDED)
        if operation == "scale":
            await call(self._session, "GET", f"{self._site.urls['blocks']}/blocks/{block_id}")
            self._cluster.scale_up(block_id, body["instances_count"], body.get("allocation_data"))
        elif operation == "downscale":
            self._cluster.scale_down(block_id, body["instances_list"])
        return "scaled instances"

    async def _remove_instance(self, body: Document) -> str:
        self._cluster.remove_instance(body["block_id"], body["instance_id"])
        return "Action performed"

    async def _reassign(self, body: Document) -> str:
        self._cluster.reassign(body["blockId"], body["instanceId"])
        return "Action performed"

    async def _remove_block(self, body: Document) -> str:
        self._cluster.remove_block(body["block_id"])
        return "Action performed"


def _failure(message: str) -> web.Response:
    return flask_json({"success": False, "data": message}, 500)
