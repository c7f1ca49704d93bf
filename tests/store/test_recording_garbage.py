"""What is not shown any more goes by itself: a jump puts off the search for cycles, and live they would be made on."""

import gc
import sqlite3
import weakref
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from aios_top.cli.past import OwnPast
from aios_top.engine.replay import Replay
from aios_top.model.recording import RecordingPhase, RecordingState
from aios_top.model.text import clean
from aios_top.store import recording_writer
from aios_top.store.recording_reader import open_recording
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock


@contextmanager
def searches_put_off() -> Iterator[None]:
    """Leave cyclic garbage alone, after a last search among everything."""
    gc.unfreeze()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def left_in_cycles() -> Counter[str]:
    """What the project let go of, but a cycle holds, by class."""
    gc.unfreeze()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return Counter(type(found).__name__ for found in gc.garbage if type(found).__module__.startswith("aios_top"))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


async def story_of(path: Path, polls: int) -> Story:
    """Record four blocks that serve, with policies that explain themselves."""
    clock, reads = simulated(*(SimulatedBlock(f"block-{number}", rate=0.2) for number in range(4)))
    story = Story(path, clock, reads)
    await story.poll(polls)
    return story


@pytest.mark.parametrize("recorded", [True, False])
async def test_live_states_go_by_themselves(tmp_path: Path, recorded: bool) -> None:
    with searches_put_off():
        story = await story_of(tmp_path / "some.aiosrec", 30)
        for _ in range(30):
            await story.poller.refresh()
            if recorded:
                story.write()
            story.clock._now += 2.0
        del story.states[:-1]
        assert left_in_cycles() == Counter()
        assert story.states[0].blocks
        story.writer.close()


async def test_moments_of_a_recording_go_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_writer, "SEGMENT_SECONDS", 40.0)
    story = await story_of(tmp_path / "some.aiosrec", 80)
    story.writer.close()
    with open_recording(tmp_path / "some.aiosrec") as recording, searches_put_off():
        replay = Replay(recording)
        for at in recording.times[::7]:
            state = replay.state(at)
        assert {len(block.decisions) for block in state.blocks.values()} == {5}
        assert left_in_cycles() == Counter()


async def segments_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record ten segments; return a time within each."""
    monkeypatch.setattr(recording_writer, "SEGMENT_SECONDS", 20.0)
    story = await story_of(path, 100)
    story.writer.close()
    with open_recording(path) as recording:
        return list(recording.times[5::10])


async def test_what_a_jump_puts_out_of_the_way_is_freed_when_it_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = await segments_of(tmp_path / "some.aiosrec", monkeypatch)
    with open_recording(tmp_path / "some.aiosrec") as recording, searches_put_off():
        replay = Replay(recording)
        first = weakref.ref(replay.state(times[0]).blocks["block-0"].history)
        part = weakref.ref(recording._index.part(recording._index.segments[0], clean("block-0")))
        replay.state(times[2])
        assert first() is not None
        replay.let_go()
        assert first() is None
        replay.state(times[4])
        replay.state(times[6])
        assert part() is not None
        replay.let_go()
        assert part() is None
        last = weakref.ref(replay.state(times[8]).blocks["block-0"].history)
        replay.let_go()
        assert last() is not None
        replay.let_go(shown=False)
        assert last() is None


async def test_what_nobody_lets_go_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = await segments_of(tmp_path / "some.aiosrec", monkeypatch)
    with open_recording(tmp_path / "some.aiosrec") as recording, searches_put_off():
        replay = Replay(recording)
        states, parts = [], []
        for at, entry in zip(times, recording._index.segments, strict=False):
            states.append(weakref.ref(replay.state(at).blocks["block-0"].history))
            parts.append(weakref.ref(recording._index.part(entry, clean("block-0"))))
        assert [state() is not None for state in states].count(True) == 2
        assert [part() is not None for part in parts].count(True) == 5
        assert len(parts) == 10


async def test_the_running_consoles_past_lets_go_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = await segments_of(tmp_path / "some.aiosrec", monkeypatch)
    past = OwnPast(lambda: RecordingState(RecordingPhase.ON, str(tmp_path / "some.aiosrec"), polls=100))
    past.let_go(shown=True)  # nothing is open yet
    with searches_put_off():
        first, second = (weakref.ref(past.moment(at).state.blocks["block-0"].history) for at in times[:2])
        past.let_go(shown=True)
        assert (first() is None, second() is None) == (True, False)
        past.let_go(shown=False)
        assert second() is None
    past.close()


async def test_a_recording_that_was_begun_anew_leaves_the_moment_on_the_screen_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = await segments_of(tmp_path / "first.aiosrec", monkeypatch)
    await segments_of(tmp_path / "second.aiosrec", monkeypatch)
    path = tmp_path / "first.aiosrec"
    past = OwnPast(lambda: RecordingState(RecordingPhase.ON, str(path), polls=100))
    shown = past.moment(times[-1])
    first = past._recording
    assert first is not None
    path = tmp_path / "second.aiosrec"
    assert past.times()
    assert past._recording is not first
    for block in shown.state.blocks.values():
        assert list(block.history["input_average_1m"])
        assert len(block.decisions) > 5
    past.moment(past.times()[0])
    past.let_go(shown=True)  # the moment of the other one is on the screen
    with pytest.raises(sqlite3.ProgrammingError):
        first._index.row("SELECT 1")
    past.close()


async def test_what_is_being_read_is_not_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = await segments_of(tmp_path / "some.aiosrec", monkeypatch)
    with open_recording(tmp_path / "some.aiosrec") as recording:
        whole = list(recording.answers(times[0], times[-1]))
        replay = Replay(recording)
        found = []
        for number, answer in enumerate(recording.answers(times[0], times[-1])):
            replay.state(times[number % len(times)])  # a capsule is written while somebody jumps
            replay.let_go()
            found.append(answer)
    assert len(found) == len(whole) > 2 * len(times)


async def test_two_readers_at_once_give_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = await segments_of(tmp_path / "some.aiosrec", monkeypatch)
    with open_recording(tmp_path / "some.aiosrec") as recording, ThreadPoolExecutor(2) as pool:
        replays = Replay(recording), Replay(recording)
        jumps = [pool.submit(replay.state, at) for at in times * 12 for replay in replays]
        assert {jump.result().at for jump in jumps} == set(times)
        assert len(recording._index.segments) == 10
