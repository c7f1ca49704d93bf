"""The note of the demo that runs: the newest counts, a dead one is none, whatever lies there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aios_top.store.running_demo import RunningDemo, forget_demo, note_demo, running_demo

HERE = RunningDemo(os.getpid(), {"metrics": "http://127.0.0.1:1"}, "quick", chaos=True)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"AIOS_TOP_STATE": str(tmp_path / "state")}


def dead() -> RunningDemo:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return RunningDemo(process.pid, {}, "quick")


def test_it_is_found_until_it_ends(environ: dict[str, str], tmp_path: Path) -> None:
    assert running_demo(environ) is None
    note_demo(HERE, environ)
    assert running_demo(environ) == HERE
    assert (tmp_path / "state" / "demo.json").stat().st_mode & 0o777 == 0o600
    forget_demo(HERE.pid + 1, environ)
    assert running_demo(environ) == HERE
    forget_demo(HERE.pid, environ)
    assert running_demo(environ) is None
    assert list((tmp_path / "state").iterdir()) == []


def test_one_that_died_is_none(environ: dict[str, str]) -> None:
    note_demo(dead(), environ)
    assert running_demo(environ) is None
    note_demo(HERE, environ)
    assert running_demo(environ) == HERE


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"pid": 0, "urls": {}, "pace": "quick"}'])
def test_what_is_no_note_is_no_demo(environ: dict[str, str], tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "demo.json").write_bytes(content)
    assert running_demo(environ) is None
    forget_demo(HERE.pid, environ)
