"""`aios-top once`: the state of all blocks, once."""

import argparse
import asyncio
import json
import time

from aios_top.cli.awaited import awaited
from aios_top.cli.exits import DONE
from aios_top.cli.installation import chosen
from aios_top.cli.outcome import link_exit_code
from aios_top.cli.wiring import open_session
from aios_top.engine.session import Session
from aios_top.model.state import BlockState, FleetState, Phase
from aios_top.render.document import fleet_document
from aios_top.render.plain import fleet_table

SETTLE_STEP_SECONDS = 0.5


def run(args: argparse.Namespace) -> int:
    """Print what one look shows."""
    state = awaited(_look(args))
    if args.json:
        print(json.dumps(fleet_document(state), allow_nan=False))
    else:
        print("\n".join(fleet_table(state)))
    return link_exit_code(state) or DONE


async def _look(args: argparse.Namespace) -> FleetState:
    async with open_session(chosen(args)) as session:
        return await _settle(session, args.settle)


async def _settle(session: Session, patience_seconds: float) -> FleetState:
    """Look until every block has true rates, which take two pushes, or until patience ends."""
    deadline = time.monotonic() + patience_seconds
    state = await session.refresh()
    while time.monotonic() < deadline and not all(map(_has_rates, state.blocks.values())):
        await asyncio.sleep(min(SETTLE_STEP_SECONDS, max(0.0, deadline - time.monotonic())))
        state = await session.refresh()
    return state


def _has_rates(block: BlockState) -> bool:
    """Whether waiting longer would add nothing: a block that serves no language model never has rates."""
    counting = [row for row in block.instances if row.phase in {Phase.SERVING, Phase.IDLE} and row.reading is not None]
    return block.input_rate is not None or not any(row.reading and row.reading.is_llm for row in counting)
