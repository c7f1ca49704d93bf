"""`aios-top export`: rows that other programs read, the same figures as the live commands', one after the other."""

import asyncio
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from aios_top.cli.exits import CommandError
from aios_top.cli.export_rows import Part, documents, openmetrics_lines
from aios_top.cli.main import main
from aios_top.cli.output import written
from aios_top.engine.replay import Replay
from aios_top.model.state import FleetState
from aios_top.render.document import block_document, decision_document, rfc3339
from aios_top.render.export import COLUMNS, What, csv_lines
from aios_top.store.recording_reader import Recording, open_recording
from fakes.incident import BLOCK, SECRET, SILENT, incident


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[FleetState]]:
    """The recording, and the states that it is of."""
    path = tmp_path_factory.mktemp("recorded") / "story.aiosrec"
    return path, asyncio.run(incident(path))


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_every_poll_of_every_block_is_a_row_with_the_figures_that_were_live(run, live) -> None:
    path, states = live
    ran = run("export", str(path))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("\r\n")
    found = rows(ran.out)
    expected = [(state, block) for state in states for block in state.blocks.values()]
    assert len(found) == len(expected) > 200
    for row, (state, block) in zip(found, expected, strict=True):
        document = block_document(block, state.at)
        assert (row["at"], row["block_id"]) == (rfc3339(state.at), block.block_id)
        reporting = document["replicas"]["reporting"]
        assert row["replicas.reporting"] == ("" if reporting is None else str(reporting))
        for name in ("averages.5m.input_tokens_per_request", "cooldown.remaining_seconds", "thresholds.input_up"):
            value: Any = document
            for part in name.split("."):
                value = value[part]
            assert row[name] == ("" if value is None else repr(value)), name


@pytest.mark.parametrize("what", list(What))
def test_each_kind_of_row_is_the_same_as_json_lines(run, live, what: What) -> None:
    """Every column of the CSV is in the documents, and nothing of a row is lost in it."""
    path = str(live[0])
    table = rows(run("export", path, "--what", what).out)
    lines = [json.loads(line) for line in run("export", path, "--what", what, "--format", "jsonl").out.splitlines()]
    assert len(table) == len(lines) > 1
    filled = {name for row in table for name, cell in row.items() if cell}
    assert set(COLUMNS[what]) - filled <= NEVER_IN_THIS_STORY
    for row, line in zip(table, lines, strict=True):
        for name, cell in row.items():
            value: Any = line
            for part in name.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if not isinstance(value, dict | list):
                assert cell == ("" if value is None else repr(value) if not isinstance(value, str | bool) else cell)


NEVER_IN_THIS_STORY = {"would", "latency_seconds", "first_token_seconds"}


def test_json_lines_have_the_fields_of_the_live_commands(run, live) -> None:
    path, states = live
    lines = [json.loads(line) for line in run("export", str(path), "--format", "jsonl").out.splitlines()]
    (block,) = [found for found in states[-1].blocks.values() if found.block_id == SILENT]
    live_fields = json.loads(json.dumps(block_document(block, states[-1].at)))
    apart = {"instances", "last_decision", "last_decision_note"}
    assert lines[-1] == {
        "at": rfc3339(states[-1].at),
        **{name: part for name, part in live_fields.items() if name not in apart},
    }


def test_decisions_are_those_of_the_last_state_each_once(run, live) -> None:
    path, states = live
    ran = run("export", str(path), "--what", "decisions", "--format", "jsonl")
    found = [json.loads(line) for line in ran.out.splitlines()]
    expected = [
        {"block_id": str(block.block_id), **decision_document(entry)}
        for block in states[-1].blocks.values()
        for entry in block.decisions
    ]
    assert sorted(map(str, found)) == sorted(str(json.loads(json.dumps(entry))) for entry in expected)
    assert [entry["at"] for entry in found] == sorted(entry["at"] for entry in found)
    assert {entry["confirmation"] for entry in found if entry["action"] == "upscale"} >= {"confirmed"}
    assert {entry["origin"] for entry in found} == {"reported", "inferred"}


