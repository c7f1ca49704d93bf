"""`aios-top what-if`: what other parameters, or another policy, would have decided on a recording."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from aios_top.bundle.limits import BundleError
from aios_top.bundle.parameter_set import read_parameter_set
from aios_top.bundle.policy_file import policy_file
from aios_top.cli.beside import WhatIfJob
from aios_top.cli.exits import DONE, CommandError, UsageError
from aios_top.cli.opened import named, opened
from aios_top.cli.progress import Progress
from aios_top.cli.spans import told_span
from aios_top.engine.replay import Replay
from aios_top.model.decision import Decision
from aios_top.model.draft import parse_assignment
from aios_top.model.rule_call import RuleError
from aios_top.model.text import Clean, clean
from aios_top.model.what_if import Question, WhatIf
from aios_top.render.what_if import what_if_lines
from aios_top.render.what_if_document import what_if_document
from aios_top.shipped import shipped
from aios_top.store.recording_reader import Recording

_PERCENT = 100


def run(args: argparse.Namespace) -> int:
    """Take the recorded decisions again, and say where they part and what would have followed."""
    changes = _changes(args)
    source = _source(args.policy)
    with opened(named(args.recording)) as found:
        recording = found.recording
        block_id = _block(recording, args.block)
        start, end = told_span(args, recording)
        decisions = _decisions(recording, block_id, start, end)
        in_force = _in_force(recording, block_id, end)
    question = Question(block_id, changes, in_force, args.replica, args.replica_start, args.seed)
    answer = _answer(source, decisions, question)
    print(json.dumps(what_if_document(answer), allow_nan=False) if args.json else "\n".join(what_if_lines(answer)))
    return DONE


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    """Return the set's parameters with the single ones laid over it."""
    try:
        named = read_parameter_set(args.parameters, shipped("policy") / "parameters") if args.parameters else None
        return {**(named.parameters if named else {}), **dict(map(parse_assignment, args.assignments))}
    except BundleError as error:
        raise UsageError(str(error)) from error
    except ValueError as error:
        raise UsageError(f"--set {error}") from error


def _source(path: str | None) -> bytes:
    try:
        return policy_file(path).source
    except BundleError as error:
        raise CommandError(str(error)) from error


def _block(recording: Recording, named: str | None) -> Clean:
    names = recording.block_ids()
    if named is not None and named not in names:
        raise CommandError(f"the recording has no block '{named}'; it has: {', '.join(names) or 'none'}")
    if named is not None:
        return clean(named, 1000)
    if len(names) != 1:
        raise UsageError(f"the recording has {len(names)} blocks; name one with --block: {', '.join(names) or 'none'}")
    return names[0]


def _decisions(recording: Recording, block_id: Clean, start: float, end: float) -> list[Decision]:
    """Return what the policy told; of a silent one, what the console concluded. Oldest first, each once."""
    told = {decision.key: decision for _, decision in recording.decisions(str(block_id), start, end)}
    found = [decision for decision in told.values() if start <= decision.at <= end]
    if not found:
        block = Replay(recording).state(min(end, recording.times[-1])).blocks.get(block_id)
        seen = [] if block is None else list(block.decisions)
        found = [decision for decision in seen if start <= decision.at <= end]
    if not found:
        raise CommandError(f"{block_id}: the recording holds no decision of it in that time")
    return sorted(found, key=lambda decision: decision.at)


def _in_force(recording: Recording, block_id: Clean, end: float) -> Mapping[str, Any]:
    block = Replay(recording).state(min(end, recording.times[-1])).blocks.get(block_id)
    return {} if block is None else block.in_force


def _answer(source: bytes, decisions: list[Decision], question: Question) -> WhatIf:
    progress = Progress()
    try:
        job = WhatIfJob(source, tuple(decisions), question)
        return job.run(lambda share: progress.draw(round(_PERCENT * share), _PERCENT, "% estimated"))
    except RuleError as error:
        raise CommandError(f"the policy {error}") from error
    finally:
        progress.clear()
