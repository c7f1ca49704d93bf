"""Finds the block that a command names."""

from aios_top.cli.exits import CommandError
from aios_top.cli.outcome import link_problem
from aios_top.model.state import BlockState, FleetState


def one_block(state: FleetState, block_id: str) -> BlockState:
    """Return a block of `state`; ends the command with the names that there are, or with why none is known."""
    block = state.blocks.get(block_id)
    if block is None:
        problem = None if state.blocks else link_problem(state)
        raise CommandError(problem or f"no block '{block_id}'; there are: {', '.join(state.blocks) or 'none'}")
    return block
