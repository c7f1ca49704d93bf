"""What holds for every load and every interleaving of calls."""

import json
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from aios_top.sim.block import BlockSim
from aios_top.sim.job import Done, Job
from aios_top.sim.profile import ReplicaProfile

PROFILES = (
    ReplicaProfile("fifo", "llm", slots=1, prefill_tokens_per_second=500.0, decode_tokens_per_second=30.0),
    ReplicaProfile(
        "batch",
        "llm",
        slots=3,
        prefill_tokens_per_second=2_000.0,
        decode_tokens_per_second=50.0,
        slowdown_per_peer=0.4,
        memory_bytes=10,
        gpu_memory_megabytes=100.0,
    ),
    ReplicaProfile("plain", "plain", slots=2, plain_seconds=0.7),
)


@dataclass(frozen=True)
class Step:
    """One thing done to a block after some time."""

    gap: float
    kind: str
    input_tokens: int
    output_tokens: int
    which: int
    """Picks the instance to remove or to hang."""
    start_seconds: float


KINDS = ["submit"] * 6 + ["add", "remove", "hang", "recover", "restart"]
steps = st.lists(
    st.builds(
        Step,
        gap=st.one_of(st.just(0.0), st.floats(0, 30)),
        kind=st.sampled_from(KINDS),
        input_tokens=st.integers(1, 5_000),
        output_tokens=st.integers(0, 500),
        which=st.integers(0, 5),
        start_seconds=st.sampled_from([0.0, 5.0, 40.0]),
    ),
    max_size=60,
)


class Run:
    """Plays steps on a block and keeps everything that came out."""

    def __init__(self, profile: ReplicaProfile) -> None:
        self.block = BlockSim("blk", profile, seed=7)
        self.block.add_replica("in-first", 0.0, 0.0)
        self.now = 0.0
        self.done: list[Done] = []
        self.lost: list[Job] = []
        self.submitted: list[Job] = []
        self.ever = ["in-first"]

    def play(self, step: Step, looks: int = 0) -> None:
        """Advance by the step's gap in `looks` extra calls, then do it."""
        for look in range(looks):
            self.done += self.block.advance(self.now + step.gap * (look + 1) / (looks + 1))
        self.now += step.gap
        alive = list(self.block.replicas)
        chosen = alive[step.which % len(alive)] if alive else None
        if step.kind == "submit":
            number = len(self.submitted)
            job = Job(f"job-{number:03}", self.now, step.input_tokens, step.output_tokens, f"s-{number}")
            self.submitted.append(job)
            self.block.submit(job, self.now)
        elif step.kind == "add":
            instance_id = f"in-{len(self.ever):03}"
            self.ever.append(instance_id)
            self.block.add_replica(instance_id, self.now, step.start_seconds)
        elif step.kind == "remove" and chosen:
            self.done += self.block.advance(self.now)
            self.lost += self.block.remove_replica(chosen)
        elif step.kind in {"hang", "recover"} and chosen:
            self.block.hang(chosen, self.now, step.kind == "hang")
        elif step.kind == "restart":
            self.lost += self.block.restart_executor(self.now)

    def finish(self, until: float) -> None:
        self.now = until
        self.done += self.block.advance(until)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PROFILES), steps)
def test_no_request_is_made_or_lost_unseen(profile: ReplicaProfile, plan: list[Step]) -> None:
    run = Run(profile)
    for step in plan:
        run.play(step)
        block = run.block
        assert block.submitted_total == block.done_total + block.queued + block.active + block.lost_total
        assert block.lost_total == len(run.lost)
    run.finish(run.now + 10_000.0)
    held = [job for replica in run.block.replicas.values() for job in replica.jobs] + list(run.block.waiting)
    ids = [done.job.job_id for done in run.done] + [job.job_id for job in run.lost + held]
    assert sorted(ids) == [job.job_id for job in run.submitted]
    if any(not replica.hung for replica in run.block.replicas.values()):
        assert all(replica.hung or not replica.jobs for replica in run.block.replicas.values())


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PROFILES), steps, st.lists(st.integers(0, 4), min_size=60, max_size=60))
def test_looking_more_often_changes_nothing(profile: ReplicaProfile, plan: list[Step], looks: list[int]) -> None:
    seldom, often = Run(profile), Run(profile)
    for step, extra in zip(plan, looks, strict=False):
        seldom.play(step)
        often.play(step, extra)
    seldom.finish(seldom.now + 500.0)
    often.finish(often.now + 500.0)
    assert sorted(seldom.done) == sorted(often.done)
    assert seldom.lost == often.lost
    for instance_id, replica in seldom.block.replicas.items():
        if not replica.hung:
            assert _numbers(replica.document(seldom.now, 0.0)) == _numbers(
                often.block.replicas[instance_id].document(often.now, 0.0)
            )


def _numbers(document: dict[str, object]) -> dict[str, object]:
    """Leave out the machine: its load is measured between documents, and those were made at other times."""
    return {key: value for key, value in document.items() if key != "hardware"}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PROFILES), steps)
def test_nothing_happens_in_the_past(profile: ReplicaProfile, plan: list[Step]) -> None:
    run = Run(profile)
    for step in plan:
        before = run.now
        already = len(run.done)
        run.play(step)
        upcoming = run.block.next_event(run.now)
        assert upcoming is None or upcoming >= run.now
        run.done += run.block.advance(run.now)
        assert all(before <= done.finished <= run.now for done in run.done[already:])
    run.finish(run.now + 1_000.0)
    for done in run.done:
        assert done.job.arrived <= done.started <= done.first_token <= done.finished


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PROFILES), steps)
def test_next_event_is_the_next_event(profile: ReplicaProfile, plan: list[Step]) -> None:
    run = Run(profile)
    for step in plan:
        run.play(step)
    run.done += run.block.advance(run.now)
    for _ in range(500):
        upcoming = run.block.next_event(run.now)
        if upcoming is None:
            break
        # Nothing may be finished before the announced moment.
        assert run.block.advance((run.now + upcoming) / 2) == [] or upcoming == run.now
        run.block.advance(upcoming)
        run.now = upcoming
    assert run.block.next_event(run.now) is None
    assert not any(replica.active for replica in run.block.replicas.values() if not replica.hung)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PROFILES), steps)
def test_counters_only_grow_and_agree_with_what_was_served(profile: ReplicaProfile, plan: list[Step]) -> None:
    run = Run(profile)
    seen: dict[str, dict[str, float]] = {}
    for step in plan:
        run.play(step)
        run.done += run.block.advance(run.now)
        for instance_id, replica in run.block.replicas.items():
            if replica.hung or replica.ready_at > run.now:
                continue
            document = replica.document(run.now, 0.0)
            json.dumps(document, allow_nan=False)
            counters = {
                key: value for key, value in document.items() if key.endswith(("_total", "_sum", "_count", "_bucket"))
            }
            assert all(counters[key] >= value for key, value in seen.get(instance_id, {}).items())
            seen[instance_id] = counters
            served = [done for done in run.done if done.instance_id == instance_id]
            assert document["on_data_count_total"] == len(served)
            assert document["end_to_end_count_total"] == 2 * len(served)
            if profile.is_llm:
                assert document["llm_prompt_tokens_total"] == sum(done.job.input_tokens for done in served)
                assert document["llm_tokens_generated_total"] == sum(done.job.output_tokens for done in served)
                recent = [done.job.input_tokens for done in served if done.finished >= run.now - 60.0]
                if served:
                    mean = document["llm_input_tokens_per_minute_rolling"]["average_1m"]
                    assert mean == (sum(recent) / len(recent) if recent else 0)
