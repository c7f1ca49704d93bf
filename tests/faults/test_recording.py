"""Recordings that were killed, filled up, damaged, shared, or are none."""

import asyncio
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from aios_top.store import recording_file
from aios_top.store.paths import StoreError
from aios_top.store.recording_file import being_written
from aios_top.store.recording_reader import open_recording
from fakes.recording_aios import BLOCK, RecordingAios
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock
from fakes.terminal import TerminalProcess

KILLS = int(os.environ.get("KILLS", "5"))
"""On demand 100: `KILLS=100 pytest tests/faults -k r_01`."""
PROGRAM = """
import asyncio, resource, sys
from pathlib import Path
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock
from aios_top.store import recording_writer

recording_writer.SEGMENT_SECONDS = 20.0
if len(sys.argv) > 2:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)

async def main():
    clock, reads = simulated(SimulatedBlock("a", "explained", rate=0.4), push=6.0, interval=6.0)
    story = Story(Path(sys.argv[1]), clock, reads)
    for number in range(100_000):
        await story.poll()
        print(number + 1, flush=True)

try:
    asyncio.run(main())
except Exception as error:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(9)
"""

ASKING = """
import sys
from pathlib import Path
from aios_top.store.recording_file import being_written
print(being_written(Path(sys.argv[1])))
"""


def recorder(path: Path, *limit: str) -> subprocess.Popen[str]:
    tests = str(Path(__file__).parent.parent)
    command = [sys.executable, "-c", PROGRAM, str(path), *limit]
    environment = {**os.environ, "PYTHONPATH": tests}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def intact(path: Path) -> bool:
    with sqlite3.connect(path) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    return bool(found == "ok")


async def recorded(path: Path, polls: int = 60) -> Story:
    clock, reads = simulated(SimulatedBlock("a", "explained", rate=0.4), push=6.0, interval=6.0)
    story = Story(path, clock, reads)
    await story.poll(polls)
    return story


def test_r_01_a_killed_recording_has_lost_one_poll_at_most(tmp_path: Path) -> None:
    chance = random.Random(1)
    for number in range(KILLS):
        path = tmp_path / f"{number}.aiosrec"
        with recorder(path) as process:
            assert process.stdout is not None
            wanted, written = chance.randint(1, 60), 0
            for line in process.stdout:
                written = int(line)
                if written >= wanted:
                    break
            process.kill()
            process.wait()
            rest = process.stdout.read().split()
        written = int(rest[-1]) if rest and rest[-1].isdigit() else written
        with open_recording(path) as recording:
            assert len(recording.times) >= written - 1
            assert recording.verify() == []
        assert intact(path)
        assert process.returncode == -signal.SIGKILL


@pytest.fixture
def aios() -> Iterator[RecordingAios]:
    with RecordingAios() as running:
        running.evaluate()
        yield running


def recorded_polls(path: Path) -> int:
    with suppress(StoreError), open_recording(path) as recording:
        return len(recording.times)
    return 0


