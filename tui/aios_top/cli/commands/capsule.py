"""`aios-top capsule`: an incident in one file, with nothing secret in it."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from aios_top.cli.awaited import awaited
from aios_top.cli.capsules import Wanted, make_capsule, without_network
from aios_top.cli.credentials import known_secrets
from aios_top.cli.exits import DONE
from aios_top.cli.installation import Installation, chosen
from aios_top.cli.opened import named, opened
from aios_top.cli.progress import Progress
from aios_top.cli.spans import HOUR_SECONDS, span
from aios_top.cli.wiring import open_session
from aios_top.model.capsule import capsule_name
from aios_top.model.lint_facts import Facts
from aios_top.model.state import FleetState
from aios_top.render.numbers import count
from aios_top.render.timebar import size


def run(args: argparse.Namespace) -> int:
    """Write it, and say what is in it."""
    online = bool(args.host or args.urls or args.command_urls or args.context)
    installation = chosen(args) if online else None
    with opened(named(args.recording)) as found:
        start, end = span(args, found.recording, HOUR_SECONDS)
        context = "" if args.redact_names else found.recording.header.context
        output = Path(args.output or capsule_name(context, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(end))))
        wanted = Wanted(
            start,
            end,
            output,
            args.note,
            args.redact_names,
            known_secrets(None if installation is None else installation.credentials),
        )
        content = make_capsule(found.recording, wanted, lambda state: _facts(installation, state), found.brought)
    print(output)
    for policy in content.policies:
        if policy.code is None:
            print(f"aios-top: the code of {policy.uri} is not in it: {policy.problem}", file=sys.stderr)
    told = f"{count(len(content.blocks), 'block')}, {count(len(content.audit), 'line')} of the operators' record"
    print(
        f"aios-top: {told}; {size(output.stat().st_size)}; 'aios-top replay' and 'report' open it",
        file=sys.stderr,
    )
    return DONE


def _facts(installation: Installation | None, state: FleetState) -> Sequence[Facts]:
    if installation is None:
        return without_network(state)
    return awaited(_asked(installation, state))


async def _asked(installation: Installation, state: FleetState) -> Sequence[Facts]:
    progress = Progress()
    try:
        async with open_session(installation) as session:
            return await session.evidence(state, progress.draw)
    finally:
        progress.clear()
