"""Some minutes of a recording in memory: every poll as what it changed, and columns when the minutes are over."""

from collections.abc import Mapping
from typing import Any

from aios_top.store.columns import Packed, pack
from aios_top.store.decided import shortened
from aios_top.store.leaves import Shapes
from aios_top.store.payload import PushTable, pushes_packed
from aios_top.store.rows import Rows
from aios_top.store.streams import Stream
from aios_top.store.typed import encoded

BASE = -1
"""Poll number of what was known when the segment began."""
STREAMS = ("documents", "told", "parameters", "bearing")
"""Documents of a block of which the newest one counts."""
_ROWS = ("pushes", "executors", "sample", "asked")

Delta = dict[str, Any]
"""What one poll changed, as a plain document: `at`, `received`, `head`, `blocks`."""


class BlockLog:
    """One block within a segment."""

    def __init__(self, shapes: Shapes) -> None:
        self.streams = {name: Stream(shapes) for name in STREAMS}
        self.decided = Stream(shapes)
        self.pushes = PushTable()
        self.executors: list[tuple[int, float | None, float | None]] = []
        self.samples = Rows()
        self.asked = Rows()

    def note(self, poll: int, found: Mapping[str, Any]) -> Delta:
        """Add documents and rows; return what they change."""
        delta: Delta = {name: found[name] for name in _ROWS if name in found}
        self._take_rows(poll, delta)
        delta |= {name: self.streams[name].append(poll, found[name]) for name in STREAMS if name in found}
        if "decided" in found:
            delta["decided"] = [self.decided.append(poll, self._shortened(row)) for row in found["decided"]]
        return delta

    def _shortened(self, row: dict[str, Any]) -> dict[str, Any]:
        decision = row["decision"]
        return row if decision is None else {**row, "decision": shortened(decision, self.pushes.figures)}

    def take(self, poll: int, delta: Mapping[str, Any]) -> None:
        """Add what a poll changed."""
        for name in STREAMS:
            if name in delta:
                self.streams[name].change(poll, delta[name])
        for difference in delta.get("decided", ()):
            self.decided.change(poll, difference)
        self._take_rows(poll, delta)

    def _take_rows(self, poll: int, delta: Mapping[str, Any]) -> None:
        for row in delta.get("pushes", ()):
            self.pushes.append(poll, row)
        for uptime, tasks in delta.get("executors", ()):
            self.executors.append((poll, uptime, tasks))
        if "sample" in delta:
            self.samples.append(poll, delta["sample"])
        if "asked" in delta:
            self.asked.append(poll, delta["asked"])

    def packed(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Return figures, documents, decisions and samples, packed but not yet compressed."""
        executors = [pack([row[place] for row in self.executors]) for place in range(3)]
        return (
            encoded([pushes_packed(self.pushes), executors, _columns(self.asked)]),
            encoded([self.streams[name].packed() for name in STREAMS]),
            encoded(self.decided.packed()),
            encoded(_columns(self.samples)),
        )


def _columns(rows: Rows) -> list[Packed]:
    """Return rows as columns, the polls first."""
    known = list(rows)
    return [pack([poll for poll, _ in known]), *map(pack, zip(*(values for _, values in known), strict=True))]


class Segment:
    """The minutes themselves."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.head = Stream(shapes)
        self.blocks: dict[str, BlockLog] = {}
        self.times: list[float] = []
        self.received: list[float | None] = []
        self.values = 0
        """About how many values it holds, to bound the memory."""

    def block(self, block_id: str) -> BlockLog:
        """Return a block's part."""
        if block_id not in self.blocks:
            self.blocks[block_id] = BlockLog(self.shapes)
        return self.blocks[block_id]

    def note(
        self, at: float | None, received: float | None, head: Any, found: Mapping[str, Mapping[str, Any]]
    ) -> Delta:
        """Add a poll, or with `at` None what was known before the first; return what it changes.

        `received` is when the metrics service answered, None when it did not.
        """
        poll = BASE if at is None else len(self.times)
        delta: Delta = {"at": at, "received": received, "head": self.head.append(poll, head)}
        delta["blocks"] = {block_id: self.block(block_id).note(poll, entry) for block_id, entry in found.items()}
        self._count(delta)
        return delta

    def take(self, delta: Delta) -> None:
        """Add what a poll changed."""
        poll = BASE if delta["at"] is None else len(self.times)
        self.head.change(poll, delta["head"])
        for block_id, entry in delta["blocks"].items():
            self.block(block_id).take(poll, entry)
        self._count(delta)

    def _count(self, delta: Delta) -> None:
        if delta["at"] is not None:
            self.times.append(delta["at"])
            self.received.append(delta["received"])
        for entry in delta["blocks"].values():
            self.values += 12 + 27 * len(entry.get("pushes", ()))
            self.values += sum(len(entry[name][1]) for name in STREAMS if name in entry)
