"""What all commands that change one thing have in common: look, plan, ask, send once, say what became of it."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable

from aios_top.cli.confirm import confirm, refuse_when_read_only
from aios_top.cli.exits import CommandError
from aios_top.cli.installation import chosen
from aios_top.cli.outcome import link_problem, tell
from aios_top.cli.wiring import open_session
from aios_top.engine.session import Session
from aios_top.model.change import Fate, Outcome, Plan

MakePlan = Callable[[Session], Awaitable[Plan]]
Follow = Callable[[Outcome], Awaitable[Outcome]]


def carry_out(args: argparse.Namespace, make_plan: MakePlan, follow: Follow | None = None) -> int:
    """Return the exit code of the change that `make_plan` plans from a fresh look at AIOS.

    `follow` may look at what a change that was done led to.
    """
    return tell(asyncio.run(_carry_out(args, make_plan, follow)))


async def _carry_out(args: argparse.Namespace, make_plan: MakePlan, follow: Follow | None) -> Outcome:
    installation = chosen(args)
    refuse_when_read_only(installation.options.read_only)
    async with open_session(installation) as session:
        problem = link_problem(await session.refresh())
        if problem is not None:
            raise CommandError(f"refused: {problem}; nothing was sent")
        plan = await make_plan(session)
        confirm(plan, yes=args.yes, typed=args.block if installation.options.production else None)
        outcome = await session.execute(plan)
        return await follow(outcome) if follow and outcome.fate is Fate.DONE else outcome
