"""The audit file: on disk before the request, one chain however many write, and every change to it shows."""

import errno
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aios_top.engine.ports import Audit
from aios_top.store.audit import FIRST, AuditLog

WRITER = """
import sys
from pathlib import Path
from aios_top.store.audit import AuditLog
log = AuditLog(Path(sys.argv[1]))
for entry in range(20):
    log.outcome(log.intent({"entry": entry}), {})
"""
KILLED_WRITER = """
import os, sys
from pathlib import Path
from aios_top.store.audit import AuditLog
log = AuditLog(Path(sys.argv[1]))
while True:
    number = log.intent({"title": "x" * 2000})
    os.write(1, b"%d\\n" % number)
"""


def lines(log: AuditLog) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.path.read_bytes().splitlines()]


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "state" / "audit.jsonl", now=lambda: 1_795_445_446.25)


def test_it_satisfies_the_engines_port(log: AuditLog) -> None:
    port: Audit = log
    assert port.entries() == ()


def test_each_line_tells_who_when_what_and_follows_from_the_one_before(log: AuditLog) -> None:
    number = log.intent({"title": "Reset"})
    log.outcome(number, {"fate": "done"})
    log.refused({"reason": "read-only"})
    log.note({"sha256": "ab"})
    first, second, third, fourth = lines(log)
    assert [entry["seq"] for entry in (first, second, third, fourth)] == [1, 2, 3, 4]
    assert [entry["kind"] for entry in (first, second, third, fourth)] == ["intent", "outcome", "refused", "note"]
    assert first["at"] == "2026-11-23T14:50:46.250000Z"
    assert first["user"]
    assert first["host"]
    assert first["previous"] == FIRST
    assert second["fields"] == {"intent": 1, "fate": "done"}
    assert log.verify().problems == ()
    assert [(entry.seq, entry.at, entry.kind) for entry in log.entries()][:1] == [(1, 1_795_445_446.25, "intent")]


def test_file_and_folder_are_for_the_owner_alone_whatever_the_umask(log: AuditLog) -> None:
    before = os.umask(0)
    try:
        log.intent({})
    finally:
        os.umask(before)
    assert log.path.stat().st_mode & 0o777 == 0o600
    assert log.path.parent.stat().st_mode & 0o777 == 0o700


def test_text_from_a_server_stays_one_ascii_line(log: AuditLog) -> None:
    log.refused({"reason": 'a\r\n{"seq":9}\x1b[2J\u202e\u2028\ud800', "value": float("nan"), "content": b"12"})
    content = log.path.read_bytes()
    assert content.count(b"\n") == 1
    assert content.isascii()
    assert b"\x1b" not in content
    fields = log.entries()[0].fields
    assert fields["reason"].startswith('a\r\n{"seq":9}')
    assert fields["value"] is None
    assert fields["content"]["bytes"] == 2


def test_an_intent_is_synced_before_its_number_is_returned(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    write, sync = os.write, os.fsync
    monkeypatch.setattr(os, "write", lambda fd, data: (steps.append("write"), write(fd, data))[1])
    monkeypatch.setattr(os, "fsync", lambda fd: (steps.append("fsync"), sync(fd))[1])
    log.intent({})
    steps.append("returned")
    assert steps == ["write", "fsync", "fsync", "returned"]  # the second is the folder's, for the new name


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_failing_disk_is_an_oserror_and_never_a_number(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="Input/output error"):
        log.intent({})


def test_a_full_disk_leaves_a_torn_line_that_the_next_one_ends(log: AuditLog) -> None:
    log.intent({"title": "whole"})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.path.stat().st_size + 20, hard))
    try:
        with pytest.raises(OSError) as caught:
            log.intent({"title": "does not fit"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno in {errno.EFBIG, errno.ENOSPC}
    assert [entry.fields["title"] for entry in log.entries()] == ["whole"]

    assert log.intent({"title": "again"}) == 2
    assert [entry.fields["title"] for entry in log.entries()] == ["whole", "again"]
    found = log.verify()
    assert (found.lines, found.problems, found.torn) == (3, (), (2,))


def test_a_line_too_long_to_be_read_back_is_refused(log: AuditLog) -> None:
    with pytest.raises(OSError, match="too long"):
        log.intent({"title": "x" * 300_000})
    assert log.entries() == ()


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda found: [found[0], found[1].replace(b"t1", b"t9"), *found[2:]], 2),
        (lambda found: [*found[:3], found[3].replace(b"t3", b"t9")], 4),
        (lambda found: [found[0], *found[2:]], 2),
        (lambda found: found[1:], 1),
        (lambda found: [found[0], found[2], found[1], found[3]], 2),
        (lambda found: [found[0], found[0], *found[1:]], 2),
        (lambda found: [*found[:2], b"", *found[2:]], 3),
        (lambda found: [*found[:2], b'{"torn', *found[2:]], 4),
    ],
    ids=["edited", "last edited", "removed", "head removed", "swapped", "repeated", "blank", "put in"],
)
def test_verify_names_the_line(log: AuditLog, edit: Any, named: int) -> None:
    for number in range(4):
        log.note({"title": f"t{number}"})
    log.path.write_bytes(b"\n".join(edit(log.path.read_bytes().splitlines())) + b"\n")
    problems = log.verify().problems
    assert problems
    assert problems[0][0] == named


