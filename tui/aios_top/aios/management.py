"""The ways to a running autoscaler's management service, and what each calls the same things."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from aios_top.aios.address import Addresses
from aios_top.aios.envelope import FailureError

READ_ORDER = ("autoscaler", "gateway", "updater")
"""Nearest first: each further service adds its own failures and hides the ones behind it."""
CHANGE_ORDER = ("gateway", "autoscaler", "updater")
"""The gateway first: it is AIOS's documented way in and works in every installation."""

_HOP = re.compile(r"HTTPS?ConnectionPool\(|for url: |\('Connection |HTTP error occurred")
"""Words of Python's `requests`, with which AIOS's services report that the next service failed."""
_LOST = re.compile(r"[Rr]ead ?timed ?out|ReadTimeout|Connection aborted|RemoteDisconnected|Connection broken")
_NO_POLICY = "has no attribute 'execute_mgmt_command'"


class Route(Struct, frozen=True):
    """One way to a block's autoscaler."""

    service: str
    path: str
    document: Mapping[str, Any]


def routes(
    addresses: Addresses, order: tuple[str, ...], block_id: str, action: str, data: Mapping[str, Any]
) -> list[Route]:
    """Return the configured ways to send a management command, the preferred first."""
    configured = addresses.names()
    return [_route(service, block_id, action, data) for service in order if service in configured]


def _route(service: str, block_id: str, action: str, data: Mapping[str, Any]) -> Route:
    if service == "autoscaler":
        return Route(service, "/mgmt", {"mgmt_action": action, "mgmt_data": data})
    # An `instance_id` that is left out becomes null, and AIOS calls the host `<block>-None-svc`.
    target = {"block_id": block_id, "service": "autoscaler", "instance_id": ""}
    if service == "gateway":
        return Route(service, "/blocks/mgmt", {**target, "action": action, "payload": data})
    return Route(service, "/mgmt", {**target, "mgmt_action": action, "mgmt_data": data})


def did_not_arrive(failure: FailureError) -> bool:
    """Whether a failure is that of a service on the way, and not the policy's own.

    The gateway and the updater pass on whatever the autoscaler answers with status 200.
    """
    if failure.service != "autoscaler" and failure.status != 200:
        return True
    return bool(_HOP.search(failure.reason)) or _NO_POLICY in failure.reason


def may_have_arrived(reason: str) -> bool:
    """Whether a failure's words say that a service on the way sent the request on and got no answer."""
    return bool(_LOST.search(reason))
