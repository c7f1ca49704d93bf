"""Says of each inference request how long its answer took, in the words of the tutorial's client."""

import asyncio
import time
from collections.abc import Callable

from aios_top.engine.ports import Inference
from aios_top.model.load import InferenceReply


class AnnouncedInference:
    """Passes everything on and tells every answer; satisfies `engine.ports.Inference`."""

    def __init__(self, inference: Inference, say: Callable[[str], None]) -> None:
        self._inference = inference
        self._say = say

    async def infer(self, block_id: str, session_id: str, seq_no: int, text: str, max_tokens: int) -> InferenceReply:
        """Send one request; say the latency when it is answered, and what went wrong."""
        began = time.monotonic()
        try:
            reply = await self._inference.infer(block_id, session_id, seq_no, text, max_tokens)
        except asyncio.CancelledError:
            self._say(f"Session {session_id}: no answer within {time.monotonic() - began:.2f}s, given up")
            raise
        seconds = time.monotonic() - began
        trouble = "" if reply.ok else f" (failed: {reply.message or reply.kind})"
        self._say(f"Session {session_id}: Latency: {seconds:.2f}s{trouble}")
        return reply

    def target(self) -> str:
        """Return the base URL that requests go to."""
        return self._inference.target()

    async def close(self) -> None:
        """Close the connections."""
        await self._inference.close()
