"""The poller keeps its time, survives every source, and publishes one state per poll."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from aios_top.engine.poll import Poller
from aios_top.model.decision import Action, Decision, InstanceInput, Origin
from aios_top.model.errors import ReadError
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.record import BlockRecord, PolicyReference
from aios_top.model.state import CooldownPhase, FleetState, Link, Phase
from aios_top.model.text import clean
from aios_top.model.verdict import Severity
from fakes.clock import FakeClock
from fakes.readings import block, instance
from fakes.reads import FakeReads, parameter_report

URI = PolicyReference(clean("tokenautoscaler-explained:1.0-stable"), {"cooldown_seconds": 12})
RECORD = BlockRecord(clean("b"), policies={"autoscaler": URI}, min_instances=1, max_instances=4)


def decided(seq: int, at: float, **more: object) -> Decision:
    ids = more.pop("ids", ("in-a",))
    inputs = tuple(InstanceInput(clean(name)) for name in ids)  # type: ignore[union-attr]
    values: dict[str, object] = {
        "action": Action.HOLD,
        "code": clean("WithinRange"),
        "reason": clean("No scaling action required."),
        "origin": Origin.REPORTED,
        "seq": seq,
        "boot_id": clean("boot"),
        "current": len(inputs),
        "instances": inputs,
    }
    return Decision(at, **(values | more))  # type: ignore[arg-type]


def report(last: Decision, **more: object) -> PolicyReport:
    values: dict[str, object] = {
        "boot_id": clean("boot"),
        "cooldown_remaining_seconds": 7.0,
        "cooldown_total_seconds": 12.0,
        "next_evaluation_seconds": 2.0,
        "interval_seconds": 3.0,
        "last_decision": last,
        "state": {"parameters_generation": 1},
    }
    return PolicyReport(Voice.FULL, **(values | more))  # type: ignore[arg-type]


class World:
    """A poller over an AIOS in memory."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.reads = FakeReads(self.clock, block_records=(RECORD,))
        self.states: list[FleetState] = []
        self.poller = Poller(self.reads, self.clock, self.states.append, poll_seconds=2.0, seed=1)
        self.push(300)
        self.say(decided(1, self.clock.now()))

    def push(self, size: float, *names: str) -> None:
        documents = [instance(name, self.clock.now(), size, output=9) for name in names or ("in-a",)]
        self.reads.blocks = {"b": block(*documents, uptime=self.clock.now())}

    def say(self, *decisions: Decision, **more: object) -> None:
        self.reads.kept["b"] = decisions
        self.reads.reports["b"] = report(decisions[-1], **more)
        self.reads.parameter_reports["b"] = parameter_report({"cooldown_seconds": 12, "min_replicas": 1})

    @property
    def state(self) -> FleetState:
        return self.states[-1]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.poller.run())
        await self.clock.settle()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_one_state_per_poll_with_everything_in_it() -> None:
    world = World()
    async with world.running():
        assert len(world.states) == 1
        state = world.state.blocks["b"]
        assert state.replicas.current == 1
        assert state.replicas.maximum == 4
        assert state.cooldown.phase is CooldownPhase.COOLING
        assert state.cooldown.origin is Origin.REPORTED
        assert state.cooldown.remaining_seconds(world.clock.now() + 3) == 4.0
        assert state.cooldown.at(world.clock.now() + 8) is CooldownPhase.DUE
        assert state.next_evaluation_at == world.clock.now() + 2.0
        assert [entry.seq for entry in state.decisions] == [1]
        await world.clock.advance(6.0)
        assert [entry.sequence for entry in world.states] == [1, 2, 3, 4]


async def test_databases_are_read_less_often_than_metrics() -> None:
    world = World()
    async with world.running():
        await world.clock.advance(60.0)
    assert world.reads.calls["fleet"] == 31
    assert world.reads.calls["records"] == 6 + 1
    assert world.reads.calls["policies"] == 2 + 1
    assert world.reads.calls["parameters"] == 1  # the generation did not change


