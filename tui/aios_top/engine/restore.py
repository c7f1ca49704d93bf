"""Makes the picture of a moment from what a recording gives back of it."""

from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from aios_top.engine.memory import BLOCK_COLUMNS, INSTANCE_COLUMNS, BlockMemory, InstanceMemory
from aios_top.engine.picture import Picture
from aios_top.engine.requests import Requests
from aios_top.model.curve import Curves, Sample
from aios_top.model.frame import BlockFrame, Frame, InstanceHistory, Pushes
from aios_top.model.reading import BlockReading, LateExecutor
from aios_top.model.series import NO_TRACK, LateTrack
from aios_top.model.state import FleetState
from aios_top.model.text import Clean


def restored(frame: Frame) -> Picture:
    """Return the picture as it was when the frame's poll was published, that poll's own sample left to come."""
    picture = Picture(frame.at, frame.context, frame.origin_note)
    picture.state = replace(picture.state, resumed_at=frame.resumed_at, paused_seconds=frame.paused_seconds)
    knowledge = picture.knowledge
    knowledge.records = {record.block_id: record for record in frame.records}
    knowledge.policies = frame.policies
    knowledge.fleet_problem = frame.problem
    knowledge.fleet = {
        block_id: _reading(frame.blocks[block_id]) for block_id in frame.order if block_id in frame.blocks
    }
    knowledge.told = {block_id: block.told for block_id, block in frame.blocks.items() if block.told is not None}
    for block_id, block in frame.blocks.items():
        memory = picture.memories[block_id] = _memory(block)
        memory.missed_polls = frame.missed_polls
    return picture


def shown(frame: Frame, picture: Picture) -> FleetState:
    """Return the state that was published at the frame's moment."""
    return picture.publish(frame.at, frame.poll_seconds, frame.endpoints, sequence=frame.sequence)


def _reading(block: BlockFrame) -> BlockReading:
    documents = block.documents
    rows = tuple(block.newest[name].reading for name in documents.instance_ids if name in block.newest)
    has_executor = documents.has_executor and bool(block.executors)
    executor = LateExecutor(lambda: block.executors[-1]) if has_executor else None
    return BlockReading(block.block_id, rows, executor, documents.dropped, documents.duplicates)


def _memory(block: BlockFrame) -> BlockMemory:
    bearing = block.bearing
    memory = BlockMemory(
        documents=frozenset(block.documents.instance_ids),
        listed=dict(bearing.listed),
        track=LateTrack(BLOCK_COLUMNS, lambda: _fitting(block.samples())),
        requests=Requests(block.executors),
        push_seconds=bearing.push_seconds,
        clock_offset=bearing.clock_offset,
        offset_measured=bearing.offset_measured,
        seen_at=block.seen_at,
        wiped_at=bearing.wiped_at,
        boot_id=bearing.boot_id,
        cursor=bearing.cursor,
        reported=block.reported,
        acts=bearing.acts,
        inferred=block.inferred,
        inferred_action_at=bearing.inferred_action_at,
        inferred_rule=bearing.inferred_rule,
        inferred_members=None if bearing.inferred_members is None else frozenset(bearing.inferred_members),
        watched_since=bearing.watched_since,
        cooldown_reset_at=bearing.cooldown_reset_at,
        earlier=bearing.earlier,
        coming=lambda name: _unseen(block.history(name)),
    )
    for name, first_seen, gap_at, clock_offset in bearing.instances:
        memory.instances[name] = _instance(block, name, first_seen, gap_at)
        memory.instances[name].clock_offset = clock_offset
    return memory


def _fitting(curves: Curves) -> Curves:
    """Return the history, none when another version's columns are in it."""
    return curves if curves.width == len(BLOCK_COLUMNS) else Curves()


def _instance(block: BlockFrame, name: Clean, first_seen: float, gap_at: float | None) -> InstanceMemory:
    instance = InstanceMemory(first_seen, NO_TRACK)
    found = block.newest.get(name)
    if found is not None:
        instance.resume(found.pushes, found.reading, gap_at)
    instance.gap_at = gap_at
    instance.remember(LateTrack(INSTANCE_COLUMNS, partial(_history, block, name, first_seen)))
    return instance


def _history(block: BlockFrame, name: Clean, first_seen: float) -> Curves:
    return Curves(_samples(block.history(name), first_seen))


def _samples(history: InstanceHistory, first_seen: float) -> Sequence[Sample]:
    """Return an instance's samples since it was first seen: the rates are measured again from its counters."""
    instance = InstanceMemory(first_seen)
    _relive(instance, history.pushes, history.gaps)
    if not any(at < first_seen for at, _ in history.pushes):  # else it came anew, as after a wipe
        for samples in history.earlier:
            instance.prefill(samples)
    return instance.samples()


def _unseen(history: InstanceHistory) -> Sequence[Sequence[Sample]]:
    """Return what is known of an instance from before it is first seen; nothing of one that comes back."""
    return () if history.pushes else history.earlier


def _relive(instance: InstanceMemory, pushes: Pushes, gaps: Sequence[float]) -> None:
    """Take documents again, with the gaps between them."""
    waiting = list(gaps)
    for received_at, reading in pushes:
        if received_at < instance.first_seen:  # before the instance came anew, as after a wipe
            continue
        while waiting and waiting[0] < received_at:
            _draw(instance, waiting.pop(0))
        instance.take(reading, received_at)
    for gap in waiting:
        _draw(instance, gap)


def _draw(instance: InstanceMemory, at: float) -> None:
    if instance.reading is not None and at >= instance.first_seen:
        instance.draw_gap(at)
