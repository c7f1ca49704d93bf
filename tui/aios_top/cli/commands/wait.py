"""`aios-top wait`: until a block is as a script wants it, or time is up."""

import argparse
import asyncio
import sys
from contextlib import aclosing

from aios_top.cli.awaited import awaited
from aios_top.cli.choice import one_block
from aios_top.cli.exits import DONE, FAILED, CommandError, UsageError
from aios_top.cli.installation import chosen
from aios_top.cli.outcome import LinkNews, link_problem
from aios_top.cli.stream import states
from aios_top.cli.wiring import open_session
from aios_top.engine.session import Session
from aios_top.model.condition import Condition, condition
from aios_top.model.span import length
from aios_top.model.state import FleetState


def run(args: argparse.Namespace) -> int:
    """Wait; 0 when the condition holds, 1 when time is up."""
    try:
        wanted = condition(args.until)
    except ValueError as error:
        raise UsageError(f"--until: {error}") from error
    return awaited(_wait(args, wanted))


async def _wait(args: argparse.Namespace, wanted: Condition) -> int:
    async with open_session(chosen(args)) as session:
        waiting = _Waiting(session, args.block, wanted)
        try:
            async with asyncio.timeout(args.wait):
                await waiting.until_it_holds()
        except TimeoutError:
            print(f"aios-top: not within {length(args.wait)}: {args.until}; {waiting.found()}", file=sys.stderr)
            return FAILED
    print(f"{args.block}: {args.until}")
    return DONE


class _Waiting:
    """Looks at every state; what was decided before the waiting began does not count."""

    def __init__(self, session: Session, block_id: str, wanted: Condition) -> None:
        self._session = session
        self._block_id = block_id
        self._wanted = wanted
        self._began = session.now()
        self._newest: FleetState | None = None

    async def until_it_holds(self) -> None:
        """Return when the condition holds; ends the command when AIOS answers and has no such block."""
        link = LinkNews()
        async with aclosing(states(self._session)) as stream:
            async for state in stream:
                self._newest = state
                link.tell(state)
                if link_problem(state) or not state.blocks:
                    continue
                block = one_block(state, self._block_id)
                if self._wanted.holds(block, self._session.now(), self._began):
                    return
        raise CommandError("polling ended by itself")

    def found(self) -> str:
        """Say what was there at the end."""
        state = self._newest
        if state is None:
            return "AIOS has not answered"
        problem = link_problem(state)
        if problem or self._block_id not in state.blocks:
            return problem or "AIOS lists no block"
        return self._wanted.found(state.blocks[self._block_id], self._session.now())
