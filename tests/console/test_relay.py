"""States cross to the screen's thread once, newest only."""

import asyncio
import threading

import pytest
from msgspec.structs import replace

from aios_top.console.app import ConsoleApp
from aios_top.console.relay import Relay
from aios_top.console.widgets.chart import ChartPanel
from aios_top.model.state import FleetState
from aios_top.render.cells import Row
from console.cockpit import FakeCockpit
from console.screen import screen_text
from console.states import empty, fleet


def never(error: Exception) -> None:
    raise AssertionError from error


async def test_a_state_from_another_thread_is_delivered_on_this_one() -> None:
    cockpit = FakeCockpit(empty())
    delivered: list[tuple[int, str]] = []
    relay = Relay(cockpit, lambda state: delivered.append((state.sequence, threading.current_thread().name)), never)
    publisher = threading.Thread(target=cockpit.publish, args=(fleet(sequence=7),))
    publisher.start()
    publisher.join()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert delivered == [(7, threading.current_thread().name)]
    relay.close()
    assert cockpit.subscribers == []


async def test_a_slow_screen_gets_the_newest_state_once() -> None:
    cockpit = FakeCockpit(empty())
    delivered: list[FleetState] = []
    Relay(cockpit, delivered.append, never)
    for sequence in range(1, 1001):  # the loop does not turn meanwhile
        cockpit.publish(empty() if sequence < 1000 else fleet(sequence=1000))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [state.sequence for state in delivered] == [1000]


async def test_a_state_after_the_screens_loop_has_ended_is_dropped() -> None:
    cockpit = FakeCockpit(empty())

    def short_life() -> None:
        async def subscribe() -> None:
            Relay(cockpit, lambda _state: None, never)

        asyncio.run(subscribe())

    screen = threading.Thread(target=short_life)
    screen.start()
    screen.join()
    cockpit.publish(fleet())


async def test_a_state_that_cannot_be_drawn_ends_the_screen_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> list[Row]:
        raise ZeroDivisionError("a scale of nothing")

    cockpit = FakeCockpit(fleet(sequence=7))
    app = ConsoleApp(cockpit)

    async def shown() -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            monkeypatch.setattr(ChartPanel, "rows", broken)
            await asyncio.to_thread(cockpit.publish, fleet(sequence=8))
            while app.is_running:
                await pilot.pause(0.01)

    with pytest.raises(ZeroDivisionError):
        await shown()
    assert isinstance(app.crash, ZeroDivisionError)
    assert app.return_code == 1


async def test_while_the_plotting_library_is_loaded_a_chart_without_figures_says_that_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded, go_on = threading.Event(), threading.Event()

    def load(panel: ChartPanel) -> None:
        loaded.set()
        go_on.wait(20.0)

    monkeypatch.setattr(ChartPanel, "on_mount", lambda _panel: None)
    monkeypatch.setattr(ChartPanel, "_load", load)
    state = fleet()
    blocks = {name: replace(block, history={}, instances=()) for name, block in state.blocks.items()}
    for shown, note in (replace(state, blocks=blocks), "no token metrics"), (state, "drawing"):
        loaded.clear()
        app = ConsoleApp(FakeCockpit(shown))
        async with app.run_test(size=(120, 40)) as pilot:
            for _ in range(200):
                await pilot.pause(0.01)
                if loaded.is_set():
                    break
            assert loaded.is_set()
            assert note in screen_text(app)
            go_on.set()
