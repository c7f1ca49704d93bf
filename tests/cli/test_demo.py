"""`aios-top demo --serve`: the embedded AIOS on AIOS's own port numbers, as another process meets it."""

import json
import random
import signal
import socket
import subprocess
import sys

import pytest

from aios_top.aios.address import NODE_PORTS, STAND_IN_PORTS
from aios_top.cli.commands import demo
from aios_top.cli.installation import demo_installation
from aios_top.cli.parser import build_parser
from aios_top.sim.stories import STORIES

PORTS = (*NODE_PORTS.values(), *STAND_IN_PORTS.values())
ABOVE_EPHEMERAL = range(30_900, 32_900)
"""Offsets that put all ports above those that the system hands out."""


def free_offset() -> int:
    for offset in random.sample(ABOVE_EPHEMERAL, 50):
        if all(_is_free(port + offset) for port in PORTS):
            return offset
    raise AssertionError("no free range of ports")


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def serve(offset: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "aios_top", "demo", "--serve", "--port-offset", str(offset)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_serving_says_where_answers_the_commands_and_ends_quietly(run):
    offset = free_offset()
    with serve(offset) as process:
        assert process.stdout is not None
        about = list(iter(process.stdout.readline, "stop it: Ctrl-C\n"))
        ran = run("once", "--json", "--host", "127.0.0.1", "--port-offset", str(offset))
        named = run("once", "--json", "--context", "demo")
        both = run("once", "--context", "demo", "--host", "127.0.0.1")
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=30)
    gone = run("once", "--context", "demo")

    assert json.loads(named.out)["blocks"][0]["block_id"] == "gemma3-27b-block"
    assert (json.loads(named.out)["context"], json.loads(named.out)["note"]) == ("demo", "simulated, quick pace")
    assert (both.code, gone.code) == (2, 2)
    assert "leave out --host" in both.err
    assert "no demo runs: 'aios-top demo' starts one" in gone.err
    assert about[0].startswith("embedded AIOS, simulated: scenario spike, quick pace, seed 42")
    assert f"http://127.0.0.1:{30201 + offset}" in "".join(about)
    assert f"watch it: aios-top --host 127.0.0.1 --port-offset {offset}\n" in about
    assert rest == ""
    assert (process.returncode, err) == (0, "stopping\n")
    blocks = {block["block_id"] for block in json.loads(ran.out)["blocks"]}
    assert "gemma3-27b-block" in blocks
    assert len(blocks) >= 3
    assert "gemma3-27b-block2" not in blocks
    assert all(_is_free(port + offset) for port in PORTS)


def test_a_busy_port_is_named(run):
    offset = free_offset()
    with socket.create_server(("127.0.0.1", NODE_PORTS["metrics"] + offset)), serve(offset) as process:
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (1, "")
    assert str(NODE_PORTS["metrics"] + offset) in err
    assert "metrics" in err
    assert "--port-offset" in err


def test_the_scenarios_are_listed_within_80_columns(run):
    ran = run("demo", "--list-scenarios")

    assert [line.split()[0] for line in ran.out.splitlines() if not line.startswith(" ")] == list(STORIES)
    assert max(map(len, ran.out.splitlines())) <= 80


def test_the_demo_asks_each_block_below_its_own_path():
    urls = {"metrics": "http://127.0.0.1:1", "mapping": "http://127.0.0.1:2", "autoscaler": "http://127.0.0.1:3"}
    installation = demo_installation(build_parser().parse_args(["demo"]), urls, "quick")

    assert installation.addresses.url("autoscaler", "b") == "http://127.0.0.1:3/b"
    assert installation.addresses.url("mapping", "b") == "http://127.0.0.1:2/b"
    assert installation.options.origin_note == "simulated, quick pace"
    assert installation.options.writable


def test_an_embedded_aios_that_dies_is_a_failure(monkeypatch, run):
    """It is never restarted in silence: what was watched is gone."""

    class Dead:
        urls, scenario, pace, seed, alive = {"metrics": "http://127.0.0.1:1"}, "spike", "quick", 42, False
        errors = ("out of memory",)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(demo, "_started", lambda *_, **__: Dead())
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        ran = run("demo", "--serve")
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])

    assert ran.code == 1
    assert ran.err == "aios-top: the embedded AIOS ended by itself: out of memory\n"


@pytest.mark.parametrize(
    ("argv", "instead"), [(("demo",), "aios-top demo --serve"), (("--host", "127.0.0.1"), "aios-top once")]
)
def test_the_console_needs_a_terminal_and_says_what_does_not(argv, instead, run):
    ran = run(*argv)

    assert ran.code == 2
    assert "needs a terminal" in ran.err
    assert instead in ran.err
