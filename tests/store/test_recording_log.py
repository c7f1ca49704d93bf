"""A block's decisions out of a recording: those that nobody looks at are not read, and the order is that of all."""

import itertools
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from aios_top.engine.replay import Replay
from aios_top.model.decision import Action, Decision, DecisionLog, Origin, Outline, outlines, since
from aios_top.model.state import FleetState
from aios_top.model.text import clean
from aios_top.store import recording_writer
from aios_top.store.recording_index import SegmentEntry
from aios_top.store.recording_reader import Recording, open_recording
from aios_top.store.recording_segments import BlockPart
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock

TOLD, PLAIN = clean("told"), clean("plain")
POLLS = 150


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_writer, "SEGMENT_SECONDS", 20.0)


async def story(path: Path) -> Story:
    """Five minutes in which a policy scales up, is restarted, and scales again; beside it one that tells nothing."""
    clock, reads = simulated(
        SimulatedBlock("told", rate=0.5, maximum=6, parameters={"cooldown_seconds": 20}),
        SimulatedBlock("plain", policy="plain", rate=0.5),
        push=6.0,
        interval=6.0,
    )
    told = Story(path, clock, reads)
    for number in range(POLLS):
        if number == POLLS // 2:
            running = reads.blocks["told"]
            running.rule = running._rule()
        await told.poll()
    told.writer.close()
    return told


def looked_at(recording: Recording) -> list[int]:
    """Note which segments are looked into for single blocks, from now on."""
    found: list[int] = []
    index = recording._index
    part = index.part

    def noted(entry: SegmentEntry, block_id: object) -> BlockPart | None:
        found.append(entry.number)
        return part(entry, clean(str(block_id)))

    index.part = noted  # type: ignore[method-assign]
    return found


def log(state: FleetState, block_id: str = "told") -> DecisionLog:
    found = state.blocks[block_id].decisions
    assert isinstance(found, DecisionLog)
    return found


def keys(decisions: object) -> list[tuple[object, ...]]:
    return [entry.key for entry in decisions]  # type: ignore[attr-defined]


async def test_at_every_moment_all_of_them_are_those_that_the_live_console_had(tmp_path: Path) -> None:
    told = await story(tmp_path / "a.aiosrec")
    confirmations = set()
    with open_recording(tmp_path / "a.aiosrec") as recording:
        replay = Replay(recording)
        for state in told.states:
            live, found = state.blocks["told"].decisions, replay.state(state.at).blocks["told"].decisions
            assert [(entry.key, entry.confirmation, entry.action) for entry in found] == [
                (entry.key, entry.confirmation, entry.action) for entry in live
            ]
            confirmations |= {(entry.key, entry.confirmation) for entry in live}
    assert len(live) > 30
    assert len({entry.boot_id for entry in live}) == 2
    retold = [key for key, _ in confirmations]
    assert len(retold) > len(set(retold))  # some were told again


async def test_any_number_of_the_newest_is_the_beginning_of_all(tmp_path: Path) -> None:
    told = await story(tmp_path / "a.aiosrec")
    with open_recording(tmp_path / "a.aiosrec") as recording:
        for state in told.states[20::13]:
            every = keys(log(Replay(recording).state(state.at)))
            for number in range(1, len(every) + 3):
                again = log(Replay(recording).state(state.at))
                assert keys(again[:number]) == every[:number]
                assert keys(itertools.islice(log(Replay(recording).state(state.at)), number)) == every[:number]
                anew = log(Replay(recording).state(state.at))
                assert anew[number - 1 : number] == again[number - 1 : number]
                if number <= len(every):
                    assert log(Replay(recording).state(state.at))[number - 1].key == every[number - 1]
            assert len(again) == len(every)
            assert again[-1].key == every[-1]
            assert again[-len(every)].key == every[0]
            with pytest.raises(IndexError):
                again[-len(every) - 1]
            assert keys(reversed(again)) == every[::-1]
            with pytest.raises(IndexError):
                again[len(every)]


