"""Inference over gRPC (node port 31500), when grpcio and protobuf are installed: one method, errors as replies."""

import asyncio
import json
import time
from typing import Any

from aios_top.testbed.inference import Inference, InferenceError
from aios_top.testbed.ports import LOOPBACK, PortBusyError

try:
    import grpc
    import grpc.aio
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError:  # the extra `grpc` is not installed
    AVAILABLE = False
else:
    AVAILABLE = True

SERVICE = "BlockInferenceService"
METHOD = "infer"
WORKERS = 10
"""AIOS's server has ten threads: ten requests that are never answered block it for everybody."""

_STRING, _UINT64, _BYTES, _DOUBLE, _MESSAGE = 9, 4, 12, 1, 11
"""Field types by protobuf's own numbers."""
_PACKETS = {
    "FileInfo": (("metadata", 1, _STRING), ("file_data", 2, _BYTES)),
    "BlockInferencePacket": (
        ("block_id", 1, _STRING),
        ("session_id", 3, _STRING),
        ("seq_no", 4, _UINT64),
        ("frame_ptr", 5, _BYTES),
        ("data", 6, _STRING),
        ("query_parameters", 7, _STRING),
        ("ts", 8, _DOUBLE),
        ("files", 9, _MESSAGE),
        ("output_ptr", 10, _STRING),
    ),
    "AIOSPacket": (
        ("session_id", 1, _STRING),
        ("seq_no", 2, _UINT64),
        ("data", 4, _STRING),
        ("ts", 5, _DOUBLE),
        ("output_ptr", 6, _STRING),
        ("files", 7, _MESSAGE),
    ),
}
"""Messages of AIOS's interface, which has no package: name -> fields."""


class GrpcInference:
    """The gRPC server, bound to loopback."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._request, self._reply = _message_classes()
        self._workers = asyncio.Semaphore(WORKERS)
        # Without this option Linux would let two servers share a port in silence.
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        method = grpc.unary_unary_rpc_method_handler(
            self._infer,
            request_deserializer=self._request.FromString,
            response_serializer=self._reply.SerializeToString,
        )
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: method}),))

    async def start(self, port: int) -> str:
        """Listen, on any free port when `port` is 0, and return the address; raises PortBusyError."""
        try:
            bound = self._server.add_insecure_port(f"{LOOPBACK}:{port}")
        except RuntimeError as error:
            raise PortBusyError(
                f"port {port} for the grpc service cannot be used on {LOOPBACK}: "
                "stop what listens there, or start with another --port-offset"
            ) from error
        await self._server.start()
        return f"http://{LOOPBACK}:{bound}"

    async def stop(self) -> None:
        """Drop every connection."""
        await self._server.stop(grace=None)

    async def _infer(self, packet: Any, _context: Any) -> Any:
        """Answer one packet; what goes wrong is a reply like any other."""
        async with self._workers:
            try:
                data = await self._inference.infer(
                    packet.block_id, packet.session_id, packet.seq_no, _payload(packet.data)
                )
            except InferenceError as error:
                failure = json.dumps({"success": False, "message": str(error)})
                return self._reply(
                    session_id=packet.session_id, seq_no=packet.seq_no, data=failure, ts=packet.ts, output_ptr="{}"
                )
        return self._reply(session_id=packet.session_id, seq_no=packet.seq_no, data=json.dumps(data), ts=time.time())


def _payload(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _message_classes() -> tuple[Any, Any]:
    """Build the two messages at run time: they are few, and so no generated code needs keeping."""
    optional, repeated = 1, 3
    file = descriptor_pb2.FileDescriptorProto(name="aios_inference.proto", syntax="proto3")
    for name, fields in _PACKETS.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            described = message.field.add(name=field, number=number, type=kind, label=optional)
            if kind == _MESSAGE:
                described.label, described.type_name = repeated, ".FileInfo"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    request, reply = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
        for name in ("BlockInferencePacket", "AIOSPacket")
    )
    return request, reply
