"""History from before the first poll: of the run before, of the policy, recorded and replayed like everything else."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from aios_top.cli.backfill import EarlierRecording
from aios_top.engine.backfill import backfill
from aios_top.engine.memory import INSTANCE_COLUMNS
from aios_top.engine.replay import Replay
from aios_top.engine.told_curves import MOST_INSTANCES, told_curves
from aios_top.model.curve import is_gap
from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.errors import ReadError
from aios_top.model.fact import Backfilled, InstanceCurve
from aios_top.model.recording import RecordingHeader
from aios_top.model.state import BlockState, FleetState, InstanceState, Link
from aios_top.model.text import Clean
from aios_top.store.recording_reader import open_recording
from fakes.recordings import START, Story, differences, plain, simulated
from fakes.simulated import SimulatedBlock

HERE = RecordingHeader(context="story", services="http://h:30201 http://h:30100")


async def run(path: Path, later: float = 0.0, polls: int = 10, header: RecordingHeader = HERE, **more: object) -> Story:
    clock, reads = simulated(SimulatedBlock("told", rate=0.4, replicas=2, **more), push=6.0, interval=6.0)
    clock._now += later
    story = Story(path, clock, reads, header)
    await story.poll(polls)
    return story


def block(state: FleetState) -> BlockState:
    return state.blocks["told"]


def times(story: Story, column: str = "replicas") -> list[float]:
    return [at for at, _ in block(story.poller.state).history[column].since(0.0)]


def curve(instance: InstanceState, column: str) -> list[tuple[float, float | None]]:
    return [(at, None if math.isnan(value) else value) for at, value in instance.history[column].since(0.0)]


def assert_replayed(path: Path, story: Story) -> None:
    """The recording gives the very states back, jumped to and one after the other, from its middle on too."""
    with open_recording(path) as recording:
        replay = Replay(recording)
        for live in story.states:
            assert differences(plain(live, live.at), plain(replay.state(live.at), live.at)) == []
        for start in (0, len(story.states) // 2):
            for live, again in zip(story.states[start:], replay.states(story.states[start].at, math.inf), strict=True):
                assert differences(plain(live, live.at), plain(again, live.at)) == []


async def test_the_run_before_is_in_front_with_a_gap_between(tmp_path: Path) -> None:
    first = await run(tmp_path / "story-1.aiosrec")
    first.writer.close()
    source = EarlierRecording(tmp_path, HERE)
    second = await run(tmp_path / "story-2.aiosrec", later=300.0, polls=3)
    assert await second.poller.backfill(source)
    await second.poll(4)
    second.writer.close()
    last = first.states[-1].at
    assert times(second) == [*(state.at for state in first.states), last + 1.0, *(s.at for s in second.states)]
    now = {entry.instance_id: entry for entry in block(second.states[-1]).instances}
    for before in block(first.states[-1]).instances:
        after = now[before.instance_id]
        for column in ("input_average_1m", "output_average_5m", "input_rate", "queue"):
            seen, found = curve(before, column), curve(after, column)
            assert len(seen) == 3
            assert found[:3] == seen
            assert found[3] == (last + 1.0, None)
            assert found[4][0] == second.states[0].at
    assert list(second.poller.state.endpoints) == list(first.poller.state.endpoints)
    (earlier,) = block(second.poller.state).earlier
    assert (earlier.source, earlier.start, earlier.end) == ("recording", first.states[0].at, last + 1.0)
    assert_replayed(tmp_path / "story-2.aiosrec", second)


async def test_only_a_recent_run_of_the_same_aios_is_taken(tmp_path: Path) -> None:
    """Two AIOS on one host, told apart by their ports, are one context by name."""
    first = await run(tmp_path / "story-1.aiosrec")
    first.writer.close()
    when = (["told"], START, START + 300.0)
    assert await EarlierRecording(tmp_path, HERE).history(*when)
    for other in (
        replace(HERE, context="other"),
        replace(HERE, services="http://h:40201 http://h:40100"),
        replace(HERE, services=""),
    ):
        assert await EarlierRecording(tmp_path, other).history(*when) == []
    assert await EarlierRecording(tmp_path, HERE).history(["other"], START, START + 300.0) == []
    assert await EarlierRecording(tmp_path, HERE).history(["told"], START + 4000.0, START + 6000.0) == []
    assert await EarlierRecording(tmp_path / "none", HERE).history(*when) == []


async def test_a_recording_that_does_not_say_of_which_aios_it_is_is_left_alone(tmp_path: Path) -> None:
    first = await run(tmp_path / "story-1.aiosrec", header=RecordingHeader(context="story"))
    first.writer.close()
    for header in (HERE, RecordingHeader(context="story")):
        assert await EarlierRecording(tmp_path, header).history(["told"], START, START + 300.0) == []


async def filled(monkeypatch: pytest.MonkeyPatch, story: Story, *histories: object, polls: int = 1) -> None:
    """Run the filling as a session does, over some polls."""
    listeners: list[object] = []
    show = story.poller.show

    def shown() -> FleetState:
        show()
        story.write()
        story.clock._now += 0.5
        return story.poller.state

    monkeypatch.setattr(story.poller, "show", shown)

    def subscribe(listener: object) -> object:
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    filling = asyncio.create_task(backfill(story.poller, histories, subscribe))  # type: ignore[arg-type]
    for _ in range(polls):
        await asyncio.sleep(0)
        for listener in listeners:
            listener(story.poller.state)  # type: ignore[operator]
        for _ in range(200):
            await asyncio.sleep(0.001)
            if filling.done():
                break
        await story.poll(1)
    assert filling.done()
    filling.result()


async def test_the_policys_own_history_fills_the_curves_of_its_instances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another console watched all along: what it saw is what the policy remembers, but for the windows it reads."""
    watched = await run(tmp_path / "story-1.aiosrec", polls=60, later=2.0)
    late = Story(tmp_path / "story-2.aiosrec", watched.clock, watched.reads, HERE)
    await late.poll(2)
    await filled(monkeypatch, late, polls=2)
    late.writer.close()
    found = block(late.poller.state)
    (earlier,) = found.earlier
    assert earlier.source == "decisions"
    assert earlier.end < late.states[0].at
    decided = {entry.at: entry for entry in found.decisions}
    for before, after in zip(block(watched.poller.state).instances[:2], found.instances[:2], strict=True):
        for column, tolerance in (("input_average_1m", 0.001), ("output_average_1m", 0.001), ("input_rate", 0.3)):
            told = [(at, value) for at, value in curve(after, column) if at < late.states[0].at]
            assert len(told) >= 14
            assert {at for at, _ in told} <= decided.keys()
            for at, value in told[8:]:  # it looks less often, so its rates span other pushes
                assert value == pytest.approx(
                    [seen for when, seen in curve(before, column) if when <= at][-1], tolerance
                )
        others = {value for at, value in curve(after, "input_average_5m") if at < late.states[0].at}
        assert others <= {0.0, None}  # served nothing in any window, or not known
    told = [(at, value) for at, value in found.history["input_average_1m"].since(0.0) if at < late.states[0].at]
    assert len(told) >= 14
    averages = [math.nan if decided[at].input_average is None else decided[at].input_average for at, _ in told]
    assert [value for _, value in told] == pytest.approx(averages, nan_ok=True)
    told = [(at, value) for at, value in found.history["reporting"].since(0.0) if at < late.states[0].at]
    assert [value for _, value in told] == [decided[at].reporting for at, _ in told]
    assert_replayed(tmp_path / "story-2.aiosrec", late)


