"""Where a load test may go, judged from text alone: no name is looked up and no packet is sent."""

import ipaddress
from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from aios_top.model.errors import ActionRefusedError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
"""Metadata services of the large clouds, some of them outside the link-local range."""
METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})


def check_target(url: str, allow: AbstractSet[str]) -> None:
    """Raise ActionRefusedError unless load may go to `url`: loopback, or a host that was allowed by name."""
    host, port = host_and_port(url)
    address = parsed(host)
    if host in METADATA_NAMES or (address is not None and _forbidden(address)):
        raise ActionRefusedError(f"load test: {host} is never a target; name the inference host itself")
    if is_local(host):
        return
    if not {host, f"{host}:{port}", f"[{host}]:{port}"} & set(allow):
        raise ActionRefusedError(f"load test: {host} is not loopback; allow it with --allow-target {host}")


def check_address(url: str, address: str) -> None:
    """Raise ActionRefusedError when the host of an allowed `url` leads to an address that load may not go to."""
    host, _ = host_and_port(url)
    found = parsed(address)
    if found is None or _forbidden(found):
        raise ActionRefusedError(f"load test: {host} leads to {address}, which is never a target")
    if is_local(host) and not found.is_loopback:
        raise ActionRefusedError(f"load test: {host} leads to {address}, which is not loopback; name it by its address")


def host_and_port(url: str) -> tuple[str, int | None]:
    """Return the host and port of a plain http address; raises ActionRefusedError for anything else."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise ActionRefusedError(f"load test: '{url}' is no address: {error}") from error
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise ActionRefusedError(f"load test: '{url}' is no plain http address of a host")
    return host, port


def is_local(host: str) -> bool:
    """Whether a host is this machine, by name or address."""
    address = parsed(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def parsed(host: str) -> Address | None:
    """Return the address that a host is, None when it is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _forbidden(address: Address) -> bool:
    return address.is_link_local or address.is_multicast or address.is_unspecified or address in METADATA
