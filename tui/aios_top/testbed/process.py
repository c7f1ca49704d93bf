"""The embedded AIOS as a process of its own: `python -m aios_top.testbed.process`."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from aios_top.sim.pace import PACES
from aios_top.sim.scenario import DEFAULT_SEED, SCENARIOS
from aios_top.testbed.ports import PortBusyError, free_ports, node_ports
from aios_top.testbed.server import Options, Running, serve

__all__ = ["Options", "Running", "main", "serve"]

PARENT_CHECK_SECONDS = 0.5


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run until SIGTERM, SIGINT or the end of standard input; exits with 0, or with 1 when it cannot start."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        options = Options(
            scenario=given.scenario,
            pace=PACES[given.pace],
            seed=given.seed,
            chaos=given.chaos,
            ports=free_ports() if given.ports == "free" else node_ports(given.port_offset),
        )
        asyncio.run(_run(options, given))
    except (PortBusyError, ValueError, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        _leave(1)
    _leave(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aios_top.testbed.process", description=__doc__)
    parser.add_argument("--scenario", choices=SCENARIOS, default="spike")
    parser.add_argument("--pace", choices=sorted(PACES), default="quick")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--ports", choices=("free", "nodeports"), default="free")
    parser.add_argument("--port-offset", type=int, default=0, help="added to every node port")
    parser.add_argument("--chaos", action="store_true", help="spoil some answers to the console")
    parser.add_argument("--ready-fd", type=int, help="descriptor that gets the line about the addresses, not stdout")
    parser.add_argument("--die-with-stdin", action="store_true", help="end when standard input or the parent does")
    return parser


async def _run(options: Options, given: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if given.die_with_stdin:
        _watch_parent(lambda: loop.call_soon_threadsafe(stop.set))
    running = await serve(options)
    try:
        _announce(running, given)
        await stop.wait()
    finally:
        await running.close()
        if running.chaos is not None:
            sys.stderr.write(f"faults: {json.dumps(running.chaos.counts)}\n")


def _announce(running: Running, given: argparse.Namespace) -> None:
    """Write one JSON line, then point standard output at standard error: a policy may print."""
    about = {
        "urls": running.urls,
        "pace": given.pace,
        "scenario": given.scenario,
        "seed": given.seed,
        "pid": os.getpid(),
        "folder": str(running.site.folder),
    }
    line = json.dumps(about).encode() + b"\n"
    if given.ready_fd is None:
        os.write(1, line)
    else:
        os.write(given.ready_fd, line)
        os.close(given.ready_fd)
    os.dup2(2, 1)


def _watch_parent(gone: Callable[[], object]) -> None:
    """Call `gone` when standard input ends or another process becomes the parent.

    Linux could send a signal instead, but it does so when the THREAD that started this process ends.
    """
    parent = os.getppid()
    ended = threading.Event()

    def read_to_the_end() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        ended.set()

    def wait() -> None:
        while not ended.wait(PARENT_CHECK_SECONDS) and os.getppid() == parent:
            pass
        gone()

    threading.Thread(target=read_to_the_end, name="stdin", daemon=True).start()
    threading.Thread(target=wait, name="parent", daemon=True).start()


def _leave(status: int) -> NoReturn:
    """End at once: a policy that hangs, or threads that it started, must not keep the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
