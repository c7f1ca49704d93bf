"""Turns what httpx raises into a ReadError: one kind, one sentence."""

import socket
import ssl
from collections.abc import Iterator

import httpx

from aios_top.model.errors import ReadError
from aios_top.model.text import clean


class NotConnectedError(ReadError):
    """No connection was made, so nothing was sent."""


class NoAnswerError(ReadError):
    """The connection ended before the first byte of an answer; whether the request was received is unknown."""


def from_httpx(error: httpx.HTTPError | httpx.InvalidURL, where: str, *, begun: bool) -> ReadError:
    """Name the failure of one exchange with `where`, a service and its URL; `begun` when an answer had begun."""
    match error:
        case httpx.ConnectTimeout():
            return NotConnectedError("timeout", f"no connection to {where} in time: is the host up?")
        case httpx.ConnectError():
            return _not_connected(error, where)
        case httpx.TimeoutException():
            return ReadError("timeout", f"no complete answer from {where} in time")
        case httpx.NetworkError() | httpx.RemoteProtocolError() if not begun and _is_silent(error):
            return NoAnswerError("protocol", f"{where} closed the connection without an HTTP answer")
        case httpx.NetworkError():
            return ReadError("truncated", f"{where} broke the connection off before its answer was complete")
        case httpx.RemoteProtocolError() if "without sending" in str(error):
            return ReadError("truncated", f"{where} closed the connection before its answer was complete")
        case httpx.RemoteProtocolError():
            return ReadError("protocol", f"{where} does not speak HTTP as it should: {clean(str(error))}")
        case httpx.InvalidURL() | httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return NotConnectedError("protocol", f"cannot ask {where}: {clean(str(error))}")
    return ReadError("protocol", f"asking {where} failed: {clean(str(error))}")


def _is_silent(error: httpx.HTTPError) -> bool:
    """Whether a connection ended without a byte, as opposed to bytes that are no HTTP."""
    return isinstance(error, httpx.NetworkError) or "without sending" in str(error)


def _not_connected(error: httpx.ConnectError, where: str) -> ReadError:
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                return NotConnectedError("tls", f"the certificate of {where} is refused: {clean(cause.verify_message)}")
            case ssl.SSLError():
                return NotConnectedError("tls", f"no TLS with {where}: {clean(cause.reason or str(cause))}")
            case socket.gaierror():
                return NotConnectedError("dns", f"the host of {where} has no address: check its name")
            case ConnectionRefusedError():
                return NotConnectedError("refused", f"nothing listens at {where}: is the service up, the port right?")
    return NotConnectedError("refused", f"no connection to {where}: {clean(str(causes[-1]))}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from an exception to what caused it, into groups of connection attempts as well."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__context__, current.__cause__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
