"""Block management ("parameter updater", node port 32303): passes management commands on to a block's services."""

import asyncio

import aiohttp
from aiohttp import web

from aios_top.testbed.document import Document
from aios_top.testbed.hop import connection_refused, name_not_resolved, read_timed_out
from aios_top.testbed.kubernetes.cluster import Cluster
from aios_top.testbed.site import Site
from aios_top.testbed.wire import RequestBodyError, flask_json, read_flask_object

TARGET_SECONDS = 5.0
"""How long it waits for a target; its own callers wait longer."""

SERVICE_PORTS = {"autoscaler": 10000, "executor": 18001, "health": 19001}
INSTANCE_PORT = 18001


def routes(site: Site, cluster: Cluster, session: aiohttp.ClientSession) -> list[web.RouteDef]:
    """Return the service's only path."""
    service = _Updater(site, cluster, session)
    return [web.post("/mgmt", service.manage)]


class _Updater:
    def __init__(self, site: Site, cluster: Cluster, session: aiohttp.ClientSession) -> None:
        self._site = site
        self._cluster = cluster
        self._session = session

    async def manage(self, request: web.Request) -> web.Response:
        try:
            body = await read_flask_object(request)
        except RequestBodyError as error:
            return _failure(str(error), 500)
        block_id, service, action = (body.get(key) for key in ("block_id", "service", "mgmt_action"))
        if not (block_id and service and action):
            return _failure("Missing required fields", 400)
        # A missing instance_id is null here, null is not "", and so the call goes to a host that does not exist.
        instance_id = body.get("instance_id")
        if service in SERVICE_PORTS and instance_id != "":
            host = f"{block_id}-{instance_id}-svc.blocks.svc.cluster.local".lower()
            return _failure(name_not_resolved(host, INSTANCE_PORT), 500)
        if service == "autoscaler":
            command = {"mgmt_action": action, "mgmt_data": body.get("mgmt_data", {})}
            return await self._autoscaler(str(block_id), command)
        if service == "instances":
            return flask_json(self._every_instance(str(block_id)))
        if service in SERVICE_PORTS or service == "stability_checker":
            # The embedded AIOS runs no load balancer, health checker or stability checker.
            return _failure(self._nothing_listens(str(block_id), SERVICE_PORTS.get(service, INSTANCE_PORT)), 200)
        return _failure(f"Invalid service type: {service}", 500)

    async def _autoscaler(self, block_id: str, command: Document) -> web.Response:
        """Return the autoscaler's own JSON, with HTTP 200 whatever its status was."""
        port = SERVICE_PORTS["autoscaler"]
        host = _executor_host(block_id)
        block = self._cluster.deployed.get(block_id)
        if block is None:
            return _failure(name_not_resolved(host, port), 200)
        if block.executor.autoscaler is None or not block.executor.autoscaler.listens:
            return _failure(connection_refused(host, port), 200)
        url = f"{self._site.urls['autoscaler']}/{block_id}/mgmt"
        try:
            async with asyncio.timeout(TARGET_SECONDS):
                async with self._session.post(url, json=command) as response:
                    answer = await response.json()
                if self._site.faults.active("updater_slow", block_id):
                    # The command has been carried out; only its answer is lost.
                    await asyncio.sleep(TARGET_SECONDS)
            return flask_json(answer)
        except TimeoutError:
            return _failure(read_timed_out(host, port, TARGET_SECONDS), 200)
        except aiohttp.ClientError:
            return _failure(connection_refused(host, port), 200)

    def _every_instance(self, block_id: str) -> Document:
        """Return the fan-out's answer, by pod address: the simulated instances have no management port."""
        block = self._cluster.deployed.get(block_id)
        addresses = [] if block is None else [pod.address for pod in block.instances.values()]
        return {
            address: {"success": False, "message": connection_refused(address, INSTANCE_PORT)} for address in addresses
        }

    def _nothing_listens(self, block_id: str, port: int) -> str:
        host = _executor_host(block_id)
        text = connection_refused if block_id in self._cluster.deployed else name_not_resolved
        return text(host, port)


def _executor_host(block_id: str) -> str:
    return f"{block_id}-executor-svc.blocks.svc.cluster.local"


def _failure(message: str, status: int) -> web.Response:
    return flask_json({"success": False, "message": message}, status)
