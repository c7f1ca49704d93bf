"""How long commands and the first screen take, beside bare imports and a bare Textual app in the same sitting.

    python tests/bench/start.py [RUNS]

Prints the least of so many runs each (default: 7), in turn, and the ratio to what each is measured against; nothing is
judged here. Byte code is compiled first and its caches are used, as in an installed wheel.
"""

import os
import resource
import subprocess
import sys
import time
from compileall import compile_dir
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import terminal

import aios_top
from console import BARE, TOP, serving

PYTHON = sys.executable
OFFSET = ["--port-offset", "200"]  # below the ports that systems give to connections
AIOS = ["--host", "127.0.0.1", *OFFSET]
PASS, IMPORTS = "python -c pass", "import httpx, pydantic"
COMMANDS = {
    PASS: ([PYTHON, "-c", "pass"], PASS),
    IMPORTS: ([PYTHON, "-c", IMPORTS], IMPORTS),
    "--version": ([*TOP, "--version"], PASS),
    "--help": ([*TOP, "--help"], PASS),
    "completion bash": ([*TOP, "completion", "bash"], PASS),
    "guide": ([*TOP, "guide"], PASS),
    "audit show": ([*TOP, "audit", "show"], PASS),
    "recordings list": ([*TOP, "recordings", "list"], PASS),
    "policy pack": ([*TOP, "policy", "pack", "--output", "policy.zip"], PASS),
    "once --json": ([*TOP, "once", "--json", *AIOS], IMPORTS),
    "decisions": ([*TOP, "decisions", *AIOS], IMPORTS),
    "policy lint": ([*TOP, "policy", "lint", *AIOS], IMPORTS),
}
"""Name -> command, and the row it is measured against."""
SCREENS = {
    "bare Textual": ([PYTHON, "-c", BARE], "READY"),
    "the console": ([*TOP, *AIOS], "llama3"),
    "the demo": ([*TOP, "demo"], "llama3"),
}
"""Name -> command, and what is on the screen once there is something to read."""


def cost_of(command: list[str], folder: str) -> tuple[float, float]:
    """Return CPU and wall seconds of one run."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, cwd=folder)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - started
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def paints_of(command: list[str], ready: str) -> tuple[float, float, float, float]:
    """Return seconds and CPU seconds to the first paint, seconds to data, and from the one to the other, at 120x40."""
    screen = terminal.Terminal(command, 120, 40)
    first = None
    try:
        while True:
            screen.pump(0.005)
            text, now = screen.text(), time.monotonic() - screen.started
            if first is None and text.strip():
                first, spent = now, screen.cpu_seconds()
            if first is not None and ready in text:
                return first, spent, now, now - first
            if now > 30:
                raise TimeoutError(f"nothing like {ready} on the screen after 30 s:\n{text}")
    finally:
        screen.close()


def least(runs: list[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(map(min, zip(*runs, strict=True)))


def commands(runs: int, folder: str) -> None:
    print(f"{'':<26}{'cpu s':>8}{'wall s':>8}   ratio")
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in COMMANDS}
    for name, (command, _) in chain.from_iterable([COMMANDS.items()] * runs):
        found[name].append(cost_of(command, folder))
    best = {name: least(rows) for name, rows in found.items()}
    for name, (cpu, wall) in best.items():
        against = COMMANDS[name][1]
        place, kind = (1, "wall") if against == PASS else (0, "cpu")
        ratio = "" if name == against else f"{best[name][place] / best[against][place]:6.1f} x {against}, {kind}"
        print(f"{name:<26}{cpu:>8.3f}{wall:>8.3f}{ratio}")


def screens(runs: int) -> None:
    print(f"\n{'120x40':<26}{'first paint':>12}{'cpu':>8}{'data':>9}{'between':>9}   ratios of first paints: wall, cpu")
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in SCREENS}
    for name, (command, ready) in chain.from_iterable([SCREENS.items()] * runs):
        found[name].append(paints_of(command, ready))
    bare = least(found["bare Textual"])
    for name, rows in found.items():
        first, spent, data, between = least(rows)
        ratios = f"{first / bare[0]:>8.2f}{spent / bare[1]:>8.2f}"
        print(f"{name:<26}{first:>10.3f} s{spent:>6.2f} s{data:>7.3f} s{between:>7.3f} s{ratios}")


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compile_dir(Path(aios_top.__file__).parent, quiet=2)
    with TemporaryDirectory() as folder, serving([*TOP, "demo", "--serve", "--scenario", "quiet", *OFFSET]) as said:
        if not said:
            raise SystemExit("the embedded AIOS did not start, see above")
        os.environ |= {"AIOS_TOP_STATE": f"{folder}/state", "AIOS_TOP_CONFIG": f"{folder}/none.toml"}
        commands(runs, folder)
        screens(runs)


if __name__ == "__main__":
    main()
