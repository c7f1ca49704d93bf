"""The list of events of a recording with many blocks: read behind the screen, and the same that the live one showed."""

import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from aios_top.cli.past import FilePast
from aios_top.console.app import ConsoleApp
from aios_top.console.recorded import RecordedCockpit
from aios_top.console.view import Page, ViewState
from aios_top.console.widgets import events as panel
from aios_top.model.decision import Action
from aios_top.model.moment import Moment
from aios_top.render.timebar import Travel
from aios_top.store import recording_writer
from aios_top.store.recording_log import RecordedDecisions
from aios_top.store.recording_reader import Recording, open_recording
from console import states
from console.cockpit import FakeCockpit, FakeGate
from console.screen import screen_text
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock

BLOCKS = panel.READ_AT_ONCE + 2
READING = "reading the decisions"
SIZE = (120, 40)


@pytest.fixture
async def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setattr(recording_writer, "SEGMENT_SECONDS", 20.0)
    told = Story(
        tmp_path / "a.aiosrec",
        *simulated(
            *(
                SimulatedBlock(f"block-{number}", rate=0.4, parameters={"cooldown_seconds": 20})
                for number in range(BLOCKS)
            ),
            push=6.0,
            interval=6.0,
        ),
    )
    await told.poll(60)
    told.writer.close()
    return told


@pytest.fixture
def recording(story: Story, tmp_path: Path) -> Iterator[Recording]:
    with open_recording(tmp_path / "a.aiosrec") as found:
        yield found


def replayed(past: FilePast, at: float, page: Page = Page.EVENTS) -> ConsoleApp:
    begin = past.moment(at)
    app = ConsoleApp(RecordedCockpit(begin), past=past, moment=begin)  # type: ignore[arg-type]
    app.view = replace(app.view, page=page)
    return app


async def until_read(app: ConsoleApp, pilot: object) -> str:
    for _ in range(400):
        await pilot.pause(0.01)  # type: ignore[attr-defined]
        if READING not in screen_text(app):
            break
    return screen_text(app)


async def test_a_moment_is_shown_at_once_and_its_events_when_they_are_read(
    story: Story, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel, "QUIET_SECONDS", 0.01)
    engine = FakeCockpit(story.states[0], gate=FakeGate(writable=False, read_only=True))
    live = ConsoleApp(engine)
    expected: dict[float, str] = {}
    async with live.run_test(size=SIZE) as pilot:
        live.look(replace(live.view, page=Page.EVENTS))
        for state in story.states[19::20]:
            engine.clock = state.at
            engine.publish(state)
            await pilot.pause()
            expected[state.at] = screen_text(live)
    assert len(set(expected.values())) == len(expected)
    assert READING not in "".join(expected.values())
    past = FilePast(recording)
    again = replayed(past, story.states[0].at)
    async with again.run_test(size=SIZE) as pilot:
        for at, screen in expected.items():
            again.travel(past.moment(at), None)
            assert READING in screen_text(again)
            assert await until_read(again, pilot) == screen


