"""Looks a host up, once, so that what is shown is what is dialled."""

import asyncio
import socket

from aios_top.model.errors import ReadError
from aios_top.model.text import clean


async def resolved(host: str, port: int | None) -> str:
    """Return the first address of a host, as the sender will dial it; raises ReadError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise ReadError("dns", f"the host {clean(host)} has no address: check its name") from error
    return str(found[0][4][0])
