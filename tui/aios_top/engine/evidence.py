"""Gathers what a capsule holds beside the recording: the policies' code as inspected, parameters, findings."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from aios_top.engine.lint import Linter
from aios_top.engine.ports import Bundles
from aios_top.model.capsule import CapsulePolicy
from aios_top.model.lint_facts import Facts, Served
from aios_top.model.startup import startups
from aios_top.model.state import BlockState, FleetState

SHIPPED = "shipped with aios-top"
NO_ADDRESS = "the file server was not asked: no address of it was given"

Progress = Callable[[int, int, str], None]


async def online_facts(linter: Linter, state: FleetState, progress: Progress) -> list[Facts]:
    """Return what is known of every block, with the registered archives as AIOS serves them now."""
    found = []
    for number, block_id in enumerate(state.blocks, 1):
        found.append(replace(await linter.facts(block_id), reach=""))  # it is read elsewhere, by who knows other names
        progress(number, len(state.blocks), f"policies: {block_id}")
    return found


def offline_facts(state: FleetState, bundles: Bundles) -> list[Facts]:
    """Return what is known of every block without a network."""
    return [_known(block, state, bundles) for block in state.blocks.values()]


def _known(block: BlockState, state: FleetState, bundles: Bundles) -> Facts:
    bound = None if block.record is None else block.record.autoscaler
    local = None if bound is None else bundles.at_hand(str(bound.uri))
    return Facts(
        block,
        state.policies or None,
        None,
        None if local is None else bundles.read(local.content),
        SHIPPED if local is not None else "",
        startups(block.decisions),
    )


def with_code(facts: Iterable[Facts], policies: Mapping[str, CapsulePolicy]) -> list[Facts]:
    """Return the facts with policies, by uri, as they were inspected when what is looked at happened.

    They stand for what is had now, which may be another version; what could not be inspected then may be had by now.
    """
    return [_inspected(entry, policies.get(str(entry.bound.uri)) if entry.bound else None) for entry in facts]


def _inspected(facts: Facts, known: CapsulePolicy | None) -> Facts:
    if known is None or not known.address or (known.code is None and facts.served is not None):
        return facts
    if known.address == SHIPPED:
        return replace(facts, local=known.code, local_name=SHIPPED)
    return replace(facts, served=Served(known.address, known.code, known.problem or None))


def capsule_policies(facts: Iterable[Facts]) -> list[CapsulePolicy]:
    """Return every policy that blocks are bound to, each once, with its code as it was inspected.

    The served archive, else the shipped policy of this uri; a running policy tells by a digest whether it is that one.
    """
    found: dict[str, CapsulePolicy] = {}
    for entry in facts:
        if entry.bound is None:
            continue
        uri, block_id = str(entry.bound.uri), str(entry.block.block_id)
        known = found.get(uri) or _policy(uri, entry)
        running = entry.block.policy.code_sha256
        told: Mapping[str, str] = {block_id: str(running)} if running else {}
        found[uri] = replace(known, blocks=(*known.blocks, block_id), running={**known.running, **told})
    return list(found.values())


def _policy(uri: str, entry: Facts) -> CapsulePolicy:
    if entry.served is not None:
        return CapsulePolicy(uri, entry.served.address, entry.served.code, entry.served.problem or "")
    if entry.local is not None:
        return CapsulePolicy(uri, SHIPPED, entry.local)
    return CapsulePolicy(uri, problem=NO_ADDRESS if entry.registered or not entry.policies else "not registered")


def block_parameters(block: BlockState) -> dict[str, Any]:
    """Return the parameters in force, where they come from, and what differs from the policy's defaults."""
    report = block.parameters
    return {
        "in_force": dict(block.in_force),
        "origin": block.thresholds_origin.value,
        "source": {} if report is None else dict(report.source),
        "unknown": [] if report is None else list(report.unknown),
    }
