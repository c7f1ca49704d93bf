"""A draft of a policy that decides beside the running one: one at a time, and nothing of it is sent."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aios_top.engine.lint import Linter
from aios_top.engine.ports import Clock, Rules
from aios_top.engine.shadow import Shadow
from aios_top.model.draft import check_draft
from aios_top.model.errors import ActionRefusedError
from aios_top.model.policy_state import Voice
from aios_top.model.shadow import ShadowPlan, ShadowState
from aios_top.model.state import FleetState


class Drafts:
    """Starts, feeds and ends the comparison of a draft with what is running."""

    def __init__(self, rules: Rules, clock: Clock, latest: Callable[[], FleetState], linter: Linter) -> None:
        self._rules = rules
        self._clock = clock
        self._latest = latest
        self._linter = linter
        self._shadow: Shadow | None = None

    @property
    def state(self) -> ShadowState | None:
        """The running or last comparison."""
        return None if self._shadow is None else self._shadow.state

    async def start(self, block_id: str, values: Mapping[str, Any], path: str | None) -> ShadowState:
        """Compare from now on, in the place of an earlier draft, and with the decisions that are known already.

        Raises ActionRefusedError where there is nothing to compare with, and for values that no policy would take.
        """
        block = self._latest().blocks.get(block_id)
        if block is None or block.policy.voice is Voice.ABSENT:
            raise ActionRefusedError(f"{block_id} has no running policy that a draft could be compared with")
        if path is None and values:
            check = check_draft(await self._linter.facts(block_id, None, archive=False), values)
            if check.problems:
                raise ActionRefusedError("; ".join(f"{name}: {told}" for name, told in check.problems.items()))
        file = await asyncio.to_thread(self._rules.file, path)
        await self.stop()
        self._shadow = Shadow(self._rules, ShadowPlan(block.block_id, file, values), self._clock.now)
        self._shadow.offer(self._latest().blocks)
        return self._shadow.state

    def offer(self, state: FleetState) -> None:
        """Compare what is new in a state."""
        if self._shadow is not None:
            self._shadow.offer(state.blocks)

    async def finish(self) -> ShadowState | None:
        """Compare what is known and not yet compared."""
        if self._shadow is not None:
            await self._shadow.finish(self._latest().blocks)
        return self.state

    async def stop(self) -> None:
        """Compare nothing more; what was found stays to be read."""
        if self._shadow is not None:
            await self._shadow.stop()
