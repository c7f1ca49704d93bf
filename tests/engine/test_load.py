"""A load test as the console runs it: recorded, watched, aimed, stopped, and kept."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.engine.gate import WriteGate
from aios_top.engine.load_session import LoadSession
from aios_top.engine.sending import Sender
from aios_top.model.decision import Action
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.load import Cause, InferenceReply, LoadLimits, LoadPhase, LoadPlan, LoadState, Shape, Stage, Until
from aios_top.model.load_job import OrderKind
from aios_top.model.state import BlockState, FleetState
from aios_top.store.audit import AuditLog
from aios_top.store.load_runs import LoadRunFolder
from engine.blocks import BLOCK, block, decided, replica, starting
from fakes.clock import FakeClock
from fakes.controls import FakeMutations
from fakes.generator import OK, FakeGenerator, FakeSender

FAILED = InferenceReply(False, "failed", "block not found")


class Bench:
    """A load session over a fake clock, with a real audit file and a real folder of reports."""

    def __init__(self, folder: Path, *replies: InferenceReply | None, seconds: float = 1.0, **more: Any) -> None:
        self.clock = FakeClock()
        self.sender = FakeSender(self.clock, seconds, list(replies))
        self.generator = FakeGenerator(self.sender, self.clock, **more)
        self.audit = AuditLog(folder / "audit.jsonl", self.clock.now)
        self.gate = WriteGate(read_only=False, writable=True)
        self.runs = LoadRunFolder(folder / "load")
        self.fleet = FleetState(self.clock.now(), 1, {BLOCK: block(replica("in-1"))})
        self.session = self.new_session()

    def new_session(self, **options: Any) -> LoadSession:
        sending = Sender(FakeMutations(), self.audit, self.clock, self.gate, who="ann", context="lab")
        values: dict[str, Any] = {"allowed": set(), "limits": LoadLimits(), **options}
        return LoadSession(self.generator, self.runs, sending, self.clock, lambda: self.fleet, **values)

    def show(self, state: BlockState) -> None:
        """Let the poller publish a state of the block."""
        self.fleet = FleetState(self.clock.now(), self.fleet.sequence + 1, {BLOCK: state})
        self.session.observe(self.fleet)

    async def start(self, plan: LoadPlan) -> None:
        await self.session.start(plan)
        await self.clock.advance(0.3)

    @property
    def state(self) -> LoadState:
        assert self.session.state is not None
        return self.session.state

    async def finish(self, seconds: float = 100.0) -> LoadState:
        await self.clock.advance(seconds)
        state = await asyncio.wait_for(self.session.ended(), 10)
        assert state is not None
        return state

    def lines(self) -> list[Any]:
        return list(self.audit.entries())

    def kept(self) -> list[dict[str, Any]]:
        found, problems = self.runs.reports(BLOCK)
        assert problems == []
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def plan(requests: int = 3, **values: Any) -> LoadPlan:
    return LoadPlan(BLOCK, requests, **values)


def steady(rate: float = 1.0, seconds: float = 300.0, **values: Any) -> LoadPlan:
    return plan(2000, shape=Shape.CONSTANT, stages=(Stage(seconds, rate),), **values)


# -- the run


async def test_a_burst_is_counted_recorded_and_kept(bench: Bench) -> None:
    await bench.session.start(plan(3, input_tokens=30))
    assert [entry.kind for entry in bench.lines()] == ["intent"]  # on disk before anything is sent
    state = await bench.finish()
    assert (state.phase, state.cause, state.sent, state.ok, state.in_flight) == (
        LoadPhase.FINISHED,
        Cause.COMPLETE,
        3,
        3,
        0,
    )
    assert (state.latencies, state.latency.p50, state.service.n, state.input_tokens) == ((1.0,) * 3, 1.0, 3, 90)
    assert (state.target, state.address, state.expected) == ("http://127.0.0.1:31504", "127.0.0.1", 3)
    intent, outcome = bench.lines()
    assert intent.fields["request"]["change"] == "LoadTest"
    assert (intent.fields["request"]["requests"], intent.fields["request"]["address"]) == (3, "127.0.0.1")
    assert outcome.fields["message"] == "3 sent: 3 ok, 0 failed, 0 without an answer"
    (report,) = bench.kept()
    assert (report["counts"]["ok"], report["stop_cause"]) == (3, "complete")
    folder = Path(state.saved_as)
    assert sorted(os.listdir(folder)) == ["latency.hlog", "report.json", "requests.jsonl"]  # noqa: PTH208 - async
    rows = [json.loads(line) for line in (folder / "requests.jsonl").read_bytes().splitlines()]
    assert [(row["number"], row["kind"], row["latency_seconds"]) for row in rows] == [(n, "ok", 1.0) for n in range(3)]


async def test_errors_are_told_most_frequent_first(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FAILED, InferenceReply(False, "http", "500"), OK, OK, FAILED)
    await bench.start(plan(9))
    state = await bench.finish()
    assert (state.ok, state.failed, state.lost) == (6, 3, 0)
    assert state.errors == (("block not found", 2), ("500", 1))
    assert state.kinds == {"ok": 6, "failed": 2, "http": 1}


async def test_one_at_a_time_in_this_session_and_among_all_processes(bench: Bench) -> None:
    await bench.start(plan(3))
    with pytest.raises(ActionRefusedError, match="a load test is running: stop it first"):
        await bench.session.start(plan(1))
    other = bench.new_session()
    with pytest.raises(ActionRefusedError, match="another console or command on this machine"):
        await other.start(plan(1))
    await bench.finish()
    await other.start(plan(1))
    await bench.clock.advance(5)
    assert len(bench.generator.jobs) == 2


async def test_what_cannot_be_recorded_is_not_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(ActionRefusedError, match="nothing was sent"):
        await bench.session.start(plan())
    assert bench.generator.jobs == []


@pytest.mark.parametrize(
    ("target", "address", "allowed", "message"),
    [
        ("http://10.0.0.5:1", "10.0.0.5", set(), "allow it with --allow-target 10.0.0.5"),
        ("http://aios.example:1", "169.254.169.254", {"aios.example"}, "leads to 169.254.169.254"),
        ("http://169.254.169.254", "169.254.169.254", {"169.254.169.254"}, "never a target"),
    ],
)
async def test_a_target_that_is_not_allowed_starts_nothing(
    tmp_path: Path, target: str, address: str, allowed: set[str], message: str
) -> None:
    bench = Bench(tmp_path, target=target, address=address)
    with pytest.raises(ActionRefusedError, match=message):
        await bench.new_session(allowed=allowed).start(plan())
    assert (bench.generator.jobs, bench.lines()) == ([], [])
    assert bench.generator.asked == ([target] if "example" in target else [])  # looked up only when it is allowed


async def test_a_closed_gate_and_an_unknown_block_start_nothing(bench: Bench) -> None:
    with pytest.raises(ActionRefusedError, match=f"there is no block nope; known blocks: {BLOCK}"):
        await bench.session.start(LoadPlan("nope"))
    bench.gate.toggle()
    with pytest.raises(ActionRefusedError):
        await bench.session.start(plan())
    assert bench.generator.jobs == []


# -- orders


async def test_stop_drains_and_a_second_stop_gives_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=1000.0)
    await bench.start(steady())
    await bench.clock.advance(2)
    await bench.session.stop()
    await bench.clock.advance(0.3)
    assert bench.state.phase is LoadPhase.DRAINING
    await bench.session.stop()
    state = await bench.finish(1)
    assert (state.phase, state.cause, state.lost, bench.sender.in_flight) == (LoadPhase.STOPPED, Cause.OPERATOR, 3, 0)
    assert state.stop_reason == "stopped by the operator"


async def test_it_is_told_every_second_that_somebody_watches_and_takes_the_keys_orders(bench: Bench) -> None:
    await bench.start(steady(2.0))
    await bench.session.change_rate(2.0)
    await bench.session.hold()
    await bench.clock.advance(5)
    assert (bench.state.rate, bench.state.factor, bench.state.held) == (4.0, 2.0, True)
    await bench.session.change_rate(0.5)
    await bench.session.next_stage()
    await bench.finish()
    flight = bench.generator.flight
    assert flight is not None
    kinds = [order.kind for order in flight.orders]
    assert kinds.count(OrderKind.BEAT) >= 5
    assert [kind for kind in kinds if kind is not OrderKind.BEAT] == [
        OrderKind.RATE, OrderKind.HOLD, OrderKind.RATE, OrderKind.NEXT_STAGE,
    ]  # fmt: skip


async def test_the_end_of_the_session_ends_the_load_and_is_recorded(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seconds=1000.0)
    await bench.start(plan(5))
    await bench.session.close()
    assert bench.sender.in_flight == 0
    assert (bench.state.phase, bench.state.cause) == (LoadPhase.STOPPED, Cause.UI_LOST)
    assert [entry.kind for entry in bench.lines()] == ["intent", "outcome"]
    assert bench.kept()[0]["stop_reason"] == "the console ended"


async def test_a_process_that_ends_by_itself_is_a_stop_with_its_own_words(bench: Bench) -> None:
    class Dying:
        def order(self, order: Any) -> None:
            """Hear nothing."""

        async def close(self) -> None:
            """Be gone."""

        async def news(self) -> Any:
            raise ReadError("crashed", "the process that sends ended by itself: out of memory")
            yield

    async def start(job: Any) -> Any:
        return Dying()

    bench.generator.start = start  # type: ignore[method-assign, assignment]
    await bench.session.start(plan())
    state = await bench.finish(1)
    assert (state.phase, state.cause) == (LoadPhase.STOPPED, Cause.CRASHED)
    assert "out of memory" in state.stop_reason


# -- aimed at a decision


async def test_until_upscale_stops_at_the_decision_and_watches_for_the_replica(bench: Bench) -> None:
    start = bench.clock.now()
    await bench.start(steady(until=Until.UPSCALE, watch_seconds=120.0))
    await bench.clock.advance(10)
    bench.show(block(replica("in-1", requests=8, tokens=8000), size=1000.0))
    await bench.clock.advance(10)
    bench.show(block(replica("in-1", requests=18, tokens=18_000), size=1000.0, decisions=(decided(start + 19.0),)))
    await bench.clock.advance(3)
    assert bench.state.phase is LoadPhase.WATCHING
    sent = bench.state.sent
    await bench.clock.advance(10)
    one = replica("in-1", requests=sent, tokens=1000.0 * sent)
    bench.show(block(one, starting("in-2", bench.clock.now()), size=1000.0, decisions=(decided(start + 19.0),)))
    await bench.clock.advance(20)
    bench.show(block(one, replica("in-2"), size=500.0, decisions=(decided(start + 19.0),)))
    state = await bench.finish(1)
    assert (state.phase, state.cause) == (LoadPhase.FINISHED, Cause.GOAL)
    assert state.stop_reason == "goal reached: the policy decided to scale up (it said upscale)"
    lag = state.lag
    assert lag is not None
    seconds = [lag.seconds(step) for step in lag.steps]
    assert [None if at is None else round(at) for at in seconds] == [0, 9, 19, 19, 33, 52, None]
    assert lag.steps["p95_recovered"].note == "unknown: the load ended before the replica reported"
    assert (lag.instance_id, state.sent) == ("in-2", sent)
    report = bench.kept()[0]
    assert report["stop_cause"] == "goal"
    assert report["lag_budget"]["steps"]["decision"]["seconds_since_previous"] == 0.0


async def test_a_goal_that_is_not_reached_ends_with_its_time(bench: Bench) -> None:
    await bench.start(plan(2, until=Until.UPSCALE, watch_seconds=20.0))
    await bench.clock.advance(5)
    assert bench.state.phase is LoadPhase.WATCHING
    state = await bench.finish(25)
    assert (state.phase, state.cause, state.stop_reason) == (LoadPhase.FINISHED, Cause.COMPLETE, "")
    assert state.lag is not None
    assert state.lag.steps["decision"].note == "not seen before the end of the run"


async def test_a_goal_that_is_reached_while_watching_counts(bench: Bench) -> None:
    await bench.start(plan(2, until=Until.DOWNSCALE, watch_seconds=60.0))
    await bench.clock.advance(5)
    bench.show(block(replica("in-1"), decisions=(decided(bench.clock.now(), Action.DOWN),)))
    state = await bench.finish(1)
    assert (state.cause, state.phase) == (Cause.GOAL, LoadPhase.FINISHED)


async def test_until_a_number_of_replicas_reports(bench: Bench) -> None:
    await bench.start(steady(until=Until.REPLICAS, until_replicas=2))
    bench.show(block(replica("in-1"), starting("in-2", bench.clock.now())))
    await bench.clock.advance(3)
    assert bench.state.phase is LoadPhase.RUNNING
    bench.show(block(replica("in-1"), replica("in-2")))
    state = await bench.finish(3)
    assert (state.cause, state.stop_reason) == (Cause.GOAL, "goal reached: 2 replicas report")


async def test_a_policy_at_its_maximum_cannot_scale_up_so_the_load_stops(bench: Bench) -> None:
    await bench.start(steady(until=Until.UPSCALE))
    bench.show(block(replica("in-1"), parameters={"max_replicas": 1}))
    state = await bench.finish(5)
    assert (state.cause, state.phase) == (Cause.AT_MAXIMUM, LoadPhase.STOPPED)


async def test_the_goal_is_not_taken_for_a_second_stop(tmp_path: Path) -> None:
    """Two states may show the decision before the sending process has told that it drains."""
    bench = Bench(tmp_path, seconds=3.0)
    await bench.start(steady(until=Until.UPSCALE))
    up = block(replica("in-1"), decisions=(decided(bench.clock.now()),))
    bench.show(up)
    bench.show(up)
    state = await bench.finish(10)
    assert (state.lost, state.ok) == (0, state.sent)


async def test_latency_that_is_as_before_ends_the_budget_and_the_gain_is_told(bench: Bench) -> None:
    start = bench.clock.now()
    await bench.start(steady(1.0, until=Until.REPLICAS, until_replicas=9))
    bench.show(block(replica("in-1")))
    await bench.clock.advance(20)  # a second each
    bench.show(block(replica("in-1", requests=20, tokens=2000), size=600.0))
    bench.sender.seconds = 5.0
    await bench.clock.advance(20)
    ups = (decided(start + 39.0),)
    bench.show(block(replica("in-1", requests=36, tokens=3600), size=600.0, decisions=ups))
    await bench.clock.advance(20)
    bench.show(block(replica("in-1", requests=56, tokens=5600), replica("in-2", seen=start + 60), decisions=ups))
    assert bench.state.lag is not None
    assert bench.state.lag.at("p95_recovered") is None
    bench.sender.seconds = 1.0
    await bench.clock.advance(30)
    bench.show(
        block(replica("in-1", requests=71, tokens=7100), replica("in-2", requests=30, tokens=4000), decisions=ups)
    )
    lag, (gain,) = bench.state.lag, bench.state.gains
    assert lag is not None
    assert 60 < (lag.seconds("p95_recovered") or 0) < 80
    assert (gain.replicas_before, gain.replicas_after) == (1, 2)
    assert gain.before == pytest.approx(3600 / 40, rel=0.1)
    assert gain.after == pytest.approx(5500 / 30, rel=0.1)
    assert gain.gain is not None
    assert gain.gain > 1.8
    await bench.session.stop()
    await bench.finish(40)


async def test_calibration_compares_words_with_what_the_block_counted_when_nobody_else_sent(bench: Bench) -> None:
    await bench.start(plan(10, input_tokens=100, watch_seconds=60.0))
    await bench.clock.advance(2)
    bench.show(block(replica("in-1", requests=9, tokens=1000)))
    assert bench.state.calibration is None  # one is not counted yet
    bench.show(block(replica("in-1", requests=10, tokens=1130)))
    assert bench.state.calibration == 1.13
    bench.show(block(replica("in-1", requests=11, tokens=9000)))
    assert bench.state.calibration is None  # somebody else's request is among them
    await bench.session.stop()
    await bench.finish(1)


async def test_requests_and_tokens_are_told_per_replica_across_restarts(bench: Bench) -> None:
    bench.fleet = replace(bench.fleet, blocks={BLOCK: block(replica("in-1", requests=100, tokens=5000, out=70))})
    await bench.start(steady())
    bench.show(block(replica("in-1", requests=110, tokens=6000, out=90), replica("in-2", requests=3, tokens=300)))
    bench.show(block(replica("in-1", requests=2, tokens=200, out=5), replica("in-2", requests=4, tokens=400)))
    server = bench.state.server
    assert server is not None
    shares = {share.instance_id: (share.requests, share.input_tokens, share.output_tokens) for share in server.replicas}
    assert shares == {"in-1": (12.0, 1200.0, 25.0), "in-2": (4.0, 400.0, 0.0)}
    assert server.per_output_token_seconds == pytest.approx(0.04)
    await bench.session.stop()
    await bench.finish(40)


async def test_a_new_test_ends_the_watching_of_the_last(bench: Bench) -> None:
    await bench.start(plan(1, watch_seconds=500.0))
    await bench.clock.advance(3)
    assert bench.state.phase is LoadPhase.WATCHING
    await bench.start(plan(2))
    state = await bench.finish(5)
    assert (state.sent, state.phase) == (2, LoadPhase.FINISHED)
    assert len(bench.kept()) == 2
