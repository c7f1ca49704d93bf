"""One replica: a queueing model that reports about itself exactly as an AIOS instance does."""

from math import inf
from typing import Any

from aios_top.sim.hardware import Hardware
from aios_top.sim.job import Done, Job
from aios_top.sim.meter import JobMeter, LlmMeter, QueueMeter
from aios_top.sim.profile import ReplicaProfile
from aios_top.sim.server import Server

__all__ = ["Done", "Job", "Replica"]


class Replica:
    """An instance with its queue, its slots and its metrics; time is an argument and never steps back."""

    __slots__ = (
        "_clock",
        "_done",
        "_hardware",
        "_hung_since",
        "_meter",
        "_queue_meter",
        "instance_id",
        "profile",
        "ready_at",
        "server",
    )

    def __init__(
        self, instance_id: str, profile: ReplicaProfile, ready_at: float, done: list[Done] | None = None
    ) -> None:
        self.instance_id = instance_id
        self.profile = profile
        self.ready_at = ready_at
        """From here on it serves and reports; before, its image is pulled and its model loaded."""
        self._meter = LlmMeter(profile) if profile.is_llm else JobMeter()
        self._done = [] if done is None else done
        """Finished requests that nobody has fetched yet; a block's replicas share one list."""
        self.server = Server(instance_id, profile, self._done, self._meter.served)
        self._queue_meter = QueueMeter(ready_at)
        self._hardware = Hardware(profile, ready_at)
        self._clock = ready_at
        self._hung_since: float | None = None

    @property
    def queue_length(self) -> int:
        """Requests that wait for a slot."""
        return len(self.server.waiting)

    @property
    def active(self) -> int:
        """Requests that are being served."""
        return self.server.active

    @property
    def jobs(self) -> list[Job]:
        """The requests it holds, those being served first."""
        return self.server.jobs()

    @property
    def hung(self) -> bool:
        """Whether it stands still: it takes requests but serves none, and reports nothing."""
        return self._hung_since is not None

    @hung.setter
    def hung(self, hung: bool) -> None:
        """Hang or recover at the moment to which it was advanced last."""
        if hung and self._hung_since is None:
            self._hung_since = self._clock
        elif not hung and self._hung_since is not None:
            stood_still = self._clock - self._hung_since
            self._hung_since = None
            self.server.resume(self._clock, stood_still)
            self._queue_meter.shift(stood_still)

    def submit(self, job: Job, now: float) -> None:
        """Take a request; one that comes before the replica is ready waits until then."""
        self.run(now)
        if self._hung_since is None:
            self.server.submit(job, self._clock)
        else:
            self.server.hold(job)

    def advance(self, now: float) -> list[Done]:
        """Serve until `now` and return what was finished since the last call, in order."""
        self.run(now)
        done = self._done.copy()
        self._done.clear()
        return done

    def run(self, now: float) -> None:
        """Serve until `now`, keeping what gets finished for `advance`."""
        if self._hung_since is None:
            server, queue_meter = self.server, self._queue_meter
            while (at := server.next_at) <= now:
                if queue_meter.next_at <= at:
                    queue_meter.sample_until(at, len(server.waiting))
                server.step()
            if queue_meter.next_at <= now:
                queue_meter.sample_until(now, len(server.waiting))
        self._clock = max(self._clock, now)

    def next_event(self, now: float) -> float | None:
        """Return when something happens next without a further request, None when nothing will."""
        if self._hung_since is not None or self.server.next_at == inf:
            return None
        return max(now, self.server.next_at)

    def document(self, now: float, wall: float) -> dict[str, Any]:
        """Return the instance's metric document at `now`, stamped `wall` (unix seconds).

        The keys blockId, nodeId and nodeKey are the caller's to merge. A rolling metric is absent until its first
        observation.
        """
        self.run(now)
        return {
            "instanceId": self.instance_id,
            "type": "app",
            "timestamp": wall,
            **self._meter.fields(self.server.active),
            "hardware": self._hardware.document(now, self.server.active),
            **self._queue_meter.rolling(now),
            **self._meter.rolling(now),
        }
