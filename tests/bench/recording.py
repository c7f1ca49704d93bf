"""What recording costs: bytes a day, CPU, the time to open a day and to jump within it. On demand:

`python tests/bench/recording.py [--blocks 100] [--instances 10] [--busy 0 0.2 1] [--minutes 35] [--day]`

The load is simulated replicas with AIOS's own push periods (30 s, 5 s for executors), the shipped policy evaluated
every 30 s and asked every 2 s. Bytes a day are those of full segments, extrapolated; with `--day` the recording is
repeated until it holds 24 h, and opening and jumping are measured on that file, at last in the console (`seek.py`).
"""

import argparse
import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from aios_top.engine.poll import Poller
from aios_top.engine.replay import Replay
from aios_top.engine.trace import Tracer
from aios_top.model.recording import RecordingHeader
from aios_top.store.recording_reader import open_recording
from aios_top.store.recording_writer import RecordingWriter
from fakes.clock import FakeClock
from fakes.simulated import SimulatedBlock, SimulatedReads

POLL_SECONDS = 2.0
DAY_POLLS = 86_400 / POLL_SECONDS
_PARTS = ("figures", "documents", "decided", "samples")


def fleet(blocks: int, instances: int, busy: float) -> tuple[FakeClock, SimulatedReads]:
    """Blocks that do not scale, of which a part serves requests at 60 % of what it can."""
    clock = FakeClock(1_795_445_000.0)
    parameters = {
        "cooldown_seconds": 120,
        "min_replicas": instances,
        "input_tokens_up_threshold": 1e9,
        "output_tokens_up_threshold": 1e9,
    }
    specs = [
        SimulatedBlock(
            f"block-{number:03d}",
            replicas=instances,
            rate=instances * 0.06 if number < busy * blocks else 0.0,
            parameters=parameters,
            maximum=instances,
        )
        for number in range(blocks)
    ]
    return clock, SimulatedReads(clock, *specs)


async def record(path: Path, blocks: int, instances: int, busy: float, minutes: float) -> tuple[float, float]:
    """Record; return CPU seconds per poll of the trace on the engine's thread and of the writer on its own."""
    clock, reads = fleet(blocks, instances, busy)
    chance = random.Random(4)
    poller = Poller(reads, clock, lambda _state: None, poll_seconds=POLL_SECONDS, seed=1)  # type: ignore[arg-type]
    tracer, writer = Tracer(), RecordingWriter(path, RecordingHeader("bench"))
    polls = int(minutes * 60 / POLL_SECONDS)
    traced = written = 0.0
    for _ in range(polls):
        await poller.refresh()
        assert poller.poll is not None
        begun = time.thread_time()
        traces = tracer.traces(poller.picture)
        middle = time.thread_time()
        writer.append(poller.poll, traces)
        written += time.thread_time() - middle
        traced += middle - begun
        clock._now += POLL_SECONDS + chance.random() * 0.004
    writer.close()
    return traced / polls, written / polls


def bytes_a_day(path: Path) -> dict[str, float]:
    """Megabytes a day by part, of all segments but the first, which has no dictionary yet, and the last."""
    with open_recording(path) as recording:
        row = recording._index.row(
            "SELECT sum(polls), sum(length(head) + length(times)) FROM segment WHERE id > 1"
            " AND id < (SELECT max(id) FROM segment)"
        )
        polls, head = row
        sizes = recording._index.row(
            f"SELECT {', '.join(f'sum(length({part}))' for part in _PARTS)} FROM frame WHERE segment > 1"
            " AND segment < (SELECT max(id) FROM segment)"
        )
    factor = DAY_POLLS / polls / 1e6
    found = {part: size * factor for part, size in zip(_PARTS, sizes, strict=True)}
    return {**found, "head": head * factor}


def lengthen(path: Path, day: Path) -> None:
    """Repeat the segments of a recording, each later than the one before, until they last a day."""
    import sqlite3

    import msgspec

    from aios_top.store.columns import Packed, pack, unpack
    from aios_top.store.compression import Compression
    from aios_top.store.typed import encoded

    shutil.copy(path, day)
    database = sqlite3.connect(day, isolation_level=None)
    plain = {0: Compression()}
    plain |= {
        number: Compression(content) for number, content in database.execute("SELECT id, content FROM dictionary")
    }
    rows = database.execute("SELECT * FROM segment ORDER BY id").fetchall()[1:-1]
    number, last = database.execute("SELECT max(id), max(last) FROM segment").fetchone()
    total = database.execute("SELECT sum(polls) FROM segment").fetchone()[0]
    database.execute("BEGIN")
    while total < DAY_POLLS:
        for old, session, polls, first, _end, dictionary, times, head in rows:
            number += 1
            at, received = msgspec.msgpack.decode(plain[dictionary].restored(times), type=list[Packed])
            shift = last + POLL_SECONDS - first
            moved = [
                pack([None if value is None else round(value + shift, 3) for value in unpack(column)])
                for column in (at, received)
            ]
            last = unpack(moved[0])[-1]
            content = plain[dictionary].thorough(encoded(moved))
            database.execute(
                "INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (number, session, polls, first + shift, last, dictionary, content, head),
            )
            database.execute(
                "INSERT INTO frame SELECT ?, block, figures, documents, decided, samples FROM frame WHERE segment = ?",
                (number, old),
            )
            total += polls
    database.execute("UPDATE progress SET polls = ?", (total,))
    database.execute("COMMIT")
    database.close()


