"""`aios-top decisions`: what the autoscalers decided, and why; each decision once."""

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import aclosing

from aios_top.cli.awaited import awaited
from aios_top.cli.choice import one_block
from aios_top.cli.exits import DONE
from aios_top.cli.installation import chosen
from aios_top.cli.outcome import LinkNews, link_exit_code
from aios_top.cli.stream import states
from aios_top.cli.wiring import open_session
from aios_top.model.decision import Decision
from aios_top.model.policy_state import Voice
from aios_top.model.state import BlockState, FleetState
from aios_top.model.text import Clean
from aios_top.render.document import decision_document
from aios_top.render.plain import decision_line, restart_line


def run(args: argparse.Namespace) -> int:
    """Print the decisions that are known, and with `--follow` each new one."""
    return awaited(_follow(args) if args.follow else _list(args))


async def _list(args: argparse.Namespace) -> int:
    async with open_session(chosen(args)) as session:
        state = await session.refresh()
    log = _Log(args)
    log.show(state)
    if not log.printed:
        for block in _chosen(state, args.block):
            print(f"{block.block_id}: {_why_none(block)}", file=sys.stderr)
    return link_exit_code(state) or DONE


async def _follow(args: argparse.Namespace) -> int:
    log, link = _Log(args), LinkNews()
    async with open_session(chosen(args)) as session, aclosing(states(session)) as stream:
        async for state in stream:
            link.tell(state)
            log.show(state)
    return DONE


class _Log:
    """Prints each decision once; the cursor of a block is its newest printed decision."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.printed = 0
        self._args = args
        self._seen: dict[Clean, set[tuple[object, ...]]] = {}
        self._boots: dict[Clean, Clean] = {}

    def show(self, state: FleetState) -> None:
        """Print what is new in `state`, oldest first, blocks in the order of time."""
        fresh = [pair for block in _chosen(state, self._args.block) for pair in self._fresh(block)]
        for block_id, decision in sorted(fresh, key=lambda pair: pair[1].at):
            self._note_restart(block_id, decision)
            self._print(block_id, decision)

    def _fresh(self, block: BlockState) -> Iterable[tuple[Clean, Decision]]:
        first_look = block.block_id not in self._seen
        seen = self._seen.setdefault(block.block_id, set())
        fresh = [entry for entry in block.decisions if entry.key not in seen]
        self._seen[block.block_id] = {entry.key for entry in block.decisions}
        return [(block.block_id, entry) for entry in (fresh[: self._args.limit] if first_look else fresh)]

    def _note_restart(self, block_id: Clean, decision: Decision) -> None:
        boot, known = decision.boot_id, self._boots.get(block_id)
        if boot is None or boot == known:
            return
        self._boots[block_id] = boot
        if known is not None and not self._args.json:
            print(restart_line(block_id, decision.at, known, boot), flush=True)

    def _print(self, block_id: Clean, decision: Decision) -> None:
        self.printed += 1
        if self._args.json:
            line = json.dumps({"block_id": block_id, **decision_document(decision)}, allow_nan=False)
        else:
            line = decision_line(block_id, decision)
        print(line, flush=True)


def _chosen(state: FleetState, block_id: str | None) -> list[BlockState]:
    """Return the blocks to tell of; before the first good answer there are none, which is not yet an error."""
    if block_id is None or not state.blocks:
        return list(state.blocks.values())
    return [one_block(state, block_id)]


def _why_none(block: BlockState) -> str:
    match block.policy.voice:
        case Voice.FULL:
            return "no evaluation since its autoscaler started"
        case Voice.SILENT:
            return "its policy does not tell its decisions; --follow infers them from what changes"
        case Voice.ABSENT:
            return "it has no autoscaler policy"
        case _:
            return f"its autoscaler was not asked or did not answer: {block.policy.problem or 'no address'}"
