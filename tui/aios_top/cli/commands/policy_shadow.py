"""`aios-top policy shadow`: what a draft would decide beside the running policy, before any deploy."""

import argparse
import asyncio
import json
import sys
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any

from aios_top.cli.assignments import assigned
from aios_top.cli.awaited import awaited
from aios_top.cli.choice import one_block
from aios_top.cli.exits import DONE, FAILED, CommandError
from aios_top.cli.installation import chosen
from aios_top.cli.stream import states
from aios_top.cli.wiring import open_session
from aios_top.engine.session import Session
from aios_top.model.shadow import ShadowState
from aios_top.render.shadow import agreement_text, shadow_document, shadow_line, shadow_rows
from aios_top.render.wrap import COLUMNS


def run(args: argparse.Namespace) -> int:
    """Compare what the policy still keeps, then what it decides in the given time; interrupting ends it earlier."""
    state = awaited(_watch(args))
    if args.json:
        print(json.dumps(shadow_document(state), allow_nan=False))
    else:
        print("\n".join(line.text.rstrip() for line in shadow_rows(state, COLUMNS)))
    return FAILED if state.problem else DONE


async def _watch(args: argparse.Namespace) -> ShadowState:
    values = assigned(args.assignments)
    async with open_session(chosen(args)) as session:
        fleet = await session.refresh()
        block = one_block(fleet, args.block)
        await session.start_shadow(str(block.block_id), values, args.policy)
        known = await session.finish_shadow()
        if known is None:
            raise CommandError("the comparison did not start")
        if not args.json:
            print(f"{block.block_id}: {known.plan.words}; known so far: {agreement_text(known)}", file=sys.stderr)
        if known.problem is None and args.duration > 0:
            await _until_interrupted(_follow(session, args))
        return await session.finish_shadow() or known


async def _until_interrupted(following: Coroutine[Any, Any, None]) -> None:
    """Follow; a first ctrl-c ends only this, so that what was found so far is still told."""
    try:
        await following
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.uncancel():
            raise


async def _follow(session: Session, args: argparse.Namespace) -> None:
    """Print each new evaluation as it comes, for as long as asked."""
    printed = len((session.shadow_state() or _none()).rows)
    try:
        async with asyncio.timeout(args.duration), aclosing(states(session)) as stream:
            async for _ in stream:
                state = await session.finish_shadow() or _none()
                fresh = state.agreed + state.disagreed + state.skipped - printed
                for entry in reversed(state.rows[:fresh]):
                    if not args.json:
                        print(shadow_line(entry), file=sys.stderr, flush=True)
                printed += fresh
    except TimeoutError:
        return


def _none() -> ShadowState:
    raise CommandError("the comparison has ended by itself")
