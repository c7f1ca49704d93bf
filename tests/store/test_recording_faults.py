"""What a recording survives: kills, full disks, damage, files that are none, others who could read it."""

import asyncio
import os
import random
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.cli.main import main
from aios_top.engine.recorder import Recorder, RecordingPort
from aios_top.engine.replay import Replay
from aios_top.model.audit import AuditEntry
from aios_top.model.fact import Poll
from aios_top.model.reading import ExecutorReading
from aios_top.model.recording import Mark, MarkKind, RecordingHeader, RecordingPhase
from aios_top.model.text import clean
from aios_top.store import recording_file, recording_segments, recording_writer
from aios_top.store.columns import Packed, Values
from aios_top.store.paths import StoreError
from aios_top.store.recording_folder import begin, prune, recordings
from aios_top.store.recording_reader import open_recording
from aios_top.store.recording_writer import RecordingLimits, RecordingWriter
from fakes.killing import killed_after
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock


async def recorded(path: Path, polls: int = 60, **more: Any) -> Story:
    clock, reads = simulated(SimulatedBlock("told", rate=0.4), push=6.0, interval=6.0)
    story = Story(path, clock, reads, **more)
    await story.poll(polls)
    return story


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_writer, "SEGMENT_SECONDS", 20.0)


def unusable(kind: str, folder: Path) -> Path:
    path = folder / "x.aiosrec"
    match kind:
        case "missing":
            return path
        case "empty":
            path.write_bytes(b"")
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "device":
            return Path("/dev/zero")
        case "text":
            path.write_text("no database at all")
        case "other":
            with sqlite3.connect(path) as connection:
                connection.execute("CREATE TABLE meta (name)")
            connection.close()
        case "newer" | "older":
            RecordingWriter(path, RecordingHeader()).close()
            with sqlite3.connect(path) as connection:
                connection.execute(f"PRAGMA user_version = {recording_file.VERSION + 1 if kind == 'newer' else 0}")
            connection.close()
        case "link":
            RecordingWriter(folder / "real.aiosrec", RecordingHeader()).close()
            path.symlink_to(folder / "real.aiosrec")
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "No such file"),
        ("empty", "empty"),
        ("folder", "a folder"),
        ("fifo", "not a regular file"),
        ("device", "not a regular file"),
        ("text", "not a recording"),
        ("other", "not a recording of aios-top"),
        ("newer", "recorded by a newer aios-top"),
        ("older", "recorded by an older aios-top"),
        ("link", "a symbolic link"),
    ],
)
def test_what_is_no_recording_is_refused_with_the_reason(
    kind: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = unusable(kind, tmp_path)
    with pytest.raises(StoreError, match=said):
        open_recording(path)
    assert main(["replay", str(path)]) == 2
    assert said in capsys.readouterr().err


async def test_a_truncated_recording_replays_what_is_left_and_counts_the_rest(tmp_path: Path) -> None:
    story = await recorded(tmp_path / "a.aiosrec")
    story.writer.close()
    whole = (tmp_path / "a.aiosrec").read_bytes()
    read = []
    for part in (0.4, 0.6, 0.8, 0.95, 0.97, 0.99):
        path = tmp_path / f"cut-{part}.aiosrec"
        path.write_bytes(whole[: int(len(whole) * part)])
        read.append(replayed(path, story))
    assert any(0 < polls < 60 for polls in read)


@pytest.mark.parametrize("seed", range(4))
async def test_flipped_bits_cost_their_segment_and_no_other(tmp_path: Path, seed: int) -> None:
    story = await recorded(tmp_path / "a.aiosrec")
    story.writer.close()
    content = bytearray((tmp_path / "a.aiosrec").read_bytes())
    chance = random.Random(seed)
    for _ in range(6):
        place = chance.randrange(4096, len(content))
        content[place] ^= 1 << chance.randrange(8)
    path = tmp_path / "b.aiosrec"
    path.write_bytes(content)
    replayed(path, story)


def replayed(path: Path, story: Story) -> int:
    """Replay everything that can be read, and check that what is missing is counted; returns the polls."""
    try:
        recording = open_recording(path)
    except StoreError:  # its beginning is gone, which is said
        return 0
    with recording:
        for at in list(recording.times):
            try:
                state = Replay(recording).state(at)
            except StoreError:
                return 0
            assert state.at <= at or state.at == recording.times[0]
        recording.verify()
        assert set(recording.times) <= {state.at for state in story.states}
        assert len(recording.times) + recording.info.lost >= 60 - recording.info.pruned
        return len(recording.times)


@pytest.mark.parametrize("part", ["figures", "documents", "decided", "samples"])
async def test_damage_in_earlier_segments_is_a_gap_in_what_is_drawn_of_them(tmp_path: Path, part: str) -> None:
    story = await recorded(tmp_path / "a.aiosrec", 120)
    story.writer.close()
    whole, damaged = _drawn(tmp_path / "a.aiosrec"), tmp_path / "b.aiosrec"
    shutil.copy(tmp_path / "a.aiosrec", damaged)
    with closing(sqlite3.connect(damaged)) as database, database:
        database.execute(f"UPDATE frame SET {part} = x'28b52ffd0011' WHERE segment < (SELECT max(id) FROM segment)")
    found = _drawn(damaged)
    lacking = {name for name in whole if found[name] != whole[name]}
    assert (
        lacking
        == {
            "figures": {"instance", "all told"},  # a record repeats what stood in the documents
            "documents": {"instance"},
            "decided": {"decisions", "all told"},
            "samples": {"history"},
        }[part]
    )
    for name in lacking:
        assert 0 < len(found[name]) < len(whole[name])
        assert set(found[name]) < set(whole[name]) or name == "instance"  # over a gap rates are counted anew


@pytest.mark.parametrize("command", ["what-if", "export --what samples", "export --what decisions", "report"])
async def test_a_command_says_what_it_could_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    story = await recorded(tmp_path / "a.aiosrec")
    story.writer.close()
    with closing(sqlite3.connect(tmp_path / "a.aiosrec")) as database, database:
        database.execute("UPDATE frame SET decided = x'28b52ffd0011' WHERE segment = 2")
    name, *options = command.split()
    assert await asyncio.to_thread(main, [name, "a.aiosrec", *options]) == 0
    said = capsys.readouterr()
    assert said.out
    assert "aios-top: 10 polls of a.aiosrec cannot be read: 'aios-top recordings verify' says why" in said.err


def _drawn(path: Path) -> dict[str, list[Any]]:
    """What a view draws at a moment of the last segment."""
    with open_recording(path) as recording:
        block = Replay(recording).state(recording._index.segments[-1].times[4]).blocks["told"]
        return {
            "history": [repr(entry) for entry in block.history["input_average_1m"]],
            "instance": [repr(entry) for row in block.instances for entry in row.history["output_rate"]],
            "decisions": [decision.seq for decision in block.decisions],
            "all told": [decision.seq for _, decision in recording.decisions("told")],
        }


async def test_a_damaged_state_of_a_policy_is_not_known_and_its_report_is_shown(tmp_path: Path) -> None:
    story = await recorded(tmp_path / "a.aiosrec")
    story.writer.close()
    with open_recording(tmp_path / "a.aiosrec") as recording:
        entry = recording._index.segments[1]
        whole = Replay(recording).state(entry.times[4]).blocks["told"].policy
        told = recording._index.parts(entry)[clean("told")].stream("told")
        del told._first[told._shapes.leaf(("report", "state", "mode"))]  # type: ignore[attr-defined]
        report = Replay(recording).state(entry.times[4]).blocks["told"].policy
    assert whole.state["mode"] == whole.mode == "active"
    assert dict(report.state) == {}
    assert report == replace(whole, state=report.state)


async def test_what_is_damaged_of_a_decision_is_not_known_and_the_rest_is_shown(tmp_path: Path) -> None:
    story = await recorded(tmp_path / "a.aiosrec")
    story.writer.close()
    with open_recording(tmp_path / "a.aiosrec") as recording:
        entry = recording._index.segments[1]
        part = recording._index.parts(entry)[clean("told")]
        decided, table = part.stream("decided"), next(iter(part.pushes().values())).table
        stage = decided._shapes.leaf(("decision", "record", "steps", 0, "stage"))
        assert stage in decided._first
        decided._first[stage] = {"no": "text"}  # type: ignore[index]  # what a file can say that nobody here wrote
        del decided._first[decided._shapes.leaf(("decision", "record", "steps", 0, "result"))]  # type: ignore[attr-defined]
        table.figures._made[3] = Values(Packed(1, 0, []))  # type: ignore[attr-defined]
        block = Replay(recording).state(entry.times[4]).blocks["told"]
    last = block.policy.last_decision
    live = next(state for state in story.states if state.at == entry.times[4]).blocks["told"].policy.last_decision
    assert last is not None
    assert live is not None
    assert (last.code, last.seq, last.reason) == (live.code, live.seq, live.reason)
    assert [seen.instance_id for seen in last.instances] == [seen.instance_id for seen in live.instances]
    assert [seen.status for seen in last.instances] == [None] * len(live.instances)
    assert dict(last.record) == {}
    sizes = [row.reading.input_size for row in block.instances if row.reading and row.reading.input_size]
    assert sizes
    assert [size.average_15m for size in sizes] == [None] * len(sizes)
    assert None not in [size.average_5m for size in sizes]


@pytest.mark.parametrize("damage", [lambda columns: [columns[0], Values(Packed(1, 0, [b"\x07"]))], lambda _columns: []])
async def test_a_damaged_counter_of_an_executor_is_not_known_and_the_rest_is_shown(
    tmp_path: Path, damage: Callable[[Any], list[Any]]
) -> None:
    (await recorded(tmp_path / "a.aiosrec")).writer.close()
    with open_recording(tmp_path / "a.aiosrec") as recording:
        entry = recording._index.segments[1]
        whole = Replay(recording).state(entry.times[4]).blocks["told"]
        assert whole.executor is not None
        assert whole.executor.tasks_processed_total is not None
        assert whole.request_rate is not None
        executors = recording._index.parts(entry)[clean("told")].executors()
        executors._columns = damage(executors._columns)
        block = Replay(recording).state(entry.times[4]).blocks["told"]
    assert block.counted
    assert block.executor == ExecutorReading()
    assert block.request_rate is None
    assert block.replicas == whole.replicas


async def test_a_full_disk_stops_the_recording_and_what_is_there_stays(tmp_path: Path) -> None:
    story = await recorded(tmp_path / "a.aiosrec", 5)
    story.writer._connection.execute("PRAGMA max_page_count = 80")
    with pytest.raises(StoreError, match="full"):
        await story.poll(400)
    written = story.writer.polls
    story.writer.close()
    with open_recording(tmp_path / "a.aiosrec") as recording:
        assert recording.verify() == []
        assert len(recording.times) == written


async def test_a_segment_that_cannot_be_packed_stays_as_the_rows_of_its_polls(tmp_path: Path) -> None:
    story = await recorded(tmp_path / "a.aiosrec", 8)
    connection = story.writer._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="full"):
        story.writer.new_session()
    story.writer.close()
    with closing(sqlite3.connect(tmp_path / "a.aiosrec")) as database:
        assert database.execute("SELECT count(*) FROM segment").fetchone() == (0,)
    with open_recording(tmp_path / "a.aiosrec") as recording:
        assert recording.verify() == []
        assert [Replay(recording).state(at).at for at in recording.times] == [state.at for state in story.states]