async def test_what_nobody_watched_is_no_line_and_a_later_source_fills_only_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await run(tmp_path / "story-1.aiosrec", polls=20)
    first.writer.close()
    source = EarlierRecording(tmp_path, HERE)
    first.clock._now += 120.0  # the policy goes on deciding while nobody looks
    for _ in range(10):
        first.clock._now += 6.0
        await first.reads.fleet()
    second = Story(tmp_path / "story-2.aiosrec", first.clock, first.reads, HERE)
    await second.poll(2)
    await filled(monkeypatch, second, source, polls=2)
    second.writer.close()
    state = block(second.poller.state)
    recorded, told = state.earlier
    assert (recorded.source, told.source) == ("recording", "decisions")
    assert recorded.end < told.start
    for instance in state.instances[:2]:
        samples = curve(instance, "input_average_1m")
        assert [at for at, _ in samples] == sorted(at for at, _ in samples)
        ended = next(place for place, (at, _) in enumerate(samples) if at > first.states[-1].at)
        assert samples[ended] == (first.states[-1].at + 1.0, None)
        for (at, value), (later, _) in pairwise(samples):
            assert later - at < 30.0 or value is None, (at, later)
    assert_replayed(tmp_path / "story-2.aiosrec", second)


async def test_an_instance_that_is_seen_later_begins_with_what_others_know_of_it(tmp_path: Path) -> None:
    story = await run(tmp_path / "story.aiosrec", polls=2)
    at, columns = START - 100.0, len(INSTANCE_COLUMNS)
    name = "in-0002"
    rows = ((5.0,) * columns, (None,) * columns)
    late = InstanceCurve(Clean(name), (at, at + 30.0), rows)
    story.poller.note(Backfilled(Clean("told"), (), (), "prometheus", (late,)))
    await story.poll(2)
    story.reads.blocks["told"].add(1.0)
    await story.poll(10)
    story.writer.close()
    coming = next(entry for entry in block(story.poller.state).instances if entry.instance_id == name)
    assert curve(coming, "queue")[:2] == [(at, 5.0), (at + 30.0, None)]
    assert len(curve(coming, "queue")) > 2
    assert_replayed(tmp_path / "story.aiosrec", story)