def polls_of(path: Path) -> int:
    """Return how many polls a recording holds."""
    with open_recording(path) as recording:
        return len(recording.times)


def jumps(path: Path, recorded: int, number: int = 40) -> None:
    """Print how long it takes to open, and to jump to random moments with the fleet's first screen of histories read.

    Those are moments of the first polls, which are as they were recorded: in the repetitions every document is old and
    every autoscaler stalled, which is less to conclude. Between them lie jumps to repetitions, so that nothing is left
    of the segment before. Runs in a process of its own, as a replay does: the simulation's memory slows every search
    for garbage.
    """
    begun = time.perf_counter()
    recording = open_recording(path)
    opened = time.perf_counter() - begun
    chance, replay = random.Random(2), Replay(recording)
    times = list(recording.times)
    segments = [entry.begins for entry in recording._index.segments]
    fresh, far = times[segments[1] : recorded], times[recorded:]
    walls, spent = [], []
    for _ in range(number):
        for at in chance.sample(far, 4):
            replay.state(at)
            replay.let_go()  # as the console does when a moment is on the screen
        begun, cpu = time.perf_counter(), time.thread_time()
        _jump(replay, chance.choice(fresh))
        walls.append(time.perf_counter() - begun)
        spent.append(time.thread_time() - cpu)
        replay.let_go()
    recording.close()
    print(f"      24 h file of {path.stat().st_size / 1e6:.0f} MB: open {opened:.2f} s", flush=True)
    for name, found in (("jump, wall", sorted(walls)), ("jump, CPU", sorted(spent))):
        print(
            f"      {name}: median {found[len(found) // 2] * 1e3:.0f} ms,"
            f" p95 {found[int(len(found) * 0.95)] * 1e3:.0f} ms, longest {found[-1] * 1e3:.0f} ms",
            flush=True,
        )


def _jump(replay: Replay, at: float) -> None:
    """Make a moment, with the histories that the first screen shows."""
    for block in list(replay.state(at).blocks.values())[:14]:
        with suppress(KeyError):
            block.history["input_average_1m"].since(at - 330.0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=100)
    parser.add_argument("--instances", type=int, default=10)
    parser.add_argument("--busy", type=float, nargs="+", default=[0.0, 0.2, 1.0])
    parser.add_argument("--minutes", type=float, default=35.0)
    parser.add_argument("--day", action="store_true")
    parser.add_argument("--jumps", nargs=2, help=argparse.SUPPRESS)
    options: Any = parser.parse_args()
    if options.jumps is not None:
        jumps(Path(options.jumps[0]), int(options.jumps[1]))
        return
    total = options.blocks * options.instances
    print(f"{total} instances in {options.blocks} blocks, polls every {POLL_SECONDS:g} s, {options.minutes:g} min each")
    print(f"{'busy':>5} {'MB/day':>7}  {'of which':<58} {'trace ms':>8} {'write ms':>8} {'CPU %':>6}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o700)
        for busy in options.busy:
            path = Path(folder) / f"bench-{busy}.aiosrec"
            traced, written = asyncio.run(record(path, options.blocks, options.instances, busy, options.minutes))
            sizes = bytes_a_day(path)
            parts = ", ".join(f"{name} {size:.1f}" for name, size in sizes.items())
            share = 100 * (traced + written) / POLL_SECONDS
            print(
                f"{busy:>5.0%} {sum(sizes.values()):>7.1f}  {parts:<58}"
                f" {traced * 1e3:>8.2f} {written * 1e3:>8.2f} {share:>6.2f}",
                flush=True,
            )
            if options.day:
                day = Path(folder) / "day.aiosrec"
                lengthen(path, day)
                subprocess.run([sys.executable, __file__, "--jumps", str(day), str(polls_of(path))], check=True)
                seek = Path(__file__).with_name("seek.py")
                subprocess.run([sys.executable, str(seek), str(day), "--number", "15"], check=True)
                day.unlink()


if __name__ == "__main__":
    main()
