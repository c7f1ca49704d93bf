"""Says what a poll left in the memory of the blocks: with it a recording gives back a moment without all before it."""

from collections.abc import Mapping

from aios_top.engine.memory import BlockMemory
from aios_top.engine.picture import Picture
from aios_top.model.decision import Decision
from aios_top.model.frame import Bearing, Trace
from aios_top.model.text import Clean


class Tracer:
    """Follows one picture from poll to poll."""

    def __init__(self) -> None:
        self._inferred: dict[Clean, tuple[Decision, ...]] = {}

    def traces(self, picture: Picture) -> Mapping[Clean, Trace]:
        """Return what the poll that was just published left of every block."""
        found = {}
        for block_id, memory in picture.memories.items():
            before = self._inferred.get(block_id, ())
            fresh = memory.inferred
            if fresh is not before:
                self._inferred[block_id] = fresh
                newest = before[0] if before else None
                count = next((place for place, entry in enumerate(fresh) if entry is newest), len(fresh))
                inferred = tuple(reversed(fresh[:count]))
            else:
                inferred = ()
            found[block_id] = Trace(bearing_of(memory), memory.sample, inferred)
        return found


def bearing_of(memory: BlockMemory) -> Bearing:
    """Return what is remembered of a block besides documents and history."""
    members = memory.inferred_members
    return Bearing(
        push_seconds=memory.push_seconds,
        clock_offset=memory.clock_offset,
        offset_measured=memory.offset_measured,
        wiped_at=memory.wiped_at,
        boot_id=memory.boot_id,
        cursor=memory.cursor,
        listed=tuple(memory.listed.items()),
        instances=tuple(
            (name, entry.first_seen, entry.gap_at, entry.clock_offset) for name, entry in memory.instances.items()
        ),
        acts=memory.acts,
        inferred_action_at=memory.inferred_action_at,
        inferred_rule=memory.inferred_rule,
        inferred_members=None if members is None else tuple(sorted(members)),
        watched_since=memory.watched_since,
        cooldown_reset_at=memory.cooldown_reset_at,
        earlier=memory.earlier,
    )
