"""Clocks that jump, stop, disagree, or have left the calendar."""

import json
import os
import time
from pathlib import Path

import pytest

from aios_top.engine import clock as engine_clock
from aios_top.engine.clock import SystemClock
from aios_top.engine.poll import Poller
from aios_top.model.record import BlockRecord
from aios_top.model.state import CooldownPhase, FleetState, Link
from aios_top.model.text import clean
from aios_top.model.window import Window
from aios_top.render.decisions import cooldown_text
from aios_top.render.header import Mode, header_row
from aios_top.render.notes import data_notes
from aios_top.store.audit import AuditLog
from fakes.clock import FakeClock
from fakes.loopback import reply
from fakes.readings import block as documents
from fakes.readings import instance
from fakes.reads import FakeReads
from faults.bodies import GOOD, block, document, fleet
from faults.polled import polled
from faults.server import FaultServer

MODE = Mode(writable=True, read_only=False, production=False, paused=False, window=Window.ONE_MINUTE)


@pytest.mark.parametrize("step", [-3600.0, 3600.0, 1e9])
def test_c_01_a_wall_clock_that_is_set_moves_nothing(step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    steady = SystemClock()
    before = steady.now()
    wall = time.time()
    monkeypatch.setattr(time, "time", lambda: wall + step)
    assert 0 <= steady.now() - before < 60
    assert steady.monotonic() <= steady.monotonic()


def test_c_01_and_the_clock_counts_a_suspended_machine_in() -> None:
    assert getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC) == engine_clock._STEADY


class Watching:
    """A poller over an AIOS in memory, whose time the test moves."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.reads = FakeReads(self.clock, block_records=(BlockRecord(clean("b")),))
        self.reads.blocks = {"b": documents(instance("in-a", self.clock.now(), 300.0))}
        self.states: list[FleetState] = []
        self.poller = Poller(self.reads, self.clock, self.states.append, poll_seconds=2.0, seed=1)


async def test_c_02_after_a_long_sleep_one_poll_and_a_word_about_it() -> None:
    import asyncio

    world = Watching()
    task = asyncio.create_task(world.poller.run())
    await world.clock.settle()
    await world.clock.advance(2.0)
    polls = world.reads.calls["fleet"]
    world.clock._now += 600.0  # the lid was closed: the timers are late, and nobody woke
    await world.clock.advance(0.0)
    assert world.reads.calls["fleet"] == polls + 1
    state = world.states[-1]
    assert state.paused_seconds == pytest.approx(602.0, abs=2.0)
    assert "resumed after 10m00s" in header_row(state, MODE, world.clock.now(), 120).text
    assert state.endpoints["metrics"].link is Link.UP
    assert state.failures == 0
    await world.clock.advance(40.0)
    assert world.reads.calls["fleet"] == polls + 21
    assert "resumed" not in header_row(world.states[-1], MODE, world.clock.now(), 120).text
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_c_03_a_server_that_is_five_minutes_ahead_is_corrected_and_named() -> None:
    async with FaultServer(reply(200, GOOD)) as server, polled(server.url) as world:
        for push in range(4):
            server.pin(reply(200, fleet(block(document("in-a", at=1300.0 + 30 * push)))))
            await world.poll(after=30.0 if push else 2.0)
        entry = world.block.instances[0]
        assert entry.age_seconds == 0.0
        assert world.block.clock_skew_seconds == pytest.approx(300.0, abs=35.0)
        assert any(note.startswith("server clock +") for note in data_notes(world.block))
        await world.poll(after=10.0)
        assert world.block.instances[0].age_seconds == 10.0


async def test_c_03_a_servers_clock_that_is_right_is_not_named() -> None:
    async with FaultServer(reply(200, GOOD)) as server, polled(server.url) as world:
        for push in range(4):
            server.pin(reply(200, fleet(block(document("in-a", at=1000.0 + 30 * push)))))
            await world.poll(after=30.0 if push else 2.0)
        assert world.block.clock_skew_seconds is None


async def test_c_03_one_clock_that_is_off_ages_no_other_instance() -> None:
    async with FaultServer(reply(200, GOOD)) as server, polled(server.url) as world:
        for push in range(4):
            at = 1000.0 + 30 * push
            rows = [document("in-odd", at=at + 3600), document("in-b", at=at), document("in-c", at=at)]
            server.pin(reply(200, fleet(block(*rows))))
            await world.poll(after=30.0 if push else 2.0)
        assert [entry.age_seconds for entry in world.block.instances] == [0.0, 0.0, 0.0]
        assert world.block.clock_skew_seconds is None


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "", "No/Such/Zone", None])
@pytest.mark.parametrize("at", [1_792_893_599.0, 1_792_893_600.0, 2_147_483_648.5, 4_102_444_800.0, 0.0])
def test_c_04_the_record_is_in_utc_with_numbers_that_grow(
    zone: str | None, at: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of summer time, the day after 32 bits, the next century, and a clock that was never set."""
    if zone is None:
        monkeypatch.delenv("TZ", raising=False)
    else:
        monkeypatch.setenv("TZ", zone)
    time.tzset()
    now = [at]
    log = AuditLog(tmp_path / "state" / "audit.jsonl", now=lambda: now[0])
    for step in (0.0, -7200.0 if at > 7200 else 0.0, 3600.0):
        now[0] = at + step
        log.note({"title": "x"})
    monkeypatch.undo()
    time.tzset()
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert all(line["at"].endswith("Z") and "+" not in line["at"] for line in lines)
    assert lines[0]["at"][:4] == time.strftime("%Y", time.gmtime(at))
    assert log.entries()[0].at == pytest.approx(at)
    assert log.verify().problems == ()
    assert os.environ


async def test_c_05_a_timer_that_ran_out_without_news_is_due_and_not_ready() -> None:
    state = '{"success":true,"data":{"schema":1,"status":"ok","policy_name":"p","policy_version":"1","boot_id":"b","cooldown":{"up":{"remaining_s":5,"total_s":120},"down":{"remaining_s":5,"total_s":120}}}}'
    record = {"id": "gemma", "policies": {"autoscaler": {"policyRuleURI": "p:1-s"}}}
    async with (
        FaultServer(reply(200, GOOD)) as metrics,
        FaultServer(reply(200, [record])) as blocks,
        FaultServer(reply(200, state.encode())) as gateway,
        polled(metrics.url, blocks=blocks.url, gateway=gateway.url) as world,
    ):
        await world.poll()
        now = world.clock.now()
        assert world.block.cooldown.at(now) is CooldownPhase.COOLING
        assert world.block.cooldown.remaining_seconds(now + 2.0) == 3.0
        assert world.block.cooldown.at(now + 5.0) is CooldownPhase.DUE
        text, _ = cooldown_text(world.block, now + 60.0)
        assert "due" in text
        assert "ready" not in text
