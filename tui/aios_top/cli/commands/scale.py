"""`aios-top scale`: changes the number of replicas by hand."""

import argparse

from aios_top.cli.change import carry_out
from aios_top.cli.exits import UsageError
from aios_top.engine.session import Session
from aios_top.model.change import Plan


def run(args: argparse.Namespace) -> int:
    """Plan it from what is read now, ask, send it once."""
    if args.by == 0:
        raise UsageError("--by 0 changes nothing; give a number of replicas to add, or to remove with a minus sign")

    async def plan(session: Session) -> Plan:
        return await session.plan_scale(args.block, replicas=args.replicas, change=args.by)

    return carry_out(args, plan)
