"""The static file server (node port 32555), with the manners of `python -m http.server`."""

import html
import mimetypes
import urllib.parse
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from aios_top.testbed.stores.files import Files
from aios_top.testbed.wire import HTML


def routes(files: Files) -> list[web.RouteDef]:
    """Return one path for everything below the root."""
    service = _StaticFiles(files)
    return [web.get("/{path:.*}", service.serve)]


@web.middleware
async def http_server_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors as `http.server` does; a method it does not implement is a 501."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
            return _error(HTTPStatus.NOT_IMPLEMENTED, f"Unsupported method ({request.method!r})")
        return _error(HTTPStatus(error.status), HTTPStatus(error.status).phrase)


class _StaticFiles:
    def __init__(self, files: Files) -> None:
        self._files = files

    async def serve(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        found = self._files.find(path)
        if found is None:
            return _error(HTTPStatus.NOT_FOUND, "File not found")
        if found.is_dir():
            return self._folder(request, found)
        if path.endswith("/"):
            return _error(HTTPStatus.NOT_FOUND, "File not found")
        return _file(request, found)

    def _folder(self, request: web.Request, folder: Path) -> web.Response:
        if not request.path.endswith("/"):
            return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers={"Location": f"{request.path}/"})
        title = html.escape(f"Directory listing for {request.path}")
        names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in folder.iterdir())
        links = "".join(
            f'<li><a href="{urllib.parse.quote(name)}">{html.escape(name)}</a></li>\n'
            for name in names
            if not name.startswith(".")
        )
        text = (
            f'<!DOCTYPE HTML>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n</head>\n'
            f"<body>\n<h1>{title}</h1>\n<hr>\n<ul>\n{links}</ul>\n<hr>\n</body>\n</html>\n"
        )
        return web.Response(text=text, content_type=HTML, charset="utf-8")


def _file(request: web.Request, path: Path) -> web.Response:
    modified = int(path.stat().st_mtime)
    if _not_modified_since(request, modified):
        return web.Response(status=HTTPStatus.NOT_MODIFIED)
    content_type, encoding = mimetypes.guess_type(path.name)
    if encoding is not None:
        content_type = {"gzip": "application/gzip", "xz": "application/x-xz", "bzip2": "application/x-bzip2"}.get(
            encoding
        )
    return web.Response(
        body=path.read_bytes(),
        content_type=content_type or "application/octet-stream",
        headers={"Last-Modified": formatdate(modified, usegmt=True)},
    )


def _not_modified_since(request: web.Request, modified: int) -> bool:
    since = request.headers.get("If-Modified-Since")
    if since is None or "If-None-Match" in request.headers:
        return False
    try:
        return datetime.fromtimestamp(modified, UTC) <= parsedate_to_datetime(since).astimezone(UTC)
    except (ValueError, OverflowError):
        return False


def _error(status: HTTPStatus, message: str) -> web.Response:
    text = (
        '<!DOCTYPE HTML>\n<html lang="en">\n    <head>\n        <meta charset="utf-8">\n'
        "        <title>Error response</title>\n    </head>\n    <body>\n        <h1>Error response</h1>\n"
        f"        <p>Error code: {int(status)}</p>\n        <p>Message: {html.escape(message)}.</p>\n"
        f"        <p>Error code explanation: {int(status)} - {status.description}.</p>\n    </body>\n</html>\n"
    )
    return web.Response(text=text, status=status, reason=message, content_type=HTML, charset="utf-8")
