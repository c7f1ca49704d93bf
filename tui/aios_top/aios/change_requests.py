"""What each change is on the wire: decided once, for the confirm dialog and for the sender."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aios_top.aios.address import Addresses
from aios_top.aios.management import CHANGE_ORDER, routes
from aios_top.aios.transport import no_address
from aios_top.model.change import (
    BindPolicy,
    Change,
    Manage,
    PreparedRequest,
    RegisterPolicy,
    ResetCooldown,
    RestartExecutor,
    ScaleDown,
    ScaleUp,
    UpdatePolicy,
    UploadArchive,
)
from aios_top.model.errors import ReadError

UPLOAD_FOLDER = "."


def prepare(addresses: Addresses, change: Change) -> PreparedRequest:
    """Return a change's request; raises ReadError `no_address` when no endpoint for it is configured."""
    match change:
        case ResetCooldown(block_id):
            return _management(addresses, change, block_id, "reset_cooldown", {})
        case Manage(block_id, action, data):
            return _management(addresses, change, block_id, action, data)
        case ScaleUp(block_id, cluster_id, count):
            wanted = {"block_id": block_id, "operation": "scale", "instances_count": count}
            return _scaling(addresses, change, cluster_id, wanted)
        case ScaleDown(block_id, cluster_id, instance_ids):
            wanted = {"block_id": block_id, "operation": "downscale", "instances_list": list(instance_ids)}
            return _scaling(addresses, change, cluster_id, wanted)
        case UploadArchive(file_name, content):
            form = {"file": f"{file_name} ({len(content):,} bytes)", "path": UPLOAD_FOLDER}
            return _request(addresses, change, "POST", "upload", "/upload", form)
        case RegisterPolicy(record):
            return _request(addresses, change, "POST", "policies", "/policy", dict(record))
        case UpdatePolicy(uri, record):
            return _request(addresses, change, "PUT", "policies", f"/policy/{quote(uri, safe=':')}", dict(record))
        case BindPolicy(block_id, uri):
            update = {"$set": {"policies.autoscaler.policyRuleURI": uri}}
            return _request(addresses, change, "PUT", "blocks", f"/blocks/{quote(block_id, safe='')}", update)
        case RestartExecutor(_, pod_name, namespace):
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod_name, "namespace": namespace}}
            path = "/cluster-actions/k8s-objects/remove"
            return _request(addresses, change, "POST", "controller", path, {"objects": [pod]})


def service_of(addresses: Addresses, change: Change) -> str:
    """Return the service that a change goes to."""
    match change:
        case ResetCooldown() | Manage():
            return _first(addresses, CHANGE_ORDER)
        case ScaleUp() | ScaleDown():
            return _first(addresses, ("gateway", "controller"))
        case UploadArchive():
            return "upload"
        case RegisterPolicy() | UpdatePolicy():
            return "policies"
        case BindPolicy():
            return "blocks"
        case RestartExecutor():
            return "controller"


def _first(addresses: Addresses, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in addresses.names()), names[0])


def _management(
    addresses: Addresses, change: Change, block_id: str, action: str, data: Mapping[str, Any]
) -> PreparedRequest:
    ways = routes(addresses, CHANGE_ORDER, block_id, action, data)
    if not ways:
        raise ReadError("no_address", no_address("gateway"))
    way = ways[0]
    return _request(addresses, change, "POST", way.service, way.path, dict(way.document), block_id)


def _scaling(addresses: Addresses, change: Change, cluster_id: str, wanted: dict[str, Any]) -> PreparedRequest:
    service = service_of(addresses, change)
    if service == "gateway":
        return _request(
            addresses, change, "POST", service, f"/controller/block-scaling/{quote(cluster_id, safe='')}", wanted
        )
    document = {"action": "scale", "cluster_id": cluster_id, **wanted}
    return _request(addresses, change, "POST", service, "/executeAction", document)


def _request(
    addresses: Addresses,
    change: Change,
    method: str,
    service: str,
    path: str,
    body: Any,
    block_id: str | None = None,
) -> PreparedRequest:
    base = addresses.url(service, block_id)
    if base is None:
        raise ReadError("no_address", no_address(service))
    return PreparedRequest(change, method, base + path, body)
