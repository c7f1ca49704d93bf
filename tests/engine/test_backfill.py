"""History from before the first poll: of the run before, recorded and replayed like everything else."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aios_top.cli.backfill import EarlierRecording
from aios_top.engine.replay import Replay
from aios_top.model.errors import ReadError
from aios_top.model.fact import Backfilled
from aios_top.model.state import Link
from aios_top.store.recording_reader import open_recording
from fakes.recordings import START, Story, differences, plain, simulated
from fakes.simulated import SimulatedBlock


async def run(path: Path, later: float = 0.0, polls: int = 10) -> Story:
    clock, reads = simulated(SimulatedBlock("told", rate=0.4), push=6.0, interval=6.0)
    clock._now += later
    story = Story(path, clock, reads)
    await story.poll(polls)
    return story


def times(story: Story) -> list[float]:
    return [at for at, _ in story.poller.state.blocks["told"].history["replicas"].since(0.0)]


async def test_the_run_before_is_in_front_with_a_gap_between(tmp_path: Path) -> None:
    first = await run(tmp_path / "story-1.aiosrec")
    first.writer.close()
    source = EarlierRecording(tmp_path, "story")
    second = await run(tmp_path / "story-2.aiosrec", later=300.0, polls=3)
    assert await second.poller.backfill(source)
    await second.poll(4)
    second.writer.close()
    seen = [state.at for state in second.states]
    assert times(second) == [*(state.at for state in first.states), first.states[-1].at + 1.0, *seen]
    assert second.poller.state.endpoints["recording"].link is Link.UP
    with open_recording(tmp_path / "story-2.aiosrec") as recording:
        for live in second.states:
            assert differences(plain(live, live.at), plain(Replay(recording).state(live.at), live.at)) == []
        for live, again in zip(second.states, Replay(recording).states(), strict=True):
            assert differences(plain(live, live.at), plain(again, live.at)) == []


async def test_another_context_and_a_run_of_long_ago_are_left_alone(tmp_path: Path) -> None:
    first = await run(tmp_path / "story-1.aiosrec")
    first.writer.close()
    source = EarlierRecording(tmp_path, "other")
    assert await source.history(["told"], START, START + 300.0) == []
    source = EarlierRecording(tmp_path, "story")
    assert await source.history(["told"], START + 4000.0, START + 6000.0) == []
    assert await EarlierRecording(tmp_path / "none", "story").history(["told"], START, START + 300.0) == []


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
    assert state.endpoints["prometheus"].problem == "refused: prometheus: nothing listens"
    assert len(times(story)) == 3
    story.writer.close()
