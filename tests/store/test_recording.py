"""A recording gives back every state that was live, from any moment of it and in order."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.engine.poll import Poller
from aios_top.engine.recorder import Recorder, RecordingPort
from aios_top.engine.replay import Replay
from aios_top.model.errors import ReadError
from aios_top.model.recording import MarkKind, RecordingHeader
from aios_top.model.state import FleetState
from aios_top.store import recording_writer
from aios_top.store.paths import StoreError
from aios_top.store.recording_reader import open_recording
from aios_top.store.recording_slice import copy_slice, merge
from aios_top.store.recording_writer import RecordingWriter
from fakes.recordings import Story, differences, plain, simulated
from fakes.simulated import SimulatedBlock


async def eventful(path: Path) -> Story:
    """Scaling of a policy that tells and of one that does not, an outage, a hung replica, a wipe."""
    clock, reads = simulated(
        SimulatedBlock("told", "explained", rate=0.4, parameters={"cooldown_seconds": 20}),
        SimulatedBlock("silent", "plain", rate=0.4, parameters={"cooldown_seconds": 20}),
        SimulatedBlock("bare", ""),
        push=6.0,
        interval=6.0,
    )
    story = Story(path, clock, reads)
    await story.poll(60)
    reads.fails["fleet"] = ReadError("timeout", "no answer within 4s")
    await story.poll(5)
    reads.fails.clear()
    next(iter(reads.blocks["told"].sim.replicas.values())).hung = True
    await story.poll(40)
    for block in reads.blocks.values():
        block.wipe()
        block.spec.rate = 0.0
    await story.poll(90)
    return story


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_writer, "SEGMENT_SECONDS", 60.0)


async def test_every_moment_comes_back_as_it_was(tmp_path: Path) -> None:
    story = await eventful(tmp_path / "story.aiosrec")
    story.writer.close()
    with open_recording(tmp_path / "story.aiosrec") as recording:
        replay = Replay(recording)
        assert list(replay.times) == [state.at for state in story.states]
        for live in story.states[::17]:
            again = replay.state(live.at + 0.5)
            assert differences(plain(live, live.at), plain(again, live.at)) == []


async def test_all_states_come_back_in_order(tmp_path: Path) -> None:
    story = await eventful(tmp_path / "story.aiosrec")
    story.writer.close()
    with open_recording(tmp_path / "story.aiosrec") as recording:
        again = list(Replay(recording).states())
        assert len(again) == len(story.states)
        for live, state in zip(story.states, again, strict=True):
            if live.sequence % 37 == 0:
                assert differences(plain(live, live.at), plain(state, live.at)) == []


async def test_a_slice_shows_what_the_whole_shows(tmp_path: Path) -> None:
    story = await eventful(tmp_path / "story.aiosrec")
    story.writer.close()
    with open_recording(tmp_path / "story.aiosrec") as recording:
        start = story.states[70].at
        assert copy_slice(recording, tmp_path / "slice.aiosrec", start, story.states[150].at) == 81
        with open_recording(tmp_path / "slice.aiosrec") as part:
            assert part.times[0] == start
            for live in story.states[70:151:16]:
                again = Replay(part).state(live.at)
                assert differences(figures(live), figures(again)) == []


def figures(state: FleetState) -> Any:
    """A state without histories, which a slice has only of its own time, and so without the oldest decisions."""
    bare = {
        name: replace(
            block,
            history={},
            instances=tuple(replace(row, history={}) for row in block.instances),
            decisions=block.decisions[:3],
        )
        for name, block in state.blocks.items()
    }
    return plain(replace(state, blocks=bare), state.at)


async def test_recordings_of_two_runs_become_one(tmp_path: Path) -> None:
    paths = [tmp_path / "a.aiosrec", tmp_path / "b.aiosrec", tmp_path / "c.aiosrec"]
    stories = []
    for number, path in enumerate(paths[:2]):
        clock, reads = simulated(SimulatedBlock("told", rate=0.4), push=6.0, interval=6.0)
        clock._now += 1000.0 * number
        stories.append(Story(path, clock, reads))
        await stories[-1].poll(40)
        stories[-1].writer.close()
    with open_recording(paths[0]) as first, open_recording(paths[1]) as second:
        assert merge([second, first], paths[2]) == 80
        with pytest.raises(StoreError, match="recorded the same time"):
            merge([first, first], tmp_path / "d.aiosrec")
    assert not (tmp_path / "d.aiosrec").exists()
    with open_recording(paths[2]) as merged:
        assert merged.info.sessions == 2
        live = [state for story in stories for state in story.states]
        assert [state.at for state in Replay(merged).states()] == [state.at for state in live]
        for state in live[::26]:
            assert differences(plain(state, state.at), plain(Replay(merged).state(state.at), state.at)) == []


async def test_a_recording_that_begins_while_the_console_runs_knows_what_the_console_knew(tmp_path: Path) -> None:
    """Records, the registry and old decisions are not asked for at every poll."""
    clock, reads = simulated(
        SimulatedBlock("told", "explained", rate=0.6, parameters={"cooldown_seconds": 20}),
        SimulatedBlock("silent", "plain", rate=0.6),
        push=6.0,
        interval=6.0,
    )
    states: list[FleetState] = []
    poller = Poller(reads, clock, states.append, poll_seconds=2.0, context="story", seed=1)
    path = tmp_path / "late.aiosrec"
    port = RecordingPort(lambda: (str(path), RecordingWriter(path, RecordingHeader(context="story"))), (StoreError,))
    recorder = Recorder(port)
    for number in range(60):
        if number == 40:
            recorder.start()
        await poller.refresh()
        assert poller.poll is not None
        recorder.take(poller.poll, states[-1], poller.picture, None, None)
        clock._now += 2.0
    recorder.stop()
    assert recorder.state.polls == 20
    with open_recording(path) as recording:
        assert not [mark for mark in recording.marks() if mark.at < states[40].at]
        acts = [mark for mark in recording.marks() if mark.kind in {MarkKind.UP, MarkKind.DOWN}]
        assert acts
        assert states[40].at not in {mark.at for mark in acts}  # what was decided before it began is no news
        for live in states[40:]:
            again = Replay(recording).state(live.at)
            for name, block in live.blocks.items():
                found = again.blocks[name]
                for figure in ("record", "policy", "decisions", "cooldown", "replicas", "thresholds", "in_force"):
                    assert (
                        differences(plain(getattr(block, figure), live.at), plain(getattr(found, figure), live.at))
                        == []
                    ), (live.sequence, name, figure)
        assert len(states[40].blocks["told"].decisions) > 8
        assert states[40].blocks["told"].record is not None
