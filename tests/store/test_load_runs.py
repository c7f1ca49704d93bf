"""The kept reports of load tests."""

import json
import stat

import pytest

from aios_top.model.errors import ActionRefusedError
from aios_top.store.load_runs import KEPT_RUNS, LoadRunFolder


def test_a_run_is_kept_for_this_user_alone_and_found_again(tmp_path):
    runs = LoadRunFolder(tmp_path / "load")
    for name, block in (("20260101T000002Z-b", "b"), ("20260101T000001Z-b", "b"), ("20260101T000003Z-c", "c")):
        folder = runs.save(name, {"report.json": json.dumps({"block_id": block, "name": name}).encode()})
        assert stat.S_IMODE((tmp_path / "load" / name).stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "load" / name / "report.json").stat().st_mode) == 0o600
        assert folder == str(tmp_path / "load" / name)
    found, problems = runs.reports("b")
    assert [report["name"] for report in found] == ["20260101T000001Z-b", "20260101T000002Z-b"]
    assert problems == []


def test_two_runs_of_one_second_do_not_overwrite_each_other(tmp_path):
    runs = LoadRunFolder(tmp_path / "load")
    first, second = (runs.save("20260101T000001Z-b", {"report.json": b'{"block_id": "b"}'}) for _ in range(2))
    assert first != second
    assert len(runs.reports("b")[0]) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"x": 1}', b"\xff", b"[" * 100_000])
def test_a_report_that_cannot_be_read_is_named_and_hides_no_other(tmp_path, content):
    runs = LoadRunFolder(tmp_path / "load")
    runs.save("20260101T000001Z-b", {"report.json": content})
    runs.save("20260101T000002Z-b", {"report.json": b'{"block_id": "b"}'})
    found, problems = runs.reports("b")
    assert (len(found), len(problems)) == (1, 1)
    assert "20260101T000001Z-b" in problems[0]


def test_only_the_newest_are_kept_and_nothing_else_is_touched(tmp_path):
    runs = LoadRunFolder(tmp_path / "load")
    for number in range(KEPT_RUNS + 3):
        runs.save(f"20260101T{number:06d}Z-b", {"report.json": b'{"block_id": "b"}'})
    (tmp_path / "load" / "notes.txt").write_text("mine")
    runs.save("20260102T000000Z-b", {"report.json": b'{"block_id": "b"}'})
    assert len(runs.reports("b")[0]) == KEPT_RUNS
    assert (tmp_path / "load" / "notes.txt").read_text() == "mine"


def test_the_one_place_is_free_again_when_it_is_given_back(tmp_path):
    first, second = LoadRunFolder(tmp_path / "load"), LoadRunFolder(tmp_path / "load")
    free = first.claim()
    with pytest.raises(ActionRefusedError, match="stop it first"):
        second.claim()
    free()
    second.claim()()


def test_a_folder_that_cannot_be_used_refuses_the_load(tmp_path):
    (tmp_path / "load").write_text("a file")
    with pytest.raises(ActionRefusedError, match="nothing was sent"):
        LoadRunFolder(tmp_path / "load").claim()
