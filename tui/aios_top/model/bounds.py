"""Which limits of a block somebody keeps: AIOS stores two numbers and enforces neither, a policy may."""

from collections.abc import Mapping

from aios_top.model.rule import number
from aios_top.model.state import BlockState


def kept_maximum(block: BlockState) -> int | None:
    """Return the maximum that the policy itself keeps, None when it keeps none."""
    return _kept(block, "max", "max_replicas", "max_instances")


def kept_minimum(block: BlockState) -> int | None:
    """Return the minimum that the policy itself keeps, None when it does not tell."""
    return _kept(block, "min", "min_replicas", "min_instances")


def _kept(block: BlockState, recorded: str, parameter: str, declared: str) -> int | None:
    """Return a limit as its last record has it, else as its parameters say."""
    last = block.policy.last_decision
    replicas = last.record.get("replicas") if last is not None else None
    found = number(replicas.get(recorded)) if isinstance(replicas, Mapping) else None
    if found is None and block.parameters is not None:
        effective = block.parameters.effective
        found = number(effective.get(parameter))
        if found is None and effective.get("use_block_limits") is True and block.record is not None:
            found = number(getattr(block.record, declared))
    return None if found is None else int(found)
