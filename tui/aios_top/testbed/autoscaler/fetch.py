"""Plain blocking HTTP for the autoscaler's thread: AIOS's autoscaler has no event loop either."""

import json
import urllib.request
from typing import Any, Protocol

from aios_top.testbed.document import Document

DOWNLOAD_SECONDS = 30.0
MAX_DOWNLOAD_BYTES = 64 * 1024 * 1024


class FetchError(Exception):
    """An address that cannot be fetched or an answer that is too large."""


class _Response(Protocol):
    def read(self, amount: int = ..., /) -> bytes: ...
    def close(self) -> None: ...


def _opener() -> urllib.request.OpenerDirector:
    """Speak HTTP and HTTPS only, without the environment's proxies: nothing on disk can be asked for."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPRedirectHandler(),
    ):
        opener.add_handler(handler)
    return opener


_OPENER = _opener()


def get_json(url: str) -> Any:
    """GET a JSON document; waits as long as the server takes, as AIOS does. Raises OSError or ValueError."""
    return json.loads(_send(urllib.request.Request(url), None))  # noqa: S310 - the opener knows only HTTP


def post_json(url: str, body: Document) -> Any:
    """POST a JSON document and return the JSON answer; raises OSError (HTTPError included) or ValueError."""
    data = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    return json.loads(_send(urllib.request.Request(url, data, headers), None))  # noqa: S310 - the opener knows only HTTP


def download(url: Any) -> bytes:
    """GET a policy archive of bounded size; raises FetchError for what is no HTTP address, and OSError."""
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise FetchError(f"code {url!r} is not an http:// address; the embedded AIOS opens no local path")
    content = _send(urllib.request.Request(url), DOWNLOAD_SECONDS)  # noqa: S310 - the opener knows only HTTP
    if len(content) > MAX_DOWNLOAD_BYTES:
        raise FetchError(f"{url}: larger than {MAX_DOWNLOAD_BYTES} bytes")
    return content


def _send(request: urllib.request.Request, timeout_seconds: float | None) -> bytes:
    response: _Response | None = _OPENER.open(request, timeout=timeout_seconds)
    if response is None:
        raise FetchError(f"{request.full_url}: no way to open it")
    try:
        return response.read(MAX_DOWNLOAD_BYTES + 1)
    finally:
        response.close()
