"""Which instances serve, start, lag or are gone: newborns, ghosts and the half-hourly wipe told apart."""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from statistics import median_low

from msgspec import Struct

from aios_top.engine.memory import BlockMemory, InstanceMemory, stale_after
from aios_top.model.decision import Decision
from aios_top.model.reading import AnyReading, BlockReading
from aios_top.model.rule import DEFAULT_PUSH_SECONDS
from aios_top.model.state import InstanceState, Phase, Replicas
from aios_top.model.text import Clean

AHEAD_SECONDS = 5.0
"""A stamp from the future is a clock that runs ahead: nothing arrives before it was sent."""
BEHIND_SECONDS = 60.0
"""A fresh stamp this old is more than the way over AIOS's two metric stores takes."""

NO_CLOCK_SECONDS = 86_400.0
"""A stamp that is a day off is no clock that one could correct by."""
FORGET_SECONDS = 600.0
"""A wipe takes documents away for a push period; an instance that is gone ten minutes later is not coming back."""
MOST_ABSENT = 1_000
"""Instances without a document that a block is remembered to have had."""


class Listing(Struct, frozen=True):
    """The policy's own instance list at its last evaluation, which may be an interval old."""

    instance_ids: AbstractSet[Clean]


def take_reading(memory: BlockMemory, reading: BlockReading | None, received_at: float) -> None:
    """Remember the documents of one poll; documents only ever vanish all together, by AIOS's wipe."""
    documents = {} if reading is None else {entry.instance_id: entry for entry in reading.instances}
    missing = memory.documents - documents.keys()
    if reading is not None and reading.dropped:
        missing = frozenset()  # what is missing may be among what could not be read
    if missing:
        _note_wipe(memory, memory.instances.keys() - documents.keys(), received_at)
    memory.documents = frozenset(documents)
    for instance_id, entry in documents.items():
        instance = memory.instances.get(instance_id)
        if instance is None:
            instance = memory.begin(instance_id, received_at)
        seconds = instance.take(entry, received_at)
        if seconds is not None:
            _learn_push(memory, seconds)
    _learn_offset(memory, documents.values(), received_at)
    _forget_absent(memory, received_at)
    if reading is not None and reading.executor is not None:
        memory.requests.take(reading.executor)


def instance_states(memory: BlockMemory, listing: Listing | None, now: float) -> tuple[InstanceState, ...]:
    """Return one row per instance that has documents or that the policy lists, sorted by when it was first seen."""
    old = stale_after(memory.push_seconds)
    rows = []
    for instance_id, instance in memory.instances.items():
        age = _age(memory, instance, now)
        phase = _phase(memory, instance_id, instance, age > old, listing)
        if phase is Phase.STALE or phase is Phase.GHOST:
            instance.draw_gap(now)
        rows.append(
            InstanceState(
                instance_id=instance_id,
                phase=phase,
                reading=instance.reading,
                age_seconds=age,
                first_seen=instance.first_seen,
                input_rate=instance.input_rate,
                output_rate=instance.output_rate,
                history=instance.views(),
            )
        )
    if listing is not None:
        rows += [
            InstanceState(instance_id, Phase.STARTING, None, None, first_seen=memory.listed.get(instance_id, now))
            for instance_id in sorted(listing.instance_ids - memory.instances.keys())
        ]
    return tuple(sorted(rows, key=lambda row: (row.phase is Phase.GHOST, row.first_seen, row.instance_id)))


def count(rows: tuple[InstanceState, ...], listing: Listing | None, last: Decision | None, *, wiped: bool) -> Replicas:
    """Count the rows by phase; bounds are added by the caller."""
    phases = [row.phase for row in rows]
    return Replicas(
        current=None if listing is None else len(listing.instance_ids),
        reporting=phases.count(Phase.SERVING) + phases.count(Phase.IDLE),
        starting=phases.count(Phase.STARTING),
        stale=phases.count(Phase.STALE),
        ghosts=phases.count(Phase.GHOST),
        desired=_desired(listing, last),
        wiped=wiped,
    )


