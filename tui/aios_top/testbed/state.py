"""The state that an embedded AIOS starts from."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from aios_top.testbed.creation import Component
from aios_top.testbed.document import Document
from aios_top.testbed.ports import LOOPBACK, NODE_PORTS

_ADDRESS = re.compile(rf"http://{re.escape(LOOPBACK)}:(\d+)")
_SERVICE_OF_PORT = {port: service for service, port in NODE_PORTS.items()}


class BlockState(Struct, frozen=True):
    """One deployed block: its record, what simulates its replicas, and which instances it has."""

    record: Document
    profile: str
    """A name in `aios_top.sim.profile.PROFILES`."""
    instances: tuple[str, ...] | int = 1
    """Ids of its instances, or how many there shall be; all are ready at once."""


class State(Struct, frozen=True):
    """Everything that is stored and deployed at the start.

    Addresses may be written with AIOS's own node ports: `http://127.0.0.1:32555/x.zip` becomes the address of
    whatever port the files service really got.
    """

    clusters: tuple[Document, ...] = ()
    blocks: tuple[BlockState, ...] = ()
    policies: tuple[Document, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Name -> content, below the static server's root."""
    documents: tuple[Document, ...] = ()
    """Metric documents, pushed in this order."""
    global_blocks: tuple[Document, ...] = ()
    """Documents of the global metric store, as they are."""
    nodes: tuple[Document, ...] = ()
    """Documents of the node daemon."""
    components: tuple[Component, ...] = ()


def with_addresses(value: Any, urls: Mapping[str, str]) -> Any:
    """Return a document with the addresses of AIOS's node ports replaced by those that the services really have."""
    if isinstance(value, str):
        return _ADDRESS.sub(lambda found: _real_address(found, urls), value)
    if isinstance(value, dict):
        return {key: with_addresses(member, urls) for key, member in value.items()}
    if isinstance(value, list):
        return [with_addresses(member, urls) for member in value]
    return value


def _real_address(found: re.Match[str], urls: Mapping[str, str]) -> str:
    service = _SERVICE_OF_PORT.get(int(found[1]))
    return found[0] if service is None else urls[service]
