"""The console on a real terminal against an AIOS in chaos, for an hour or as long as `SOAK_MINUTES` says.

    SOAK_MINUTES=60 .venv/bin/pytest tests/soak -s

prints the figures, one line each ten minutes and a summary.
"""

import json
import os
import random
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from aios_top.aios.address import NAMES, STAND_IN_PORTS
from aios_top.testbed.embedded import EmbeddedAios
from fakes.terminal import TerminalProcess

MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
WARM_UP = min(30.0, MINUTES / 2) * 60
"""A block's newest 512 decisions take 26 minutes to make at quick pace; histories fill for 34, `KEPT_SECONDS`."""
WATCHED = str(Path(__file__).with_name("watched.py"))
LOOKS = ["1", "2", "3", "4", "5", "j", "k", "\t", "w", "z", "s", "S", "m", "m", "\x1b", "r", "g", "G", " ", "p", "p"]
CHANGES = [("C", "y"), ("C", "n"), ("A", "\x1b"), ("?", "\x1b"), (":", "\x1b"), ("/", "\x1b"), ("C", "y")]
FAULTS_PER_HOUR = 600


@dataclass(frozen=True)
class Sample:
    """What the process held at one moment."""

    seconds: float
    rss: int
    descriptors: int
    threads: int
    tasks: int


def slope(samples: list[Sample]) -> float:
    """Megabytes per hour by least squares."""
    line = statistics.linear_regression([entry.seconds for entry in samples], [entry.rss for entry in samples])
    return line.slope * 3600 / 1e6


def options(aios: EmbeddedAios) -> list[str]:
    urls = {name: url + ("/{block}" if name in STAND_IN_PORTS else "") for name, url in aios.urls.items()}
    return [word for name, url in urls.items() if name in NAMES for word in ("--url", f"{name}={url}")]


def test_an_hour_of_chaos(tmp_path: Path) -> None:
    statistics_file = tmp_path / "tasks"
    environment = {"AIOS_TOP_STATE": str(tmp_path / "state"), "AIOS_TOP_CONFIG": str(tmp_path / "config.toml")}
    chance = random.Random(1)
    samples: list[Sample] = []
    with EmbeddedAios.start(seed=1, chaos=True) as aios:
        command = [sys.executable, WATCHED, str(statistics_file), *options(aios)]
        with TerminalProcess(command, columns=120, lines=40, environment=environment) as terminal:
            process = psutil.Process(terminal.process.pid)
            started = time.monotonic()
            next_key = next_sample = started + 5
            while time.monotonic() - started < MINUTES * 60:
                terminal.pump(0.2)
                assert terminal.process.poll() is None, terminal.screen
                now = time.monotonic()
                if now >= next_key:
                    next_key = now + chance.uniform(0.5, 3)
                    terminal.send(chance.choice(LOOKS))
                    if chance.random() < 0.05:
                        terminal.send("\x1b\x1b")
                        for key in chance.choice(CHANGES):
                            terminal.pump(0.5)
                            terminal.send(key)
                if now >= next_sample and statistics_file.exists():
                    next_sample = now + 10
                    samples.append(measured(process, now - started, statistics_file))
                    terminal.output = terminal.output[-100_000:]
                    if len(samples) % 60 == 0:
                        print(samples[-1], flush=True)
            terminal.send("\x1b\x1b\x1b1")
            terminal.pump(1)
            terminal.send("q")
            assert terminal.wait_exit(20) == 0
            assert terminal.missing_resets == []
        aios.stop()
        faults = json.loads(aios.errors[-1].partition("faults: ")[2])
    report(samples, faults)
    assert list((tmp_path / "state").glob("crash-*")) == []
    assert Path(f"{statistics_file}.log").read_text() == ""


def measured(process: psutil.Process, seconds: float, tasks: Path) -> Sample:
    held = process.memory_info()
    return Sample(seconds, held.rss, process.num_fds(), process.num_threads(), int(tasks.read_text() or 0))


def report(samples: list[Sample], faults: dict[str, int]) -> None:
    """Print the figures, then hold them to the promise."""
    warm = [entry for entry in samples if entry.seconds >= WARM_UP]
    halves = warm[: len(warm) // 2], warm[len(warm) // 2 :]
    total = sum(faults.values())
    per_hour = total / MINUTES * 60
    print(f"\n{MINUTES:g} min, {total} faults of {len(faults)} kinds ({per_hour:.0f}/h)")
    print(f"RSS {warm[0].rss / 1e6:.1f} MB -> {warm[-1].rss / 1e6:.1f} MB, slope {slope(warm):+.2f} MB/h after warm-up")
    for name in ("descriptors", "threads", "tasks"):
        typical = [statistics.median(getattr(entry, name) for entry in half) for half in halves]
        most = max(getattr(entry, name) for entry in warm)
        print(f"{name}: median {typical[0]:g} then {typical[1]:g}, most {most}", flush=True)
        assert abs(typical[1] - typical[0]) <= 2
    assert per_hour >= FAULTS_PER_HOUR
    if MINUTES >= 60:
        assert slope(warm) < 1.0
