"""Sends inference requests, the load of a load test, and judges each reply by its body."""

from typing import Any

from aios_top.aios import envelope
from aios_top.aios.address import Addresses
from aios_top.aios.credentials import NOBODY, Credentials
from aios_top.aios.exchange import Answer, Bounds, exchange, open_client
from aios_top.aios.failures import NotConnectedError
from aios_top.aios.limits import DEFAULT_LIMITS, Limits
from aios_top.aios.read_list import ReadOnlyError
from aios_top.aios.transport import no_address
from aios_top.model.errors import ReadError
from aios_top.model.load import InferenceReply
from aios_top.model.text import clean

TEXT_KEYS = ("reply", "text", "content", "message", "output", "response")
"""Where blocks put their words; what a block's reply looks like is its own choice."""
KINDS = {"timeout": "timeout", "http": "http", "busy": "http", "not_authorised": "http", "redirect": "http"}


class AiosInference:
    """Satisfies the engine's port `Inference`."""

    def __init__(
        self,
        addresses: Addresses,
        limits: Limits = DEFAULT_LIMITS,
        *,
        credentials: Credentials = NOBODY,
        read_only: bool = False,
    ) -> None:
        self._base = addresses.url("inference")
        self._limits = limits
        self._read_only = read_only
        self._client = open_client(
            limits, tls=addresses.needs_tls, credentials=credentials, sockets=limits.inference_sockets
        )

    def target(self) -> str:
        """Return the base URL that requests go to; raises ReadError `no_address`."""
        if self._base is None:
            raise ReadError("no_address", no_address("inference"))
        return self._base

    async def infer(self, block_id: str, session_id: str, seq_no: int, text: str, max_tokens: int) -> InferenceReply:
        """Send one chat request and wait for its reply; raises ReadOnlyError in a session that sends none."""
        if self._read_only:
            raise ReadOnlyError("this session is read-only: no inference request leaves it")
        document = {
            "model": block_id,
            "session_id": session_id,
            "seq_no": seq_no,
            "data": {
                "mode": "chat",
                "message": text,
                "gen_params": {"temperature": 0.1, "top_p": 0.95, "max_tokens": max_tokens},
            },
            "graph": {},
            "selection_query": {},
        }
        request = self._client.build_request("POST", f"{self.target()}/v1/infer", json=document)
        bounds = Bounds(self._limits.inference_seconds, self._limits.answer_bytes)
        try:
            return _judged(await exchange(self._client, "inference", request, bounds))
        except NotConnectedError as error:
            return InferenceReply(ok=False, kind="connect", message=str(error))
        except ReadError as error:
            return InferenceReply(ok=False, kind=KINDS.get(error.kind, "protocol"), message=str(error))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _judged(answer: Answer) -> InferenceReply:
    """Judge a reply: its server says 200 for most of its failures."""
    found = envelope.document(answer)
    if not isinstance(found, dict):
        return InferenceReply(ok=False, kind="protocol", message="inference answers no object: unexpected shape")
    failed = found.get("success") is False or "error" in found
    inner = found.get("data")
    if isinstance(inner, dict) and inner.get("success") is False:
        found, failed = inner, True
    if failed:
        reason = clean(envelope.reason_of(found), envelope.REASON_LIMIT)
        return InferenceReply(ok=False, kind="failed", message=reason)
    if answer.status >= 400:
        return InferenceReply(ok=False, kind="http", message=f"inference answers {answer.status} without saying why")
    if "data" not in found:
        return InferenceReply(ok=False, kind="protocol", message="inference answers without data: unexpected shape")
    return InferenceReply(ok=True, kind="ok", output_words=_words(found["data"]))


def _words(data: Any) -> int | None:
    """Count the reply's words, None when it holds no text where blocks put it."""
    if isinstance(data, str):
        return len(data.split())
    if isinstance(data, dict):
        for key in TEXT_KEYS:
            if isinstance(data.get(key), str):
                return len(data[key].split())
    return None
