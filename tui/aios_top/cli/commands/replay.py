"""`aios-top replay`: the console over a recording, or over the one in a capsule."""

import argparse
import os
from functools import partial
from typing import cast

from msgspec.structs import replace

from aios_top.bundle.policy_file import policy_file
from aios_top.cli.commands.console import console_parts
from aios_top.cli.credentials import known_secrets
from aios_top.cli.exits import UsageError
from aios_top.cli.installation import configuration
from aios_top.cli.opened import Opened, opened
from aios_top.cli.past import FilePast
from aios_top.cli.recording import path_of
from aios_top.cli.screen import refuse_without_terminal
from aios_top.cli.spans import moment
from aios_top.cli.stored import stored
from aios_top.cli.wiring import RuleProcesses
from aios_top.cli.workbench import PolicyWorkbench
from aios_top.console.app import ConsoleApp
from aios_top.console.ports import Cockpit
from aios_top.console.recorded import RecordedCockpit
from aios_top.console.run import run_app
from aios_top.console.settings import Setting
from aios_top.engine.past_verifier import PastVerifier
from aios_top.engine.tryouts import Tryouts
from aios_top.model.errors import PastError
from aios_top.model.recording import RecordingInfo
from aios_top.render.numbers import stamp
from aios_top.render.timebar import Travel
from aios_top.store.paths import StoreError, state_folder


def run(args: argparse.Namespace) -> int:
    """Open a recording and show it from a moment on."""
    path = path_of(args.recording, configuration())
    try:
        with opened(path) as found:
            return _show(args, found)
    except (StoreError, PastError) as error:
        raise UsageError(str(error)) from error


def _show(args: argparse.Namespace, found: Opened) -> int:
    recording = found.recording
    times = recording.times
    if not times:
        raise UsageError(f"{recording.path}: holds no poll that can be read")
    at = times[0] if args.at is None else moment("--at", args.at, times[-1])
    refuse_without_terminal("`aios-top report`, `export` and `what-if` read a recording without one")
    verifier = PastVerifier(RuleProcesses(), policy_file(args.policy))
    try:
        return _show_verified(args, found, at, verifier)
    finally:
        verifier.close()


def _show_verified(args: argparse.Namespace, found: Opened, at: float, verifier: PastVerifier) -> int:
    recording = found.recording
    times = recording.times
    past = FilePast(recording, secrets=known_secrets(), beside=verifier, brought=found.brought)
    last, begin = past.moment(times[-1]), past.moment(at)
    travel = Travel(
        begin.state.at,
        times[0],
        times[-1],
        tuple(past.marks()),
        playing=args.speed is not None,
        speed=args.speed or 1.0,
        replay=True,
    )
    with stored():
        crash_folder = state_folder(os.environ)
    config = configuration()
    cockpit = RecordedCockpit(last, Tryouts(PolicyWorkbench(policy_file(args.policy))))
    app = ConsoleApp(
        cast(Cockpit, cockpit),  # its refusals are made when they are asked for
        low_bandwidth=args.low_bandwidth,
        past=past,
        moment=begin,
        travel=travel,
        **console_parts(config, args.theme),
    )
    app.settings = _settings(recording.info)
    verifier.tell = partial(app.complete_from_thread, verifier.complete)
    try:
        return run_app(app, crash_folder)
    finally:
        cockpit.close()


def _settings(info: RecordingInfo) -> tuple[Setting, ...]:
    """Return what is known of the recording, for the page that F12 shows."""
    header = replace(info.header)
    rows = {
        "recording": info.name,
        "context": header.context,
        "origin": header.origin_note or "a real AIOS",
        "recorded by": f"{header.who or '?'}, aios-top {header.program or '?'}",
        "address": header.address or "?",
        "from": "?" if info.first is None else stamp(info.first),
        "to": "?" if info.last is None else stamp(info.last),
        "polls": f"{info.polls}, {info.lost} lost, {info.pruned} removed for age or size",
    }
    return tuple(Setting(name, value, "recording") for name, value in rows.items())
