"""A replica's serving loop as a queueing model: first come first served into slots, prefill, then shared decoding."""

from collections import deque
from heapq import heappop, heappush
from math import inf

from aios_top.sim.job import Done, Job
from aios_top.sim.profile import ReplicaProfile

_tuple = tuple.__new__
"""Makes a named tuple without the call of its own `__new__`, which costs more than the rest of it."""


class Server:
    """Serves jobs between events, never between ticks: each job costs O(log slots), whatever the time step.

    Prefill runs at full speed. Decoding is processor sharing: with n active requests everybody's token takes
    1 + slowdown * (n - 1) times as long. A virtual clock that runs that much slower turns this into fixed finishing
    times, so that a change of n moves no request in the heap.
    """

    __slots__ = (
        "_decode_seconds_per_token",
        "_decoding",
        "_done",
        "_instance_id",
        "_plain_seconds",
        "_prefill_seconds_per_token",
        "_prefilling",
        "_serial",
        "_served",
        "_slots",
        "_stretch",
        "_virtual",
        "_virtual_at",
        "active",
        "next_at",
        "outstanding",
        "waiting",
    )

    def __init__(self, instance_id: str, profile: ReplicaProfile, done: list[Done], served: list[Done]) -> None:
        """Serve as `profile` says; each served request goes to the end of both lists, which others empty."""
        self._instance_id = instance_id
        self._done = done
        self._served = served
        self._slots = profile.slots
        self._stretch = tuple(1.0 + profile.slowdown_per_peer * max(0, n - 1) for n in range(profile.slots + 1))
        """Real seconds per virtual second with n active requests."""
        self._plain_seconds = 0.0 if profile.is_llm else profile.plain_seconds
        self._prefill_seconds_per_token = 1.0 / profile.prefill_tokens_per_second if profile.is_llm else 0.0
        self._decode_seconds_per_token = 1.0 / profile.decode_tokens_per_second if profile.is_llm else 0.0
        self._prefilling: list[tuple[float, int, Job, float]] = []
        """Heap of (end of prefill, serial, job, started)."""
        self._decoding: list[tuple[float, int, Job, float, float]] = []
        """Heap of (virtual end, serial, job, started, first token)."""
        self._virtual = 0.0
        self._virtual_at = 0.0
        self._serial = 0
        self.waiting: deque[Job] = deque()
        self.active = 0
        """Requests being served."""
        self.outstanding = 0
        """Requests being served or waiting."""
        self.next_at = inf
        """Moment of the next event, infinite when nothing is being served."""

    def submit(self, job: Job, now: float) -> None:
        """Take a job at `now`; every event up to `now` has been stepped through."""
        self.outstanding += 1
        if self.active < self._slots:
            self._start(job, now)
            self._plan()
        else:
            self.waiting.append(job)

    def hold(self, job: Job) -> None:
        """Take a job without serving it: the replica stands still."""
        self.outstanding += 1
        self.waiting.append(job)

    def step(self) -> None:
        """Carry out the event at `next_at`."""
        now = self.next_at
        prefilling, decoding = self._prefilling, self._decoding
        if prefilling and prefilling[0][0] <= now:
            _, serial, job, started = heappop(prefilling)
            virtual = self._virtual + (now - self._virtual_at) / self._stretch[self.active]
            self._virtual, self._virtual_at = virtual, now
            heappush(decoding, (virtual + job[3] * self._decode_seconds_per_token, serial, job, started, now))
        else:
            # Set, not advanced: rounding must not leave the clock short of the end that it has just reached.
            self._virtual, _, job, started, first_token = heappop(decoding)
            self._virtual_at = now
            done = _tuple(Done, (job, self._instance_id, started, first_token, now, self.active))
            self._done.append(done)
            self._served.append(done)
            self.active -= 1
            self.outstanding -= 1
            if self.waiting:
                self._start(self.waiting.popleft(), now)
        self._plan()

    def resume(self, now: float, seconds: float) -> None:
        """Go on at `now` after standing still for `seconds`; requests that came meanwhile are in `waiting`."""
        self._prefilling = [(end + seconds, serial, job, started) for end, serial, job, started in self._prefilling]
        self._virtual_at += seconds
        while self.waiting and self.active < self._slots:
            self._start(self.waiting.popleft(), now)
        self._plan()

    def jobs(self) -> list[Job]:
        """Return all jobs it holds, those being served first."""
        prefilling = [(serial, job) for _, serial, job, _ in self._prefilling]
        decoding = [(serial, job) for _, serial, job, _, _ in self._decoding]
        return [job for _, job in sorted(prefilling + decoding)] + list(self.waiting)

    def _start(self, job: Job, now: float) -> None:
        """Give a job a slot."""
        self._virtual += (now - self._virtual_at) / self._stretch[self.active]
        self._virtual_at = now
        self.active += 1
        self._serial += 1
        prefill_seconds = self._plain_seconds + job.input_tokens * self._prefill_seconds_per_token
        heappush(self._prefilling, (now + prefill_seconds, self._serial, job, now))

    def _plan(self) -> None:
        """Find the next event."""
        prefilling, decoding = self._prefilling, self._decoding
        next_at = prefilling[0][0] if prefilling else inf
        if decoding:
            decoded_at = self._virtual_at
            left = decoding[0][0] - self._virtual
            if left > 0.0:
                decoded_at += left * self._stretch[self.active]
            next_at = min(next_at, decoded_at)
        self.next_at = next_at
