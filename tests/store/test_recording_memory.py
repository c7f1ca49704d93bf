"""A recording that is written for days takes no more memory than one that has just begun."""

import ctypes
import platform
import tracemalloc
from pathlib import Path

import pytest

from aios_top.engine.poll import Poller
from aios_top.engine.trace import Tracer
from aios_top.model.fact import FleetRead, Poll
from aios_top.model.frame import Bearing, Trace
from aios_top.model.reading import BlockReading, ExecutorReading, FleetReading, InstanceReading, Mean
from aios_top.model.recording import Mark, MarkKind, RecordingHeader
from aios_top.model.text import clean
from aios_top.model.window import Rolling
from aios_top.store import recording_writer
from aios_top.store.differ import Differ
from aios_top.store.leaves import Shapes
from aios_top.store.payload import PushTable, pushes_packed, row_of
from aios_top.store.recording_reader import open_recording
from aios_top.store.recording_writer import RecordingWriter
from aios_top.store.typed import encoded
from fakes.recordings import simulated
from fakes.simulated import SimulatedBlock

GLIBC = platform.libc_ver()
on_glibc = pytest.mark.skipif(
    GLIBC[0] != "glibc" or tuple(map(int, GLIBC[1].split("."))) < (2, 33), reason="only glibc tells what it gave out"
)


class Heap(ctypes.Structure):
    """What `mallinfo2` returns."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "_")
    ]


def held() -> int:
    """Bytes that C code holds, SQLite and Zstandard among it; Python's small objects are not."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Heap
    heap = mallinfo()
    return heap.uordblks + heap.hblkhd


@on_glibc
async def test_packing_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_writer, "SEGMENT_SECONDS", 40.0)
    clock, reads = simulated(*(SimulatedBlock(f"block-{number}", rate=0.2) for number in range(30)))
    poller = Poller(reads, clock, lambda _state: None, poll_seconds=2.0)
    tracer, writer = Tracer(), RecordingWriter(tmp_path / "some.aiosrec", RecordingHeader())
    left: list[int] = []
    for number in range(70):
        await poller.refresh()
        assert poller.poll is not None
        traces = tracer.traces(poller.picture)
        before = held()
        writer.append(poller.poll, traces)
        if number in {20, 40, 60}:
            left.append(held() - before)
        clock._now += 2.0
    writer.close()
    with open_recording(tmp_path / "some.aiosrec") as recording:
        assert [len(entry.times) for entry in recording._index.segments] == [20, 20, 20, 10]
    assert max(left) < 100_000


@on_glibc
def test_what_was_written_is_not_held(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "some.aiosrec", RecordingHeader())
    before = 0  # measured after the first
    for number in range(220):
        at = 1_795_445_000.0 + number * 2.0
        marks = [Mark(at, MarkKind.LOAD, "", f"{number} " * 200)] * 20
        writer.append(Poll(at, number, 2.0, ()), {}, marks)
        before = before or held()
    grown = held() - before
    writer.close()
    assert writer.size() > 2_500_000
    assert grown < 500_000


def test_packing_a_large_block_takes_a_few_times_the_room_of_its_rows() -> None:
    table = PushTable()
    rows = 0
    for number in range(3000):
        size = Rolling(number / 7.0, number / 11.0, number / 13.0, number / 17.0)
        mean = Mean(number / 3.0, float(number))
        reading = InstanceReading(
            clean(f"in-{number % 100}"), 100.0 + number, size, size, 2.0 * number, 3.0 * number, 4.0, 5.0,
            mean, mean, mean, 6.0, size, number / 19.0,
        )  # fmt: skip
        row = row_of(100.5 + number, reading)
        table.append(number, row)
        rows += len(encoded(row))
    tracemalloc.start()
    try:
        packed = pushes_packed(table)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert packed[0] == sorted(f"in-{number}" for number in range(100))
    assert most < 3.5 * rows


def test_a_shape_takes_few_bytes_for_each_of_its_leaves() -> None:
    shapes = Shapes()
    shapes.take_apart(list(range(400)))
    tracemalloc.start()
    try:
        numbers = {shapes.take_apart(list(range(count)))[0] for count in range(1, 400)}
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert numbers == set(range(1, 400))
    assert taken < 5 * sum(range(400))


@pytest.mark.parametrize("odd", [3, 4])
def test_a_clock_that_was_wrong_once_lets_no_documents_pile_up(odd: int) -> None:
    differ, block, name = Differ(Shapes()), clean("block"), clean("in-1")
    trace = {block: Trace(Bearing(instances=((name, 0.0, None, None),)))}
    for number in range(60):
        at = 1_795_445_000.0 + 30.0 * number
        reading = InstanceReading(name, 4_102_444_800.0 if number == odd else at, prompt_tokens_total=float(number))
        executor = ExecutorReading(1e6 if number <= odd else 30.0 * number, float(number))
        fleet = FleetReading((BlockReading(block, (reading,), executor),), at, 0.01)
        differ.take(Poll(at, number, 30.0, (FleetRead(fleet),)), trace, None, None)
    begin = differ.begin()["blocks"]["block"]
    assert [row[1] for row in begin["pushes"]] == [1_795_445_000.0 + 30.0 * number for number in range(55, 60)]
    assert [row[0] for row in begin["executors"]] == [30.0 * number for number in range(57, 60)]
