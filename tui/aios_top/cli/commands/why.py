"""`aios-top why`: why a block was scaled, or was not, and what follows."""

import argparse
import json
import sys
import time

from msgspec.structs import replace

from aios_top.bundle.policy_file import policy_file
from aios_top.cli.awaited import awaited
from aios_top.cli.choice import one_block
from aios_top.cli.exits import DONE, FAILED, UsageError
from aios_top.cli.installation import chosen
from aios_top.cli.outcome import link_exit_code
from aios_top.cli.spans import moment
from aios_top.cli.wiring import open_session
from aios_top.model.decision import Decision
from aios_top.model.explained import decision_at, explained
from aios_top.model.explanation import Explanation
from aios_top.model.state import BlockState, FleetState
from aios_top.render.document import SCHEMA, rfc3339
from aios_top.render.explanation import explanation_lines
from aios_top.render.explanation_document import explanation_document, verification_document
from aios_top.render.verification import verification_sentence
from aios_top.render.why import sentence
from aios_top.render.wrap import COLUMNS

_RUNNING_MINUTE = 60.0


def run(args: argparse.Namespace) -> int:
    """Explain one decision, or all that are known."""
    state = awaited(_look(args))
    if not state.blocks:
        return link_exit_code(state) or FAILED
    block = one_block(state, args.block)
    at = None if args.at is None else _past(args.at, time.time())
    decisions = list(reversed(block.decisions)) if args.all else [decision_at(block, at, state.at)]
    known = [explained(block, entry, state.at) for entry in decisions if entry is not None]
    if not known:
        print(f"aios-top: {_none(block)}", file=sys.stderr)
        return FAILED
    _print_json(args, block, known) if args.json else _print(args, block, known)
    return link_exit_code(state) or DONE


async def _look(args: argparse.Namespace) -> FleetState:
    installation = chosen(args)
    options = replace(installation.options, policy_file=policy_file(args.policy))
    async with open_session(replace(installation, options=options)) as session:
        await session.refresh()
        return await session.verify()


def _past(text: str, now: float) -> float:
    """Return the moment that was named; one that is still to come has no decision. The running minute ends later."""
    at = moment("--at", text, now, ends=True)
    if at > now + _RUNNING_MINUTE:
        raise UsageError(f"--at {text!r} is still to come; leave it out for the newest decision and what follows")
    return at


def _print(args: argparse.Namespace, block: BlockState, known: list[Explanation]) -> None:
    if not args.all:
        print(f"{block.block_id}")
        print("\n".join(explanation_lines(known[0], COLUMNS)))
        return
    for entry in known:
        print(f"{rfc3339(entry.decision.at)} {_mark(entry)}{sentence(entry)}{_verified(entry)}")
    told = verification_sentence(block)
    if told:
        print(told, file=sys.stderr)


def _print_json(args: argparse.Namespace, block: BlockState, known: list[Explanation]) -> None:
    documents = [explanation_document(entry) for entry in known]
    about = {"block_id": block.block_id, "verification": verification_document(block.verification)}
    document = {"schema": SCHEMA, **about, "decisions": documents} if args.all else {**about, **documents[0]}
    print(json.dumps(document, allow_nan=False, indent=2))


def _mark(entry: Explanation) -> str:
    return "" if entry.decision.record else "~"


def _verified(entry: Explanation) -> str:
    again = entry.reevaluation
    return "" if again is None else f" [{again.match}{f': {again.note}' if again.note else ''}]"


def _none(block: BlockState) -> str:
    oldest: Decision | None = block.decisions[-1] if block.decisions else None
    if oldest is None:
        return f"nothing is known of {block.block_id} before now; run the console or `decisions --follow` to keep it"
    return f"the oldest decision of {block.block_id} that is known is of {rfc3339(oldest.at)}"
