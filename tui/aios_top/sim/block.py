"""A block: an executor that spreads requests over replicas, and holds them while there is none."""

from collections import deque
from random import Random
from typing import Any

from aios_top.model.span import length
from aios_top.sim.job import Done, Job
from aios_top.sim.profile import ReplicaProfile
from aios_top.sim.replica import Replica

_ROUTING_SECONDS = 0.0004
"""Time that the executor takes to pass a request on; it reports the last one."""


class BlockSim:
    """The replicas of one block and the queue before them; time is an argument and never steps back.

    Requests must be submitted in the order and at the time of their arrival; then the result is the same however
    often `advance` is called in between.
    """

    def __init__(self, block_id: str, profile: ReplicaProfile, seed: int) -> None:
        self.block_id = block_id
        self.profile = profile
        self.replicas: dict[str, Replica] = {}
        """By instance id, oldest first; those that are still starting included."""
        self.waiting: deque[Job] = deque()
        """Requests that the executor holds because no replica is ready."""
        self.tasks_processed_total = 0
        """Requests that entered since the executor started."""
        self.submitted_total = 0
        self.lost_total = 0
        """Requests that will never be answered: their replica or the executor's queue is gone."""
        self._draw = Random(f"{seed}/{block_id}/routing").random
        self._done: list[Done] = []
        """Served requests that `advance` has not returned yet; all replicas append to it."""
        self._returned = 0
        self._starting: dict[str, float] = {}
        """Moment at which each starting replica will be ready, soonest first."""
        self._ready: list[Replica] = []

    @property
    def done_total(self) -> int:
        """Requests that were served."""
        return self._returned + len(self._done)

    @property
    def queued(self) -> int:
        """Requests that wait, in the executor or on a replica."""
        return len(self.waiting) + sum(replica.queue_length for replica in self.replicas.values())

    @property
    def active(self) -> int:
        """Requests that are being served."""
        return sum(replica.active for replica in self.replicas.values())

    def add_replica(self, instance_id: str, now: float, start_seconds: float) -> None:
        """Start a replica at `now` that is ready `start_seconds` later."""
        if instance_id in self.replicas:
            raise ValueError(f"block {self.block_id} already has an instance {instance_id}")
        if not start_seconds >= 0:
            raise ValueError(f"instance {instance_id} cannot be ready {length(start_seconds)} after its start")
        self._run(now)
        ready_at = now + start_seconds
        self.replicas[instance_id] = Replica(instance_id, self.profile, ready_at, self._done)
        self._starting[instance_id] = ready_at
        self._starting = dict(sorted(self._starting.items(), key=lambda item: item[1]))
        self._welcome(now)

    def remove_replica(self, instance_id: str) -> list[Job]:
        """Remove a replica as it stands and return the requests lost with it; AIOS drains nothing.

        Raises KeyError when there is no such instance.
        """
        replica = self.replicas.pop(instance_id)
        self._starting.pop(instance_id, None)
        if replica in self._ready:
            self._ready.remove(replica)
        lost = replica.jobs
        self.lost_total += len(lost)
        return lost

    def hang(self, instance_id: str, now: float, hung: bool = True) -> None:
        """Make an instance stand still from `now` on, or recover at `now`. Raises KeyError for an unknown one."""
        self._run(now)
        self.replicas[instance_id].hung = hung

    def restart_executor(self, now: float) -> list[Job]:
        """Restart the executor at `now`: its counter starts anew; return the requests lost with its queue."""
        self._run(now)
        lost = list(self.waiting)
        self.waiting.clear()
        self.lost_total += len(lost)
        self.tasks_processed_total = 0
        return lost

    def submit(self, job: Job, now: float) -> str | None:
        """Pass a request to the ready replica with the least outstanding ones and return the instance's id.

        A tie falls on a random one of them. Without a ready replica the request waits in the executor's queue,
        and None is returned.
        """
        if self._starting:
            self._welcome(now)
        self.submitted_total += 1
        self.tasks_processed_total += 1
        chosen, fewest, ties = None, 0, 1
        for replica in self._ready:
            server = replica.server
            if server.next_at <= now:
                replica.run(now)
            outstanding = server.outstanding
            if chosen is None or outstanding < fewest:
                chosen, fewest, ties = replica, outstanding, 1
            elif outstanding == fewest:
                # The k-th of equals replaces the chosen one with probability 1/k, so that all are equally likely.
                ties += 1
                if self._draw() * ties < 1.0:
                    chosen = replica
        if chosen is None:
            self.waiting.append(job)
            return None
        chosen.submit(job, now)
        return chosen.instance_id

    def advance(self, now: float) -> list[Done]:
        """Serve until `now` and return what was finished since the last call, in order of finishing."""
        self._run(now)
        if not self._done:
            return []
        done = sorted(self._done, key=_finishing_order)
        self._done.clear()
        self._returned += len(done)
        return done

    def next_event(self, now: float) -> float | None:
        """Return when something happens next without a further request, None when nothing will."""
        events = list(self._starting.values())
        events += [at for replica in self._ready if (at := replica.next_event(now)) is not None]
        return max(now, min(events)) if events else None

    def executor_document(self, now: float, wall: float, started_wall: float) -> dict[str, Any]:
        """Return the executor's metric document at `wall`, of an executor that started at `started_wall`."""
        self._run(now)
        uptime = max(0.0, wall - started_wall)
        return {
            "tasks_processed": {
                "tasks_processed_total": float(self.tasks_processed_total),
                "tasks_processed_created": started_wall,
            },
            "latency": {"latency": _ROUTING_SECONDS if self.tasks_processed_total else 0.0},
            "blockId": self.block_id,
            "instanceId": "executor",
            "type": "app",
            "uptime": uptime,
            "uptime_minutes": uptime / 60,
            "uptime_hours": uptime / 3600,
        }

    def _run(self, now: float) -> None:
        """Serve until `now`, welcoming each replica at the moment it gets ready."""
        if self._starting:
            self._welcome(now)
        for replica in self._ready:
            replica.run(now)

    def _welcome(self, now: float) -> None:
        """Let replicas that are ready by `now` serve; the first one takes what the executor holds."""
        while self._starting:
            instance_id, ready_at = next(iter(self._starting.items()))
            if ready_at > now:
                return
            del self._starting[instance_id]
            replica = self.replicas[instance_id]
            self._ready.append(replica)
            # Requests wait here only while nothing is ready, so there is no other one to give them to.
            while self.waiting:
                replica.submit(self.waiting.popleft(), ready_at)


def _finishing_order(done: Done) -> tuple[float, str]:
    """Order by finishing time, and by id where two finish together."""
    return done.finished, done.job.job_id
