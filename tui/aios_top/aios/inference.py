"""Sends inference requests over HTTP, the load of a load test, and judges each reply by its body.

It uses aiohttp, the server library of the embedded AIOS, as its client: a request costs it 0.4 ms where httpx takes
2 ms, which is the difference between measuring a server and measuring the client.
"""

import socket
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult

from aios_top import __version__
from aios_top.aios import envelope
from aios_top.aios.credentials import NOBODY, Credentials, trusted
from aios_top.aios.exchange import REDIRECTS, Answer, origin
from aios_top.aios.limits import DEFAULT_LIMITS, Limits
from aios_top.model.errors import ReadError
from aios_top.model.load import Api, InferenceReply
from aios_top.model.text import clean

TEXT_KEYS = ("reply", "text", "content", "message", "output", "response")
"""Where blocks put their words; what a block's reply looks like is its own choice."""
PATHS = {Api.INFER: "/v1/infer", Api.CHAT: "/v1/chat/completions", Api.COMPLETIONS: "/v1/completions"}
KEPT_SECONDS = 2.0
"""How long an idle connection may be used again; AIOS's own server closes each after one answer."""
CHUNK_BYTES = 64 * 1024


class HttpInference:
    """Sends to one entry point at one address.

    It follows no redirect, takes nothing from the environment, and never sends a request again.
    """

    def __init__(
        self,
        api: Api,
        url: str,
        address: str,
        sockets: int,
        limits: Limits = DEFAULT_LIMITS,
        seconds: float | None = None,
        credentials: Credentials = NOBODY,
    ) -> None:
        """Prepare to dial `address`, whatever name `url` gives; `seconds` is a deadline per request, if any."""
        proof = credentials if credentials.covers(url) else NOBODY
        self._url = url + PATHS[api]
        self._where = f"inference ({origin(url)})"
        self._document = _DOCUMENTS[api]
        self._found = _FOUND[api]
        self._answer_bytes = limits.answer_bytes
        connector = aiohttp.TCPConnector(
            limit=sockets,
            resolver=_Pinned(address),
            use_dns_cache=False,
            keepalive_timeout=KEPT_SECONDS,
            ssl=_trust(proof) if url.startswith("https:") else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=limits.connect_seconds),
            headers={
                "User-Agent": f"aios-top/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                **{name: secret.reveal() for name, secret in proof.headers.items()},
            },
        )

    async def infer(self, block_id: str, session_id: str, seq_no: int, text: str, max_tokens: int) -> InferenceReply:
        """Send one request and judge its reply."""
        body = msgspec.json.encode(self._document(block_id, session_id, seq_no, text, max_tokens))
        try:
            async with self._session.post(self._url, data=body, allow_redirects=False) as response:
                refused = self._refused(response)
                if refused:
                    return InferenceReply(False, "http", refused)
                answer = await self._answer(response)
            return judged(answer, self._found)
        except ReadError as error:
            return InferenceReply(False, "http" if error.kind == "http" else "protocol", str(error))
        except (aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError) as error:
            return self._broken(error)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    def _refused(self, response: aiohttp.ClientResponse) -> str:
        """Return why an answer's head already says no; empty when it does not."""
        status = response.status
        if status in REDIRECTS:
            return f"redirect refused ({status} → {origin(response.headers.get('location', ''))})"
        if status in {401, 403, 429} or (status == 503 and "retry-after" in response.headers):
            return f"{self._where} answers {status}"
        return ""

    async def _answer(self, response: aiohttp.ClientResponse) -> Answer:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", ""}:
            raise ReadError("encoding", f"{self._where} sent {clean(encoding)} although asked for plain bytes")
        body = await self._body(response)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Answer("inference", response.status, clean(kind), body, 0.0)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """Read the whole body, or refuse it as soon as it is known to be too long."""
        announced = response.content_length
        if announced is not None and announced <= self._answer_bytes:
            return await response.read()
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > self._answer_bytes:
                raise ReadError("too_large", f"the answer of {self._where} is larger than {self._answer_bytes:,} bytes")
        return bytes(body)

    def _broken(self, error: Exception) -> InferenceReply:
        """Name what went wrong on the way."""
        match error:
            case aiohttp.ConnectionTimeoutError() | aiohttp.ClientConnectorError():
                return InferenceReply(False, "connect", f"no connection to {self._where}: {_cause(error)}")
            case TimeoutError():
                return InferenceReply(False, "timeout", f"no complete answer from {self._where} in time")
            case aiohttp.ClientPayloadError():
                message = "broke the connection off before its answer was complete"
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | OSError():
                message = "closed the connection without an HTTP answer"
            case _:
                message = f"does not speak HTTP as it should: {clean(str(error), 200)}"
        return InferenceReply(False, "protocol", f"{self._where} {message}")


