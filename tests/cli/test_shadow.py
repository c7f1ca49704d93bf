"""`aios-top policy shadow` compares over HTTP and sends nothing that changes anything."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from fakes.recording_aios import BLOCK
from policy.harness import PLAIN


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def shadow(run, aios, *words: str):
    return run("policy", "shadow", "--block", BLOCK, "--duration", "0", *words, *aios.options)


def test_what_the_policy_keeps_is_compared_at_once(aios, run):
    aios.evaluate()
    aios.evaluate()
    ran = shadow(run, aios, "--set", "cooldown_seconds=0.000001", "--json")
    document = json.loads(ran.out)

    assert ran.code == 0
    assert (document["agreed"], document["disagreed"]) == (1, 1)
    assert document["first_disagreement"]["running"]["code"] == "CooldownActive"
    assert document["first_disagreement"]["draft"]["code"] == "ScaleUp"
    assert document["rows"][0]["live"] is False
    assert aios.changes == []


def test_as_text(aios, run, tmp_path):
    aios.evaluate()
    (tmp_path / "function.py").write_text(PLAIN.read_text())
    ran = shadow(run, aios, "--policy", str(tmp_path))

    assert ran.code == 0
    assert "1 of 1 decision (100%), 0 of them live" in ran.out
    assert [line for line in ran.out.splitlines() if len(line) > 80] == []
    assert ran.err.startswith(f"{BLOCK}: {tmp_path}, parameters as in force; known so far: 1 of 1")


def test_live_decisions_are_followed(aios, run):
    aios.evaluate()
    ran = run("policy", "shadow", "--block", BLOCK, "--duration", "0.6", "--poll", "0.5", *aios.options)

    assert ran.code == 0
    assert "1 of 1 decision (100%)" in ran.out


def test_a_draft_that_cannot_be_is_refused_with_the_next_step(aios, run, tmp_path):
    aios.evaluate()
    broken = tmp_path / "function.py"
    broken.write_text("import requests\n" + PLAIN.read_text())
    unknown = shadow(run, aios, "--set", "cooldown=3")
    twice = shadow(run, aios, "--set", "cooldown_seconds=3", "--set", "cooldown_seconds=4")
    wrong = shadow(run, aios, "--set", "cooldown_seconds")
    raising = shadow(run, aios, "--policy", str(broken))

    assert (unknown.code, twice.code, wrong.code, raising.code) == (1, 2, 2, 1)
    assert "did you mean cooldown_seconds?" in unknown.err
    assert "given twice" in twice.err
    assert "NAME=VALUE" in wrong.err
    assert "ModuleNotFoundError" in raising.out


def test_an_interrupt_ends_the_watching_and_keeps_what_was_found(aios):
    aios.evaluate()
    command = ["policy", "shadow", "--block", BLOCK, "--duration", "600", "--poll", "0.5", *aios.options]
    with subprocess.Popen(
        [sys.executable, "-m", "aios_top", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "known so far: 1 of 1" in process.stderr.readline()
        asked = len(aios.requests)
        until(lambda: len(aios.requests) > asked + 3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "1 of 1 decision (100%)" in out
    assert "Traceback" not in err
