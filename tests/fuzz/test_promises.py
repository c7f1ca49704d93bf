"""The figures that take too long for every run: 1,000 lost replies, 500 kills.

`LOST=1000 KILLED=500 .venv/bin/pytest tests/fuzz/test_promises.py -s`
"""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections import Counter
from pathlib import Path

from aios_top.aios.address import Addresses
from aios_top.aios.limits import Limits
from aios_top.aios.mutator import AiosMutator
from aios_top.model.audit import unresolved
from aios_top.model.change import Fate, ScaleUp
from aios_top.store.audit import AuditLog
from fakes.controls import BLOCK, World
from fakes.loopback import Loopback, reset

LOST = int(os.environ.get("LOST", "1000"))
KILLED = int(os.environ.get("KILLED", "500"))
POINTS = ("before the request", "before the answer", "before the outcome", "after the intent")


async def test_lost_replies_are_counted_once_each_by_the_server() -> None:
    async with Loopback(reset) as server:
        sender = AiosMutator(Addresses({"gateway": server.url}), Limits(change_seconds=30))
        fates = Counter([(await sender.send(ScaleUp("gemma", "c", 1))).fate for _ in range(LOST)])
        counted = len(server.requests)
    print(f"\n{LOST} changes whose reply was lost: the server counted {counted}; {dict(fates)}", flush=True)
    assert counted == LOST
    assert fates == {Fate.UNKNOWN: LOST}


def _child(folder: Path, point: str, port: int) -> None:
    """Plan and execute one change, and die at a point of it; runs in a forked process."""
    world = World(folder)

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def arrive(_change: object) -> None:
        if point == "before the request":
            die()
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(folder.name.encode().ljust(16))
            connection.recv(1)
        if point == "before the answer":
            die()

    world.mutations.on_send = arrive
    intent, outcome = world.audit.intent, world.audit.outcome

    def intending(fields: object) -> int:
        number = intent(fields)  # type: ignore[arg-type]
        if point == "after the intent":
            die()
        return number

    world.audit.intent = intending  # type: ignore[method-assign]
    world.audit.outcome = lambda *given: die() if point == "before the outcome" else outcome(*given)  # type: ignore[method-assign]
    asyncio.run(_change(world))


async def _change(world: World) -> None:
    await world.actions.execute(await world.actions.plan_reset(BLOCK))


def test_kills_leave_no_request_without_an_intent(tmp_path: Path) -> None:
    arrived: Counter[str] = Counter()
    listener = socket.create_server(("127.0.0.1", 0))

    def count() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                arrived[connection.recv(16).decode().strip()] += 1
                connection.sendall(b"1")

    threading.Thread(target=count, daemon=True).start()
    port = listener.getsockname()[1]
    sys.stdout.flush()
    for number in range(KILLED):
        folder = tmp_path / str(number)
        child = os.fork()
        if child == 0:
            try:
                _child(folder, POINTS[number % len(POINTS)], port)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
    listener.close()
    without, twice, open_intents = 0, 0, 0
    for number in range(KILLED):
        log = AuditLog(tmp_path / str(number) / "state" / "audit.jsonl")
        entries = log.entries()
        intents = sum(entry.kind == "intent" for entry in entries)
        sent = arrived[str(number)]
        without += sent > intents
        twice += sent > 1
        open_intents += len(unresolved(entries))
        assert log.verify().problems == ()
    total = sum(arrived.values())
    print(
        f"\n{KILLED} kills: {total} requests sent, {without} without an intent, {twice} twice, {open_intents} open intents told"
    )
    assert (without, twice) == (0, 0)
    assert open_intents == KILLED
