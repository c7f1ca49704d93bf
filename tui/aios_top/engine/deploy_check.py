"""Looks again at what a planned deploy counts on, so that nobody else's change is overwritten unseen."""

from aios_top.engine.deploy_plan import uri_of
from aios_top.engine.ports import Reads
from aios_top.engine.restart import executor_pod
from aios_top.model.change import Plan
from aios_top.model.errors import ActionRefusedError, ReadError


class Unchanged:
    """Compares the present with a plan's precondition; every check raises ActionRefusedError "was A, is B"."""

    def __init__(self, plan: Plan, uri: str, reads: Reads) -> None:
        self._was = plan.precondition
        self._uri = uri
        self._reads = reads

    async def check_all(self) -> None:
        """Check the registry, every block and every pod."""
        await self.check_registered()
        for block_id in self._was["bound"]:
            await self.check_bound(block_id)
        for block_id in self._was["pods"]:
            await self.check_pod(block_id)

    async def check_registered(self) -> None:
        """Check that the record with the uri still gives the same code, or is still missing."""
        try:
            found = await self._reads.policy(self._uri)
        except ReadError as error:
            raise ActionRefusedError(f"the registry cannot be read now: {error}; plan the deploy again") from error
        _compare(f"the code of {self._uri}", self._was["registered"], None if found is None else found.code)

    async def check_bound(self, block_id: str) -> None:
        """Check that the block still names the same policy."""
        try:
            uri = uri_of(await self._reads.record(block_id))
        except ReadError as error:
            raise ActionRefusedError(f"the record of {block_id} cannot be read now: {error}; plan it again") from error
        _compare(f"the policy of {block_id}", self._was["bound"][block_id], uri)

    async def check_pod(self, block_id: str) -> None:
        """Check that the block's executor is still the same pod."""
        pod = await executor_pod(self._reads, block_id)
        _compare(f"the executor's pod of {block_id}", self._was["pods"][block_id], pod.name)


def _compare(what: str, was: str | None, is_now: str | None) -> None:
    if was != is_now:
        raise ActionRefusedError(f"{what} was {was or 'none'}, is {is_now or 'none'}; plan the deploy again")
