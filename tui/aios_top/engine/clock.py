"""The real clock."""

import asyncio
import time

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux stops its monotonic clock while the machine sleeps; the record's times must not be short of a night."""


class SystemClock:
    """Wall time that never steps: read once at the start, then carried on by a clock that nobody can set."""

    def __init__(self) -> None:
        self._offset = time.time() - self.monotonic()

    def now(self) -> float:
        """Return unix seconds."""
        return self.monotonic() + self._offset

    def monotonic(self) -> float:
        """Return seconds that only grow, those of a suspended machine included."""
        return time.clock_gettime(_STEADY)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
