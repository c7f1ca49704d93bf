"""The two ways to send inference requests: HTTP, and gRPC where its packages are installed."""

from typing import Protocol

from aios_top.aios.credentials import NOBODY, Credentials, origin_of
from aios_top.aios.inference import HttpInference
from aios_top.aios.inference_grpc import GrpcInference
from aios_top.model.errors import ReadError
from aios_top.model.load import Api, InferenceReply
from aios_top.model.load_job import LoadJob
from aios_top.model.secret import Secret


class Sender(Protocol):
    """Sends one request and judges its answer."""

    async def infer(self, block_id: str, session_id: str, seq_no: int, text: str, max_tokens: int) -> InferenceReply:
        """Send one request and wait for its answer, without a limit of its own."""

    async def close(self) -> None:
        """Close the connections."""


async def open_sender(job: LoadJob) -> Sender:
    """Return the sender for a job, which dials its address and nothing else; raises ReadError."""
    api, proof = job.plan.api, job.proof
    if api is Api.GRPC:
        return GrpcInference(job.url, job.address)
    credentials = NOBODY
    if proof is not None:
        headers = {name: Secret(value) for name, value in proof.headers.items()}
        credentials = Credentials(origin_of(job.url), headers, proof.certificate, proof.ca_file)
    try:
        return HttpInference(api, job.url, job.address, job.limits.places(api), credentials=credentials)
    except OSError as error:
        raise ReadError("tls", f"the certificates for {job.url} cannot be used: {error}") from error
