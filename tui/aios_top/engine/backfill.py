"""Fills the curves from before the first poll: from who watched before, then from what the policies remember."""

import asyncio
from collections.abc import Callable, Sequence

from aios_top.engine.poll import BACKFILL_SECONDS, Poller
from aios_top.engine.ports import History
from aios_top.engine.told_curves import told_curves
from aios_top.model.policy_state import Voice
from aios_top.model.state import BlockState, FleetState

Subscribe = Callable[[Callable[[FleetState], None]], Callable[[], None]]
_TOLD = frozenset({Voice.FULL, Voice.SILENT, Voice.ABSENT})


async def backfill(poller: Poller, histories: Sequence[History], subscribe: Subscribe) -> None:
    """Ask every source once the blocks are known, the best one first: a later one only fills what is left.

    Ends when every block's policy has told what it remembers, or has nothing to tell.
    """
    states: asyncio.Queue[FleetState] = asyncio.Queue()
    forget = subscribe(states.put_nowait)
    try:
        state = await states.get()
        while not state.blocks:
            state = await states.get()
        asked = [await poller.backfill(source) for source in histories]
        waiting = await _ask_policies(poller, state, set(state.blocks))
        if any(asked) or len(waiting) < len(state.blocks):
            poller.show()
        while waiting:
            state = await states.get()
            left = await _ask_policies(poller, state, waiting)
            if left < waiting:
                poller.show()
            waiting = left & set(state.blocks)
    finally:
        forget()


async def _ask_policies(poller: Poller, state: FleetState, waiting: set[str]) -> set[str]:
    """Take over what the policies of these blocks remember; returns the blocks that are still to be heard."""
    heard = {name for name in waiting if name in state.blocks and _is_heard(state.blocks[name])}
    for name in heard:
        block = state.blocks[name]
        since = state.at - BACKFILL_SECONDS
        fact = await asyncio.to_thread(told_curves, block.block_id, block.decisions, since, state.at)
        if fact is not None:
            poller.note(fact)
    return waiting - heard


def _is_heard(block: BlockState) -> bool:
    """Whether its policy has told its decisions, or never will."""
    return block.policy.voice in _TOLD and (block.policy.voice is not Voice.FULL or bool(block.decisions))
