"""The embedded AIOS's clocks: real ones, never scaled."""

import time


class Clock:
    """Seconds since the start for the simulator, unix seconds for what goes on the wire."""

    def __init__(self) -> None:
        self._origin = time.monotonic()

    def now(self) -> float:
        """Return seconds since this clock was made."""
        return time.monotonic() - self._origin

    def wall(self) -> float:
        """Return unix seconds."""
        return time.time()
