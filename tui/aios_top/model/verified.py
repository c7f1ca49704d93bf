"""Adds to a state what re-evaluation has shown, and judges anew what that concerns."""

from collections.abc import Callable

from msgspec.structs import replace

from aios_top.model.judge import judge_block, judge_fleet
from aios_top.model.state import BlockState, FleetState
from aios_top.model.text import Clean
from aios_top.model.verification import Verification


def with_verifications(state: FleetState, of: Callable[[Clean], Verification | None]) -> FleetState:
    """Return the state with what `of` knows of each block; its verdicts name code that is not the file at hand."""
    blocks = {block_id: _with(block, of(block.block_id), state.at) for block_id, block in state.blocks.items()}
    if all(blocks[block_id] is block for block_id, block in state.blocks.items()):
        return state
    differs = any(known is not None and known.first_difference for known in (b.verification for b in blocks.values()))
    return replace(state, blocks=blocks, verdict=judge_fleet(blocks.values()) if differs else state.verdict)


def as_of(known: Verification, at: float) -> Verification:
    """Return a verification as it concerns a moment of the past: what differs only later says nothing of it."""
    first = known.first_difference
    return known if first is None or first.at <= at else replace(known, first_difference=None)


def _with(block: BlockState, known: Verification | None, now: float) -> BlockState:
    if known is None:
        return block
    verified = replace(block, verification=known)
    return verified if known.first_difference is None else replace(verified, verdict=judge_block(verified, now))
