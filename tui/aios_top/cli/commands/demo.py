"""`aios-top demo`: an embedded AIOS in a process of its own, with the console on it or on AIOS's own ports."""

import argparse
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from textwrap import fill

from aios_top.cli.exits import DONE, CommandError, UsageError
from aios_top.cli.screen import refuse_without_terminal
from aios_top.sim.stories import STORIES, Story
from aios_top.store.paths import StoreError
from aios_top.store.running_demo import RunningDemo, forget_demo, note_demo
from aios_top.testbed.embedded import EmbeddedAios, EmbeddedAiosError

LIFE_CHECK_SECONDS = 0.2


def run(args: argparse.Namespace) -> int:
    """Start it; it ends with this process."""
    if args.list_scenarios:
        print("\n".join(_listed(story) for story in STORIES.values()))
        return DONE
    if args.scenario not in STORIES:
        raise UsageError(f"no scenario '{args.scenario}'; there are: {', '.join(STORIES)}")
    if args.serve:
        return _serve(args)
    if args.port_offset:
        raise UsageError("--port-offset goes with --serve; without it the demo takes free ports")
    return _watch(args)


def _watch(args: argparse.Namespace) -> int:
    """Open the console while the embedded AIOS starts: both take most of a second."""
    refuse_without_terminal("`aios-top demo --serve` needs none, and every command reaches it by --context demo")
    with ThreadPoolExecutor(1) as starter:
        starting = starter.submit(_started, args)
        from aios_top.cli.commands.console import open_console, records, verifying
        from aios_top.cli.installation import demo_installation

        try:
            first = demo_installation(args, {}, args.pace, chaos=args.chaos)
            return open_console(
                first if args.policy is None else verifying(first, args),  # a wrong path is told without a screen
                lambda: verifying(demo_installation(args, starting.result().urls, args.pace, chaos=args.chaos), args),
                theme=args.theme,
                low_bandwidth=args.low_bandwidth,
                records=records(args),
                earlier=False,  # every demo is another AIOS
            )
        finally:
            if starting.exception() is None:
                starting.result().stop()
            forget_demo(os.getpid(), os.environ)


def _serve(args: argparse.Namespace) -> int:
    with _started(args, ports="nodeports", port_offset=args.port_offset) as aios:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        try:
            print("\n".join(_about(aios, args.port_offset, chaos=args.chaos)), flush=True)
            while aios.alive:
                time.sleep(LIFE_CHECK_SECONDS)
        except KeyboardInterrupt:
            print("stopping", file=sys.stderr)
            return DONE
        finally:
            forget_demo(os.getpid(), os.environ)
        last = aios.errors[-1:] or ["it said nothing"]
        raise CommandError(f"the embedded AIOS ended by itself: {last[0]}")


def _started(args: argparse.Namespace, *, ports: str = "free", port_offset: int = 0) -> EmbeddedAios:
    try:
        aios = EmbeddedAios.start(
            args.scenario, args.pace, args.seed, ports=ports, port_offset=port_offset, chaos=args.chaos
        )
    except EmbeddedAiosError as error:
        raise CommandError(str(error)) from error
    with suppress(StoreError, OSError):  # without it, only `--context demo` does not lead here
        note_demo(RunningDemo(os.getpid(), aios.urls, args.pace, args.chaos), os.environ)
    return aios


def _listed(story: Story) -> str:
    return fill(f"{story.name:<10}{story.sentence}", width=80, subsequent_indent=" " * 10)


def _about(aios: EmbeddedAios, port_offset: int, *, chaos: bool) -> list[str]:
    offset = f" --port-offset {port_offset}" if port_offset else ""
    width = max(map(len, aios.urls))
    spoilt = ["chaos: about every fifth answer to aios-top is spoilt on purpose"] if chaos else []
    return [
        f"embedded AIOS, simulated: scenario {aios.scenario}, {aios.pace} pace, seed {aios.seed}; this machine only",
        *spoilt,
        *(f"  {name:<{width}}  {url}" for name, url in aios.urls.items()),
        f"watch it: aios-top --host 127.0.0.1{offset}",
        "stop it: Ctrl-C",
    ]
