"""Counts a block's replicas anew before a change, and chooses which of them to remove."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from aios_top.engine.ports import Reads
from aios_top.model.decision import Decision
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.policy_state import Voice
from aios_top.model.span import span
from aios_top.model.state import BlockState, InstanceState, Phase
from aios_top.model.text import clean


class Source(StrEnum):
    """Who counted, best first."""

    PODS = "pods"
    """Kubernetes, through the block's mapping service."""
    POLICY = "policy"
    """The policy's own list at its last evaluation."""
    DOCUMENTS = "metric documents"
    """Fresh metric documents: starting instances are missing."""


class Census(Struct, frozen=True):
    """One count."""

    source: Source
    count: int
    instance_ids: frozenset[str]
    """Empty when the source tells the count only."""
    counted_at: float | None = None
    """When the source itself counted, unix seconds of its own clock; None for now."""


_GONE = frozenset({Phase.GHOST, Phase.STALE})
_ENDED = frozenset({"Succeeded", "Failed"})


async def count_replicas(reads: Reads, block: BlockState, source: Source | None = None) -> Census:
    """Ask for the replicas, from `source` or from the best one there is.

    Raises ActionRefusedError when they cannot be counted.
    """
    try:
        return await _count(reads, block, source)
    except ReadError as error:
        raise ActionRefusedError(f"the replicas of {block.block_id} cannot be counted now: {error}; retry") from error


async def _count(reads: Reads, block: BlockState, source: Source | None) -> Census:
    if source in {None, Source.PODS} and reads.has("mapping"):
        try:
            return await _by_pods(reads, block)
        except ReadError:
            if source is Source.PODS:
                raise
    if source in {None, Source.POLICY} and block.policy.voice is Voice.FULL:
        census = await _by_policy(reads, block)
        if census is not None:
            return census
    if source in {None, Source.DOCUMENTS}:
        return await _by_documents(reads, block)
    raise ActionRefusedError(f"{source} no longer tell the replicas of {block.block_id}; plan it again")


async def _by_pods(reads: Reads, block: BlockState) -> Census:
    pods = await reads.pods(block.block_id)
    alive = [pod.instance_id for pod in pods if pod.phase not in _ENDED]
    ids = frozenset(entry for entry in alive if entry is not None and entry != "executor")
    return Census(Source.PODS, len(ids), ids)


async def _by_policy(reads: Reads, block: BlockState) -> Census | None:
    last = (await reads.policy_report(block.block_id)).last_decision
    if last is None or last.current is None:
        return None
    ids = frozenset({*last.instance_ids, *_missing(last)})
    whole = len(ids) == last.current
    return Census(Source.POLICY, last.current, ids if whole else frozenset(), last.at)


async def _by_documents(reads: Reads, block: BlockState) -> Census:
    if block.replicas.wiped:
        raise ActionRefusedError(
            f"AIOS has just wiped its metric store, so the replicas of {block.block_id} are unknown; "
            f"retry in {span(block.push_seconds or 30)}"
        )
    reading = await reads.block(block.block_id)
    gone = {row.instance_id for row in block.instances if row.phase in _GONE}
    ids = (
        frozenset(entry.instance_id for entry in reading.instances if entry.instance_id not in gone) if reading else ()
    )
    if not ids:
        raise ActionRefusedError(
            f"no instance of {block.block_id} reports, so its replicas are unknown; retry when one does"
        )
    return Census(Source.DOCUMENTS, len(ids), frozenset(ids))


def _missing(last: Decision) -> set[str]:
    """Return the instances that the policy lists without a metric document."""
    replicas = last.record.get("replicas")
    missing = replicas.get("missing") if isinstance(replicas, Mapping) else None
    return {clean(entry) for entry in missing if isinstance(entry, str)} if isinstance(missing, list) else set()


def choose_victims(block: BlockState, census: Census, number: int) -> tuple[str, ...]:
    """Return the instances whose removal costs least; raises ActionRefusedError when the ids are not known.

    Those that serve nothing go first (starting, silent, idle), then the fewest requests, then the smallest ones,
    the newest first among equals.
    """
    if len(census.instance_ids) < number:
        raise ActionRefusedError(
            f"{census.source} tell the number of {block.block_id}'s replicas but not their ids; "
            "give the block's mapping address with --url mapping=URL"
        )
    rows: Mapping[str, InstanceState] = {row.instance_id: row for row in block.instances}
    ranked = sorted(census.instance_ids, key=lambda instance_id: _cost(block, rows.get(instance_id), instance_id))
    return tuple(ranked[:number])


_ORDER = {Phase.STARTING: 0, Phase.GHOST: 1, Phase.STALE: 1, Phase.IDLE: 2, Phase.SERVING: 3}


def _cost(block: BlockState, row: InstanceState | None, instance_id: str) -> tuple[int, float, float, float, str]:
    """Return the sort key of one instance: cheapest to lose first."""
    if row is None or row.reading is None:
        return _ORDER[Phase.STARTING], 0.0, 0.0, 0.0 if row is None else -row.first_seen, instance_id
    reading = row.reading
    queued = reading.queue_length.current if reading.queue_length else None
    requests = (reading.active_sessions or 0.0) + (queued or 0.0)
    sizes = [rolling.over(block.window) or 0.0 for rolling in (reading.input_size, reading.output_size) if rolling]
    return _ORDER[row.phase], requests, sum(sizes), -row.first_seen, instance_id
