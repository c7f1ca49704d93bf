"""What the process holds: sockets, descriptors, memory, tasks; and what it says when the system gives no more."""

import asyncio
import random
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from aios_top.aios.limits import Limits
from fakes.loopback import reply
from fakes.recording_aios import RecordingAios
from faults.bodies import GOOD, NO_JSON, OTHER_SHAPE
from faults.polled import polled
from faults.server import CUT, ENCODED, ENDLESS, NO_HTTP, SLOW, STATUSES, FaultServer

EVERYTHING = {
    **SLOW, **ENDLESS, **ENCODED, **CUT, **NO_HTTP, **STATUSES,
    **{name: reply(200, body) for name, body in {**NO_JSON, **OTHER_SHAPE}.items()},
}  # fmt: skip


def limited(which: int, most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(which, (most, most))


@pytest.mark.parametrize("most", [12, 16, 20, 32])
def test_r_02_too_few_descriptors_are_named(most: int) -> None:
    with RecordingAios() as aios:
        done = subprocess.run(
            [sys.executable, "-m", "aios_top", "once", *aios.options],
            preexec_fn=limited(resource.RLIMIT_NOFILE, most),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 1}
    if done.returncode or "no data" in done.stdout:
        assert "open files" in done.stderr + done.stdout


def test_r_02_too_little_memory_is_named() -> None:
    with RecordingAios() as aios:
        done = subprocess.run(
            [sys.executable, "-m", "aios_top", "once", *aios.options],
            preexec_fn=limited(resource.RLIMIT_AS, 256 * 2**20),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 1, 70}
    assert done.returncode == 0 or "memory" in done.stderr.lower() or "thread" in done.stderr.lower()


async def test_r_03_a_hundred_faults_leave_nothing_behind() -> None:
    """The hour and the eight hours are tests/soak; here every fault in the same order each time."""
    chance = random.Random(3)
    names = list(EVERYTHING)
    limits = Limits(read_seconds=0.15, connect_seconds=5)
    async with FaultServer(reply(200, GOOD), EVERYTHING) as server, polled(server.url, limits) as world:
        for _ in range(5):
            await world.poll()
        held = descriptors(), threading.active_count(), len(asyncio.all_tasks())
        for _ in range(100):
            server.pin(chance.choice(names))
            await world.poll(after=61.0)
        server.pin(None)
        for _ in range(5):
            await world.poll(after=61.0)
            await asyncio.sleep(0.05)
        now = descriptors(), threading.active_count(), len(asyncio.all_tasks())
        assert world.metrics.failures >= 95
        assert world.block.problem is None
    assert abs(now[0] - held[0]) <= 4  # the server's side of a connection that is just being closed
    assert now[1] <= held[1] + 1
    assert abs(now[2] - held[2]) <= 4


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_r_05_a_thousand_blocks_are_asked_over_sixteen_sockets() -> None:
    records = [{"id": f"b{number}", "policies": {"autoscaler": {"policyRuleURI": "p:1-s"}}} for number in range(1000)]
    async with (
        FaultServer(reply(200, GOOD)) as metrics,
        FaultServer(reply(200, records)) as blocks,
        FaultServer(reply(200, {"success": False, "error": "no"})) as gateway,
        polled(metrics.url, blocks=blocks.url, gateway=gateway.url) as world,
    ):
        await world.poll()
        assert len(world.states[-1].blocks) == 1001
        assert len(gateway.requests) >= 1000
        assert gateway.most_in_flight + metrics.most_in_flight + blocks.most_in_flight <= 16
        assert gateway.most_in_flight <= 8


def test_r_05_ids_that_change_with_every_answer_do_not_fill_the_memory() -> None:
    from aios_top.engine.memory import BlockMemory
    from aios_top.engine.phases import MOST_ABSENT, take_reading
    from fakes.readings import block, instance

    memory = BlockMemory()
    for poll in range(50):
        take_reading(memory, block(*(instance(f"in-{poll}-{n}", None, 1.0) for n in range(100))), float(poll))
    assert len(memory.instances) <= MOST_ABSENT + 100
