"""The operator's record when the disk, a kill, another process or a forger is against it."""

import json
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aios_top.cli.main import main
from aios_top.model.audit import unresolved
from aios_top.model.change import Fate
from aios_top.store.audit import AuditLog
from fakes.controls import BLOCK, World
from fakes.recording_aios import BLOCK as RECORDED
from fakes.recording_aios import RecordingAios
from faults.strings import STRINGS

RESET = ["cooldown", "reset", "--block", RECORDED, "--yes"]


@pytest.fixture(autouse=True)
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIOS_TOP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "state"))
    return tmp_path


def test_s_02_a_full_disk_refuses_the_change_and_sends_nothing(own_files: Path) -> None:
    """A quota of 100 bytes a file, as a disk that fills up in the middle of a line."""
    with RecordingAios() as aios:
        aios.evaluate()
        done = subprocess.run(
            [sys.executable, "-m", "aios_top", *RESET, *aios.options],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert aios.changes == []
    assert done.returncode == 1
    assert "cannot record" in done.stderr
    assert "nothing was sent" in done.stderr
    log = AuditLog(own_files / "state" / "audit.jsonl")
    assert log.entries() == ()
    assert log.verify().torn == (1,)


async def test_s_02_a_failing_disk_keeps_the_gate_shut_and_the_reading_going(tmp_path: Path) -> None:
    world = World(tmp_path)
    plan = await world.actions.plan_reset(BLOCK)
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "audit.jsonl").mkdir()
    outcome = await world.actions.execute(plan)
    assert outcome.fate is Fate.REFUSED
    assert "cannot record" in outcome.message
    assert world.mutations.sent == []
    assert (await world.reads.records())[0].block_id == BLOCK


def test_s_05_an_intent_without_an_end_is_told_after_a_restart(
    own_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kill itself is in test_kill; here, that nobody overlooks what it left."""
    log = AuditLog(own_files / "state" / "audit.jsonl")
    log.intent({"title": "Scale gemma", "request": {"block_id": "gemma", "change": "ScaleUp"}})
    assert [entry.seq for entry in unresolved(log.entries())] == [1]
    assert main(["audit", "show"]) == 0
    assert "it may have happened: 1" in capsys.readouterr().err


@pytest.mark.parametrize("name", STRINGS)
def test_s_06_whatever_a_reason_holds_it_is_one_line(name: str, own_files: Path) -> None:
    log = AuditLog(own_files / "state" / "audit.jsonl")
    log.refused({"reason": STRINGS[name], STRINGS[name]: STRINGS[name]})
    content = log.path.read_bytes()
    assert content.count(b"\n") == 1
    assert content.isascii()
    assert all(0x20 <= byte < 0x7F for byte in content[:-1])
    assert log.entries()[0].fields["reason"] == STRINGS[name]
    assert log.verify().problems == ()


EDITS = {
    "changed": lambda lines: [lines[0], lines[1].replace(b"three", b"threX"), *lines[2:]],
    "removed": lambda lines: [lines[0], *lines[2:]],
    "swapped": lambda lines: [lines[0], lines[2], lines[1], lines[3]],
    "repeated": lambda lines: [lines[0], lines[1], lines[1], *lines[2:]],
    "forged": lambda lines: [lines[0], lines[0].replace(b"one", b"two"), *lines[1:]],
}


@pytest.mark.parametrize("edit", EDITS)
def test_s_07_a_changed_record_names_its_line(edit: str, own_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = AuditLog(own_files / "state" / "audit.jsonl")
    for title in ("one", "three", "five", "seven"):
        log.note({"title": title})
    assert main(["audit", "verify"]) == 0
    capsys.readouterr()
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(EDITS[edit](lines)))
    assert main(["audit", "verify"]) == 1
    assert capsys.readouterr().err.startswith("line 3: " if edit == "repeated" else "line 2: ")


def test_s_10_files_are_for_the_owner_alone_whatever_the_umask(own_files: Path) -> None:
    folder = own_files / "deep" / "state"
    with RecordingAios() as aios:
        aios.evaluate()
        for line in ([*RESET, *aios.options], ["audit", "export", "--output", str(own_files / "deep" / "out.jsonl")]):
            done = subprocess.run(
                [sys.executable, "-m", "aios_top", *line],
                preexec_fn=lambda: os.umask(0),
                env={**os.environ, "AIOS_TOP_STATE": str(folder)},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert done.returncode == 0, done.stderr
    found = [own_files / "deep", *(own_files / "deep").rglob("*")]
    assert len(found) >= 4
    for path in found:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_p_27_what_is_exported_is_inert_in_its_format(own_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = AuditLog(own_files / "state" / "audit.jsonl")
    for text in STRINGS.values():
        log.refused({"title": text, "message": text, "context": text, "request": {"block_id": text}})
    main(["audit", "export", "--format", "csv"])
    sheet = capsys.readouterr().out
    import csv
    import io

    rows = list(csv.DictReader(io.StringIO(sheet)))
    assert len(rows) == len(STRINGS)
    for row in rows:
        for cell in row.values():
            assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert sheet.isascii()
    assert "\x1b" not in sheet
    main(["audit", "export"])
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["fields"]["title"] for line in lines] == list(STRINGS.values())
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_p_27_an_export_overwrites_nothing(own_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    AuditLog(own_files / "state" / "audit.jsonl").note({"title": "x"})
    target = own_files / "mine"
    target.write_text("precious")
    assert main(["audit", "export", "--output", str(target)]) == 1
    assert target.read_text() == "precious"
    (own_files / "link").symlink_to(own_files / "elsewhere")
    assert main(["audit", "export", "--output", str(own_files / "link")]) == 1
    assert not (own_files / "elsewhere").exists()
    assert main(["audit", "export", "--output", str(own_files / "no" / "folder")]) == 1
    assert "exists" in capsys.readouterr().err


def test_p_27_json_and_text_for_people_are_inert_too(own_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from faults.hostile import HostileAios

    with HostileAios() as aios:
        main(["once", "--json", *aios.options])
        document = capsys.readouterr().out
        main(["once", *aios.options])
        table = capsys.readouterr().out
        main(["decisions", *aios.options])
        table += capsys.readouterr().out
    assert json.loads(document)["blocks"]
    for shown in (document, table):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "\u241b" in table
