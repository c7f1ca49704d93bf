"""Recordings of simulated stories, and states compared figure by figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from aios_top.engine.marks import Marker
from aios_top.engine.poll import Poller
from aios_top.engine.trace import Tracer
from aios_top.model.reading import ExecutorReading, LateExecutor, LateReading, whole
from aios_top.model.recording import RecordingHeader
from aios_top.model.series import SeriesView
from aios_top.model.state import FleetState
from aios_top.model.window import LateRolling, Rolling, Window
from aios_top.store.recording_writer import RecordingLimits, RecordingWriter
from fakes.clock import FakeClock
from fakes.simulated import SimulatedReads

LONGEST_AXIS = 1980.0
START = 1_795_445_000.0


class Story:
    """A poller over a simulated AIOS, recorded as it goes."""

    def __init__(
        self,
        path: Path,
        clock: FakeClock,
        reads: SimulatedReads,
        header: RecordingHeader | None = None,
        **more: Any,
    ) -> None:
        self.clock, self.reads = clock, reads
        self.states: list[FleetState] = []
        self.poller = Poller(reads, clock, self.states.append, poll_seconds=2.0, context="story", seed=1)
        self.writer = RecordingWriter(path, header or RecordingHeader(context="story"), RecordingLimits(**more))
        self._tracer, self._marker = Tracer(), Marker()

    async def poll(self, number: int = 1, seconds: float = 2.0) -> None:
        """Poll and record, then let time pass."""
        for _ in range(number):
            await self.poller.refresh()
            self.write()
            self.clock._now += seconds

    def write(self) -> None:
        """Record what was published last."""
        assert self.poller.poll is not None
        traces = self._tracer.traces(self.poller.picture)
        self.writer.append(self.poller.poll, traces, self._marker.marks(self.poller.poll, self.states[-1], traces))


def plain(value: Any, at: float) -> Any:
    """A state as plain data; a history as its samples as far back as the longest time axis shows."""
    if isinstance(value, SeriesView):
        return [(time, repr(sample)) for time, sample in value.since(at - LONGEST_AXIS)]
    if isinstance(value, Mapping):
        return {str(key): plain(entry, at) for key, entry in value.items() if str(key) not in {"now", "uptime_s"}}
    if isinstance(value, LateReading):
        value = whole(value)
    if isinstance(value, LateExecutor):
        value = ExecutorReading(value.uptime_seconds, value.tasks_processed_total)
    if isinstance(value, LateRolling):
        value = Rolling(value.current, *map(value.over, Window))
    if isinstance(value, Struct):
        found = {name: plain(getattr(value, name), at) for name in value.__struct_fields__}
        return (type(value).__name__, found)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Sequence):
        return [plain(entry, at) for entry in value]
    return value


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """Where two plain values differ, at most a few."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if list(expected) != list(found):
            return [f"{path}: keys {list(expected)} != {list(found)}"]
        return [line for key in expected for line in differences(expected[key], found[key], f"{path}.{key}")][:8]
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        if len(expected) != len(found):
            return [f"{path}: {len(expected)} != {len(found)} entries"]
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for place, (a, b) in pairs for line in differences(a, b, f"{path}[{place}]")][:8]
    return [] if expected == found else [f"{path}: {expected!r} != {found!r}"]


def simulated(*specs: Any, **more: Any) -> tuple[FakeClock, SimulatedReads]:
    """A clock and an AIOS on it."""
    clock = FakeClock(START)
    return clock, SimulatedReads(clock, *specs, **more)
