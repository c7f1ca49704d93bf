"""`aios-top policy restart`: restarts a block's executor, the only way to make it load another policy."""

import argparse
import asyncio
import time

from msgspec.structs import replace

from aios_top.cli.change import carry_out
from aios_top.cli.progress import Progress
from aios_top.engine.awakening import Awakening, Sign
from aios_top.engine.session import Session
from aios_top.model.change import Fate, Outcome, Plan
from aios_top.model.command import command
from aios_top.model.span import length

LOOK_SECONDS = 1.0


def run(args: argparse.Namespace) -> int:
    """Plan it, ask, send it once, and wait until the new autoscaler has decided."""
    restart = _Restart(args.block, args.wait)
    return carry_out(args, restart.plan, restart.follow if args.wait else None)


class _Restart:
    def __init__(self, block_id: str, patience_seconds: float) -> None:
        self._block_id = block_id
        self._patience = patience_seconds
        self._awakening: Awakening
        self._reach = ""

    async def plan(self, session: Session) -> Plan:
        plan = await session.plan_restart(self._block_id)
        self._awakening = session.awakening(self._block_id)
        self._reach = session.options.reach
        return plan

    async def follow(self, outcome: Outcome) -> Outcome:
        """Look once a second for a first decision of the new process."""
        progress = Progress()
        began = time.monotonic()
        sign = await self._awakening.look()
        while not sign.settled and time.monotonic() - began < self._patience:
            waited = int(time.monotonic() - began)
            progress.draw(waited, int(self._patience), "seconds: waiting for the first decision")
            await asyncio.sleep(LOOK_SECONDS)
            sign = await self._awakening.look()
        progress.clear()
        return _judged(outcome, self._block_id, sign, self._patience, self._reach)


def _judged(outcome: Outcome, block_id: str, sign: Sign, patience_seconds: float, reach: str) -> Outcome:
    """Say what the restart led to; without a sign of the new process its outcome is not known."""
    if not sign.settled:
        seen = "it answers anew but has not decided" if sign.awake else "its new process has not been seen"
        next_step = f"look at {command('decisions', '--block', block_id, reach=reach)}"
        message = f"restart sent, but {seen} after {length(patience_seconds)}; {next_step}"
        return replace(outcome, fate=Fate.UNKNOWN, message=message)
    version = sign.report.policy_version if sign.report else None
    runs = f"runs policy version {version}" if version else "runs its policy"
    told = f"first decision: {sign.decision.code}" if sign.decision else "it tells no decisions"
    return replace(outcome, message=f"executor of {block_id} restarted; it {runs}; {told}")