async def test_what_is_read_is_shown_again_for_nothing_and_another_filter_reads_anew(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel, "QUIET_SECONDS", 0.01)
    read = []
    events = panel.events

    def noted(*arguments: object) -> object:
        read.append(threading.current_thread() is threading.main_thread())
        return events(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(panel, "events", noted)
    past = FilePast(recording)
    app = replayed(past, recording.times[-1])
    async with app.run_test(size=SIZE) as pilot:
        app.look(app.view)
        assert "block-" in await until_read(app, pilot)
        assert read == [False]  # not on the screen's thread
        for page in Page.FLEET, Page.EVENTS:
            app.look(replace(app.view, page=page))
            await pilot.pause()
        assert READING not in screen_text(app)
        assert read == [False]
        app.look(replace(app.view, filter="block-3"))
        assert READING in screen_text(app)
        shown = await until_read(app, pilot)
        assert read == [False, False]
        assert "block-3" in shown
        assert "block-4" not in shown


async def test_who_steps_through_time_waits_for_nothing_that_is_not_looked_at(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel, "QUIET_SECONDS", 3600.0)
    monkeypatch.setattr(panel, "events", lambda *_: pytest.fail("read"))
    past = FilePast(recording)
    app = replayed(past, recording.times[-1])
    async with app.run_test(size=SIZE) as pilot:
        for at in recording.times[::-5]:
            app.travel(past.moment(at), None)
            await pilot.pause()
            assert READING in screen_text(app)
        assert app.view.page is Page.EVENTS
        assert isinstance(app.view, ViewState)


async def test_reading_ends_when_another_moment_is_shown(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of two moments is still being read when the second comes: only that one is shown."""
    monkeypatch.setattr(panel, "QUIET_SECONDS", 0.01)
    begun, go_on, ended = threading.Event(), threading.Event(), []
    events = panel.events

    def slow(*arguments: object) -> object:
        if not begun.is_set():
            begun.set()
            assert go_on.wait(20.0)
            ended.append(arguments[-1]())  # type: ignore[operator]
        return events(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(panel, "events", slow)
    past = FilePast(recording)
    app = replayed(past, recording.times[20])
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(400):
            await pilot.pause(0.01)
            if begun.is_set():
                break
        app.travel(past.moment(recording.times[-1]), None)
        await pilot.pause()
        go_on.set()
        shown = await until_read(app, pilot)
        assert ended == [True]
    second = replayed(past, recording.times[-1])
    async with second.run_test(size=SIZE) as pilot:
        assert await until_read(second, pilot) == shown


async def test_of_moments_that_were_looked_at_nothing_stays_in_memory(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever holds on to them, it must not be a circle: after a jump nobody searches for those."""
    monkeypatch.setattr(panel, "QUIET_SECONDS", 0.01)
    logs: list[weakref.ref[RecordedDecisions]] = []
    begin = RecordedDecisions.__init__

    def noted(log: RecordedDecisions, *arguments: object) -> None:
        begin(log, *arguments)  # type: ignore[arg-type]
        logs.append(weakref.ref(log))

    monkeypatch.setattr(RecordedDecisions, "__init__", noted)
    past = FilePast(recording)
    app = replayed(past, recording.times[10])
    async with app.run_test(size=SIZE) as pilot:
        first = len(logs)
        for at in recording.times[15::6]:
            app.travel(past.moment(at), None)
            assert "block-" in await until_read(app, pilot)
            await app.workers.wait_for_complete()
        await pilot.pause()
        alive = [log for log in logs[first:] if log() is not None]
        assert len(logs) >= first + 8 * BLOCKS
        assert len(alive) <= 2 * BLOCKS  # of the moment on the screen, and of one before that a frame still holds


async def test_of_a_large_fleet_that_runs_the_list_before_stays_until_the_next_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half a million decisions are looked through on a thread, and for each poll once, whatever keys come between."""
    monkeypatch.setattr(panel, "QUIET_SECONDS", 0.01)
    monkeypatch.setattr(panel, "FOUND_AT_ONCE", 1)
    threads, events = [], panel.events

    def noted(*arguments: object) -> object:
        threads.append(threading.current_thread() is threading.main_thread())
        return events(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(panel, "events", noted)
    first = states.fleet()
    block = next(block for block in first.blocks.values() if block.decisions)
    newer = replace(block.decisions[0], at=first.at + 1.0, seq=10_000, action=Action.UP, proposed=77)
    grown = replace(block, decisions=(newer, *block.decisions))
    second = replace(first, at=first.at + 2.0, sequence=9, blocks={**first.blocks, block.block_id: grown})
    engine = FakeCockpit(first)
    app = ConsoleApp(engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("5")
        await pilot.pause()
        before = await until_read(app, pilot)
        assert threads == [False]
        engine.publish(second)
        for _ in range(400):
            await pilot.pause(0.01)
            if "77" in screen_text(app):
                break
            assert READING not in screen_text(app)
            assert screen_text(app).splitlines()[6:] == before.splitlines()[6:]
        assert "77" in screen_text(app)
        await pilot.press("j", "k", "w")
        await pilot.pause(0.05)
        assert threads == [False, False]


async def test_while_time_runs_nothing_is_read_and_why_is_said(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel, "QUIET_SECONDS", 0.01)
    past = FilePast(recording)
    app = replayed(past, recording.times[20])
    first, last = recording.times[0], recording.times[-1]
    async with app.run_test(size=SIZE) as pilot:
        for at in recording.times[25:45:5]:
            app.travel(past.moment(at), Travel(at, first, last, playing=True, replay=True))
            await pilot.pause(0.05)
            assert "not read while time runs: p stops it" in screen_text(app)
        app.travel(past.moment(last), Travel(last, first, last, replay=True))
        shown = await until_read(app, pilot)
        assert "not read while" not in shown
        assert "block-" in shown


async def test_in_the_past_the_list_of_another_moment_never_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the decisions are in memory, as those of a hundred policies that tell nothing."""
    monkeypatch.setattr(panel, "QUIET_SECONDS", 0.01)
    monkeypatch.setattr(panel, "FOUND_AT_ONCE", 1)
    state = states.fleet()
    app = ConsoleApp(RecordedCockpit(Moment(state)), moment=Moment(state))  # type: ignore[arg-type]
    async with app.run_test(size=SIZE) as pilot:
        app.look(replace(app.view, page=Page.EVENTS, travel=Travel(state.at, state.at - 60.0, state.at, replay=True)))
        await pilot.pause()
        assert READING not in await until_read(app, pilot)
        earlier = replace(state, at=state.at - 30.0)
        app.travel(Moment(earlier), replace(app.view.travel, at=earlier.at))  # type: ignore[type-var]
        assert READING in screen_text(app)
        assert READING not in await until_read(app, pilot)
