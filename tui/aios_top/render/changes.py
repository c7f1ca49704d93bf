"""What differs between two states, one sentence per change: for logs, and for those who cannot see a screen."""

from aios_top.model.decision import Action
from aios_top.model.state import BlockState, FleetState
from aios_top.render.document import rfc3339
from aios_top.render.numbers import count
from aios_top.render.plain import decision_line


def changes(before: FleetState | None, after: FleetState) -> list[str]:
    """Return the changes since `before`; the first state is one change of its own."""
    if before is None:
        verdict = "" if after.verdict is None else f": {after.verdict.sentence}"
        return [f"{rfc3339(after.at)} watching {count(len(after.blocks), 'block')}{verdict}"]
    lines = [
        f"{rfc3339(after.at)} {block_id} is gone: AIOS lists it no more"
        for block_id in before.blocks
        if block_id not in after.blocks
    ]
    for block_id, block in after.blocks.items():
        lines += _block_changes(before.blocks.get(block_id), block, after.at)
    return lines


def _block_changes(before: BlockState | None, block: BlockState, at: float) -> list[str]:
    lines = [] if before is not None else [f"{rfc3339(at)} {block.block_id} appeared"]
    known = () if before is None else before.decisions
    fresh = [
        entry
        for entry in block.decisions
        if entry.action is not Action.HOLD and (entry.at, entry.code) not in {(old.at, old.code) for old in known}
    ]
    lines += [decision_line(block.block_id, entry) for entry in reversed(fresh)]
    if before is None:
        return lines
    if before.replicas.best != block.replicas.best and _known(before) and _known(block):
        lines.append(f"{rfc3339(at)} {block.block_id} replicas {before.replicas.best} → {block.replicas.best}")
    if block.verdict is not None and (before.verdict is None or before.verdict.code != block.verdict.code):
        lines.append(f"{rfc3339(at)} {block.block_id} {block.verdict.severity.name.lower()}: {block.verdict.sentence}")
    return lines


def _known(block: BlockState) -> bool:
    """Return whether `replicas.best` is a count: of a service that is away nothing follows for the replicas."""
    return not block.replicas.wiped and (block.counted or (block.replicas.current is not None and not block.stale))
