"""Finds the block that a command names."""

from aios_top.cli.exits import CommandError
from aios_top.model.state import BlockState, FleetState


def one_block(state: FleetState, block_id: str) -> BlockState:
    """Return a block of `state`; ends the command with the names that there are when it has no such block."""
    block = state.blocks.get(block_id)
    if block is None:
        known = ", ".join(state.blocks) or "none; is AIOS reachable?"
        raise CommandError(f"no block '{block_id}'; there are: {known}")
    return block