async def test_a_segment_of_another_layout_is_named_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = await recorded(tmp_path / "a.aiosrec")
    story.writer.close()
    monkeypatch.setattr(recording_segments, "STREAMS", (*recording_segments.STREAMS, "unheard of"))
    with open_recording(tmp_path / "a.aiosrec") as recording:
        assert "4 kinds of documents, not 5: recorded by another version of aios-top" in recording.verify()[0]


async def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        writer = begin(tmp_path / "state" / "recordings", RecordingHeader("prod/../x"), RecordingLimits())
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in writer.path.parent.iterdir()}
        assert set(modes.values()) == {0o600}, modes
        assert stat.S_IMODE(writer.path.parent.stat().st_mode) == 0o700
        assert writer.path.parent == tmp_path / "state" / "recordings"
        writer.close()
    finally:
        os.umask(before)


async def test_two_consoles_write_two_files_and_one_reads_the_other_while_it_writes(tmp_path: Path) -> None:
    first = begin(tmp_path, RecordingHeader("demo"), RecordingLimits())
    second = begin(tmp_path, RecordingHeader("demo"), RecordingLimits())
    assert first.path != second.path
    first.close()
    second.close()
    story = await recorded(tmp_path / "c.aiosrec", 7)
    with open_recording(tmp_path / "c.aiosrec") as recording:
        assert len(recording.times) == 7
        assert recording_file.being_written(tmp_path / "c.aiosrec")
        await story.poll(12)
        assert recording.refresh()
        assert len(recording.times) == 19
        assert Replay(recording).state(story.states[-1].at).sequence == 19
        assert not recording.refresh()
    story.writer.close()
    assert not recording_file.being_written(tmp_path / "c.aiosrec")


