"""`aios-top policy set`: other parameters for the running policy, until its executor restarts."""

import argparse

from aios_top.cli.assignments import assigned
from aios_top.cli.change import carry_out, rehearse
from aios_top.engine.session import Session
from aios_top.model.change import Plan


def run(args: argparse.Namespace) -> int:
    """Check, let the policy try it, ask, set; with --dry-run send nothing that could change anything."""
    values = assigned(args.assignments)

    async def plan(session: Session) -> Plan:
        return await session.plan_set(args.block, values)

    return rehearse(args, plan) if args.dry_run else carry_out(args, plan)