def test_a_part_of_the_time_and_one_block(run, live) -> None:
    path, states = live
    ran = run("export", str(path), "--from", "60s ago", "--to", "20s ago", "--block", SILENT)
    found = rows(ran.out)
    assert {row["block_id"] for row in found} == {SILENT}
    assert (found[0]["at"], found[-1]["at"]) == (rfc3339(states[-1].at - 60), rfc3339(states[-1].at - 20))
    ran = run("export", str(path), "--block", "nobody")
    assert (ran.code, ran.out) == (1, "")
    assert f"it has: {BLOCK}, {SILENT}" in ran.err


def test_a_capsule_is_exported_like_its_recording(run, live, tmp_path) -> None:
    capsule = tmp_path / "x.aioscap"
    assert run("capsule", str(live[0]), "--output", str(capsule)).code == 0
    for what in ("samples", "decisions"):
        assert run("export", str(capsule), "--what", what).out == run("export", str(live[0]), "--what", what).out


def test_without_a_name_it_is_the_newest_recording(run, live, tmp_path) -> None:
    ran = run("export")
    assert (ran.code, ran.out) == (2, "")
    assert "no recordings in" in ran.err
    folder = tmp_path / "state" / "recordings"
    folder.mkdir(parents=True)
    shutil.copy(live[0], folder / "newest.aiosrec")
    ran = run("export", "--what", "audit")
    assert ran.code == 0
    assert ran.err == f"aios-top: the newest recording, {folder / 'newest.aiosrec'}\n"
    assert len(rows(ran.out)) == 2


def test_no_secret_leaves(run, live, monkeypatch) -> None:
    monkeypatch.setenv("AIOS_TOP_TOKEN", "tokenautoscaler")  # a text that does occur stands for one
    for what in What:
        for form in ("csv", "jsonl"):
            out = run("export", str(live[0]), "--what", what, "--format", form).out
            assert SECRET not in out
            assert "tokenautoscaler" not in out


def families(text: str) -> dict[str, Any]:
    """All families but the histogram: this parser forgets samples of a histogram with several timestamps."""
    kept = [line for line in text.splitlines() if "scaling_lag" not in line]
    return {family.name: family for family in text_string_to_metric_families("\n".join(kept) + "\n")}


def test_openmetrics_has_every_sample_at_its_time(run, live) -> None:
    path, states = live
    ran = run("export", str(path), "--format", "openmetrics")
    assert ran.code == 0
    assert ran.out.endswith("\n# EOF\n")
    found = families(ran.out)
    reporting = [
        (float(sample.timestamp), sample.value)
        for sample in found["aios_block_reporting_replicas"].samples
        if sample.labels == {"block": BLOCK}
    ]
    fresh = [state for state in states if state.blocks[BLOCK].counted]
    assert reporting == [(state.at, state.blocks[BLOCK].replicas.reporting) for state in fresh]
    assert len(fresh) < len(states)  # what was old has no sample
    decided = found["aios_block_decisions"]
    assert (decided.type, {sample.name for sample in decided.samples}) == ("counter", {"aios_block_decisions_total"})
    assert found["aios_block_cooldown_remaining_seconds"].unit == "seconds"
    assert "aios_top_poll_age_seconds" not in found


def test_openmetrics_histograms_are_whole(live) -> None:
    path, states = live
    with open_recording(path) as recording:
        part = Part(recording, states[0].at, states[-1].at, list(states[-1].blocks))
        text = list(openmetrics_lines(part))
    last = [line for line in text if "scaling_lag" in line and (line[0] == "#" or f" {states[-1].at:.3f}" in line)]
    (family,) = text_string_to_metric_families("\n".join([*last, "# EOF"]) + "\n")
    counts = {sample.labels["step"]: sample.value for sample in family.samples if sample.name.endswith("_count")}
    assert counts["total"] > 0


def test_promtool_makes_blocks_of_it(run, live, tmp_path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    text = tmp_path / "x.om"
    assert run("export", str(live[0]), "--format", "openmetrics", "--output", str(text)).code == 0
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(text), str(tmp_path / "tsdb")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    samples = sum(line[0] != "#" for line in text.read_text().splitlines())
    assert re.search(rf"\b{samples}\b", done.stdout), done.stdout


def test_openmetrics_holds_samples_only(run, live) -> None:
    ran = run("export", str(live[0]), "--format", "openmetrics", "--what", "decisions")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("  =1", "'  =1"),
        ('a,"b"\r\nc', 'a,"b"\r\nc'),
        ("\ud800", "\\ud800"),
    ],
)
def test_a_text_is_never_a_formula(text: str, cell: str, tmp_path) -> None:
    document = {"at": "2026", "kind": "alert", "block_id": text, "text": text}
    path = tmp_path / "x.csv"
    with written(str(path)) as file:
        file.writelines(csv_lines(What.EVENTS, [document]))
    content = path.read_bytes()
    assert content.startswith(b"at,kind,block_id,text\r\n2026,alert,")
    _header, row = csv.reader(io.StringIO(content.decode(), newline=""))
    assert row[2:] == [cell, cell]


