"""`aios-top policy pause`: keeps the running policy from scaling for a while."""

import argparse

from aios_top.cli.change import carry_out
from aios_top.engine.session import Session
from aios_top.model.change import Plan


def run(args: argparse.Namespace) -> int:
    """Plan it, ask, send it once."""

    async def plan(session: Session) -> Plan:
        return await session.plan_pause(args.block, args.duration, args.direction, args.reason)

    return carry_out(args, plan)
