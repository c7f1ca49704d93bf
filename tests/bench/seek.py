"""What it takes to go to a moment on the screen, from the key to the last byte of the new picture. On demand:

`python tests/bench/seek.py RECORDING [--number 30] [--columns 120] [--rows 40]`

Opens `aios-top replay` in a pseudo-terminal and goes to random times of the day with `@`, steps back with `[` and to
the decision before with `{`. A picture is complete when nothing came for 0.12 s; what is read behind the screen later
(evaluating decisions again, the events of many blocks) is not waited for.
"""

import argparse
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from terminal import Terminal

QUIET_SECONDS = 0.12
STANDS_SECONDS = 0.6
"""How long nothing comes before the next key is sent."""


class _Unread:
    """Takes bytes and does nothing with them: to emulate a screen takes longer than to draw on it."""

    def feed(self, data: bytes) -> None:
        """Take them."""


def settle(terminal: Any, seconds: float = STANDS_SECONDS) -> None:
    """Wait until nothing came for a while."""
    while terminal.pump(seconds):
        pass


def complete_after(terminal: Any, key: bytes) -> float:
    """Send a key; return the seconds until the last byte of the picture that follows."""
    sent = last = time.monotonic()
    os.write(terminal.fd, key)
    drawn = False
    while time.monotonic() - last < (QUIET_SECONDS if drawn else 3.0):
        if terminal.pump(0.005):
            drawn, last = True, time.monotonic()
    return last - sent


def seeks(recording: str, number: int = 30, columns: int = 120, rows: int = 40) -> None:
    """Print how long it takes, by key."""
    chance = random.Random(5)
    command = [str(Path(sys.executable).with_name("aios-top")), "replay", recording, "--at", "3m ago"]
    terminal: Any = Terminal(command, columns, rows)
    try:
        while "REPLAY" not in terminal.text():
            terminal.pump(0.1)
        settle(terminal, 1.0)
        terminal.stream = _Unread()
        found: dict[str, list[float]] = {"@": [], "[": [], "{": []}
        for _ in range(number):
            os.write(terminal.fd, b"@")
            settle(terminal, 0.3)
            clock = f"{chance.randrange(24):02}:{chance.randrange(60):02}:{chance.randrange(60):02}"
            os.write(terminal.fd, clock.encode())
            settle(terminal, 0.3)
            for name, key in (("@", b"\r"), ("[", b"["), ("{", b"{")):
                found[name].append(complete_after(terminal, key))
                settle(terminal)
    finally:
        terminal.close()
    for name, walls in found.items():
        walls.sort()
        print(
            f"      on the screen, {name}: median {walls[len(walls) // 2] * 1e3:.0f} ms,"
            f" p95 {walls[int(len(walls) * 0.95)] * 1e3:.0f} ms, longest {walls[-1] * 1e3:.0f} ms",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording")
    parser.add_argument("--number", type=int, default=30)
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=40)
    options = parser.parse_args()
    seeks(options.recording, options.number, options.columns, options.rows)


if __name__ == "__main__":
    main()
