"""The whole program on a real terminal: the demo starts, scales, obeys keys, and gives the terminal back."""

import json
import re
import shutil
import sys
import time
from pathlib import Path

import psutil
import pytest

from aios_top.shipped import shipped
from fakes.terminal import TerminalProcess

pytestmark = pytest.mark.slow

FIRST_SCREEN_SECONDS = 3.0
"""From the command line to a live fleet, on an idle machine; a busy one gets twice that."""
STORY_SECONDS = 240.0
COOLDOWN_SECONDS = 12.0
"""At quick pace."""


def changed_policy(folder: Path, version: str) -> Path:
    """A copy of the shipped policy with another version."""
    shutil.copytree(shipped("policy"), folder, ignore=shutil.ignore_patterns("__pycache__"))
    code = folder / "code" / "function.py"
    code.write_text(re.sub(r'POLICY_VERSION = "[^"]*"', f'POLICY_VERSION = "{version}"', code.read_text()))
    record = json.loads((folder / "registration.json").read_text())
    (folder / "registration.json").write_text(json.dumps(record | {"version": version}))
    return folder


def audited(state: Path, text: str) -> bool:
    return any(text in path.read_text() for path in state.rglob("*.jsonl"))


def serves(child: psutil.Process) -> bool:
    """Whether a process is the embedded AIOS."""
    try:
        return "aios_top.testbed.process" in child.cmdline()
    except psutil.Error:
        return False


def upscales(terminal: TerminalProcess) -> list[float]:
    """Seconds of the day of every upscale in the decision log, the oldest first."""
    found = re.findall(r"(\d\d):(\d\d):(\d\d) ▲ \d→\d", terminal.screen)
    return sorted(3600.0 * int(hours) + 60.0 * int(minutes) + int(seconds) for hours, minutes, seconds in found)


def test_the_story_of_the_demo(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {
        "AIOS_TOP_STATE": str(tmp_path / "state"),
        "AIOS_TOP_CONFIG": str(tmp_path / "config.toml"),
        "TMPDIR": str(temporary),
    }
    command = [sys.executable, "-m", "aios_top", "demo"]
    started = time.monotonic()
    with TerminalProcess(command, columns=120, lines=40, environment=environment) as terminal:
        terminal.wait_for("gemma3-27b-block 1/6", FIRST_SCREEN_SECONDS * 2)
        assert "simulated, quick pace" in terminal.screen
        # Beside it, policy files are evaluated in children that live for a moment.
        children = [child for child in psutil.Process(terminal.process.pid).children(recursive=True) if serves(child)]
        assert len(children) == 1

        # It scales up without a key.
        terminal.wait_for("▲ 1→2", 40)

        # C resets the cooldown: the dialog shows the request, y sends it, the policy's timer ends.
        terminal.wait_until(lambda: re.search(r"cooldown \[.*◷ (9|[1-9]\d)s", terminal.screen) is not None, 30)
        terminal.send("C")
        terminal.wait_for("reset_cooldown", 5)
        terminal.send("y")
        terminal.wait_for("▲ 2→3", 15)
        first, second = upscales(terminal)[:2]
        assert second - first < COOLDOWN_SECONDS  # the timer alone would not have let it
        assert audited(tmp_path / "state", "reset_cooldown")

        # T sends a burst, whose counts show in the load view.
        terminal.send("T")
        terminal.wait_for("Load test on gemma3-27b-block", 5)
        terminal.send("\t\t\t\t\t\t\t\r")
        terminal.send("3")
        terminal.wait_for("POST", 10)
        terminal.wait_until(lambda: re.search(r"sent +20", terminal.screen) is not None, 20)

        # D deploys a changed policy and restarts the executor; the running version changes after that.
        folder = changed_policy(tmp_path / "policy", "1.1")
        terminal.send("4")
        terminal.wait_for("tokenautoscaler-explained 1.0", 10)
        terminal.send("D")
        terminal.wait_for("policy folder or zip", 5)
        terminal.send("\x15" + str(folder) + "\t\x15yes\r")
        terminal.wait_for("▸Inspect◂", 5)
        terminal.send("\r")
        terminal.wait_for("Deploy tokenautoscaler-explained:1.1-stable", 15)
        terminal.send("y")
        terminal.wait_for("tokenautoscaler-explained 1.1", 60)

        # q quits, also while a load test runs (it asks); the terminal is as before and nothing is left.
        terminal.send("q")
        deadline = time.monotonic() + 20
        while terminal.process.poll() is None and time.monotonic() < deadline:
            terminal.pump(0.2)
            if "load test" in terminal.screen.lower() and "quit" in terminal.screen.lower():
                terminal.send("y")
        assert terminal.wait_exit(10) == 0
        assert terminal.missing_resets == []
        assert terminal.attributes == terminal.attributes_before
        assert time.monotonic() - started < STORY_SECONDS
    psutil.wait_procs(children, timeout=5)
    assert not any(child.is_running() for child in children)
    assert list(temporary.iterdir()) == []

    # A second demo is another AIOS: its curves do not begin with those of the first.
    with TerminalProcess(command, columns=120, lines=40, environment=environment) as terminal:
        terminal.wait_for("gemma3-27b-block 1/6", 20)
        terminal.wait_until(lambda: re.search(r"│  rep .*11", terminal.screen) is not None, 20)
        assert re.search(r"│   ev +│", terminal.screen), terminal.screen
        terminal.send("q")
        assert terminal.wait_exit(15) == 0
