"""Keeps a failing endpoint from being asked too often, and many consoles from asking it together."""

import random

from msgspec.structs import replace

from aios_top.model.errors import ReadError
from aios_top.model.state import EndpointState, Link
from aios_top.model.text import clean

OPENS_AFTER = 3
"""Failures in a row after which the endpoint is left alone for a while."""
LONGEST_PAUSE_SECONDS = 30.0
LONGEST_RETRY_AFTER_SECONDS = 60.0
NOT_AUTHORISED_PAUSE_SECONDS = 30.0


class Breaker:
    """One endpoint's health: when it may be asked again, and what the screen says of it."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.state = EndpointState(name)
        self._chance = chance
        self._failures_in_row = 0
        self._closed_until = 0.0

    def allows(self, now: float) -> bool:
        """Return whether the endpoint may be asked at `now` (monotonic seconds)."""
        return now >= self._closed_until

    def succeeded(self, now: float, wall: float, latency_seconds: float) -> None:
        """Note a good answer."""
        self._failures_in_row = 0
        self._closed_until = now
        self.state = replace(
            self.state,
            link=Link.UP,
            problem=None,
            problem_kind=None,
            last_ok=wall,
            latency_seconds=latency_seconds,
            polls=self.state.polls + 1,
        )

    def failed(self, now: float, error: ReadError) -> None:
        """Note a failure: full jitter up to 2^n seconds from the third in a row, or what the server asked for."""
        self._failures_in_row += 1
        self._closed_until = now + self._pause(error)
        self.state = replace(
            self.state,
            link=Link.DOWN,
            problem=clean(str(error)),
            problem_kind=error.kind,
            polls=self.state.polls + 1,
            failures=self.state.failures + 1,
        )

    def _pause(self, error: ReadError) -> float:
        if error.kind == "not_authorised":
            return NOT_AUTHORISED_PAUSE_SECONDS
        if error.retry_after_seconds is not None:
            return min(error.retry_after_seconds, LONGEST_RETRY_AFTER_SECONDS) + self._chance.random()
        if self._failures_in_row < OPENS_AFTER:
            return 0.0
        return self._chance.uniform(0.0, min(LONGEST_PAUSE_SECONDS, 2.0**self._failures_in_row))