def closed_properly(path: Path) -> bool:
    """Whether a recording is whole, nobody's, and all in one file."""
    with open_recording(path) as recording:
        assert recording.verify() == []
    return intact(path) and not being_written(path) and [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_r_01_a_signal_ends_a_recording_with_every_poll_in_it(
    number: signal.Signals, aios: RecordingAios, tmp_path: Path
) -> None:
    path = tmp_path / "own" / "a.aiosrec"
    path.parent.mkdir()
    environment = {**os.environ, "AIOS_TOP_STATE": str(tmp_path / "state")}
    command = [sys.executable, "-m", "aios_top", "record", "--poll", "0.5", "--output", str(path), *aios.options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        deadline = time.monotonic() + 60
        while recorded_polls(path) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(number)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert f" {recorded_polls(path)} polls" in said
    assert closed_properly(path)


def test_r_01_the_console_closes_its_recording_on_a_signal(aios: RecordingAios, tmp_path: Path) -> None:
    environment = {"AIOS_TOP_STATE": str(tmp_path / "state"), "AIOS_TOP_CONFIG": str(tmp_path / "config.toml")}
    command = [sys.executable, "-m", "aios_top", "--poll", "0.5", *aios.options]
    folder = tmp_path / "state" / "recordings"
    with TerminalProcess(command, environment=environment) as terminal:
        terminal.wait_until(lambda: any(recorded_polls(path) > 2 for path in folder.glob("*.aiosrec")), 60)
        terminal.process.send_signal(signal.SIGHUP)  # the others take the same way out: test_terminal
        assert terminal.wait_exit(30) == 129
    (path,) = folder.glob("*.aiosrec")
    assert closed_properly(path)


def test_s_01_a_full_disk_under_the_console_is_said_and_stops_nothing_else(aios: RecordingAios, tmp_path: Path) -> None:
    environment = {"AIOS_TOP_STATE": str(tmp_path / "state"), "AIOS_TOP_CONFIG": str(tmp_path / "config.toml")}
    command = [sys.executable, "-m", "aios_top", "--poll", "0.5", *aios.options]
    folder = tmp_path / "state" / "recordings"
    with TerminalProcess(command, environment=environment, columns=120, lines=40) as terminal:
        terminal.wait_until(lambda: any(recorded_polls(path) > 2 for path in folder.glob("*.aiosrec")), 60)
        (path,) = folder.glob("*.aiosrec")
        full = sum(entry.stat().st_size for entry in folder.iterdir() if entry.name.endswith("-wal"))
        resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE, (full, full))
        terminal.wait_for("recording stopped", 60)
        asked = len(aios.requests)
        terminal.wait_until(lambda: len(aios.requests) > asked + 10, 60)
        assert BLOCK in terminal.screen
        terminal.send("q")
        assert terminal.wait_exit(30) == 0
    assert recorded_polls(path) > 2
    assert closed_properly(path)


async def test_r_04_a_second_console_reads_and_never_writes_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "shared.aiosrec"
    story = await recorded(path)
    command = [sys.executable, "-c", ASKING, str(path)]
    seen = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "True"
    with pytest.raises(StoreError, match="File exists"):
        recording_file.create(path)
    with open_recording(path) as recording:
        before = len(recording.times)
        await story.poll(5)
        recording.refresh()
        assert len(recording.times) == before + 5
    story.writer.close()
    assert not being_written(path)
    assert intact(path)


def test_s_01_a_full_disk_ends_the_recording_and_leaves_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "full.aiosrec"
    with recorder(path, "400000") as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 9, err
    assert err.startswith("StoreError: ")
    assert str(path) in err
    written = len(out.split())
    assert written > 3
    with open_recording(path) as recording:
        assert len(recording.times) >= written - 1
        assert recording.verify() == []
    assert intact(path)


@pytest.mark.parametrize("damage", ["cut in half", "cut to a page", "bits", "zeros", "tail"])
async def test_s_03_a_damaged_recording_is_read_as_far_as_it_goes_or_refused(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged.aiosrec"
    story = await recorded(path, 200)
    story.writer.close()
    content = bytearray(path.read_bytes())
    chance = random.Random(damage)
    match damage:
        case "cut in half":
            del content[len(content) // 2 :]
        case "cut to a page":
            del content[4096:]
        case "bits":
            for _ in range(200):
                content[chance.randrange(4096, len(content))] ^= 1 << chance.randrange(8)
        case "zeros":
            begin, end = len(content) // 4, 3 * len(content) // 4  # a few pages may be such that nobody uses
            content[begin:end] = bytes(end - begin)
        case _:
            del content[-3000:]
    path.write_bytes(content)
    told: list[str] = []
    try:
        with open_recording(path) as recording:
            told = recording.verify()
            for at in list(recording.times)[::29]:
                try:
                    recording.frame(at)
                except StoreError as error:
                    told.append(str(error))
    except StoreError as error:
        told.append(str(error))
    assert told
    assert all(line.isprintable() for line in told)


def none_of_ours(folder: Path, kind: str) -> Path:
    path = folder / "r.aiosrec"
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "device":
            return Path("/dev/zero")
        case "text":
            path.write_text("hello\n" * 1000)
        case "another database":
            with sqlite3.connect(path) as connection:
                connection.execute("CREATE TABLE x (y)")
            connection.close()
        case "newer":
            connection, descriptor = recording_file.create(path)
            connection.execute(f"PRAGMA user_version = {recording_file.VERSION + 7}")
            connection.close()
            os.close(descriptor)
        case "missing":
            pass
    return path


@pytest.mark.parametrize("kind", ["empty", "folder", "fifo", "device", "text", "another database", "newer", "missing"])
def test_s_04_what_is_no_recording_of_ours_is_refused_with_a_reason(kind: str, tmp_path: Path) -> None:
    path = none_of_ours(tmp_path, kind)
    with pytest.raises(StoreError) as caught, open_recording(path):
        pass
    assert str(path) in str(caught.value)
    assert kind != "newer" or "newer" in str(caught.value)
