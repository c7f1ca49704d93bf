"""Load that must not be sent, and load that must end: no packet, no name looked up, nothing left running."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.recording_aios import BLOCK, RecordingAios

WATCHED = """
import json, sys
events = []
NAMES = (
    "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "subprocess.Popen", "os.posix_spawn",
)
sys.addaudithook(lambda name, arguments: events.append([name, repr(arguments)[:200]]) if name in NAMES else None)
from aios_top.cli.main import main
codes = [main(argv) for argv in json.loads(sys.argv[1])]
print(json.dumps([codes, events]))
"""
REFUSED = [
    ("http://10.1.2.3:31504", (), "10.1.2.3 is not loopback; allow it with --allow-target 10.1.2.3"),
    ("http://aios.example:31504", ("--rate", "1"), "aios.example is not loopback"),
    ("http://10.1.2.3:31504", ("--allow-target", "10.1.2.4"), "is not loopback"),
    ("http://169.254.169.254", ("--allow-target", "169.254.169.254"), "169.254.169.254 is never a target"),
    ("http://metadata.google.internal", ("--allow-target", "metadata.google.internal"), "internal is never a target"),
    ("http://100.100.100.200", ("--allow-target", "100.100.100.200"), "100.100.100.200 is never a target"),
    ("http://[fe80::1]:1", ("--allow-target", "fe80::1"), "fe80::1 is never a target"),
    ("http://10.1.2.3:31504", ("--api", "grpc"), "no address for grpc"),
    ("http://10.1.2.3:31504", ("--dry-run",), "is not loopback"),
]


def test_a_refusal_sends_not_one_packet_and_looks_no_name_up():
    """A hook of the interpreter sees every connection, look-up and process of the command."""
    lines = [["load", "--block", "b", "--url", f"inference={target}", "--yes", *more] for target, more, _ in REFUSED]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, json.dumps(lines)], capture_output=True, text=True, timeout=60, check=True
    )
    codes, events = json.loads(done.stdout)
    assert codes == [1] * len(REFUSED)
    assert events == []
    for _, _, about in REFUSED:
        assert about in done.stderr


@pytest.mark.parametrize(
    ("options", "about"),
    [
        (("--num-requests", "500"), "needs --allow-target 10.1.2.3 beside --yes"),
        (("--rate", "2"), "needs --allow-target 10.1.2.3 beside --yes"),
        (("--concurrency", "2"), "needs --allow-target 10.1.2.3 beside --yes"),
    ],
)
def test_much_load_to_an_allowed_host_wants_its_name_again(options, about, tmp_path, run):
    (tmp_path / "config.toml").write_text('[load]\nallow_targets = ["10.1.2.3"]\n')
    ran = run("load", "--block", BLOCK, "--url", "inference=http://10.1.2.3:31504", "--yes", *options)
    assert (ran.code, about in ran.err) == (1, True), ran.err


@pytest.mark.parametrize(
    ("flags", "about"),
    [
        (("--rate", "51"), "51 requests per second are not between 0 and 50"),
        (("--stages", "10m@1,6m@1"), "16m of sending are more than 15m"),
        (("--concurrency", "65"), "65 in flight are not between 1 and 64"),
        (("--concurrency", "11", "--api", "grpc"), "11 in flight are not between 1 and 10"),
        (("--rate", "50", "--duration", "300s", "--input-tokens", "30000"), "tokens in all are more than 20000000"),
    ],
)
def test_no_flag_raises_a_cap(flags, about, aios, run):
    ran = run("load", "--block", BLOCK, *flags, *aios.options, "--url", f"grpc={aios.base}")
    assert (ran.code, about in ran.err) == (1, True), ran.err
    assert not [request for request in aios.requests if request.service == "inference"]


def test_the_configuration_raises_one_when_it_is_accepted(aios, run, tmp_path):
    (tmp_path / "config.toml").write_text("[load]\nrate = 100\ni_accept_higher_caps = true\n")
    flags = ("--rate", "80", "--duration", "1s", "--num-requests", "5", "--arrival", "constant")
    assert run("load", "--block", BLOCK, *flags, *aios.options).code == 0


@pytest.mark.parametrize(
    ("flags", "about"),
    [
        (("--rate", "1", "--concurrency", "2"), "--rate and --concurrency say different things"),
        (("--arrival", "gamma"), "--arrival needs --rate or --stages"),
        (("--speed", "2"), "--speed needs --replay"),
        (("--cross-up", "--rate", "1"), "computes the requests itself"),
        (("--rate", "fast"), "'fast' is not a number"),
        (("--stages", "1m"), "is not a stage such as 3m@1"),
        (("--duration", "5x"), "is no length of time"),
        (("--until", "later"), "is none of upscale, downscale, replicas=N"),
        (("--until", "replicas=x"), "is none of"),
        (("--replay", "/nowhere.csv"), "/nowhere.csv: no such file"),
    ],
)
def test_contradictions_and_nonsense_are_named(flags, about, aios, run, capsys):
    try:
        ran = run("load", "--block", BLOCK, *flags, *aios.options)
        code, said = ran.code, ran.err
    except SystemExit as error:
        code, said = error.code, capsys.readouterr().err
    assert code in {1, 2}
    assert about in said
    assert aios.changes == []


def test_a_dry_run_sends_nothing_and_says_what_it_would(aios, run):
    ran = run("load", "--block", BLOCK, "--rate", "5", "--duration", "10s", "--seed", "3", "--dry-run", *aios.options)
    assert ran.code == 0
    assert ran.out.splitlines()[0] == f"poisson: 5 requests/s for 10s to block {BLOCK}"
    assert "(127.0.0.1)" in ran.out
    assert "seed 3" in ran.out
    found = json.loads(
        run("load", "--block", BLOCK, "--rate", "5", "--duration", "10s", "--dry-run", "--json", "-", *aios.options).out
    )
    assert 30 < found["requests"] < 70
    assert aios.changes == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGKILL, -9)])
def test_a_command_that_ends_leaves_no_load_behind(number, code, tmp_path):
    """0 requests after a second; where the end can be caught it stands in the record."""
    environ = {**os.environ, "AIOS_TOP_STATE": str(tmp_path / "state"), "AIOS_TOP_CONFIG": str(tmp_path / "none")}
    with RecordingAios() as aios:

        def sent() -> int:
            return sum(request.service == "inference" for request in aios.requests)

        argv = ("load", "--block", BLOCK, "--rate", "20", "--duration", "5m", "--json", "-")
        command = [sys.executable, "-m", "aios_top", *argv, *aios.options]
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while sent() < 5:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        process.communicate(timeout=30)
        assert process.returncode == code
        time.sleep(1.0)
        before = sent()
        time.sleep(0.7)
        assert sent() == before
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "state" / "audit.jsonl").read_text().splitlines()]
    assert kinds == (["intent"] if number == signal.SIGKILL else ["intent", "outcome"])
    reports = list(Path(tmp_path / "state" / "load").glob("*/report.json"))
    if number != signal.SIGKILL:
        assert json.loads(reports[0].read_text())["stop_cause"] == "ui_lost"


def test_an_interrupt_stops_sending_and_still_reports(tmp_path):
    environ = {**os.environ, "AIOS_TOP_STATE": str(tmp_path / "state"), "AIOS_TOP_CONFIG": str(tmp_path / "none")}
    with RecordingAios() as aios:
        argv = ("load", "--block", BLOCK, "--rate", "20", "--duration", "5m", "--json", "-")
        process = subprocess.Popen(
            [sys.executable, "-m", "aios_top", *argv, *aios.options],
            env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while sum(request.service == "inference" for request in aios.requests) < 5:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    report = json.loads(out)  # nothing else on standard output
    assert (process.returncode, report["stop_cause"]) == (130, "operator")
    assert report["counts"]["sent"] == report["counts"]["ok"]
