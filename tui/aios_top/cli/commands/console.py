"""The bare `aios-top`: the console on one AIOS. Imports what the first screen needs; the rest comes behind it."""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, cast

from msgspec.structs import replace

from aios_top.cli.allocator import share_one_heap
from aios_top.cli.exits import CommandError, UsageError
from aios_top.cli.installation import Installation, chosen
from aios_top.cli.screen import refuse_without_terminal
from aios_top.cli.stored import stored
from aios_top.console.app import ConsoleApp
from aios_top.console.keys import Key, KeyTableError, bound
from aios_top.console.opening import Opened, OpeningCockpit
from aios_top.console.ports import Cockpit
from aios_top.console.run import run_app
from aios_top.console.themes import Look, ThemeError, shipped_looks
from aios_top.engine.clock import SystemClock
from aios_top.engine.gate import WriteGate
from aios_top.model.state import FleetState
from aios_top.store.config import Config
from aios_top.store.paths import state_folder


def run(args: argparse.Namespace) -> int:
    """Open it on the installation that the options or the configuration name."""
    installation = chosen(args, screen=True)
    refuse_without_terminal()
    if args.policy is not None:  # what is wrong with a named file is told without a screen
        installation = verifying(installation, args)
    return open_console(
        installation,
        lambda: installation if args.policy is not None else verifying(installation, args),
        theme=args.theme,
        low_bandwidth=args.low_bandwidth,
        records=records(args),
        prometheus=args.prometheus,
    )


def records(args: argparse.Namespace) -> bool | None:
    """Return whether to record from the start: no by the option, else what the configuration says."""
    return False if args.no_record else None


def open_console(
    first: Installation,
    prepare: Callable[[], Installation],
    *,
    theme: str | None,
    low_bandwidth: bool,
    records: bool | None = None,
    prometheus: str | None = None,
    earlier: bool = True,
) -> int:
    """Run the console on this thread and the engine on another; return the exit code.

    The first screen is painted from the options of `first`; behind it the engine is opened on what `prepare` returns.
    `earlier`: the curves begin with what the last run of the same context saw; not where that was another AIOS.
    """
    share_one_heap()
    options, config = first.options, first.config
    with stored():
        crash_folder = state_folder(os.environ)
    gate = WriteGate(read_only=options.read_only, writable=options.writable)
    app = ConsoleApp(_opening(first, gate), low_bandwidth=low_bandwidth, **console_parts(config, theme))
    from_start = config.recording.enabled if records is None else records
    with ExitStack() as running:

        def opens() -> Opened:
            installation = prepare()
            from aios_top.cli.opening import engine_of  # a third of a second that the first screen does not wait for

            engine = engine_of(installation, gate, app, records=from_start, prometheus=prometheus, earlier=earlier)
            return running.enter_context(engine)

        app.opens = opens
        code = run_app(app, crash_folder, stalled=app.stalled)
    if app.refused is not None:
        raise app.refused
    return code


def _opening(first: Installation, gate: WriteGate) -> Cockpit:
    """Return what the first screen shows: where it connects to, and nothing that was read."""
    options, clock = first.options, SystemClock()
    state = FleetState(
        clock.now(), 0, context=options.context, origin_note=options.origin_note, poll_seconds=options.poll_seconds
    )
    return cast(Cockpit, OpeningCockpit(state, gate, clock.now, production=options.production))


def console_parts(config: Config, theme: str | None) -> dict[str, Any]:
    """Return what every console is made of: theme, keys, characters; raises UsageError for what there is none of."""
    keys, looks = _keys(config), _looks()
    theme = theme or config.theme
    if theme is not None and theme not in looks:
        raise UsageError(f"no theme '{theme}'; there are: {', '.join(looks)}")
    return {"theme": theme, "keys": keys, "ascii_only": not _speaks_utf8(), "looks": looks}


def verifying(installation: Installation, args: argparse.Namespace) -> Installation:
    """Return the installation with the policy file that its decisions are evaluated again with."""
    from aios_top.bundle.policy_file import policy_file

    return replace(installation, options=replace(installation.options, policy_file=policy_file(args.policy)))


def _keys(config: Config) -> tuple[Key, ...]:
    try:
        return bound(config.keys)
    except KeyTableError as error:
        raise CommandError(str(error)) from error


def _looks() -> dict[str, Look]:
    try:
        return dict(shipped_looks())
    except ThemeError as error:
        raise CommandError(str(error)) from error


def _speaks_utf8() -> bool:
    """Whether the terminal that Textual draws on takes more than ASCII."""
    encoding = getattr(sys.__stderr__, "encoding", None) or ""
    return encoding.lower().replace("-", "") == "utf8"
