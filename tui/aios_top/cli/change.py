"""What all commands that change one thing have in common: look, plan, ask, send once, say what became of it."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable

from aios_top.cli.confirm import confirm, refuse_when_read_only
from aios_top.cli.installation import chosen
from aios_top.cli.outcome import tell
from aios_top.cli.wiring import open_session
from aios_top.engine.session import Session
from aios_top.model.change import Outcome, Plan


def carry_out(args: argparse.Namespace, make_plan: Callable[[Session], Awaitable[Plan]]) -> int:
    """Return the exit code of the change that `make_plan` plans from a fresh look at AIOS."""
    return tell(asyncio.run(_carry_out(args, make_plan)))


async def _carry_out(args: argparse.Namespace, make_plan: Callable[[Session], Awaitable[Plan]]) -> Outcome:
    installation = chosen(args)
    refuse_when_read_only(installation.options.read_only)
    async with open_session(installation) as session:
        await session.refresh()
        plan = await make_plan(session)
        confirm(plan, yes=args.yes)
        return await session.execute(plan)
