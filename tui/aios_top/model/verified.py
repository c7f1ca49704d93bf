"""Adds to a state what re-evaluation has shown, and judges anew what that concerns."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from aios_top.model.decision import Decision
from aios_top.model.explanation import Match
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
    """Return a verification as it concerns a moment of the past: what came later says nothing of it."""
    results = {key: result for key, result in known.results.items() if result.at <= at}
    if len(results) == len(known.results):
        return known
    first = known.first_difference
    return replace(
        known,
        results=results,
        replays={key: again for key, again in known.replays.items() if key in results},
        first_difference=None if first is None or first.at > at else first,
    )


def of_these(known: Verification, decisions: Iterable[Decision]) -> Verification:
    """Return a verification as far as it concerns these decisions, newest first."""
    kept = {entry.key: entry for entry in decisions if entry.key in known.results}
    differing = [entry for key, entry in kept.items() if known.results[key].match is Match.DIFFERS]
    return replace(
        known,
        results={key: result for key, result in known.results.items() if key in kept},
        replays={key: again for key, again in known.replays.items() if key in kept},
        first_difference=differing[-1] if differing else None,
    )


def _with(block: BlockState, known: Verification | None, now: float) -> BlockState:
    if known is None:
        return block
    verified = replace(block, verification=known)
    return verified if known.first_difference is None else replace(verified, verdict=judge_block(verified, now))