async def test_decisions_are_asked_for_from_the_cursor_and_only_when_there_are_new_ones() -> None:
    world = World()
    async with world.running():
        await world.clock.advance(4.0)
        assert world.reads.cursors == [("b", 0)]
        world.say(decided(1, 1.0), decided(2, 2.0))
        await world.clock.advance(2.0)
        assert world.reads.cursors[-1] == ("b", 1)
        assert [entry.seq for entry in world.state.blocks["b"].decisions] == [2, 1]


async def test_a_pending_action_is_read_again_until_it_is_confirmed() -> None:
    world = World()
    up = decided(2, 2.0, action=Action.UP, proposed=2, confirmation=clean("pending"))
    world.say(decided(1, 1.0), up)
    async with world.running():
        assert world.state.blocks["b"].replicas.desired == 2
        world.say(decided(1, 1.0), replace(up, confirmation=clean("confirmed")), decided(3, 3.0, ids=("in-a", "in-b")))
        await world.clock.advance(2.0)
        block_state = world.state.blocks["b"]
        assert block_state.decisions[1].confirmation == "confirmed"
        assert block_state.replicas.desired == 2
        assert [row.phase for row in block_state.instances] == [Phase.SERVING, Phase.STARTING]


async def test_a_restarted_autoscaler_is_read_from_its_beginning() -> None:
    world = World()
    world.say(decided(1, 1.0), decided(2, 2.0))
    async with world.running():
        world.say(decided(1, 9.0, boot_id=clean("boot-2")), boot_id=clean("boot-2"))
        await world.clock.advance(2.0)
        block_state = world.state.blocks["b"]
        assert [(entry.boot_id, entry.seq) for entry in block_state.decisions] == [
            ("boot-2", 1),
            ("boot", 2),
            ("boot", 1),
        ]
        assert world.reads.calls["parameters"] == 2


async def test_a_failing_metrics_service_keeps_the_last_values_and_their_age() -> None:
    world = World()
    async with world.running():
        seen = world.clock.now()
        world.reads.fails["fleet"] = ReadError("timeout", "no answer in 4s")
        await world.clock.advance(2.0)
        assert not world.state.blocks["b"].stale
        assert world.state.blocks["b"].problem == "no answer in 4s"
        await world.clock.advance(2.0)
        state = world.state.blocks["b"]
        assert state.stale
        assert state.seen_at == seen
        assert len(state.instances) == 1
        assert world.state.verdict is not None
        assert world.state.verdict.severity is Severity.BROKEN
        del world.reads.fails["fleet"]
        await world.clock.advance(40.0)  # past the longest pause
        world.push(300)
        await world.clock.advance(4.0)
        assert not world.state.blocks["b"].stale
        assert world.state.blocks["b"].problem is None


async def test_a_failing_endpoint_is_left_alone_for_longer_and_longer() -> None:
    world = World()
    async with world.running():
        world.reads.fails["fleet"] = ReadError("refused", "nothing listens")
        world.reads.calls["fleet"] = 0
        await world.clock.advance(600.0)
    assert 20 < world.reads.calls["fleet"] < 120  # of 300; full jitter up to 30 s
    assert world.state.endpoints["metrics"].link is Link.DOWN
    assert world.state.endpoints["blocks"].link is Link.UP  # the others go on


@pytest.mark.parametrize(("asked", "least", "most"), [(7.0, 7, 8), (9999.0, 60, 61), (0.0, 0, 2)])
async def test_retry_after_is_obeyed_up_to_a_minute(asked: float, least: float, most: float) -> None:
    world = World()
    async with world.running():
        world.reads.fails["fleet"] = ReadError("busy", "503", retry_after_seconds=asked)
        await world.clock.advance(2.0)
        del world.reads.fails["fleet"]
        calls, waited = world.reads.calls["fleet"], 0.0
        while world.reads.calls["fleet"] == calls:
            await world.clock.advance(0.5)
            waited += 0.5
    assert least - 0.5 <= waited <= most + 2.0