async def test_size_and_age_bound_a_recording_while_it_is_made(tmp_path: Path) -> None:
    story = await recorded(tmp_path / "a.aiosrec", 60, hours=1.0 / 60)
    story.writer.close()
    with open_recording(tmp_path / "a.aiosrec") as recording:
        info = recording.info
        assert info.pruned >= 20
        assert info.lost == 0
        assert info.polls + info.pruned == 60
        assert Replay(recording).state(recording.times[0]).at == recording.times[0]


async def test_the_oldest_recordings_go_first_and_what_is_being_written_stays(tmp_path: Path) -> None:
    for number, name in enumerate(("old", "middle", "new")):
        story = await recorded(tmp_path / f"{name}.aiosrec", 3)
        if name != "new":
            story.writer.close()
        os.utime(tmp_path / f"{name}.aiosrec", (1_000_000.0 + number, 1_000_000.0 + number))
    (tmp_path / "notes.txt").write_text("mine")
    size = (tmp_path / "old.aiosrec").stat().st_size
    left = sum(recording_file.size_of(path) for path in recordings(tmp_path)) - size
    removed = prune(tmp_path, RecordingLimits(left / 1e6, 1.0), now=1_000_100.0)
    assert [path.name for path in removed] == ["old.aiosrec"]
    removed = prune(tmp_path, RecordingLimits(0.0, 1e-6), now=1_000_100.0)
    assert [path.name for path in removed] == ["middle.aiosrec"]
    assert (tmp_path / "notes.txt").exists()
    story.writer.close()


