"""Load tests that would hurt: capped, stopped by themselves, and gone with whoever watched them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from aios_top.cli.main import main
from fakes.recording_aios import BLOCK, RecordingAios


@pytest.fixture(autouse=True)
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIOS_TOP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "state"))
    return tmp_path


def sent(aios: RecordingAios) -> int:
    return sum(request.service == "inference" for request in aios.requests)


@pytest.mark.parametrize(
    "flags",
    [
        ["--num-requests", "100000"], ["--input-tokens", "900000"], ["--max-output-tokens", "900000"],
        ["--rate", "100000", "--duration", "5"], ["--concurrency", "100000", "--duration", "5"],
        ["--num-requests", "2000", "--input-tokens", "32000"], ["--rate", "5", "--duration", "100h"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_o_09_no_flag_goes_above_the_caps(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with RecordingAios() as aios:
        try:
            code = main(["load", "--block", BLOCK, "--yes", *flags, *aios.options])
        except SystemExit as ended:
            code = int(str(ended.code))
        assert code in {1, 2}
        assert sent(aios) == 0
    assert capsys.readouterr().err


def test_o_09_the_tutorials_three_flags_alone_are_a_bounded_burst() -> None:
    with RecordingAios() as aios:
        three = ["--num-requests", "7", "--input-tokens", "20", "--max-output-tokens", "5"]
        assert main(["load", "--block", BLOCK, *three, *aios.options]) == 0
        assert sent(aios) == 7


def test_o_09_another_machine_needs_its_name_and_a_yes(capsys: pytest.CaptureFixture[str]) -> None:
    with RecordingAios() as aios:
        far = ["--url", "inference=http://aios.invalid:31504"]
        assert main(["load", "--block", BLOCK, "--yes", *aios.options, *far]) == 1
        assert "--allow-target aios.invalid" in capsys.readouterr().err
        assert sent(aios) == 0


def test_o_10_a_target_that_fails_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with RecordingAios() as aios:
        aios.answers["inference", "/v1/infer"] = (500, {"success": False, "message": "no"})
        assert main(["load", "--block", BLOCK, "--num-requests", "1000", *aios.options]) == 1
        assert sent(aios) <= 64 + 20  # what was in flight when the tenth failure came
    printed = capsys.readouterr()
    assert "stopped" in (printed.out + printed.err).lower()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL, signal.SIGTERM])
def test_o_11_nothing_is_sent_a_second_after_its_watcher_is_gone(number: signal.Signals) -> None:
    with RecordingAios() as aios:
        shape = ["--rate", "15", "--duration", "60", "--quiet"]
        command = [sys.executable, "-m", "aios_top", "load", "--block", BLOCK, *shape, *aios.options]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
        ) as process:
            deadline = time.monotonic() + 60
            while sent(aios) < 10:
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.05)
            children = psutil.Process(process.pid).children(recursive=True)
            assert children
            process.send_signal(number)
            process.wait(40)
        psutil.wait_procs(children, timeout=20)
        time.sleep(1.0)
        after = sent(aios)
        time.sleep(1.5)
        assert sent(aios) == after
        assert not any(child.is_running() for child in children)