async def test_a_hanging_policy_delays_no_state() -> None:
    world = World()
    world.reads.hangs["report:b"] = asyncio.Event()
    async with world.running():
        await world.clock.advance(10.0)
        assert len(world.states) >= 5
        assert world.reads.calls["report:b"] == 1  # one in flight, never piled up
        assert world.state.blocks["b"].policy.voice is Voice.UNASKED
        world.reads.hangs["report:b"].set()
        await world.clock.advance(2.0)
        assert world.state.blocks["b"].policy.voice is Voice.FULL


async def test_an_unreachable_policy_is_named_and_asked_again() -> None:
    world = World()
    world.reads.fails["report:b"] = ReadError("refused", "nothing listens")
    async with world.running():
        policy = world.state.blocks["b"].policy
        assert (policy.voice, policy.problem, policy.problem_kind) == (Voice.UNREACHABLE, "nothing listens", "refused")
        del world.reads.fails["report:b"]
        await world.clock.advance(8.0)
        assert world.state.blocks["b"].policy.voice is Voice.FULL


async def test_a_silent_policy_is_asked_again_after_a_minute_or_when_it_may_have_changed() -> None:
    world = World()
    world.reads.reports["b"] = PolicyReport(Voice.SILENT)
    async with world.running():
        await world.clock.advance(50.0)
        assert world.reads.calls["report:b"] == 1
        await world.clock.advance(14.0)
        assert world.reads.calls["report:b"] == 2
        world.poller.forget_policy("b")
        await world.clock.advance(2.0)
        assert world.reads.calls["report:b"] == 3


async def test_a_block_without_a_policy_is_never_asked() -> None:
    world = World()
    world.reads.block_records = (replace(RECORD, policies={}),)
    async with world.running():
        await world.clock.advance(4.0)
        assert world.reads.calls["report:b"] == 0
        assert world.state.blocks["b"].policy.voice is Voice.ABSENT
        assert world.state.blocks["b"].thresholds.input_up is None  # nobody compares anything here


async def test_a_wake_polls_at_once() -> None:
    world = World()
    async with world.running():
        world.poller.wake()
        await world.clock.settle()
        assert len(world.states) == 2


async def test_a_long_sleep_costs_one_poll_and_not_many() -> None:
    world = World()
    async with world.running():
        before = len(world.states)
        world.clock._now += 600.0  # the machine was suspended
        await world.clock.advance(2.0)
        assert len(world.states) - before <= 2


async def test_blocks_without_a_record_are_shown_too() -> None:
    world = World()
    world.reads.block_records = ()
    async with world.running():
        assert list(world.state.blocks) == ["b"]
        assert world.state.blocks["b"].record is None


async def test_refresh_waits_for_every_source() -> None:
    world = World()
    state = await world.poller.refresh()
    assert state.policies == ()
    assert state.blocks["b"].policy.voice is Voice.FULL
    assert state.endpoints.keys() == {"metrics", "blocks", "policies"}


async def test_a_first_look_waits_for_all_services_at_once_so_several_that_hang_cost_one_deadline() -> None:
    world = World()
    names = ("fleet", "records", "policies")
    world.reads.hangs = {name: asyncio.Event() for name in names}
    look = asyncio.create_task(world.poller.refresh())
    await world.clock.settle()
    assert [world.reads.calls[name] for name in names] == [1, 1, 1]
    for hanging in world.reads.hangs.values():
        hanging.set()
    state = await look
    assert state.blocks["b"].policy.voice is Voice.FULL


async def test_a_look_that_is_given_up_leaves_nothing_behind() -> None:
    world = World()
    world.reads.hangs = {name: asyncio.Event() for name in ("fleet", "records")}
    async with world.running():
        assert world.reads.calls["fleet"] == 1
    await world.clock.settle()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_with_nothing_reachable_the_verdict_names_the_cause() -> None:
    world = World()
    world.reads.fails = {name: ReadError("refused", "nothing listens") for name in ("fleet", "records", "policies")}
    state = await world.poller.refresh()
    assert state.blocks == {}
    assert state.verdict is not None
    assert state.verdict.sentence == "no data yet: nothing listens"