def _trust(proof: Credentials) -> ssl.SSLContext:
    own = proof.certificate is not None or proof.ca_file is not None
    return proof.trust() if own else trusted()


class _Pinned(AbstractResolver):
    """Resolves every name to the one address that was shown and checked."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the pinned address."""
        del family
        kind = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        return [
            ResolveResult(
                hostname=host, host=self._address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        """Have nothing to close."""


def payload(text: str, max_tokens: int) -> dict[str, Any]:
    """Return the chat request that AIOS's language model blocks understand."""
    options = {"temperature": 0.1, "top_p": 0.95, "max_tokens": max_tokens}
    return {"mode": "chat", "message": text, "gen_params": options}


def _infer(block_id: str, session_id: str, seq_no: int, text: str, max_tokens: int) -> dict[str, Any]:
    key = {"model": block_id, "session_id": session_id, "seq_no": seq_no}
    return {**key, "data": payload(text, max_tokens), "graph": {}, "selection_query": {}}


def _chat(block_id: str, session_id: str, seq_no: int, text: str, max_tokens: int) -> dict[str, Any]:
    # What stands beside `messages` does not reach the block, max_tokens included: so `messages` is its own object.
    key = {"model": block_id, "session_id": session_id, "seq_no": seq_no}
    return {**key, "messages": payload(text, max_tokens)}


def _complete(block_id: str, session_id: str, seq_no: int, text: str, _max_tokens: int) -> dict[str, Any]:
    return {"model": block_id, "session_id": session_id, "seq_no": seq_no, "prompt": text}


_DOCUMENTS: dict[Api, Callable[..., dict[str, Any]]] = {
    Api.INFER: _infer,
    Api.CHAT: _chat,
    Api.COMPLETIONS: _complete,
}


def _choice(found: dict[str, Any]) -> Any:
    """Return what the first choice of an OpenAI-like answer says."""
    choice = found["choices"][0]
    return choice["message"]["content"] if "message" in choice else choice["text"]


_FOUND: dict[Api, Callable[[dict[str, Any]], Any]] = {
    Api.INFER: lambda found: found["data"],
    Api.CHAT: _choice,
    Api.COMPLETIONS: _choice,
}


def judged(answer: Answer, reply_of: Callable[[dict[str, Any]], Any]) -> InferenceReply:
    """Judge an answer by its body, for AIOS says 200 for most failures; raises ReadError for what is no JSON."""
    found = envelope.document(answer)
    if not isinstance(found, dict):
        return InferenceReply(False, "protocol", "inference answers no object: unexpected shape")
    if found.get("success") is False or "error" in found:
        return InferenceReply(False, "failed", clean(envelope.reason_of(found), envelope.REASON_LIMIT))
    if answer.status >= 400:
        return InferenceReply(False, "http", f"inference answers {answer.status} without saying why")
    try:
        data = reply_of(found)
    except (KeyError, IndexError, TypeError):
        return InferenceReply(False, "protocol", "inference answers without the block's reply: unexpected shape")
    return judged_reply(data)


def judged_reply(data: Any) -> InferenceReply:
    """Judge what a block answered inside an answer that says success."""
    if isinstance(data, dict) and data.get("success") is False:
        return InferenceReply(False, "failed", clean(envelope.reason_of(data), envelope.REASON_LIMIT))
    return InferenceReply(True, "ok", output_words=_words(data))


def _words(data: Any) -> int | None:
    """Count the reply's words, None when it holds no text where blocks put it."""
    if isinstance(data, str):
        return len(data.split())
    if isinstance(data, dict):
        for key in TEXT_KEYS:
            if isinstance(data.get(key), str):
                return len(data[key].split())
    return None


def _cause(error: Exception) -> str:
    found = getattr(error, "os_error", None) or error
    return clean(getattr(found, "strerror", None) or str(found) or type(found).__name__, 200)
