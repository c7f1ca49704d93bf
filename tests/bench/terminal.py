#!/usr/bin/env python3
"""Measure what a terminal program costs the person who runs it over SSH.

    ptybench.py [options] -- COMMAND [ARG ...]

Runs COMMAND in a pseudo-terminal of the given size behind a screen emulator (pyte) and prints one JSON object:
first_paint_s, ready_s (when --ready TEXT is on the screen), bytes_per_s and cpu_percent (of one core, whole process
tree) over a steady window, rss_mb (peak of the tree), key_latency_ms (p50, p95, max; --key K, repeated).
Absolute times hold for one machine and one moment: compare two commands in one sitting. Needs pyte and psutil.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import sys
import termios
import time

import psutil
import pyte

# What a program may ask its terminal, and what an xterm-like one answers.
ANSWERS = {
    b"\x1b[c": b"\x1b[?62;22c",  # primary device attributes
    b"\x1b[6n": b"\x1b[1;1R",  # cursor position
    b"\x1b[?u": b"\x1b[?0u",  # kitty keyboard flags
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",  # synchronised output: supported, off
    b"\x1b[?2048$p": b"\x1b[?2048;0$y",  # in-band resize: not supported
    b"\x1b[>q": b"\x1bP>|ptybench\x1b\\",  # terminal name
}


class Terminal:
    """A child in a pseudo-terminal, with a screen to look at."""

    def __init__(self, command: list[str], columns: int, rows: int) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = 0
        self.writes = 0
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", COLUMNS="", LINES="")
            del os.environ["COLUMNS"], os.environ["LINES"]
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = psutil.Process(self.pid)

    def pump(self, seconds: float) -> bool:
        """Read what the child writes for up to `seconds`; True as soon as something came."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            raise EOFError("the program ended") from None
        if not data:
            raise EOFError("the program ended")
        self.bytes += len(data)
        self.writes += 1
        for question, answer in ANSWERS.items():
            for _ in range(data.count(question)):
                os.write(self.fd, answer)
        with contextlib.suppress(Exception):  # pyte does not know every sequence; the byte count still holds
            self.stream.feed(data)
        return True

    def text(self) -> str:
        return "\n".join(self.screen.display)

    def tree(self) -> list[psutil.Process]:
        try:
            return [self.process, *self.process.children(recursive=True)]
        except psutil.Error:
            return []

    def cpu_seconds(self) -> float:
        total = 0.0
        for process in self.tree():
            try:
                times = process.cpu_times()
                total += times.user + times.system
            except psutil.Error:
                continue
        return total

    def rss(self) -> int:
        total = 0
        for process in self.tree():
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
        return total

    def close(self) -> None:
        tree = self.tree()
        for sig in (signal.SIGTERM, signal.SIGKILL):
            for process in tree:
                try:
                    process.send_signal(sig)
                except psutil.Error:
                    continue
            _, tree = psutil.wait_procs(tree, timeout=2)
        os.close(self.fd)


def measure(options: argparse.Namespace) -> dict[str, object]:
    terminal = Terminal(options.command, options.columns, options.rows)
    result: dict[str, object] = {"command": options.command, "size": f"{options.columns}x{options.rows}"}
    peak = 0
    try:
        deadline = terminal.started + options.start_timeout
        first = ready = None
        while time.monotonic() < deadline and (first is None or (options.ready and ready is None)):
            terminal.pump(0.05)
            now = time.monotonic() - terminal.started
            if first is None and terminal.text().strip():
                first = now
            if options.ready and ready is None and options.ready in terminal.text():
                ready = now
        result["first_paint_s"], result["ready_s"] = first, ready
        result["cpu_to_ready_s"] = round(terminal.cpu_seconds(), 3)
        for key in options.press:
            os.write(terminal.fd, key.encode().decode("unicode_escape").encode("latin-1"))
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                terminal.pump(0.05)
        end = time.monotonic() + options.warm_up
        while time.monotonic() < end:
            terminal.pump(0.05)
        bytes_before, cpu_before, began = terminal.bytes, terminal.cpu_seconds(), time.monotonic()
        while time.monotonic() - began < options.window:
            terminal.pump(0.05)
            peak = max(peak, terminal.rss())
        spent = time.monotonic() - began
        result["bytes_per_s"] = round((terminal.bytes - bytes_before) / spent)
        result["cpu_percent"] = round(100 * (terminal.cpu_seconds() - cpu_before) / spent, 2)
        if options.key:
            latencies = []
            for _ in range(options.repeat):
                while terminal.pump(0.05):
                    pass
                before, sent = terminal.text(), time.monotonic()
                os.write(terminal.fd, options.key.encode().decode("unicode_escape").encode("latin-1"))
                while time.monotonic() - sent < 2:
                    if terminal.pump(0.02) and terminal.text() != before:
                        latencies.append(1000 * (time.monotonic() - sent))
                        break
            if latencies:
                latencies.sort()
                result["key_latency_ms"] = {
                    "n": len(latencies),
                    "p50": round(statistics.median(latencies), 1),
                    "p95": round(latencies[min(len(latencies) - 1, int(0.95 * len(latencies)))], 1),
                    "max": round(latencies[-1], 1),
                }
    except EOFError as end_of_program:
        result["ended"] = str(end_of_program)
    finally:
        result["rss_mb"] = round(peak / 2**20, 1)
        if options.show:
            print(terminal.text(), file=sys.stderr)
        terminal.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--ready", help="text that is on the screen once the program is usable")
    parser.add_argument("--start-timeout", type=float, default=20)
    parser.add_argument(
        "--press", action="append", default=[], help="key sent after start (escapes as in Python); repeatable"
    )
    parser.add_argument("--warm-up", type=float, default=4)
    parser.add_argument("--window", type=float, default=10)
    parser.add_argument("--key", help="key whose latency to the next changed screen is measured")
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--show", action="store_true", help="print the last screen to stderr")
    parser.add_argument("command", nargs="+")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
