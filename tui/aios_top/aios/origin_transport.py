"""Adds the credentials to the requests of their one origin."""

import httpx

from aios_top.aios.credentials import Credentials


class OriginTransport(httpx.AsyncBaseTransport):
    """Adds the credentials to requests of their origin, below everything that could send a request elsewhere."""

    def __init__(
        self, credentials: Credentials, others: httpx.AsyncBaseTransport, own: httpx.AsyncBaseTransport
    ) -> None:
        self._credentials = credentials
        self._others = others
        self._own = own

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, proven where it goes to the origin."""
        if not self._credentials.covers(str(request.url)):
            return await self._others.handle_async_request(request)
        for name, secret in self._credentials.headers.items():
            request.headers[name] = secret.reveal()
        return await self._own.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._others.aclose()
        await self._own.aclose()
