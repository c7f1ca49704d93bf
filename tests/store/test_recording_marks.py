"""The marks of the time bar are read once, and those of a recording that grows as they come."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aios_top.model.fact import Poll
from aios_top.model.recording import Mark, MarkKind, RecordingHeader
from aios_top.store import recording_writer
from aios_top.store.recording_reader import Recording, open_recording
from aios_top.store.recording_writer import RecordingLimits, RecordingWriter

START = 1_795_445_000.0


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_writer, "SEGMENT_SECONDS", 20.0)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RecordingWriter]:
    found = RecordingWriter(tmp_path / "a.aiosrec", RecordingHeader(), RecordingLimits(hours=120 / 3600))
    yield found
    found.close()


def mark(second: float, kind: MarkKind = MarkKind.UP) -> Mark:
    return Mark(START + second, kind, "block", f"at {second:g}")


def append(writer: RecordingWriter, *seconds: float) -> None:
    for second in seconds:
        writer.append(
            Poll(START + second, int(second), 2.0, ()), {}, [mark(second), mark(second - 5.0, MarkKind.ALERT)]
        )


def rows_read(recording: Recording) -> list[int]:
    """Note how many rows each question returns from now on."""
    index, found = recording._index, []
    rows = index.rows

    def noted(query: str, values: object = ()) -> list[object]:
        answer = rows(query, values)  # type: ignore[arg-type]
        found.append(len(answer))
        return answer

    index.rows = noted  # type: ignore[method-assign]
    return found


def test_they_are_read_once_and_then_only_what_is_new(tmp_path: Path, writer: RecordingWriter) -> None:
    append(writer, *range(2, 42, 2))
    with open_recording(tmp_path / "a.aiosrec") as recording:
        read = rows_read(recording)
        first = recording.marks()
        assert [entry.at for entry in first] == sorted(
            [START + second for second in range(2, 42, 2)] + [START + second - 5.0 for second in range(2, 42, 2)]
        )
        recording.refresh()
        assert recording.marks() is first
        assert read == [40]
        append(writer, 42.0, 44.0)
        recording.refresh()
        grown = recording.marks()
        assert read == [40, 4]
        assert set(grown) == {*first, mark(42.0), mark(37.0, MarkKind.ALERT), mark(44.0), mark(39.0, MarkKind.ALERT)}
        assert [entry.at for entry in grown] == sorted(entry.at for entry in grown)
    with open_recording(tmp_path / "a.aiosrec") as recording:
        assert recording.marks() == grown


def test_those_of_a_time_span_are_those_of_all_within_it(tmp_path: Path, writer: RecordingWriter) -> None:
    append(writer, *range(2, 42, 2))
    with open_recording(tmp_path / "a.aiosrec") as recording:
        every = recording.marks()
        for start, end in [
            (0.0, 100.0),
            (START + 10.0, START + 20.0),
            (START + 10.0, 1e12),
            (0.0, START + 9.0),
            (0, 1),
        ]:
            assert recording.marks(start, end) == tuple(entry for entry in every if start <= entry.at <= end)


def test_those_that_are_removed_for_their_age_are_gone(tmp_path: Path, writer: RecordingWriter) -> None:
    append(writer, *range(2, 42, 2))
    with open_recording(tmp_path / "a.aiosrec") as recording:
        assert recording.marks()[0].at < START
        append(writer, *range(42, 300, 2))
        recording.refresh()
        assert recording._index.pruned > 0
        with open_recording(tmp_path / "a.aiosrec") as anew:
            assert recording.marks() == anew.marks()
        assert recording.marks()[0].at > START + 100.0


@pytest.mark.parametrize(
    "damage",
    ["content = x'c3'", "kind = 'mark:tp'", "content = NULL", "content = 'text'", "at = 'soon'", "block = x'ff'"],
)
def test_one_that_is_damaged_is_left_out_and_told(tmp_path: Path, writer: RecordingWriter, damage: str) -> None:
    append(writer, *range(2, 42, 2))
    with open_recording(tmp_path / "a.aiosrec") as recording:
        every = recording.marks()
        assert not [problem for problem in recording.verify() if "mark" in problem]
    with closing(sqlite3.connect(tmp_path / "a.aiosrec")) as database, database:
        database.execute(f"UPDATE event SET {damage} WHERE id = 7")
    with open_recording(tmp_path / "a.aiosrec") as recording:
        assert len(recording.marks()) == len(every) - 1
        assert set(recording.marks()) < set(every)
        assert [problem for problem in recording.verify() if "1 marks of the time bar" in problem]
