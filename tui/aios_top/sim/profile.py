"""What one replica can do: its slots, its speed and its memory."""

import math
from typing import Literal

from msgspec import Struct

Kind = Literal["llm", "plain"]


class ReplicaProfile(Struct, frozen=True):
    """The capacity of one replica; `llm` replicas prefill and decode, `plain` ones serve a job in fixed time."""

    name: str
    kind: Kind
    slots: int = 1
    """Requests served at once; the others wait in order of arrival."""
    prefill_tokens_per_second: float = 1.0
    decode_tokens_per_second: float = 1.0
    """Of a request that is alone on the replica."""
    slowdown_per_peer: float = 0.0
    """Share of a lone request's time per token that each concurrent request adds; 0 batches for free, 1 not at all."""
    plain_seconds: float = 0.0
    """Service time of a plain job."""
    memory_bytes: int = 0
    """Resident memory of an idle replica with its model loaded."""
    cache_bytes_per_token: int = 0
    """Memory that a request adds per token of its context."""
    gpu_memory_megabytes: float = 0.0
    """Size of the card; 0 means that there is none."""
    cpu_percent_per_session: float = 2.0
    """CPU use that one active request causes, in percent of one core."""

    def __post_init__(self) -> None:
        """Refuse a profile that could not serve a job in finite time."""
        if self.slots < 1:
            raise ValueError(f"profile {self.name}: slots is {self.slots}; a replica needs at least one")
        for field in ("prefill_tokens_per_second", "decode_tokens_per_second"):
            if not (getattr(self, field) > 0 and math.isfinite(getattr(self, field))):
                raise ValueError(f"profile {self.name}: {field} is {getattr(self, field)}; it must be above 0")
        for field in ("slowdown_per_peer", "plain_seconds", "cpu_percent_per_session"):
            if not (getattr(self, field) >= 0 and math.isfinite(getattr(self, field))):
                raise ValueError(f"profile {self.name}: {field} is {getattr(self, field)}; it must be 0 or more")

    @property
    def is_llm(self) -> bool:
        """Whether the replica counts tokens and so reports the `llm_` metrics."""
        return self.kind == "llm"

    def alone_seconds(self, input_tokens: int, output_tokens: int) -> float:
        """Return the service time of a request that never shares the replica."""
        if not self.is_llm:
            return self.plain_seconds
        return input_tokens / self.prefill_tokens_per_second + output_tokens / self.decode_tokens_per_second


PROFILES = {
    profile.name: profile
    for profile in (
        # Gemma 3 27B in llama.cpp on one 80 GB card, one request at a time. Measured on a real AIOS block:
        # 676 tokens in with 1.25 s to the first token (541 tok/s), 27.6 tok/s out, 36 GB of the card in use.
        ReplicaProfile(
            name="aios-gemma3",
            kind="llm",
            slots=1,
            prefill_tokens_per_second=541.0,
            decode_tokens_per_second=27.6,
            memory_bytes=3_958_000_000,
            cache_bytes_per_token=60_000,
            gpu_memory_megabytes=81_920.0,
        ),
        # An 8B chat model with continuous batching: decoding is bound by memory bandwidth, so a peer costs little.
        ReplicaProfile(
            name="vllm-chat",
            kind="llm",
            slots=16,
            prefill_tokens_per_second=8_000.0,
            decode_tokens_per_second=62.0,
            slowdown_per_peer=0.06,
            memory_bytes=5_200_000_000,
            cache_bytes_per_token=131_072,
            gpu_memory_megabytes=24_576.0,
        ),
        # A 7B code model: long prompts, short completions.
        ReplicaProfile(
            name="vllm-code",
            kind="llm",
            slots=8,
            prefill_tokens_per_second=9_500.0,
            decode_tokens_per_second=68.0,
            slowdown_per_peer=0.06,
            memory_bytes=4_900_000_000,
            cache_bytes_per_token=57_344,
            gpu_memory_megabytes=24_576.0,
        ),
        # A text encoder: no tokens are counted, every job takes the same time.
        ReplicaProfile(name="embedding", kind="plain", slots=4, plain_seconds=0.035, memory_bytes=1_300_000_000),
    )
}
"""Replica profiles by name."""
