"""The HTTP endpoint that Prometheus scrapes."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web
from msgspec.structs import replace

from aios_top.model.listen import ListenAddress

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>aios-top exporter</title></head>
<body><h1>aios-top exporter</h1><p><a href="metrics">Metrics</a></p></body></html>
"""
_SHUTDOWN_SECONDS = 1.0
_OPENMETRICS = "application/openmetrics-text"

Page = tuple[str, Iterable[str]]
"""Content type, and the lines of the text."""


class ListenError(Exception):
    """The address cannot be listened on; the message says why."""


@asynccontextmanager
async def serving(where: ListenAddress, page: Callable[[bool], Page]) -> AsyncIterator[ListenAddress]:
    """Serve `page(openmetrics)` at /metrics while inside; gives the address with the port that was taken.

    Raises ListenError.
    """
    runner = web.AppRunner(_application(page), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, where.host, where.port)
        try:
            await site.start()
        except OSError as error:
            raise ListenError(f"cannot listen on {where.host}:{where.port}: {error.strerror}") from error
        yield replace(where, port=runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _application(page: Callable[[bool], Page]) -> web.Application:
    async def metrics(request: web.Request) -> web.Response:
        content_type, lines = page(_OPENMETRICS in request.headers.get("Accept", ""))
        text = "\n".join(lines) + "\n"
        response = web.Response(body=text.encode("utf-8", "replace"), headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    async def front(_request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    application = web.Application(client_max_size=0)
    application.add_routes([web.get("/metrics", metrics), web.get("/", front)])
    return application
