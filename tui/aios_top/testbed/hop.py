"""Calls from one AIOS service to the next, with the error texts that AIOS's clients get to see."""

import json
from http import HTTPStatus
from typing import Any

import aiohttp

from aios_top.testbed.document import Document


class HopError(Exception):
    """The next service answered with an HTTP error status, or did not answer at all."""


async def call(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    body: Document | None = None,
    *,
    timeout_seconds: float | None = None,
) -> Any:
    """Send one request and return its JSON; raises HopError with the words of Python's `requests` library."""
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    try:
        async with session.request(method, url, json=body, timeout=timeout) as response:
            raw = await response.read()
            if response.status >= HTTPStatus.BAD_REQUEST:
                side = "Client" if response.status < HTTPStatus.INTERNAL_SERVER_ERROR else "Server"
                raise HopError(f"{response.status} {side} Error: {response.reason} for url: {url}")
            return json.loads(raw)
    except TimeoutError as error:
        raise HopError(f"Read timed out. (read timeout={timeout_seconds:g})") from error
    except (aiohttp.ClientError, OSError) as error:
        raise HopError(f"Max retries exceeded with url: {url} (Caused by {error})") from error
    except ValueError as error:
        raise HopError(str(error)) from error


def name_not_resolved(host: str, port: int) -> str:
    """Return the text of a call to a host that the cluster's name service does not know."""
    return _unreachable(
        host,
        port,
        f"NameResolutionError(\"HTTPConnection(host='{host}', port={port}): Failed to resolve '{host}' "
        '([Errno -2] Name or service not known)")',
    )


def connection_refused(host: str, port: int) -> str:
    """Return the text of a call to a host where nothing listens on the port."""
    return _unreachable(
        host,
        port,
        f"NewConnectionError(\"HTTPConnection(host='{host}', port={port}): Failed to establish a new connection: "
        '[Errno 111] Connection refused")',
    )


def read_timed_out(host: str, port: int, seconds: float) -> str:
    """Return the text of a call whose answer did not come in time."""
    return f"HTTPConnectionPool(host='{host}', port={port}): Read timed out. (read timeout={seconds:g})"


def _unreachable(host: str, port: int, cause: str) -> str:
    return f"HTTPConnectionPool(host='{host}', port={port}): Max retries exceeded with url: /mgmt (Caused by {cause})"
