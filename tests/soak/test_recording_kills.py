"""On demand: a hundred kills of a recording process at random moments (`pytest tests/soak/test_recording_kills.py`)."""

import random
from pathlib import Path

import pytest

from fakes.killing import killed_after


@pytest.mark.parametrize("number", range(100))
def test_a_kill_at_a_random_moment_loses_at_most_one_poll(tmp_path: Path, number: int) -> None:
    chance = random.Random(number)
    told, read, problems = killed_after(tmp_path / "a.aiosrec", chance.randrange(1, 90), chance)
    assert problems == []
    assert read >= told
