"""A block's executor spreads requests over its replicas and holds them while there is none."""

from collections import Counter

import pytest

from aios_top.sim.block import BlockSim
from aios_top.sim.job import Job
from aios_top.sim.profile import ReplicaProfile
from sim.shape import captured, shape

# One second per request.
SLOW = ReplicaProfile("slow", "plain", slots=1, plain_seconds=1.0)


def job(number: int, arrived: float) -> Job:
    return Job(f"job-{number:03}", arrived, 10, 10, f"session-{number}")


def block(replicas: int = 0, seed: int = 1) -> BlockSim:
    made = BlockSim("blk", SLOW, seed)
    for number in range(replicas):
        made.add_replica(f"in-{number}", 0.0, 0.0)
    return made


def test_requests_go_to_the_replica_with_the_fewest() -> None:
    sim = block(replicas=3)
    chosen = [sim.submit(job(number, 0.0), 0.0) for number in range(9)]
    assert all(sorted(chosen[n : n + 3]) == ["in-0", "in-1", "in-2"] for n in (0, 3, 6))


def test_ties_are_spread_evenly_and_by_the_seed() -> None:
    def chosen(seed: int) -> list[str | None]:
        sim = block(replicas=3, seed=seed)
        return [sim.submit(job(number, 2.0 * number), 2.0 * number) for number in range(300)]

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)
    assert all(70 < times < 130 for times in Counter(chosen(1)).values())


def test_without_a_ready_replica_requests_wait_and_are_given_out() -> None:
    sim = block()
    sim.add_replica("in-0", 0.0, 10.0)
    assert sim.submit(job(0, 1.0), 1.0) is None
    assert sim.submit(job(1, 2.0), 2.0) is None
    assert (sim.queued, len(sim.waiting), sim.next_event(2.0)) == (2, 2, 10.0)
    done = sim.advance(30.0)
    assert [(d.job.job_id, d.started, d.finished) for d in done] == [("job-000", 10.0, 11.0), ("job-001", 11.0, 12.0)]
    assert sim.submit(job(2, 31.0), 31.0) == "in-0"


def test_a_removed_replica_takes_its_requests_with_it() -> None:
    sim = block(replicas=1)
    for number in range(3):
        sim.submit(job(number, 0.0), 0.0)
    assert [d.job.job_id for d in sim.advance(1.0)] == ["job-000"]
    lost = sim.remove_replica("in-0")
    assert [lost_job.job_id for lost_job in lost] == ["job-001", "job-002"]
    assert (sim.advance(100.0), sim.lost_total, sim.done_total, sim.queued, sim.active) == ([], 2, 1, 0, 0)
    assert sim.submit(job(3, 101.0), 101.0) is None


def test_a_replica_removed_while_starting_never_serves() -> None:
    sim = block()
    sim.add_replica("in-0", 0.0, 10.0)
    assert sim.remove_replica("in-0") == []
    assert sim.next_event(0.0) is None
    sim.submit(job(0, 1.0), 1.0)
    assert sim.advance(100.0) == []


def test_an_executor_restart_loses_its_queue_and_counter() -> None:
    sim = block()
    sim.submit(job(0, 1.0), 1.0)
    assert [lost.job_id for lost in sim.restart_executor(2.0)] == ["job-000"]
    assert (sim.tasks_processed_total, sim.submitted_total, sim.lost_total, sim.queued) == (0, 1, 1, 0)


def test_a_hung_instance_keeps_getting_requests_until_it_has_the_most() -> None:
    sim = block(replicas=2)
    sim.hang("in-0", 0.0)
    chosen = Counter(sim.submit(job(number, 2.0 * number), 2.0 * number) for number in range(20))
    assert chosen["in-0"] <= 2
    assert chosen["in-1"] >= 18
    sim.hang("in-0", 100.0, hung=False)
    assert len(sim.advance(200.0)) == 20


def test_doubling_the_load_raises_queue_and_latency() -> None:
    def sojourn(per_second: float) -> tuple[float, int]:
        sim = block(replicas=2)
        for number in range(200):
            sim.submit(job(number, number / per_second), number / per_second)
        queued = sim.queued
        done = sim.advance(10_000.0)
        return sum(d.finished - d.job.arrived for d in done) / len(done), queued

    calm, busy = sojourn(1.5), sojourn(3.0)
    assert calm == (pytest.approx(1.0), 0)
    assert busy[0] > 10.0
    assert busy[1] > 50


def test_the_executor_document_equals_the_recording_in_keys_and_types() -> None:
    sim = block(replicas=1)
    sim.submit(job(0, 1.0), 1.0)
    document = sim.executor_document(6.0, wall=1_800_000_006.0, started_wall=1_800_000_001.0)
    recorded = captured("gmetrics_block")["response"]["body"]["data"][0]["instances"][-1]
    del recorded["nodeKey"]
    assert shape(document) == shape(recorded)
    assert document["tasks_processed"] == {
        "tasks_processed_total": 1.0,
        "tasks_processed_created": 1_800_000_001.0,
    }
    assert (document["uptime"], document["uptime_minutes"], document["uptime_hours"]) == (5.0, 5 / 60, 5 / 3600)


@pytest.mark.parametrize(
    ("instance_id", "start_seconds", "message"),
    [("in-0", 1.0, "already has an instance in-0"), ("in-9", -1.0, "cannot be ready"), ("in-9", float("nan"), "ready")],
)
def test_an_impossible_replica_is_refused(instance_id: str, start_seconds: float, message: str) -> None:
    sim = block(replicas=1)
    with pytest.raises(ValueError, match=message):
        sim.add_replica(instance_id, 0.0, start_seconds)
    assert list(sim.replicas) == ["in-0"]


def test_removing_an_unknown_instance_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="in-7"):
        block(replicas=1).remove_replica("in-7")