def wiped(memory: BlockMemory, now: float) -> bool:
    """Return whether AIOS's metric store was wiped so recently that instances may still be missing."""
    return memory.wiped_at is not None and now - memory.wiped_at < (memory.push_seconds or DEFAULT_PUSH_SECONDS) + 5.0


def _note_wipe(memory: BlockMemory, missing: AbstractSet[Clean], at: float) -> None:
    """Keep what was alive until its age decides; what was old already is gone for good."""
    memory.wiped_at = at
    limit = stale_after(memory.push_seconds)
    for instance_id in missing:
        if _age(memory, memory.instances[instance_id], at) > limit:
            del memory.instances[instance_id]


def _learn_push(memory: BlockMemory, seconds: float) -> None:
    """Keep the shortest distance seen: a slow poll sees multiples of the period, never less."""
    if seconds >= 0.5 and (memory.push_seconds is None or seconds < memory.push_seconds):
        memory.push_seconds = seconds


def _learn_offset(memory: BlockMemory, documents: Collection[AnyReading], at: float) -> None:
    """Learn how far the instances' clocks are off, as most of them have it: one odd clock must not age the others.

    A first document may be old, so before a push was seen only clocks that run ahead can be told.
    """
    known = [entry.clock_offset for entry in memory.instances.values() if entry.clock_offset is not None]
    plausible = [offset for offset in known if abs(offset) < NO_CLOCK_SECONDS]
    if plausible:
        memory.clock_offset, memory.offset_measured = median_low(plausible), True
    elif not memory.offset_measured:
        stamps = [at - entry.timestamp for entry in documents if entry.timestamp is not None]
        ahead = [distance for distance in stamps if -NO_CLOCK_SECONDS < distance < 0]
        memory.clock_offset = min([memory.clock_offset, *ahead])


def _forget_absent(memory: BlockMemory, at: float) -> None:
    """Keep ids that come and go from filling the memory: what is silent for long and has no document says nothing."""
    absent = memory.instances.keys() - memory.documents
    for name in [name for name in absent if at - memory.instances[name].changed_at > FORGET_SECONDS]:
        del memory.instances[name]
    surplus = len(memory.instances) - len(memory.documents) - MOST_ABSENT
    if surplus > 0:
        longest = sorted(memory.instances.keys() - memory.documents, key=lambda name: memory.instances[name].changed_at)
        for name in longest[:surplus]:
            del memory.instances[name]


def clock_skew(memory: BlockMemory) -> float | None:
    """Return the seconds by which the instances' clocks are ahead; None while a push's way explains the distance."""
    ahead = -memory.clock_offset
    if ahead > AHEAD_SECONDS or (memory.offset_measured and ahead < -BEHIND_SECONDS):
        return ahead
    return None


def _age(memory: BlockMemory, instance: InstanceMemory, now: float) -> float:
    """Return seconds since the push: by its stamp where it has one, by our receipt otherwise."""
    stamp = None if instance.reading is None else instance.reading.timestamp
    since_receipt = max(0.0, now - instance.changed_at)
    if stamp is None:
        return since_receipt
    own = memory.clock_offset if instance.clock_offset is None else instance.clock_offset
    return max(since_receipt, now - stamp - own)


def _phase(
    memory: BlockMemory, instance_id: Clean, instance: InstanceMemory, old: bool, listing: Listing | None
) -> Phase:
    """Judge one instance that has a document."""
    if listing is not None and instance_id not in listing.instance_ids and (old or instance_id in memory.listed):
        return Phase.GHOST
    if old:
        return Phase.STALE
    reading = instance.reading
    served_nothing = reading is not None and reading.is_llm and reading.input_size is None and not reading.problems
    return Phase.IDLE if served_nothing else Phase.SERVING


def _desired(listing: Listing | None, last: Decision | None) -> int | None:
    """Return where the last action leads while it is unconfirmed, else the present count."""
    if listing is None:
        return None
    if last is not None and last.confirmation == "pending" and last.proposed is not None:
        return last.proposed
    return len(listing.instance_ids)
