"""What the console costs whoever runs it over SSH, beside a bare Textual app measured in the same sitting.

How long it takes to start is `start.py`'s.

    python tests/bench/console.py [quick]

Prints a table; nothing is judged here, for absolute times hold for one machine and one moment. `quick` leaves out the
fleet of 10,000 instances and shortens the windows.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fleet
import terminal

HERE = Path(__file__).parent
TOP = [str(Path(sys.executable).with_name("aios-top"))]
BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("READY")

Bare().run()
"""


def measured(
    command: list[str], ready: str, *, window: float, warm_up: float = 6.0, key: str | None = "w"
) -> dict[str, Any]:
    """Run a command at 120x40 and return what ptybench measures."""
    options = argparse.Namespace(
        command=command, columns=120, rows=40, ready=ready, start_timeout=60.0, press=[], warm_up=warm_up,
        window=window, key=key, repeat=20, show=False,
    )  # fmt: skip
    return terminal.measure(options)


@contextmanager
def serving(command: list[str]) -> Iterator[str]:
    """Run a server until the end of the block; yield its first line."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def embedded(scenario: str) -> list[str]:
    return [*TOP, "demo", "--serve", "--port-offset", "24000", "--scenario", scenario]


def on_screen(window: float, *, large: bool) -> None:
    print("\n120x40                     first paint   ready  bytes/s   cpu %  key p95 ms  rss MB")
    told("bare Textual", measured([sys.executable, "-c", BARE], "READY", window=5.0, warm_up=1.0, key=None))
    console = [*TOP, "--host", "127.0.0.1", "--port-offset", "24000"]
    for name, scenario, command in (
        ("4 blocks, quiet", "quiet", console),
        ("4 blocks, spike", "spike", console),
        ("spike, --low-bandwidth", "spike", [*console, "--low-bandwidth"]),
    ):
        with serving(embedded(scenario)):
            told(name, measured(command, "gemma3", window=window))
    for instances, blocks in ((1_000, 100), *(((10_000, 1_000),) if large else ())):
        with serving([sys.executable, str(HERE / "fleet.py"), str(instances), str(blocks)]) as base:
            urls = [word for name in fleet.SERVICES for word in ("--url", f"{name}={base}/{name}")]
            command = [*TOP, *urls, "--poll", "5"]
            told(f"{instances} instances, 5 s polls", measured(command, "block-0001", window=max(window, 30.0)))


def told(name: str, found: dict[str, Any]) -> None:
    if "bytes_per_s" not in found:
        print(f"{name:<27}{json.dumps(found)}")
        return
    key = found.get("key_latency_ms", {}).get("p95")
    print(
        f"{name:<27}{found['first_paint_s']:>9.2f} s{found['ready_s'] or 0:>6.2f} s{found['bytes_per_s']:>9}"
        f"{found['cpu_percent']:>8.1f}{'-' if key is None else key:>12}{found['rss_mb']:>8}",
        flush=True,
    )


def main() -> None:
    quick = sys.argv[1:] == ["quick"]
    on_screen(15.0 if quick else 60.0, large=not quick)


if __name__ == "__main__":
    main()
