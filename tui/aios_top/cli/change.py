"""What all commands that change one thing have in common: look, plan, ask, send once, say what became of it."""

import argparse
from collections.abc import Awaitable, Callable

from aios_top.cli.awaited import awaited
from aios_top.cli.confirm import confirm, refuse_when_read_only, show
from aios_top.cli.exits import DONE, CommandError
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
    return tell(awaited(_carry_out(args, make_plan, follow)))


def carry_out_both(args: argparse.Namespace, first: MakePlan, second: MakePlan) -> int:
    """Carry out two changes of which the second makes the first take effect; it is planned when the first is done."""
    outcome = awaited(_carry_out(args, first, None, second))
    return tell(outcome)


def rehearse(args: argparse.Namespace, make_plan: MakePlan) -> int:
    """Show what a change would do; nothing is sent but questions, so that it is allowed when read-only too."""
    plan = awaited(_plan_only(args, make_plan))
    show(plan)
    print("dry run: nothing of this was sent")
    return DONE


async def _plan_only(args: argparse.Namespace, make_plan: MakePlan) -> Plan:
    async with open_session(chosen(args)) as session:
        await _look(session)
        return await make_plan(session)


async def _look(session: Session) -> None:
    problem = link_problem(await session.refresh())
    if problem is not None:
        raise CommandError(f"refused: {problem}; nothing was sent")


async def _carry_out(
    args: argparse.Namespace, make_plan: MakePlan, follow: Follow | None, then: MakePlan | None = None
) -> Outcome:
    installation = chosen(args)
    refuse_when_read_only(installation.options.read_only)
    async with open_session(installation) as session:
        await _look(session)
        outcome = await _confirmed(args, session, make_plan, production=installation.options.production)
        if then is not None and outcome.fate is Fate.DONE:
            tell(outcome)
            outcome = await _confirmed(args, session, then, production=installation.options.production)
        return await follow(outcome) if follow and outcome.fate is Fate.DONE else outcome


async def _confirmed(args: argparse.Namespace, session: Session, make_plan: MakePlan, *, production: bool) -> Outcome:
    """Plan, show, ask, send."""
    plan = await make_plan(session)
    confirm(plan, yes=args.yes, typed=args.block if production else None)
    return await session.execute(plan)
