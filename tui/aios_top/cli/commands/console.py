"""The bare `aios-top`: the console on one AIOS."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from aios_top.bundle.policy_file import policy_file
from aios_top.cli.allocator import share_one_heap
from aios_top.cli.backfill import histories
from aios_top.cli.capsules import Gather, without_network
from aios_top.cli.credentials import known_secrets
from aios_top.cli.exits import INTERNAL, CommandError, UsageError
from aios_top.cli.installation import Installation, chosen
from aios_top.cli.past import OwnPast
from aios_top.cli.recording import recording_port
from aios_top.cli.screen import refuse_without_terminal
from aios_top.cli.settings import settings_of
from aios_top.cli.stored import stored
from aios_top.cli.unpacked import remove_leftovers
from aios_top.cli.wiring import open_session
from aios_top.console.app import ConsoleApp
from aios_top.console.bridge import EngineCockpit
from aios_top.console.keys import Key, KeyTableError, bound
from aios_top.console.run import run_app
from aios_top.console.themes import Look, ThemeError, shipped_looks
from aios_top.engine.thread import EngineThread
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.lint_facts import Facts
from aios_top.model.state import FleetState
from aios_top.model.text import Clean
from aios_top.model.verification import Verification
from aios_top.model.verified import as_of, with_verifications
from aios_top.store.config import Config
from aios_top.store.paths import state_folder

GRACE_SECONDS = 3.0
"""How long a change that is under way at the end may take to be answered and recorded."""


def run(args: argparse.Namespace) -> int:
    """Open it on the installation that the options or the configuration name."""
    installation = chosen(args, screen=True)
    refuse_without_terminal()
    return open_console(
        verifying(installation, args),
        theme=args.theme,
        low_bandwidth=args.low_bandwidth,
        records=records(args),
        prometheus=args.prometheus,
    )


def records(args: argparse.Namespace) -> bool | None:
    """Return whether to record from the start: no by the option, else what the configuration says."""
    return False if args.no_record else None


def open_console(
    installation: Installation,
    *,
    theme: str | None,
    low_bandwidth: bool,
    records: bool | None = None,
    prometheus: str | None = None,
    earlier: bool = True,
) -> int:
    """Run the engine on a thread of its own and the console on this one; return the exit code.

    `earlier`: the curves begin with what the last run of the same context saw; not where that was another AIOS.
    """
    share_one_heap()
    config = installation.config
    parts = console_parts(config, theme)
    port = recording_port(installation)
    from_start = config.recording.enabled if records is None else records
    with stored():
        crash_folder = state_folder(os.environ)
    remove_leftovers()
    apps: list[ConsoleApp] = []

    def engine_failed(error: BaseException) -> None:
        """End the screen: it must not go on to show old figures."""
        for app in apps:
            app.crash = app.crash or error
            app.leave_from_thread(INTERNAL)

    before = histories(installation, prometheus, earlier=earlier)
    thread = EngineThread(
        lambda: open_session(installation, recording=port, records=from_start, histories=before), engine_failed
    )
    cockpit = EngineCockpit(thread)
    past = OwnPast(
        cockpit.recorded, _gathering(cockpit), known_secrets(installation.credentials), _verified_now(cockpit)
    )
    try:
        app = ConsoleApp(cockpit, low_bandwidth=low_bandwidth, past=past, **parts)
        app.settings = settings_of(installation, app.theme.removeprefix("aios-"), records=from_start)
        apps.append(app)
        return run_app(app, crash_folder, stalled=cockpit.screen_stalled)
    finally:
        past.close()
        thread.close(GRACE_SECONDS)


def _verified_now(cockpit: EngineCockpit) -> Callable[[FleetState], FleetState]:
    """Return what adds to a moment of this run's past what is known by now of its decisions."""

    def verified(then: FleetState) -> FleetState:
        blocks = cockpit.latest().blocks

        def of(block_id: Clean) -> Verification | None:
            known = blocks[block_id].verification if block_id in blocks else None
            return None if known is None else as_of(known, then.at)

        return with_verifications(then, of)

    return verified


def _gathering(cockpit: EngineCockpit) -> Gather:
    """Return how a capsule gets the policies' code: from AIOS, else what is known here."""

    def gather(state: FleetState) -> Sequence[Facts]:
        try:
            return cockpit.evidence(state)
        except (ReadError, ActionRefusedError, TimeoutError):
            return without_network(state)

    return gather


def console_parts(config: Config, theme: str | None) -> dict[str, Any]:
    """Return what every console is made of: theme, keys, characters; raises UsageError for what there is none of."""
    keys, looks = _keys(config), _looks()
    theme = theme or config.theme
    if theme is not None and theme not in looks:
        raise UsageError(f"no theme '{theme}'; there are: {', '.join(looks)}")
    return {"theme": theme, "keys": keys, "ascii_only": not _speaks_utf8(), "looks": looks}


def verifying(installation: Installation, args: argparse.Namespace) -> Installation:
    """Return the installation with the policy file that its decisions are evaluated again with."""
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
