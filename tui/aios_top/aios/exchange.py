"""One bounded HTTP exchange: a deadline for all of it, a cap on its bytes, nothing decoded, nothing followed."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from aios_top import __version__
from aios_top.aios.credentials import NOBODY, Credentials, trusted
from aios_top.aios.failures import from_httpx
from aios_top.aios.limits import Limits
from aios_top.aios.origin_transport import OriginTransport
from aios_top.aios.pile import Pile
from aios_top.model.errors import ReadError
from aios_top.model.span import length, span
from aios_top.model.text import Clean, clean

REDIRECTS = frozenset({301, 302, 303, 305, 307, 308})
LONGEST_RETRY_AFTER_SECONDS = 60.0


class Answer(Struct, frozen=True):
    """What a service answered, complete, before anyone judged its body."""

    service: str
    status: int
    content_type: Clean
    """Media type in lower case without parameters; empty when the server named none."""
    body: bytes
    seconds: float


class Bounds(Struct, frozen=True):
    """The limits of one exchange."""

    seconds: float
    answer_bytes: int


def open_client(
    limits: Limits, *, tls: bool, credentials: Credentials = NOBODY, sockets: int | None = None
) -> httpx.AsyncClient:
    """Return a client that takes nothing from the environment and keeps nothing between two requests.

    Every request gets a connection of its own. What a server sends beyond its answer can then never be read as the
    next one's, and no request meets a connection that died in a pool; AIOS's Flask services close it anyway.
    """
    return httpx.AsyncClient(
        transport=_transport(credentials, sockets or limits.sockets, tls=tls),
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=httpx.Timeout(None, connect=limits.connect_seconds),
        headers={
            "User-Agent": f"aios-top/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
        },
    )


def _transport(credentials: Credentials, sockets: int, *, tls: bool) -> httpx.AsyncBaseTransport:
    def connections(trust: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
        pool = httpx.Limits(max_connections=sockets, max_keepalive_connections=0)
        return httpx.AsyncHTTPTransport(verify=trust, limits=pool, trust_env=False, retries=0)

    # Without an https address no certificates are loaded: that takes 20 ms.
    others = connections(trusted() if tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    if not credentials.origin:
        return others
    own_trust = credentials.certificate is not None or credentials.ca_file is not None
    return OriginTransport(credentials, others, connections(credentials.trust()) if own_trust else others)


async def exchange(client: httpx.AsyncClient, service: str, request: httpx.Request, bounds: Bounds) -> Answer:
    """Send a request once and return the whole answer; raises ReadError."""
    where = f"{service} ({origin(str(request.url))})"
    started = time.monotonic()
    begun = False
    try:
        async with asyncio.timeout(bounds.seconds), _answering(client, request) as response:
            begun = True
            _refuse(response, where)
            body = await _body(response, where, bounds.answer_bytes)
    except TimeoutError as error:
        raise ReadError(
            "timeout", f"no complete answer from {where} within {length(round(bounds.seconds, 1))}"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise from_httpx(error, where, begun=begun) from error
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Answer(service, response.status_code, clean(media_type), body, time.monotonic() - started)


def origin(url: str) -> Clean:
    """Return scheme, host and port of a URL: what a message may repeat."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return Clean("a malformed URL")
    if not parts.netloc:
        return Clean("no other host")
    return clean(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")


@asynccontextmanager
async def _answering(client: httpx.AsyncClient, request: httpx.Request) -> AsyncIterator[httpx.Response]:
    response = await client.send(request, stream=True)
    try:
        yield response
    finally:
        await response.aclose()


def _refuse(response: httpx.Response, where: str) -> None:
    """Raise for an answer whose head already says that its body is not what was asked for."""
    status = response.status_code
    if status in REDIRECTS:
        target = origin(response.headers.get("location", ""))
        raise ReadError("redirect", f"redirect refused ({status} → {target}): give the URL of {where} as it is now")
    if status in {401, 403}:
        raise ReadError("not_authorised", f"not authorised: {where} answers {status}; AIOS itself asks for nothing")
    if status == 429 or (status == 503 and "retry-after" in response.headers):
        wait = retry_after_seconds(response.headers.get("retry-after"))
        later = "" if wait is None else f", retry in {span(wait)}"
        raise ReadError("busy", f"{where} answers {status}{later}", retry_after_seconds=wait)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", ""}:
        raise ReadError("encoding", f"{where} sent {clean(encoding)} although asked for plain bytes: encoding refused")


async def _body(response: httpx.Response, where: str, limit: int) -> bytes:
    """Read the raw bytes up to `limit`; a longer body ends the connection at once."""
    with Pile() as body:
        async for chunk in response.aiter_raw():
            body.add(chunk)
            if body.size > limit:
                raise ReadError("too_large", f"the answer of {where} is larger than {limit:,} bytes: too large")
        announced = response.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and body.size < int(announced[:20]):
            raise ReadError("truncated", f"{where} sent {body.size:,} of {announced[:20]} bytes")
        return body.content()


def retry_after_seconds(text: str | None) -> float | None:
    """Read `Retry-After`, seconds or a date, at most a minute; None when it asks for nothing sensible."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:20]), LONGEST_RETRY_AFTER_SECONDS)
    try:
        wait = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(wait, LONGEST_RETRY_AFTER_SECONDS) if wait > 0 else None