def test_a_missing_file_has_no_problems(log: AuditLog) -> None:
    assert (log.verify().lines, log.verify().problems) == (0, ())


def test_a_link_or_a_folder_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("")
    (tmp_path / "audit.jsonl").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError) as caught:
        AuditLog(tmp_path / "audit.jsonl").intent({})
    assert caught.value.errno == errno.ELOOP
    assert (tmp_path / "victim").read_text() == ""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        AuditLog(tmp_path / "fifo").intent({})


def test_a_folder_that_others_may_write_is_an_oserror_with_the_cure(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(OSError, match="chmod 700"):
        AuditLog(tmp_path / "audit.jsonl").intent({})


def test_a_lock_that_is_never_released_is_an_oserror(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.intent({})
    monkeypatch.setattr("aios_top.store.audit._LOCK_SECONDS", 0.02)
    with log.path.open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="another process holds"):
            log.intent({})


def test_processes_and_threads_at_once_keep_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    processes = [subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) for _ in range(2)]
    log = AuditLog(path)
    threads = [threading.Thread(target=lambda: [log.note({}) for _ in range(40)]) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert [process.wait(30) for process in processes] == [0, 0]
    for thread in threads:
        thread.join(30)
    assert [entry.seq for entry in log.entries()] == list(range(1, 161))
    found = log.verify()
    assert (found.lines, found.problems, found.torn) == (160, (), ())


def test_a_killed_writer_loses_nothing_that_it_was_promised(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    for delay in (0.0, 0.01, 0.03):
        with subprocess.Popen([sys.executable, "-c", KILLED_WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
            promised = [int(number) for number in writer.stdout.read().split()]
        log = AuditLog(path)
        assert {entry.seq for entry in log.entries()} >= set(promised)
        assert log.verify().problems == ()
        log.intent({"after": "the kill"})
        assert log.verify().problems == ()


def test_entries_reads_only_what_is_new_and_notices_a_replaced_file(log: AuditLog, tmp_path: Path) -> None:
    other = AuditLog(log.path)
    log.note({"n": 1})
    assert len(log.entries()) == 1
    other.note({"n": 2})
    assert [entry.fields["n"] for entry in log.entries()] == [1, 2]
    log.path.unlink()
    assert log.entries() == ()
    log.note({"n": 3})
    assert [entry.fields["n"] for entry in log.entries()] == [3]


class Stubborn(Mapping[str, Any]):
    """A mapping that is no dict, as frozen values may be."""

    def __getitem__(self, key: str) -> Any:
        return {"nested": (1, {2})}[key]

    def __iter__(self) -> Any:
        return iter(["nested"])

    def __len__(self) -> int:
        return 1


def test_any_mapping_and_any_sequence_can_be_recorded(log: AuditLog) -> None:
    log.note(Stubborn())
    assert log.entries()[0].fields == {"nested": [1, [2]]}
