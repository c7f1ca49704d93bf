"""`aios-top policy diff`: declared against running parameters, local against served code."""

import argparse

from aios_top.cli.awaited import awaited
from aios_top.cli.choice import one_block
from aios_top.cli.exits import DONE, FAILED
from aios_top.cli.installation import chosen
from aios_top.cli.outcome import link_exit_code
from aios_top.cli.wiring import open_session
from aios_top.model.lint_facts import Facts
from aios_top.model.state import FleetState
from aios_top.render.policy_diff import diff_lines, differs


def run(args: argparse.Namespace) -> int:
    """Print the differences; with --exit-code they are the exit code."""
    state, facts = awaited(_look(args))
    print("\n".join(diff_lines(facts)))
    found = FAILED if args.exit_code and differs(facts) else DONE
    return link_exit_code(state) or found


async def _look(args: argparse.Namespace) -> tuple[FleetState, Facts]:
    async with open_session(chosen(args)) as session:
        state = await session.refresh()
        block = one_block(state, args.block)
        return state, await session.policy_facts(str(block.block_id), args.policy)
