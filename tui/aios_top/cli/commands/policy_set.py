"""`aios-top policy set`: other parameters for the running policy, until its executor restarts."""

import argparse
from typing import Any

from aios_top.cli.change import carry_out, rehearse
from aios_top.cli.exits import UsageError
from aios_top.engine.session import Session
from aios_top.model.change import Plan
from aios_top.model.draft import parse_assignment


def run(args: argparse.Namespace) -> int:
    """Check, let the policy try it, ask, set; with --dry-run send nothing that could change anything."""
    values = _values(args.assignments)

    async def plan(session: Session) -> Plan:
        return await session.plan_set(args.block, values)

    return rehearse(args, plan) if args.dry_run else carry_out(args, plan)


def _values(assignments: list[str]) -> dict[str, Any]:
    """Read `NAME=VALUE` words; one name twice is a mistake, not a choice."""
    values: dict[str, Any] = {}
    for word in assignments:
        try:
            name, value = parse_assignment(word)
        except ValueError as error:
            raise UsageError(str(error)) from error
        if name in values:
            raise UsageError(f"{name} is given twice")
        values[name] = value
    return values
