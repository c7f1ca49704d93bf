"""`aios-top policy rollback`: binds a block to the registered version before its own."""

import argparse

from aios_top.cli.change import carry_out, carry_out_both
from aios_top.engine.session import Session
from aios_top.model.change import Plan


def run(args: argparse.Namespace) -> int:
    """Bind it; with --restart also restart the executor, without which nothing changes."""

    async def bind(session: Session) -> Plan:
        return await session.plan_rollback(args.block, args.to)

    async def restart(session: Session) -> Plan:
        return await session.plan_restart(args.block)

    return carry_out_both(args, bind, restart) if args.restart else carry_out(args, bind)
