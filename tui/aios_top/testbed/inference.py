"""What the inference services share: how a payload becomes a request of the simulator, and its reply a payload.

The tokenizer is a stand-in: one word of the message is one input token, one word of the reply one output token.
"""

import json
import random
from collections.abc import Mapping
from itertools import count
from typing import Any

from aios_top.sim.lengths import TRAFFIC, token_lengths
from aios_top.testbed.document import Document
from aios_top.testbed.kubernetes.cluster import Cluster
from aios_top.testbed.kubernetes.deployed import DeployedBlock

MAX_SEQUENCE_NUMBER = 2**64 - 1
WORD = "word "


class InferenceError(Exception):
    """A request that the inference server refuses; the text is what it answers."""


class PayloadError(Exception):
    """A payload on which the block fails: it never answers such a request."""


class Inference:
    """Sends requests into blocks and waits for their replies, without any time limit, as AIOS does."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self._cluster = cluster
        lengths = TRAFFIC["aios-gemma3"]
        self._natural_lengths = token_lengths(lengths.output_tokens, lengths.output_cv)
        self._random = random.Random(f"{seed}/replies")
        self._sessions = count()

    async def infer(self, model: Any, session_id: Any, seq_no: Any, data: Any) -> Document:
        """Return the block's reply `{"reply", "instance"}`; never returns when the block fails on the payload.

        Without a limit of its own a reply is as long as those of a real Gemma 3 27B block are.
        """
        block = self._block(model)
        key = (str(session_id), sequence_number(seq_no))
        try:
            longest = max_tokens(data)
        except PayloadError:
            await block.traffic.never(key)
        natural = self._natural_lengths[int(self._random.random() * len(self._natural_lengths))]
        words = natural if longest is None else min(natural, longest)
        reply = await block.traffic.ask(key, count_words(data), words)
        return {"reply": WORD * reply.words, "instance": reply.instance_id}

    def new_session(self) -> str:
        """Return a session id for a client that named none."""
        return f"session-{next(self._sessions)}"

    def _block(self, model: Any) -> DeployedBlock:
        block = self._cluster.deployed.get(str(model))
        if block is None:
            raise InferenceError(unknown_block(model))
        if not block.traffic.accepts:
            host = f"{model}-executor-svc.blocks.svc.cluster.local"
            raise InferenceError(f"Error 111 connecting to {host}:6379. Connection refused.")
        return block


def unknown_block(model: Any) -> str:
    """Return the text for a block that the blocks database does not have."""
    return f"{model} not found in the DB, err=API returned non-200 status code"


def sequence_number(value: Any) -> int:
    """Return a value that fits into the packet's unsigned 64 bits; raises InferenceError with Python's words."""
    if not isinstance(value, int):
        raise InferenceError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
    if not 0 <= value <= MAX_SEQUENCE_NUMBER:
        raise InferenceError(f"Value out of range: {value}")
    return value


def max_tokens(data: Any) -> int | None:
    """Return `gen_params.max_tokens` of a payload, None when it sets no limit; raises PayloadError."""
    options = data.get("gen_params") if isinstance(data, Mapping) else None
    if options is None:
        return None
    limit = options.get("max_tokens") if isinstance(options, Mapping) else options
    if limit is None:
        return None
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise PayloadError(limit)
    return limit if limit > 0 else None


def count_words(data: Any) -> int:
    """Count the words of a payload's message or messages; a text that is JSON counts as what it says."""
    if isinstance(data, str):
        return _words_of_text(data)
    if isinstance(data, Mapping):
        texts = [data[key] for key in ("message", "messages", "content", "text", "prompt") if key in data]
        return sum(count_words(text) for text in texts)
    if isinstance(data, list):
        return sum(count_words(member) for member in data)
    return 0


def _words_of_text(text: str) -> int:
    if text.startswith("{"):
        try:
            return count_words(json.loads(text))
        except (ValueError, RecursionError):
            pass
    return len(text.split())