async def test_what_is_seen_at_once_is_what_the_decisions_say(tmp_path: Path) -> None:
    def seen(found: Sequence[Outline]) -> list[tuple[object, ...]]:
        return [(entry.at, entry.action, entry.current, entry.proposed, entry.origin) for entry in found]

    told = await story(tmp_path / "a.aiosrec")
    with open_recording(tmp_path / "a.aiosrec") as recording:
        for state in told.states[20::13]:
            live = state.blocks["told"].decisions
            for number in 1, 5, 1000:
                again = log(Replay(recording).state(state.at))
                assert seen(again.outlines(number)) == seen(outlines(again, number)) == seen(live[:number])
                assert outlines(live, number) == live[:number]
    assert {entry.action for entry in live} >= {Action.UP, Action.HOLD}


async def test_those_since_a_time_are_those_since_then_of_all(tmp_path: Path) -> None:
    told = await story(tmp_path / "a.aiosrec")
    with open_recording(tmp_path / "a.aiosrec") as recording:
        at = told.states[-1].at
        every = list(log(Replay(recording).state(at)))
        for seconds in [0.0, *(at - entry.at for entry in every), *range(1, 400, 7)]:
            wanted = [entry.key for entry in every if entry.at >= at - seconds]
            assert keys(log(Replay(recording).state(at)).since(at - seconds)) == wanted
            assert keys(since(every, at - seconds)) == wanted


async def test_where_a_policy_evaluates_more_rarely_than_segments_end_none_is_missed(tmp_path: Path) -> None:
    clock, reads = simulated(SimulatedBlock("told", rate=0.5), push=6.0, interval=50.0)
    told = Story(tmp_path / "a.aiosrec", clock, reads)
    await told.poll(POLLS)
    told.writer.close()
    with open_recording(tmp_path / "a.aiosrec") as recording:
        replay, empty = Replay(recording), 0
        for state in told.states[30::4]:
            live = state.blocks["told"].decisions
            entry, _ = recording._index.place(state.at) or (None, 0)
            assert entry is not None
            empty += bool(live) and all(entry.times[0] > found.at for found in live)
            for seconds in 10.0, 60.0, 120.0, 1000.0:
                wanted = [found.key for found in live if found.at >= state.at - seconds]
                assert keys(since(replay.state(state.at).blocks["told"].decisions, state.at - seconds)) == wanted
        assert empty > 5  # the newest was taken before the segment of the moment began


async def test_what_nobody_looks_at_is_in_segments_that_are_not_read(tmp_path: Path) -> None:
    await story(tmp_path / "a.aiosrec")
    with open_recording(tmp_path / "a.aiosrec") as recording:
        numbers = [entry.number for entry in recording._index.segments]
        assert len(numbers) > 12
        looked, found = looked_at(recording), log(Replay(recording).state(recording.times[-1]))
        assert found[0] == found[:1][0]
        assert bool(found)
        assert not looked  # the newest one is at hand
        assert len(found[:3]) == 3
        assert 0 < len(set(looked)) <= 3
        assert set(looked) <= set(numbers[-3:])
        looked.clear()
        assert len(log(Replay(recording).state(recording.times[-1])).since(recording.times[-1] - 30.0)) >= 4
        assert set(looked) <= set(numbers[-3:])
        looked.clear()
        assert len(found) > 30
        assert set(looked) | set(numbers[-3:]) == set(numbers)


async def test_of_a_policy_that_tells_nothing_no_segment_is_searched(tmp_path: Path) -> None:
    told = await story(tmp_path / "a.aiosrec")
    with open_recording(tmp_path / "a.aiosrec") as recording:
        looked = looked_at(recording)
        block = Replay(recording).state(recording.times[-1]).blocks["plain"]
        assert [entry.origin for entry in block.decisions] == [
            entry.origin for entry in told.states[-1].blocks["plain"].decisions
        ]
        assert Origin.REPORTED not in {entry.origin for entry in block.decisions}
        assert not looked


