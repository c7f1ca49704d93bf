"""The services of AIOS, the node ports its installer gives them, and the loopback sockets they get here."""

import socket
from collections.abc import Mapping
from types import MappingProxyType

LOOPBACK = "127.0.0.1"
MAX_PORT = 65535
GRPC = "grpc"

NODE_PORTS: Mapping[str, int] = MappingProxyType(
    {
        "blocks": 30100,
        "clusters": 30101,
        "policies": 30102,
        "upload": 30186,
        "metrics": 30201,
        "parser": 30501,
        "gateway": 30600,
        "discovery": 31501,
        "inference": 31504,
        # AIOS lets Kubernetes choose the node ports of these two, one pair per block; here one listener of each
        # kind serves all blocks below `/<block>/`.
        "mapping": 31900,
        "autoscaler": 31901,
        "controller": 32300,
        "cluster_metrics": 32301,
        "updater": 32303,
        "nodes": 32304,
        "files": 32555,
    }
)
"""Name of each HTTP service -> its node port on a host that AIOS's installer set up."""

GRPC_NODE_PORT = 31500


class PortBusyError(RuntimeError):
    """A port is taken; the message names the port, the service and the next step."""


def free_ports() -> dict[str, int]:
    """Ask the system for any free port for every service."""
    return dict.fromkeys([*NODE_PORTS, GRPC], 0)


def node_ports(offset: int = 0) -> dict[str, int]:
    """Return AIOS's own port numbers, each moved by `offset`; raises ValueError when one leaves 1..65535."""
    wanted = {name: port + offset for name, port in {**NODE_PORTS, GRPC: GRPC_NODE_PORT}.items()}
    lowest, highest = min(wanted.values()), max(wanted.values())
    if lowest < 1 or highest > MAX_PORT:
        raise ValueError(
            f"port offset {offset} moves the services to {lowest}..{highest}; "
            f"choose one from {1 - lowest + offset} to {MAX_PORT - highest + offset}"
        )
    return wanted


def bind(service: str, port: int) -> socket.socket:
    """Bind one loopback socket; it refuses connections until its service listens on it."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((LOOPBACK, port))
    except OSError as error:
        bound.close()
        raise PortBusyError(
            f"port {port} for the {service} service cannot be used on {LOOPBACK} ({error.strerror}): "
            "stop what listens there, or start with another --port-offset"
        ) from error
    bound.setblocking(False)
    return bound


def bind_all(ports: Mapping[str, int]) -> dict[str, socket.socket]:
    """Bind every HTTP service's port, or none of them."""
    bound: dict[str, socket.socket] = {}
    try:
        for service in NODE_PORTS:
            bound[service] = bind(service, ports[service])
    except PortBusyError:
        for opened in bound.values():
            opened.close()
        raise
    return bound


def url_of(bound: socket.socket) -> str:
    """Return the base URL of a bound socket."""
    return f"http://{LOOPBACK}:{bound.getsockname()[1]}"
