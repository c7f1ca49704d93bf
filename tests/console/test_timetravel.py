"""The keys of time, and that a replayed scenario is on the screen what the live one was, cell for cell."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual.strip import Strip

from aios_top.cli.past import FilePast
from aios_top.console.app import ConsoleApp
from aios_top.console.dialogs.time import TimeDialog
from aios_top.console.ports import Past
from aios_top.console.recorded import RecordedCockpit
from aios_top.console.view import Page
from aios_top.console.widgets.timebar import TimebarPanel
from aios_top.model.audit import AuditEntry
from aios_top.model.errors import ActionRefusedError, PastError
from aios_top.model.moment import Moment
from aios_top.model.recording import Mark, MarkKind, RecordingPhase, RecordingState
from aios_top.model.state import FleetState
from aios_top.render.timebar import Travel
from aios_top.store import recording_writer
from aios_top.store.recording_reader import open_recording
from console import states
from console.cockpit import FakeCockpit, FakeGate
from console.screen import screen_text
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock

NOW = states.fleet().at
BLOCK = next(iter(states.fleet().blocks))


@dataclass
class FakePast:
    """Five polls, two seconds apart; the fourth showed a decision and the second an action."""

    closed: bool = False
    asked: list[float] = field(default_factory=list)
    seen: list[tuple[str, Any]] = field(default_factory=list)
    """What was painted, and that a moment was let go, in order."""
    regarded: list[str | None] = field(default_factory=list)
    problem: str = ""

    def times(self) -> Sequence[float]:
        if self.problem:
            raise PastError(self.problem)
        return [NOW - 10.0 + 2.0 * number for number in range(5)]

    def moment(self, at: float) -> Moment:
        self.asked.append(at)
        entry = AuditEntry(1, at, "intent", {"title": "Scale it", "by": "me@host"})
        return Moment(replace(states.fleet(), at=at), audit=(entry,))

    def regard(self, block_id: str | None) -> None:
        self.regarded.append(block_id)

    def let_go(self, *, shown: bool) -> None:
        on_a_thread = threading.current_thread() is not threading.main_thread()
        self.seen.append(("let go", (shown, on_a_thread)))

    def marks(self) -> Sequence[Mark]:
        return [
            Mark(NOW - 8.0, MarkKind.ACTION, BLOCK, "Reset the cooldown"),
            Mark(NOW - 4.0, MarkKind.UP, BLOCK, "input 812 > 500"),
        ]


def console(past: Past | None = None, **cockpit: object) -> tuple[ConsoleApp, FakeCockpit]:
    engine = FakeCockpit(states.fleet(), **cockpit)  # type: ignore[arg-type]
    return ConsoleApp(engine, past=past), engine


def shown_at(app: ConsoleApp) -> float | None:
    return None if app.view.travel is None else app.view.travel.at


def said(app: ConsoleApp) -> str:
    return " ".join(word for notification in app._notifications for word in notification.message.split())


async def settled(app: ConsoleApp, pilot: object) -> None:
    await app.workers.wait_for_complete()
    await pilot.pause()  # type: ignore[attr-defined]


async def test_steps_go_through_the_polls_and_stop_at_both_ends() -> None:
    past = FakePast()
    app, engine = console(past)
    async with app.run_test(size=(120, 40)) as pilot:
        seen = []
        for key in ["left_square_bracket"] * 6 + ["right_square_bracket"] * 2:
            await pilot.press(key)
            await settled(app, pilot)
            seen.append(shown_at(app))
        assert seen == [NOW - 2, NOW - 4, NOW - 6, NOW - 8, NOW - 10, NOW - 10, NOW - 8, NOW - 6]
        assert app.state.at == NOW - 6
        assert "PAST" in screen_text(app)
        assert "├" in screen_text(app).splitlines()[2]
        engine.publish(replace(states.fleet(), at=NOW + 2))  # polling goes on, the screen stays
        await pilot.pause()
        assert app.state.at == NOW - 6
        await pilot.press("L")
        await settled(app, pilot)
        assert shown_at(app) is None
        assert app.state.at == NOW + 2
        assert "PAST" not in screen_text(app)
    assert engine.calls == []


async def test_the_moment_before_is_let_go_when_the_new_one_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    past = FakePast()
    app, _ = console(past)
    render_line = TimebarPanel.render_line

    def rendered(panel: TimebarPanel, y: int) -> Strip:
        past.seen.append(("painted", shown_at(app)))
        return render_line(panel, y)

    monkeypatch.setattr(TimebarPanel, "render_line", rendered)
    async with app.run_test(size=(120, 40)) as pilot:
        for key in ("left_square_bracket", "left_square_bracket", "L"):
            await pilot.press(key)
            await settled(app, pilot)
    went = [number for number, (what, _) in enumerate(past.seen) if what == "let go"]
    assert [past.seen[number][1] for number in went] == [(True, True), (True, True), (False, True)]
    assert [past.seen.index(("painted", NOW - back)) < number for back, number in zip((2, 4), went, strict=False)] == [
        True,
        True,
    ]
    assert past.seen.index(("painted", NOW - 4)) > went[0]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_past_says_on_its_last_line_how_to_leave_it(size: tuple[int, int]) -> None:
    app, _ = console(FakePast())
    async with app.run_test(size=size) as pilot:
        await pilot.press("left_square_bracket")
        await settled(app, pilot)
        last = screen_text(app).splitlines()[-1]
        assert " L live " in last
        assert " [ step back " in last
        assert "write mode" not in last
        await pilot.press("L")
        await settled(app, pilot)
        assert " L live " not in screen_text(app).splitlines()[-1]


async def test_ages_and_the_record_are_those_of_the_moment() -> None:
    app, _ = console(FakePast(), clock=NOW + 1000.0)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("left_square_bracket")
        await settled(app, pilot)
        assert app.view.now == NOW - 2
        assert [entry.fields["title"] for entry in app.view.audit] == ["Scale it"]
        app._tick()
        assert "no poll for" not in screen_text(app)


async def test_every_panel_counts_from_the_moment_that_is_shown() -> None:
    app, _ = console(FakePast())
    async with app.run_test(size=(120, 40)) as pilot:
        live = {panel._now for panel in app._visible()}
        for _ in range(3):
            await pilot.press("left_square_bracket")
            await settled(app, pilot)
        assert {panel._now for panel in app._visible()} == {NOW - 6}
        await pilot.press("L")
        await settled(app, pilot)
        assert min(panel._now for panel in app._visible()) >= min(live)


async def test_the_key_of_the_present_says_that_one_is_there() -> None:
    app, _ = console(FakePast())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("L")
        await settled(app, pilot)
        assert "This is the present" in said(app)
        assert shown_at(app) is None


async def test_decisions_are_stepped_and_the_log_tells_of_them() -> None:
    app, _ = console(FakePast())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("left_curly_bracket")
        await settled(app, pilot)
        assert shown_at(app) == NOW - 4
        assert (app.view.block_id, app.view.decision) == (BLOCK, 0)
        await pilot.press("left_curly_bracket")
        await settled(app, pilot)
        assert shown_at(app) == NOW - 4  # there is none before: an operator's action is no decision
        await pilot.press("left_square_bracket", "left_square_bracket")
        await settled(app, pilot)
        await pilot.press("right_curly_bracket")
        await settled(app, pilot)
        assert shown_at(app) == NOW - 4


async def test_without_a_past_the_keys_of_decisions_select_in_the_log() -> None:
    app, _ = console()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("left_curly_bracket")
        assert app.view.decision == 0
        await pilot.press("left_square_bracket")
        await settled(app, pilot)
        assert shown_at(app) is None
        assert "Nothing is recorded" in said(app)


@pytest.mark.parametrize(
    ("typed", "at"), [("6s ago", NOW - 6), ("5s ago", NOW - 6), ("1h ago", NOW - 10), ("0.1m ago", NOW - 6)]
)
async def test_at_goes_to_a_time(typed: str, at: float) -> None:
    app, _ = console(FakePast(), clock=NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("at")
        await pilot.pause()
        assert isinstance(app.screen, TimeDialog)
        await pilot.press(*("space" if character == " " else character for character in typed), "enter")
        await settled(app, pilot)
        assert shown_at(app) == at


async def test_a_time_that_cannot_be_understood_is_said_and_not_gone_to() -> None:
    app, _ = console(FakePast(), clock=NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("at", "s", "o", "o", "n", "enter")
        await pilot.pause()
        assert isinstance(app.screen, TimeDialog)
        assert "not a time: 'soon'" in screen_text(app)
        await pilot.press("escape")
        await settled(app, pilot)
        assert shown_at(app) is None


@pytest.mark.parametrize("key", ["C", "T", "D", "B", "A"])
async def test_nothing_is_sent_from_the_past(key: str) -> None:
    app, engine = console(FakePast())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("left_square_bracket")
        await settled(app, pilot)
        await pilot.press(key)
        await settled(app, pilot)
        assert "Nothing is sent from the past" in said(app)
        assert not app.view.writable
        assert "C cooldown" not in screen_text(app).splitlines()[-1]
    assert engine.calls == []


async def test_the_past_plays_to_its_end_and_the_keys_of_pace_change_the_speed() -> None:
    app, engine = console(FakePast())
    async with app.run_test(size=(120, 40)) as pilot:
        for _ in range(5):
            await pilot.press("left_square_bracket")
            await settled(app, pilot)
        await pilot.press(*["plus"] * 6)
        assert app.view.travel is not None
        assert app.view.travel.speed == 64.0
        await pilot.press("p")
        await settled(app, pilot)
        assert shown_at(app) == NOW - 2
        assert not app.view.travel.playing
        await pilot.press("minus")
        assert app.view.travel.speed == 32.0
    assert engine.calls == []


async def test_a_recording_that_cannot_be_read_is_said() -> None:
    app, _ = console(FakePast(problem="the recording cannot be read: disk I/O error"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("left_square_bracket")
        await settled(app, pilot)
        assert "disk I/O error" in said(app)
        assert shown_at(app) is None


async def test_recording_is_switched_and_a_full_disk_is_on_the_screen() -> None:
    app, engine = console(record=RecordingState(RecordingPhase.ON, "/tmp/a.aiosrec", NOW - 60, NOW, 2_500_000, 30))
    async with app.run_test(size=(160, 40)) as pilot:
        await pilot.press("R")
        await settled(app, pilot)
        assert engine.calls == [("toggle_recording", ())]
        assert "rec 60s 2.5 MB" in screen_text(app)
        engine.record = RecordingState(RecordingPhase.FAILED, problem="/x: database or disk is full")
        app._tick()
        await pilot.pause()
        assert "RECORDING STOPPED" in screen_text(app)
        assert "disk is full; R tries again" in screen_text(app)
        assert "recording stopped" in screen_text(app).splitlines()[0]


async def test_a_replay_refuses_everything_that_asks_aios() -> None:
    cockpit = RecordedCockpit(Moment(states.fleet()))
    for name in ("plan_reset", "plan_scale", "plan_force", "start_load", "run_deploy", "whatever_comes"):
        with pytest.raises(ActionRefusedError, match="this is a recording"):
            await getattr(cockpit, name)("b")
    with pytest.raises(ActionRefusedError):
        cockpit.submit(cockpit.plan_reset, "b").result(10)
    assert cockpit.gate.toggle() is False


async def story(path: Path) -> Story:
    """Scaling up and down, a silent policy, an instance that hangs."""
    clock, reads = simulated(
        SimulatedBlock("gemma3-27b-block", "explained", rate=0.4, parameters={"cooldown_seconds": 20}),
        SimulatedBlock("llama3-8b-chat", "plain", rate=0.4, parameters={"cooldown_seconds": 20}),
        push=6.0,
        interval=6.0,
    )
    told = Story(path, clock, reads)
    await told.poll(40)
    next(iter(reads.blocks["gemma3-27b-block"].sim.replicas.values())).hung = True
    reads.blocks["llama3-8b-chat"].spec.rate = 0.0
    await told.poll(40)
    told.writer.close()
    return told


async def test_a_replayed_scenario_is_cell_for_cell_what_the_live_screen_showed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_writer, "SEGMENT_SECONDS", 60.0)
    told = await story(tmp_path / "story.aiosrec")
    first = told.states[0]
    engine = FakeCockpit(first, gate=FakeGate(writable=False, read_only=True))
    live = ConsoleApp(engine)
    screens: list[tuple[FleetState, str]] = []
    async with live.run_test(size=(120, 40)) as pilot:
        for number, state in enumerate(told.states):
            engine.clock = state.at
            engine.publish(state)
            await pilot.pause()
            if number % 4 == 3:
                live.look(replace(live.view, page=list(Page)[number // 4 % 2]))
                await pilot.pause()
                screens.append((state, screen_text(live)))
    assert len({text for _, text in screens}) == len(screens)
    with open_recording(tmp_path / "story.aiosrec") as recording:
        past = FilePast(recording)
        begin = past.moment(first.at)
        again = ConsoleApp(RecordedCockpit(begin), past=past, moment=begin)  # type: ignore[arg-type]
        async with again.run_test(size=(120, 40)) as pilot:
            for number, (state, expected) in enumerate(screens):
                again.travel(past.moment(state.at), None)
                again.look(replace(again.view, page=list(Page)[number % 2]))
                await pilot.pause()
                assert screen_text(again) == expected
            travel = Travel(again.state.at, past.times()[0], past.times()[-1], tuple(past.marks()), replay=True)
            again.travel(past.moment(again.state.at), travel)
            await pilot.pause()
            assert "REPLAY" in screen_text(again).splitlines()[0]


async def test_the_policy_page_of_a_moment_tells_from_its_records_alone_and_asks_nobody() -> None:
    app, engine = console(FakePast())
    asked = []

    def lint_report(block_id: str) -> None:
        asked.append(block_id)

    engine.lint_report = lint_report  # type: ignore[method-assign]
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("4", "[", "[")
        await pilot.pause()
        asked.clear()
        engine.calls.clear()
        await pilot.press("[")
        await pilot.pause()
        shown = screen_text(app)
        assert "not looked yet" not in shown
        assert "could not be checked" in shown
        await pilot.press("d")
        await pilot.pause()
        assert "what differs" in screen_text(app)
        assert not asked
        assert not [call for call in engine.calls if call[0] == "policy_facts"]


async def test_what_becomes_known_of_a_moment_is_shown_where_it_stands() -> None:
    app, _ = console(FakePast())
    async with app.run_test(size=(120, 40)) as pilot:
        app.complete(lambda state: replace(state, context="too-soon"))
        assert app.state.context != "too-soon"  # the present is nobody's moment
        await pilot.press("left_square_bracket")
        await settled(app, pilot)
        at = shown_at(app)
        app.complete(lambda state: replace(state, context="verified"))
        await pilot.pause()
        assert "ctx:verified" in screen_text(app)
        assert shown_at(app) == at


async def test_the_past_is_told_which_block_is_looked_at_in_each_moment() -> None:
    past = FakePast()
    app, _ = console(past)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("j", "k")
        assert not past.regarded  # the present is no moment
        await pilot.press("left_square_bracket")
        await settled(app, pilot)
        first, second = list(app.state.blocks)[:2]
        assert set(past.regarded) == {first}
        await pilot.press("j")
        assert past.regarded[-1] == second
        await pilot.press("L")
        await settled(app, pilot)
        number = len(past.regarded)
        await pilot.press("k")
        assert len(past.regarded) == number


async def test_what_a_thread_has_found_out_of_a_moment_is_shown_and_of_a_closed_screen_dropped() -> None:
    app, _ = console(FakePast())
    app.complete_from_thread(lambda state: replace(state, context="before"))  # nothing runs yet
    async with app.run_test(size=(120, 40)) as pilot:
        app.turning = asyncio.get_running_loop()
        await pilot.press("left_square_bracket")
        await settled(app, pilot)
        found = threading.Thread(
            target=app.complete_from_thread, args=(lambda state: replace(state, context="verified"),)
        )
        found.start()
        found.join()
        await pilot.pause()
        assert "ctx:verified" in screen_text(app)

    def broken(_state: FleetState) -> FleetState:
        raise ZeroDivisionError("half a moment")

    failing, _ = console(FakePast())

    async def shown() -> None:
        async with failing.run_test(size=(120, 40)) as pilot:
            failing.turning = asyncio.get_running_loop()
            await pilot.press("left_square_bracket")
            await settled(failing, pilot)
            failing.complete_from_thread(broken)
            for _ in range(500):
                await pilot.pause(0.01)
                if not failing.is_running:
                    break

    with pytest.raises(ZeroDivisionError):
        await shown()
    assert isinstance(failing.crash, ZeroDivisionError)
    closed = asyncio.new_event_loop()
    closed.close()
    app.turning = closed
    app.complete_from_thread(lambda state: replace(state, context="after"))
    assert app.state.context == "verified"


async def test_decisions_of_one_poll_are_gone_through_one_after_the_other() -> None:
    first, second = list(states.fleet().blocks)[:2]
    marks = [
        Mark(NOW - 8.0, MarkKind.UP, second, "before"),
        Mark(NOW - 4.0, MarkKind.UP, first, "one"),
        Mark(NOW - 4.0, MarkKind.ALERT, second, "no decision"),
        Mark(NOW - 4.0, MarkKind.DOWN, second, "two"),
        Mark(NOW - 4.0, MarkKind.ERROR, "third", "three"),
        Mark(NOW - 2.0, MarkKind.UP, first, "after"),
    ]
    past = FakePast()
    past.marks = lambda: marks  # type: ignore[method-assign]
    app, _ = console(past)
    async with app.run_test(size=(120, 40)) as pilot:
        for keys, texts in (
            ("{", ["after", "three", "two", "one", "before"]),
            ("}", ["one", "two", "three", "after"]),
            ("{", ["three"]),
            ("j{", ["before"]),  # another block was chosen: the poll as a whole is left
        ):
            for text in texts:
                await pilot.press(*keys)
                await settled(app, pilot)
                assert said(app).endswith(f": {text}"), (keys, text)
