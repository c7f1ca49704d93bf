"""On demand: M-07 at full length, a reader that stands still while a load test and a recording run.

    STALL_SECONDS=60 .venv/bin/pytest tests/soak/test_stalled_reader.py -s

A real pseudo-terminal that nobody reads; the shortened one, without load, is in `tests/faults`.
"""

import os
import sys
import time
from itertools import pairwise
from pathlib import Path

import psutil

from aios_top.store.recording_reader import open_recording
from fakes.recording_aios import BLOCK, RecordingAios
from fakes.terminal import TerminalProcess

STALLED = float(os.environ.get("STALL_SECONDS", "60"))
POLL = 2.0
FORM = ("constant", "1000", "5", "300", "300", "20")
"""Shape, requests, rate, seconds, input and output tokens of the load test's dialog."""
STOPPED_WITHIN = 10.0
REPAINTED_WITHIN = 1.0
GROWTH = 10e6


def start_load(terminal: TerminalProcess, aios: RecordingAios) -> None:
    """Start a load test as an operator does, and wait until it sends."""
    terminal.send("T")
    terminal.wait_for("Load test on", 20)
    for word in FORM:
        terminal.rest(0.3)
        terminal.send(word + "\t")
    terminal.rest(0.3)
    terminal.send("\t\r")
    terminal.wait_until(lambda: len(sent(aios)) > 10, 60)


def sent(aios: RecordingAios) -> list[object]:
    return [request for request in aios.requests if request.service == "inference"]


def test_m_07_a_stalled_reader_stops_the_load_and_nothing_else(tmp_path: Path) -> None:
    state = tmp_path / "state"
    environment = {"AIOS_TOP_STATE": str(state), "AIOS_TOP_CONFIG": str(tmp_path / "config.toml")}
    with RecordingAios() as aios:
        aios.evaluate()
        command = [sys.executable, "-m", "aios_top", "--poll", f"{POLL:g}", *aios.options]
        with TerminalProcess(command, columns=120, lines=40, environment=environment, answers=True) as terminal:
            terminal.wait_for(BLOCK, 30)
            start_load(terminal, aios)
            terminal.rest(5.0)
            held = psutil.Process(terminal.process.pid).memory_info().rss
            stalled_at, began, count, last_sent = time.time(), time.monotonic(), len(sent(aios)), 0.0
            most = held
            while (now := time.monotonic() - began) < STALLED:
                time.sleep(0.05)
                most = max(most, psutil.Process(terminal.process.pid).memory_info().rss)
                if len(sent(aios)) > count:
                    count, last_sent = len(sent(aios)), now
            resumed_at, resumed = time.time(), time.monotonic()
            terminal.wait_until(lambda: "nobody has read" in terminal.screen, 30)
            repainted = time.monotonic() - resumed
            terminal.send("\x1b1")
            terminal.rest(2.0)
            terminal.send("q")
            assert terminal.wait_exit(30) == 0
            assert terminal.missing_resets == []
    (path,) = (state / "recordings").glob("*.aiosrec")
    with open_recording(path) as recording:
        polls = [at for at in recording.times if stalled_at - POLL <= at <= resumed_at]
        assert recording.verify() == []
    gap = max(later - earlier for earlier, later in pairwise(polls))
    print(f"\nnobody read for {STALLED:g} s: {len(polls)} polls recorded, the longest gap {gap:.2f} s of {POLL:g} s")
    print(f"the last request of the load test came after {last_sent:.1f} s; memory {(most - held) / 1e6:+.1f} MB")
    print(f"repainted {repainted:.2f} s after the reader came back", flush=True)
    assert gap < 2 * POLL
    assert last_sent <= STOPPED_WITHIN
    assert most - held < GROWTH
    assert repainted <= REPAINTED_WITHIN