async def test_one_that_is_damaged_says_so_in_its_place(tmp_path: Path) -> None:
    """Its bytes are whole, and say what nobody here wrote."""
    await story(tmp_path / "a.aiosrec")
    with open_recording(tmp_path / "a.aiosrec") as recording:
        whole = list(log(Replay(recording).state(recording.times[-1])))
    with open_recording(tmp_path / "a.aiosrec") as recording:
        entry = recording._index.segments[-3]
        part = recording._index.part(entry, TOLD)
        assert part is not None
        decided = part.stream("decided")
        outcome = decided._shapes.leaf(("decision", "record", "outcome"))
        decided._first[outcome] = "sideways"  # type: ignore[index]
        found = list(log(Replay(recording).state(recording.times[-1])))
    assert keys(found) == keys(whole)
    damaged = [entry for entry in found if entry.code == "Damaged"]
    assert damaged
    assert {(entry.action, entry.origin) for entry in damaged} == {(Action.ERROR, Origin.UNKNOWN)}
    assert "cannot be read back" in damaged[0].reason
    others = {entry.key for entry in damaged}
    assert [told for told in found if told.key not in others] == [told for told in whole if told.key not in others]


async def test_a_segment_of_which_they_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    await story(tmp_path / "a.aiosrec")
    with open_recording(tmp_path / "a.aiosrec") as recording:
        whole = keys(log(Replay(recording).state(recording.times[-1])))
        number = recording._index.segments[-4].number
    with closing(sqlite3.connect(tmp_path / "a.aiosrec")) as database, database:
        database.execute("UPDATE frame SET decided = x'28b52ffd0011' WHERE segment = ?", (number,))
    with open_recording(tmp_path / "a.aiosrec") as recording:
        found: list[Decision] = list(log(Replay(recording).state(recording.times[-1])))
    assert 0 < len(found) < len(whole)
    assert keys(found) == [key for key in whole if key in set(keys(found))]


@pytest.mark.parametrize("packed", [True, False])
async def test_a_moment_of_a_segment_that_was_packed_or_removed_since_stays_what_it_is(
    tmp_path: Path, *, packed: bool
) -> None:
    """As when somebody looks at the newest moment of a recording while another process writes on."""
    clock, reads = simulated(SimulatedBlock("told", rate=0.5), push=6.0, interval=6.0)
    told = Story(tmp_path / "a.aiosrec", clock, reads, hours=30 / 3600)
    await told.poll(8)
    with open_recording(tmp_path / "a.aiosrec") as recording:
        state = Replay(recording).state(told.states[-1].at)
        entry = recording._index.segments[-1]
        assert entry.open is not None
        await told.poll(4 if packed else 60)
        assert recording.refresh()
        if packed:
            assert entry.number in {found.number for found in recording._index.segments}
            assert entry not in recording._index.segments
        else:
            assert recording._index.pruned > 0
        live, block = told.states[7].blocks["told"], state.blocks["told"]
        assert [found.key for found in block.decisions] == [found.key for found in live.decisions]
        assert list(log(state).outlines(9)) == list(log(state).outlines(500))[:9]
        for name in "input_average_1m", "reporting":
            assert repr(list(block.history[name])) == repr(list(live.history[name]))
        for row, seen in zip(block.instances, live.instances, strict=True):
            assert repr(list(row.history["output_rate"])) == repr(list(seen.history["output_rate"]))
        for later in told.states[8:]:  # what is kept of the segment as it was hides nothing that came since
            if later.at in recording.times:
                again = Replay(recording).state(later.at)
                assert again.blocks["told"].replicas == later.blocks["told"].replicas
                assert log(again)[0].key == later.blocks["told"].decisions[0].key
                assert [row.reading and row.reading.timestamp for row in again.blocks["told"].instances] == [
                    row.reading and row.reading.timestamp for row in later.blocks["told"].instances
                ]
    told.writer.close()
