"""Sends what only asks: the reader's way out, behind the read list."""

import time
from typing import Any

from aios_top.aios.address import Addresses
from aios_top.aios.credentials import NOBODY, Credentials
from aios_top.aios.exchange import Answer, Bounds, exchange, open_client
from aios_top.aios.failures import NoAnswerError
from aios_top.aios.limits import Limits
from aios_top.aios.read_list import check_read
from aios_top.model.errors import ReadError


class ReadTransport:
    """Asks services by name; every failure is a ReadError, anything off the read list a ReadOnlyError."""

    def __init__(self, addresses: Addresses, limits: Limits, credentials: Credentials = NOBODY) -> None:
        self._addresses = addresses
        self._limits = limits
        self._client = open_client(limits, tls=addresses.needs_tls, credentials=credentials)

    async def ask(
        self,
        service: str,
        path: str,
        document: Any = None,
        *,
        block_id: str | None = None,
        bounds: Bounds | None = None,
    ) -> Answer:
        """GET a path, or POST a document that only asks, and return the whole answer."""
        url = self._addresses.url(service, block_id)
        if url is None:
            raise ReadError("no_address", no_address(service))
        method = "GET" if document is None else "POST"
        check_read(method, url + path, document)
        request = self._client.build_request(method, url + path, json=document)
        allowed = bounds or Bounds(self._limits.read_seconds, self._limits.answer_bytes)
        started = time.monotonic()
        try:
            return await exchange(self._client, service, request, allowed)
        except NoAnswerError:
            # The service restarts, or resets what it just accepted. What only asks may be asked once more.
            left = allowed.seconds - (time.monotonic() - started)
            return await exchange(self._client, service, request, Bounds(left, allowed.answer_bytes))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def no_address(service: str) -> str:
    """Say what to do when a service has no address."""
    return f"no address for {service}: give --host, or --url {service}=http://HOST:PORT"
