"""A program that is killed between intent, request and outcome leaves a record that says so."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aios_top.model.audit import unresolved
from aios_top.store.audit import AuditLog

PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from fakes.controls import BLOCK, World

world = World(Path(sys.argv[1]))
point = sys.argv[2]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def arrive(change):
    if point == "before the request":
        die()
    (Path(sys.argv[1]) / "server").open("a").write("1")
    if point == "before the answer":
        die()

world.mutations.on_send = arrive
record = world.audit.outcome
world.audit.outcome = lambda *given: die() if point == "before the outcome" else record(*given)

async def main():
    await world.actions.execute(await world.actions.plan_reset(BLOCK))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("point", "arrived", "open_intents"),
    [("before the request", 0, 1), ("before the answer", 1, 1), ("before the outcome", 1, 1), ("never", 1, 0)],
)
def test_s_05_a_kill_leaves_an_unresolved_intent_and_never_an_unrecorded_request(
    tmp_path: Path, point: str, arrived: int, open_intents: int
) -> None:
    tests = str(Path(__file__).parent.parent)
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), point],
        env={**os.environ, "PYTHONPATH": tests},
        check=False,
        timeout=60,
    )
    assert ended.returncode == (0 if point == "never" else -signal.SIGKILL)
    server = tmp_path / "server"
    assert (len(server.read_text()) if server.exists() else 0) == arrived
    log = AuditLog(tmp_path / "state" / "audit.jsonl")
    assert len(unresolved(log.entries())) == open_intents
    assert log.verify().problems == ()
