"""Kills a recording process at a random moment and says what is left of its recording."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from aios_top.store.recording_reader import open_recording

TESTS = Path(__file__).parents[1]


def killed_after(path: Path, polls: int, chance: random.Random) -> tuple[int, int, list[str]]:
    """Return the polls that were reported as recorded, those that can be read back, and what is damaged."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, str(TESTS / "fakes/recording_child.py"), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None
        for _ in range(polls):
            child.stdout.readline()
        os.set_blocking(child.stdout.fileno(), False)
        for _ in range(chance.randrange(200_000)):  # somewhere within the next polls, not at their beginning
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
        told = polls + len((child.stdout.read() or b"").splitlines())
    with open_recording(path) as recording:
        problems = recording.verify()
        return told, len(recording.times), problems