@dataclass
class Failing:
    name: str = "prometheus"

    async def history(self, block_ids: Sequence[str], start: float, end: float) -> Sequence[Backfilled]:
        raise ReadError("refused", "prometheus: nothing listens")


async def test_a_source_that_fails_is_shown_as_a_service_that_is_down(tmp_path: Path) -> None:
    story = await run(tmp_path / "story.aiosrec", polls=2)
    assert not await story.poller.backfill(Failing())
    state = story.poller.show()
    assert state.endpoints["prometheus"].link is Link.DOWN
    assert state.endpoints["prometheus"].problem == "prometheus: nothing listens"
    assert len(times(story)) == 3
    story.writer.close()


async def decisions(path: Path, **more: object) -> list[Decision]:
    story = await run(path, polls=30, **more)
    story.writer.close()
    return list(block(story.poller.state).decisions)


async def test_records_that_hold_nothing_usable_make_no_curve(tmp_path: Path) -> None:
    told = await decisions(tmp_path / "story.aiosrec")
    assert told_curves(Clean("b"), [replace(entry, record={}) for entry in told], START, START + 60.0) is None
    assert told_curves(Clean("b"), told, START + 900.0, START + 1000.0) is None
    odd = {"averages": {"period": ["average_1m"]}, "instances": "none", "replicas": None}
    found = told_curves(Clean("b"), [replace(entry, record=odd) for entry in told], START, START + 60.0)
    assert found is not None
    assert found.instances == ()
    huge = [{"id": "in-0000", "timestamp": 10**400, "counters": [True, float("nan")]}, {"id": 7}, "x"]
    averages = {"period": "average_1m", "signal": "rolling"}
    wild = [replace(entry, record={"averages": averages, "instances": huge}) for entry in told]
    found = told_curves(Clean("b"), wild, START, START + 60.0)
    assert found is not None
    assert {entry.instance_id for entry in found.instances} == {"in-0000", "in-0001", "in-0002"}
    assert all(curve.values[-1][6] is None for curve in found.instances)  # no counters, no rate
    swarm = [replace(told[0].instances[0], instance_id=Clean(f"in-{number}")) for number in range(MOST_INSTANCES + 5)]
    found = told_curves(Clean("b"), [replace(told[0], instances=tuple(swarm))], 0.0, 2 * START)
    assert found is not None
    assert len(found.instances) == MOST_INSTANCES


async def test_a_policy_that_compares_rates_still_tells_sizes_in_their_own_unit(tmp_path: Path) -> None:
    """Its averages are tokens per minute and not tokens per request: they are not drawn among those."""
    parameters = {"signal": "counter_rate", "averaging_period": "average_5m"}
    told = await decisions(tmp_path / "story.aiosrec", parameters=parameters)
    found = told_curves(Clean("b"), told, START, START + 61.0)
    assert found is not None
    columns = found.values[-1]
    newest = max(told, key=lambda entry: entry.at)
    sizes = [entry.input_size or 0.0 for entry in newest.instances]
    assert columns[1] == pytest.approx(sum(sizes) / len(sizes))
    assert columns[0] is None
    assert columns[1] != newest.input_average
    assert columns[6] == pytest.approx(
        sum(curve.values[-1][6] or 0.0 for curve in found.instances), rel=0.01
    )  # tokens per minute of the block


def test_a_record_of_some_of_the_instances_gives_no_sum_of_all() -> None:
    record = {"averages": {"period": "average_1m", "signal": "counter_rate"}, "instances": []}
    one = Decision(
        START, *_hold(), record=record, instances=(), reporting=64, current=70, input_average=1.0, output_average=1.0
    )
    found = told_curves(Clean("b"), [one], START - 1.0, START + 1.0)
    assert found is not None
    assert found.values[0][:8] == (None,) * 8
    assert found.values[0][8:10] == (70, 64)
    assert not is_gap(found.values[0])


def _hold() -> tuple[Action, Clean, Clean, Origin]:
    return Action.HOLD, Clean("WithinRange"), Clean("held"), Origin.REPORTED
