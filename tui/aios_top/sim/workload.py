"""Offered load: requests that arrive by themselves, the same ones for the same seed."""

import math
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush, heapreplace
from random import Random
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from aios_top.model.span import length
from aios_top.sim.arrivals import Arrival, gaps
from aios_top.sim.job import Job
from aios_top.sim.lengths import TRAFFIC, token_lengths

PROFILES = TRAFFIC
"""Kinds of traffic by name: chat, code, aios-gemma3, bursty."""

SLOWEST_RATE = 1e-6
"""Lowest rate other than none, in requests per minute: one in two years."""


class Phase(Struct, frozen=True):
    """A stretch of time in which requests of one kind arrive at one rate; phases may overlap."""

    at: float
    """Seconds from the start of the workload."""
    until: float
    requests_per_minute: float
    input_tokens: float
    """Mean tokens per prompt."""
    output_tokens: float
    """Mean tokens per answer."""
    token_cv: float = 0.0
    """Coefficient of variation of the lengths; 0 makes all requests alike."""
    arrival: Arrival = "poisson"
    cv: float = 1.0
    """Coefficient of variation of the gaps, read by `gamma` only."""
    output_cv: float | None = None
    """That of the answers' lengths where it differs from the prompts'."""

    def __post_init__(self) -> None:
        """Refuse a phase that no request could come from."""
        if not (math.isfinite(self.at) and 0 <= self.at < self.until):
            raise ValueError(f"a phase must start at 0 or later and end after its start, not {self.at}..{self.until}")
        if self.requests_per_minute != 0 and not SLOWEST_RATE <= self.requests_per_minute < math.inf:
            rate = self.requests_per_minute
            raise ValueError(f"requests_per_minute is {rate}; it must be 0 or a number from {SLOWEST_RATE} up")
        if not (self.input_tokens >= 1 and self.output_tokens >= 1):
            raise ValueError(f"mean lengths of {self.input_tokens} and {self.output_tokens} tokens; at least 1 each")
        if not (self.token_cv >= 0 and (self.output_cv is None or self.output_cv >= 0)):
            raise ValueError("a coefficient of variation of lengths is negative; 0 makes all alike")
        if self.arrival not in get_args(Arrival):
            raise ValueError(f"arrival {self.arrival!r} is unknown; choose one of {', '.join(get_args(Arrival))}")
        if self.arrival == "gamma" and not self.cv > 0:
            raise ValueError(f"the gaps' cv is {self.cv}; bursts need one above 0 (or the arrival `constant`)")

    @classmethod
    def of(cls, kind: str, at: float, until: float, requests_per_minute: float | None = None) -> "Phase":
        """Return a phase of one of the PROFILES, at its own rate unless another is given."""
        traffic = TRAFFIC[kind]
        return cls(
            at=at,
            until=until,
            requests_per_minute=traffic.requests_per_minute if requests_per_minute is None else requests_per_minute,
            input_tokens=traffic.input_tokens,
            output_tokens=traffic.output_tokens,
            token_cv=traffic.input_cv,
            arrival=traffic.arrival,
            cv=traffic.arrival_cv,
            output_cv=traffic.output_cv,
        )

    def stretched(self, factor: float) -> "Phase":
        """Return the phase at the same rate, `factor` times as late and as long."""
        return replace(self, at=self.at * factor, until=self.until * factor)


class Workload:
    """Requests in order of arrival; what comes next depends on the seed alone, not on how often it is asked."""

    def __init__(
        self,
        phases: Sequence[Phase],
        seed: int,
        repeat_every: float | None = None,
        started: float = 0.0,
        name: str = "load",
    ) -> None:
        """Lay the phases from `started` (seconds of the caller's clock) on, again each `repeat_every` seconds.

        `name` begins the ids of the requests.
        """
        latest = max((phase.until for phase in phases), default=0.0)
        if repeat_every is not None and not (repeat_every > 0 and repeat_every >= latest):
            raise ValueError(
                f"repeat_every is {length(repeat_every)}, but a phase lasts until {length(latest)}; make it longer"
            )
        self._name = name
        self._count = 0
        self._streams = [
            _stream(index, phase, Random(f"{seed}/{name}/{index}"), started, repeat_every)
            for index, phase in enumerate(phase for phase in phases if phase.requests_per_minute > 0)
        ]
        self._heads: list[tuple[float, int, int, int]] = []
        """Heap of each stream's next request: (arrival, stream, input tokens, output tokens)."""
        for stream in self._streams:
            head = next(stream, None)
            if head is not None:
                heappush(self._heads, head)
        self._next_at = self._heads[0][0] if self._heads else math.inf

    def jobs_until(self, now: float) -> list[Job]:
        """Return the requests that arrived since the last call, up to and including `now`."""
        jobs: list[Job] = []
        heads, streams, name = self._heads, self._streams, self._name
        while self._next_at <= now:
            arrived, index, input_tokens, output_tokens = heads[0]
            self._count += 1
            job_id = f"{name}-{self._count}"
            # A session of its own for each, so that no request drags a chat's history along.
            jobs.append(tuple.__new__(Job, (job_id, arrived, input_tokens, output_tokens, job_id)))
            following = next(streams[index], None)
            if following is None:
                heappop(heads)
            else:
                heapreplace(heads, following)
            self._next_at = heads[0][0] if heads else math.inf
        return jobs

    def next_arrival(self) -> float | None:
        """Return when the next request arrives, None after the last."""
        return None if self._next_at == math.inf else self._next_at


def _stream(
    index: int, phase: Phase, random: Random, started: float, repeat_every: float | None
) -> Iterator[tuple[float, int, int, int]]:
    """Yield (arrival, index, input tokens, output tokens) of one phase in order, without end when it repeats."""
    gap = gaps(phase.arrival, 60.0 / phase.requests_per_minute, phase.cv, random)
    inputs = token_lengths(phase.input_tokens, phase.token_cv)
    outputs = token_lengths(phase.output_tokens, phase.token_cv if phase.output_cv is None else phase.output_cv)
    draw, choices = random.random, len(inputs)
    length = phase.until - phase.at
    # Time within the phase runs on from one repetition into the next, so that a rate below one request per
    # repetition is kept too. Evenly spaced requests begin with the phase; at random, it begins between two.
    within = 0.0 if phase.arrival == "constant" else gap()
    while True:
        repetition, offset = divmod(within, length)
        if repeat_every is None and repetition:
            return
        arrived = started + repetition * (repeat_every or 0.0) + phase.at + offset
        yield arrived, index, inputs[int(draw() * choices)], outputs[int(draw() * choices)]
        within += gap()
