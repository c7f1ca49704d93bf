"""`aios-top policy show`: a block's policy, declared, registered and in force."""

import argparse
import json

from aios_top.cli.awaited import awaited
from aios_top.cli.choice import one_block
from aios_top.cli.installation import chosen
from aios_top.cli.outcome import link_exit_code
from aios_top.cli.wiring import open_session
from aios_top.model.state import FleetState
from aios_top.render.policy_document import policy_document, policy_lines


def run(args: argparse.Namespace) -> int:
    """Print what one look shows."""
    state = awaited(_look(args))
    document = policy_document(state, one_block(state, args.block))
    print(json.dumps(document, allow_nan=False) if args.json else "\n".join(policy_lines(document)))
    return link_exit_code(state)


async def _look(args: argparse.Namespace) -> FleetState:
    async with open_session(chosen(args)) as session:
        return await session.refresh()
