"""The real clock."""

import asyncio
import time


class SystemClock:
    """Wall time that never steps: read once at the start, then carried on by the monotonic clock."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return unix seconds."""
        return time.monotonic() + self._offset

    def monotonic(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