@pytest.mark.parametrize("polls", [3, 45])
def test_a_killed_process_loses_at_most_one_poll(tmp_path: Path, polls: int) -> None:
    told, read, problems = killed_after(tmp_path / "a.aiosrec", polls, random.Random(polls))
    assert problems == []
    assert read >= told


class Held:
    """A sink whose disk takes as long as the test wants."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.polls: list[Poll] = []
        self.marks: list[Mark] = []
        self.closed = False

    def append(self, poll: Poll, traces: Mapping[Any, Any], marks: Iterable[Mark]) -> None:
        self.go.wait(60)
        self.polls.append(poll)
        self.marks += marks

    def size(self) -> int:
        return 1000 * len(self.polls)

    def close(self) -> None:
        self.closed = True


async def test_a_slow_disk_holds_up_nothing_and_what_it_misses_is_counted(tmp_path: Path) -> None:
    sink = Held()
    entries = [AuditEntry(1, 0.0, "intent", {"title": "long ago"})]
    recorder = Recorder(RecordingPort(lambda: ("/x", sink), (StoreError,)), lambda: tuple(entries))
    recorder.start()
    story = await recorded(tmp_path / "a.aiosrec", 2)
    for number in range(40):
        await story.poll()
        if number == 1:
            entries.append(
                AuditEntry(2, story.clock.now(), "intent", {"title": "Scale it", "request": {"block_id": "b"}})
            )
        assert story.poller.poll is not None
        recorder.take(story.poller.poll, story.states[-1], story.poller.picture, None, None)
    sink.go.set()
    recorder.stop()
    story.writer.close()
    assert sink.closed
    assert recorder.state.phase is RecordingPhase.OFF
    assert 30 <= len(sink.polls) <= 32
    assert recorder.state.missed == 40 - len(sink.polls)
    assert sink.marks[0].kind is MarkKind.START


async def test_a_disk_that_fails_ends_the_recording_with_the_reason(tmp_path: Path) -> None:
    def refuse() -> tuple[str, Held]:
        raise StoreError("/x: disk full")

    recorder = Recorder(RecordingPort(refuse, (StoreError,)))
    recorder.start()
    story = await recorded(tmp_path / "a.aiosrec", 2)
    story.writer.close()
    for _ in range(100):
        if recorder.state.phase is RecordingPhase.FAILED:
            break
        threading.Event().wait(0.05)
    assert recorder.state.phase is RecordingPhase.FAILED
    assert recorder.state.problem == "/x: disk full"
    assert story.poller.poll is not None
    recorder.take(story.poller.poll, story.states[-1], story.poller.picture, None, None)
    recorder.stop()
    assert recorder.state.phase is RecordingPhase.FAILED


def beside(path: Path) -> list[str]:
    """What stands in the folder of a recording."""
    return sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())


async def test_a_reader_leaves_nothing_beside_a_finished_recording(tmp_path: Path) -> None:
    path = tmp_path / "x.aiosrec"
    told = await recorded(path)
    told.writer.close()
    before = path.read_bytes()
    for _ in range(2):
        with open_recording(path) as recording:
            assert recording.verify() == []
            assert len(recording.times) == 60
            assert beside(path) == ["x.aiosrec"]
    assert beside(path) == ["x.aiosrec"]
    assert path.read_bytes() == before


async def test_a_reader_that_outlives_the_writer_cleans_up_after_both(tmp_path: Path) -> None:
    path = tmp_path / "x.aiosrec"
    told = await recorded(path)
    with open_recording(path) as first, open_recording(path) as second:
        await told.poll(3)
        told.writer.close()
        assert first.refresh()
        first.close()
        assert second.refresh()  # the first one to go takes nothing from the other
        assert len(second.times) == 63
        assert len(list(Replay(second).states())) == 63
    assert beside(path) == ["x.aiosrec"]
    with open_recording(path) as again:
        assert len(again.times) == 63


async def test_a_reader_that_goes_first_takes_nothing_from_the_writer(tmp_path: Path) -> None:
    path = tmp_path / "x.aiosrec"
    told = await recorded(path, 5)
    for number in range(3):
        with open_recording(path) as recording:
            assert len(recording.times) == 5 + number
        assert path.with_name("x.aiosrec-wal").stat().st_size > 0  # the log is the writer's to deal with
        await told.poll(1)
    told.writer.close()
    with open_recording(path) as recording:
        assert len(recording.times) == 8
    assert beside(path) == ["x.aiosrec"]


def test_what_a_killed_writer_left_is_read_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.aiosrec"
    killed_after(path, 12, random.Random(1))
    left = beside(path)
    log = path.with_name("x.aiosrec-wal").read_bytes()
    assert log
    with open_recording(path) as recording:
        assert len(recording.times) >= 11
    assert (beside(path), path.with_name("x.aiosrec-wal").read_bytes()) == (left, log)
    path.with_name("x.aiosrec-shm").unlink()  # as in a copy that somebody sends
    with open_recording(path) as recording:
        assert len(recording.times) >= 11
    assert beside(path) == ["x.aiosrec", "x.aiosrec-wal"]


async def test_a_recording_that_is_removed_while_it_is_read_does_not_come_back(tmp_path: Path) -> None:
    path = tmp_path / "x.aiosrec"
    told = await recorded(path)
    with open_recording(path) as recording:
        told.writer.close()
        recording_file.delete(path)
        assert len(recording.times) == 60
    assert beside(path) == []
