"""The gRPC sender against the embedded AIOS's own server, which builds its messages by itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from aios_top.aios import inference_grpc
from aios_top.aios.inference_grpc import GrpcInference
from aios_top.model.errors import ReadError
from aios_top.model.load import InferenceReply
from fakes.embedded import BLOCK, embedded, state

pytest.importorskip("grpc", reason="the extra grpc is not installed")
PROTOCOL = Path(inference_grpc.__file__).parent / "protocol"


@pytest.fixture
async def sender():
    async with embedded(state(None)) as aios:
        sender = GrpcInference(aios.running.urls["grpc"], "127.0.0.1")
        yield sender
        await sender.close()


async def test_a_good_answer_and_its_words(sender):
    assert await sender.infer(BLOCK, "s-1", 7, "a b c", 2) == InferenceReply(True, "ok", output_words=2)


async def test_a_failure_inside_an_ok_status(sender):
    found = await sender.infer("nope", "s-1", 7, "a b c", 2)
    assert (found.ok, found.kind) == (False, "failed")
    assert "nope not found in the DB" in found.message


async def test_nobody_listening_is_connect():
    sender = GrpcInference("http://127.0.0.1:9", "127.0.0.1")
    found = await sender.infer(BLOCK, "s-1", 7, "a", 2)
    await sender.close()
    assert (found.ok, found.kind) == (False, "connect")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("plain words", InferenceReply(True, "ok", output_words=2)),
        ('{"reply": "a b c"}', InferenceReply(True, "ok", output_words=3)),
        ('"a b"', InferenceReply(True, "ok", output_words=2)),
        ('{"success": false, "message": "no"}', InferenceReply(False, "failed", "no")),
    ],
)
def test_the_data_of_a_reply_is_judged_by_its_body(data, expected):
    assert inference_grpc._judged(data) == expected


def test_data_that_is_broken_json_is_no_answer():
    assert inference_grpc._judged('{"reply": ').kind == "protocol"


def test_tls_is_refused_and_a_missing_extra_names_the_next_step(monkeypatch):
    with pytest.raises(ReadError, match="without TLS"):
        GrpcInference("https://127.0.0.1:1", "127.0.0.1")
    monkeypatch.setattr(inference_grpc, "AVAILABLE", False)
    with pytest.raises(ReadError, match=r"pip install 'aios-top\[grpc\]'"):
        GrpcInference("http://127.0.0.1:1", "127.0.0.1")


def test_the_compiled_interface_is_that_of_the_proto_file(tmp_path):
    pytest.importorskip("grpc_tools")
    compiled = tmp_path / "compiled.pb"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(PROTOCOL)]
    subprocess.run([*command, f"--descriptor_set_out={compiled}", "block_inference.proto"], check=True)
    assert compiled.read_bytes() == (PROTOCOL / "block_inference.pb").read_bytes()
