"""`aios-top watch`: what changes, or with `--jsonl` every state, until interrupted."""

import argparse
import json
from contextlib import aclosing

from aios_top.cli.awaited import awaited
from aios_top.cli.exits import DONE
from aios_top.cli.installation import chosen
from aios_top.cli.outcome import link_exit_code
from aios_top.cli.stream import states
from aios_top.cli.wiring import open_session
from aios_top.model.state import FleetState
from aios_top.render.changes import changes
from aios_top.render.document import fleet_document


def run(args: argparse.Namespace) -> int:
    """Print one document for each poll, or one sentence for each change."""
    last = awaited(_watch(args))
    return (link_exit_code(last) if last is not None else None) or DONE


async def _watch(args: argparse.Namespace) -> FleetState | None:
    """Return the last state that was wanted; without a number of them it goes on until it is interrupted."""
    before: FleetState | None = None
    printed = 0
    async with open_session(chosen(args)) as session, aclosing(states(session)) as stream:
        async for state in stream:
            _print(before, state, jsonl=args.jsonl)
            before = state
            printed += 1
            if printed == args.count:
                break
    return before


def _print(before: FleetState | None, state: FleetState, *, jsonl: bool) -> None:
    lines = [json.dumps(fleet_document(state), allow_nan=False)] if jsonl else changes(before, state)
    for line in lines:
        print(line, flush=True)
