"""Sends inference requests over gRPC, which is all that AIOS's installer publishes; needs the extra `grpc`."""

import json
import time
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from aios_top.aios.inference import judged_reply, payload
from aios_top.aios.json_text import decode
from aios_top.aios.limits import DEFAULT_LIMITS, Limits
from aios_top.model.errors import ReadError
from aios_top.model.load import InferenceReply
from aios_top.model.text import clean

try:
    import grpc
    import grpc.aio
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError:  # the extra `grpc` is not installed
    AVAILABLE = False
else:
    AVAILABLE = True

METHOD = "/BlockInferenceService/infer"
DEFAULT_PORT = 31500
_UNREACHED = ("UNAVAILABLE", "UNIMPLEMENTED", "UNAUTHENTICATED", "PERMISSION_DENIED")


class GrpcInference:
    """Sends to one address; nothing is taken from the environment, nothing is sent again."""

    def __init__(self, url: str, address: str, limits: Limits = DEFAULT_LIMITS) -> None:
        """Prepare to dial `address`; raises ReadError when the extra is not installed or TLS is asked for."""
        if not AVAILABLE:
            raise ReadError("no_grpc", "gRPC needs more packages: pip install 'aios-top[grpc]', or use --api infer")
        parts = urlsplit(url)
        if parts.scheme == "https":
            raise ReadError("no_grpc", "AIOS serves gRPC without TLS: give its URL with http://")
        self._packet, self._reply = _messages()
        host = f"[{address}]" if ":" in address else address
        options = [
            ("grpc.enable_http_proxy", 0),
            ("grpc.enable_retries", 0),
            ("grpc.max_receive_message_length", limits.answer_bytes),
            ("grpc.default_authority", parts.netloc),
        ]
        self._channel = grpc.aio.insecure_channel(f"{host}:{parts.port or DEFAULT_PORT}", options=options)
        self._call = self._channel.unary_unary(
            METHOD, request_serializer=self._packet.SerializeToString, response_deserializer=self._reply.FromString
        )

    async def infer(self, block_id: str, session_id: str, seq_no: int, text: str, max_tokens: int) -> InferenceReply:
        """Send one request and judge its reply, for AIOS says OK for all of its failures."""
        packet = self._packet(
            block_id=block_id,
            session_id=session_id,
            seq_no=seq_no,
            data=json.dumps(payload(text, max_tokens)),
            ts=time.time(),
        )
        try:
            reply = await self._call(packet)
        except grpc.aio.AioRpcError as error:
            return _broken(error)
        if (reply.session_id, reply.seq_no) != (session_id, seq_no):
            return InferenceReply(False, "protocol", "inference answers another request: answers are crossed")
        return _judged(reply.data)

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()


def _judged(data: str) -> InferenceReply:
    """Judge a reply's data: JSON, or plain words of a block that speaks no JSON."""
    text = data.strip()
    if not text.startswith(("{", "[", '"')):
        return judged_reply(data)
    try:
        return judged_reply(decode(text.encode(), "inference"))
    except ReadError as error:
        return InferenceReply(False, "protocol", str(error))


def _broken(error: Any) -> InferenceReply:
    """Name a call without a reply."""
    code, details = error.code().name, clean(str(error.details() or ""), 200)
    kind = "connect" if code in _UNREACHED else "timeout" if code == "DEADLINE_EXCEEDED" else "protocol"
    return InferenceReply(False, kind, f"gRPC {code}: {details}")


def _messages() -> tuple[Any, Any]:
    """Return the two message classes of the compiled interface."""
    compiled = files("aios_top.aios.protocol").joinpath("block_inference.pb").read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(compiled).file:
        pool.Add(file)
    found = (pool.FindMessageTypeByName(name) for name in ("BlockInferencePacket", "AIOSPacket"))
    packet, reply = (message_factory.GetMessageClass(kind) for kind in found)
    return packet, reply
