"""`aios-top policy force`: queues a scaling that the policy carries out itself at its next evaluation."""

import argparse

from aios_top.cli.change import carry_out
from aios_top.engine.session import Session
from aios_top.model.change import Plan


def run(args: argparse.Namespace) -> int:
    """Plan it, ask, send it once."""

    async def plan(session: Session) -> Plan:
        if args.cancel:
            return await session.plan_cancel(args.block)
        victims = tuple(args.remove or ())
        return await session.plan_force(
            args.block,
            args.up if args.up is not None else -(args.down or len(victims)),
            victims,
            expires_seconds=args.expires,
            ignore_cooldown=args.ignore_cooldown,
            reason=args.reason,
        )

    return carry_out(args, plan)
