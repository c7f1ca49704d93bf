"""A recording that an earlier version wrote shows what it showed then."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.engine.replay import Replay
from aios_top.model.state import FleetState
from aios_top.store.recording_reader import open_recording
from fakes.recordings import differences, plain

DATA = Path(__file__).parents[1] / "data" / "recordings"
SEEN = {
    1795445120.0: {"gemma3-27b-block": ("CooldownActive", 2), "llama3-8b-chat": ("CooldownActive", 3)},
    1795445298.0: {"gemma3-27b-block": ("BeyondMaximum", 5), "llama3-8b-chat": ("AtMaximum", 4)},
    1795445314.0: {"gemma3-27b-block": ("BeyondMaximum", 6), "llama3-8b-chat": ("AtMaximum", 4)},
}
"""Verdict and instances that were shown when it was recorded."""


@pytest.fixture
def first_version(tmp_path: Path) -> Path:
    """Five minutes in columns and some polls that were not packed when the process was killed."""
    path = tmp_path / "old.aiosrec"
    path.write_bytes(gzip.decompress((DATA / "version-1.aiosrec.gz").read_bytes()))
    return path


def test_the_first_version_shows_what_it_showed(first_version: Path) -> None:
    with open_recording(first_version) as recording:
        assert len(recording.times) == 158
        replay = Replay(recording)
        for at, blocks in SEEN.items():
            state = replay.state(at)
            for name, (code, instances) in blocks.items():
                block = state.blocks[name]  # type: ignore[index]
                assert (str(block.verdict.code), len(block.instances)) == (code, instances)
            assert str(state.blocks["bge-embedding"].verdict.code) == "NoAutoscaler"  # type: ignore[index]
        told = [decision.seq for _, decision in recording.decisions("gemma3-27b-block")]
        assert sorted(set(told)) == list(range(1, 11))


def test_jumps_and_steps_agree_in_the_first_version(first_version: Path) -> None:
    with open_recording(first_version) as recording:
        replay = Replay(recording)
        for state in list(replay.states())[::13]:
            assert differences(figures(state), figures(replay.state(state.at))) == []


def figures(state: FleetState) -> Any:
    """A state without the blocks' histories, which were kept with eight more bits then."""
    blocks = {name: replace(block, history={}) for name, block in state.blocks.items()}
    return plain(replace(state, blocks=blocks), state.at)


def test_the_first_version_is_whole(first_version: Path) -> None:
    with open_recording(first_version) as recording:
        assert recording.verify() == []
