"""How AIOS's two kinds of web server (Flask in Python, Express in JavaScript) read and answer on the wire."""

import html
import json
import logging
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from aios_top.testbed.document import Document

_LOG = logging.getLogger(__name__)

MAX_BODY_BYTES = 32 * 1024 * 1024
HTML = "text/html"

NOT_JSON_TYPE = (
    "415 Unsupported Media Type: Did not attempt to load JSON data because "
    "the request Content-Type was not 'application/json'."
)
BAD_JSON = "400 Bad Request: The browser (or proxy) sent a request that this server could not understand."

_FLASK_NOT_FOUND = (
    "The requested URL was not found on the server. "
    "If you entered the URL manually please check your spelling and try again."
)
_FLASK_DESCRIPTIONS = {
    404: _FLASK_NOT_FOUND,
    405: "The method is not allowed for the requested URL.",
    413: "The data value transmitted exceeds the capacity limit.",
    500: (
        "The server encountered an internal error and was unable to complete your request. "
        "Either the server is overloaded or there is an error in the application."
    ),
}


class RequestBodyError(Exception):
    """A body that Flask would not read as JSON; the text is Flask's."""


def flask_json(body: Any, status: int = 200) -> web.Response:
    """Answer as Flask's `jsonify` does: compact, keys sorted, `NaN` allowed."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":")) + "\n"
    return web.Response(body=text.encode(), status=status, reason=flask_reason(status), content_type="application/json")


def flask_reason(status: int) -> str:
    """Return the reason phrase as Flask sends it: in capitals."""
    return HTTPStatus(status).phrase.upper()


def express_json(body: Any, status: int = 200) -> web.Response:
    """Answer as Express's `res.json` does: compact, keys in the order of the object, with a charset."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return web.Response(text=text, status=status, content_type="application/json", charset="utf-8")


async def read_flask_json(request: web.Request) -> Any:
    """Read a JSON body as Flask's `request.get_json()` does; raises RequestBodyError."""
    if not _is_json(request.content_type):
        raise RequestBodyError(NOT_JSON_TYPE)
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise RequestBodyError(BAD_JSON) from error


async def read_flask_object(request: web.Request) -> Document:
    """Read a JSON object; any other JSON value is refused with the text that Python gives for it."""
    body = await read_flask_json(request)
    if not isinstance(body, dict):
        raise RequestBodyError(f"'{type(body).__name__}' object has no attribute 'get'")
    return body


async def read_express_json(request: web.Request) -> Document:
    """Read a JSON object as Express's body parser does: another content type is an empty object."""
    if not _is_json(request.content_type):
        return {}
    raw = await request.read()
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest from error
    if not isinstance(body, dict):
        raise web.HTTPBadRequest
    return body


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or (
        content_type.startswith("application/") and content_type.endswith("+json")
    )


@web.middleware
async def flask_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give unknown paths, wrong methods and crashes the HTML pages that Flask gives them."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        allow = error.headers.get("Allow")
        return flask_page(error.status, {"Allow": allow} if allow else {})
    except Exception:  # noqa: BLE001 - whatever breaks in a service, Flask answers
        _LOG.exception("%s %s", request.method, request.path)
        return flask_page(500)


def flask_page(status: int, headers: dict[str, str] | None = None) -> web.Response:
    """Return Flask's HTML page for an error status."""
    phrase = HTTPStatus(status).phrase
    text = (
        f"<!doctype html>\n<html lang=en>\n<title>{status} {phrase}</title>\n<h1>{phrase}</h1>\n"
        f"<p>{_FLASK_DESCRIPTIONS.get(status, phrase)}</p>\n"
    )
    return web.Response(
        text=text, status=status, reason=flask_reason(status), content_type=HTML, charset="utf-8", headers=headers
    )


@web.middleware
async def express_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give unknown paths and wrong methods the page that Express gives to both, and bad bodies a 400."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status in (404, 405):
            return _express_page(404, f"Cannot {request.method} {request.path}")
        return _express_page(error.status, HTTPStatus(error.status).phrase)
    except Exception:  # noqa: BLE001 - as above
        _LOG.exception("%s %s", request.method, request.path)
        return _express_page(500, "Internal Server Error")


def _express_page(status: int, message: str) -> web.Response:
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
        f"<body>\n<pre>{html.escape(message)}</pre>\n</body>\n</html>\n"
    )
    return web.Response(text=text, status=status, content_type=HTML, charset="utf-8")