def test_a_number_is_a_number() -> None:
    document = {"at": None, "kind": -1.5, "block_id": 0, "text": True}
    assert list(csv_lines(What.EVENTS, [document]))[1] == ",-1.5,0,true\r\n"


class Counting:
    """A recording that counts the polls which are asked of it."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.polls_read = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recording, name)

    def polls(self, start: float, end: float) -> Iterator[Any]:
        for poll in self._recording.polls(start, end):
            self.polls_read += 1
            yield poll


def test_rows_come_while_the_recording_is_read(live) -> None:
    path, states = live
    with open_recording(path) as recording:
        counting = Counting(recording)
        part = Part(counting, states[0].at, states[-1].at, list(states[-1].blocks))  # type: ignore[arg-type]
        assert len(list(islice(csv_lines(What.SAMPLES, documents(part, What.SAMPLES)), 9))) == 9
        assert counting.polls_read < 8 < len(states)
        assert len(list(Replay(counting).states())) == len(states)  # the counting would have seen them


def test_an_existing_file_stays_without_force(run, live, tmp_path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine")
    ran = run("export", str(live[0]), "--what", "events", "--output", str(there))
    assert (ran.code, there.read_text()) == (1, "mine")
    assert "--force" in ran.err
    assert run("export", str(live[0]), "--what", "events", "--output", str(there), "--force").code == 0
    assert there.read_text().startswith("at,kind")
    assert names(tmp_path) == ["there.csv"]


def test_force_replaces_no_device_and_no_link(run, live, tmp_path) -> None:
    (tmp_path / "target").write_text("mine")
    (tmp_path / "link").symlink_to("target")
    for name in (str(tmp_path / "link"), "/dev/null", str(tmp_path)):
        ran = run("export", str(live[0]), "--what", "events", "--output", name, "--force")
        assert ran.code == 1
        assert "not a regular file" in ran.err
    assert (tmp_path / "target").read_text() == "mine"


def test_a_file_that_comes_meanwhile_is_left_alone(tmp_path) -> None:
    path = tmp_path / "x"

    def write() -> None:
        with written(str(path)) as file:
            file.write("ours")
            path.write_text("theirs")

    with pytest.raises(CommandError, match="exists already"):
        write()
    assert path.read_text() == "theirs"
    assert names(tmp_path) == ["x"]


def test_a_folder_that_does_not_exist_is_named(run, live, tmp_path) -> None:
    ran = run("export", str(live[0]), "--output", str(tmp_path / "no" / "x.csv"))
    assert ran.code == 1
    assert "no/x.csv: No such file or directory" in ran.err


def test_interrupted_it_leaves_nothing(live, tmp_path) -> None:
    def write() -> None:
        with written(str(tmp_path / "x.csv")) as file:
            file.write("half")
            assert len(names(tmp_path)) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert names(tmp_path) == []


def test_a_signal_while_it_writes_leaves_no_half_file(live, tmp_path) -> None:
    """The program itself, stopped in the middle by a reader of its rows that never comes."""
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "aios_top", "export", str(live[0]), "--what", "instances"]
    with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE, env=dict(os.environ)) as process:
        os.close(writer)
        try:
            assert os.read(reader, 10) == b"at,block_i"
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
            assert process.stderr is not None
            assert process.stderr.read() == b""
        finally:
            os.close(reader)
            process.kill()  # one that has ended hears nothing of it


def test_a_reader_that_goes_away_is_no_error(live) -> None:
    command = f"{sys.executable} -m aios_top export {live[0]} --what instances | head -c 10"
    done = subprocess.run(["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (141, b"at,block_i", b"")


def test_main_is_the_program(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--format", "xlsx"])
    assert "invalid choice" in capsys.readouterr().err
