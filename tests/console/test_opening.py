"""The first moments: a screen that says it knows nothing yet, an engine behind it, keys that wait for it."""

import asyncio
from collections.abc import Callable
from threading import Event
from typing import Any, cast

import pytest

from aios_top.console.app import ConsoleApp
from aios_top.console.opening import Opened, OpeningCockpit
from aios_top.console.ports import Cockpit
from aios_top.console.settings import Setting
from aios_top.engine.gate import WriteGate
from aios_top.model.state import FleetState
from console import states
from console.cockpit import FakeCockpit
from console.screen import screen_text

PATIENCE_SECONDS = 20.0


def opening_app(opens: Callable[[], Opened], *, production: bool = False) -> ConsoleApp:
    """A console whose engine is not there yet."""
    state = FleetState(states.NOW, 0, context="staging", poll_seconds=5.0)
    gate = WriteGate(read_only=False, writable=not production)
    cockpit = OpeningCockpit(state, gate, lambda: states.NOW, production=production)
    app = ConsoleApp(cast("Cockpit", cockpit))
    app.opens = opens
    return app


async def until(pilot: Any, true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():
            await pilot.pause(0.01)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_first_screen_says_where_it_connects_to_and_shows_nothing_as_read(size: tuple[int, int]) -> None:
    go_on = Event()
    app = opening_app(lambda: Opened(FakeCockpit(states.fleet())) if go_on.wait(PATIENCE_SECONDS) else None)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        first = screen_text(app)
        assert "ctx:staging" in first
        assert "connecting" in first
        assert "WAITING  for the first poll" in first
        assert "gemma3" not in first
        assert "no blocks" not in first
        assert "failed" not in first
        assert "live" not in first
        go_on.set()
        await until(pilot, lambda: "gemma3" in screen_text(app))
        assert "connecting" not in screen_text(app)


async def test_the_engine_is_opened_when_the_first_screen_is_painted() -> None:
    painted = []
    app = opening_app(lambda: painted.append(screen_text(app)) or Opened(FakeCockpit(states.fleet())))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: bool(painted))
        assert "connecting" in painted[0]


async def test_a_command_waits_for_the_engine_and_a_look_does_not() -> None:
    go_on, engine = Event(), FakeCockpit(states.fleet())
    app = opening_app(lambda: Opened(engine) if go_on.wait(PATIENCE_SECONDS) else None)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("5", "W", "plus", "r")
        assert app.view.page == "events"
        assert engine.gate.writable
        assert engine.calls == []
        go_on.set()
        await until(pilot, lambda: not engine.gate.writable)


async def test_what_the_engine_brings_is_taken_over() -> None:
    engine, settings = FakeCockpit(states.fleet()), (Setting("theme", "dark", "default"),)
    past = object()
    app = opening_app(lambda: Opened(engine, past, settings))  # type: ignore[arg-type]
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.cockpit is engine)
        assert (app.past, app.settings) == (past, settings)
        assert engine.subscribers


async def test_one_can_leave_before_the_engine_is_there() -> None:
    go_on = Event()
    app = opening_app(lambda: Opened(FakeCockpit(states.fleet())) if go_on.wait(PATIENCE_SECONDS) else None)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
        go_on.set()
    assert app.return_code == 0
    assert app.refused is None


async def test_an_engine_that_cannot_be_opened_ends_the_screen_with_its_reason() -> None:
    reason = PermissionError("audit file")

    def opens() -> Opened:
        raise reason

    app = opening_app(opens)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: not app.is_running)
    assert app.refused is reason
    assert app.return_code == 1
    assert app.crash is None


async def test_a_production_context_is_locked_from_the_first_screen_on() -> None:
    go_on = Event()
    app = opening_app(
        lambda: Opened(FakeCockpit(states.fleet())) if go_on.wait(PATIENCE_SECONDS) else None, production=True
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "PRODUCTION" in screen_text(app)
        assert "LOCKED" in screen_text(app)
        go_on.set()
