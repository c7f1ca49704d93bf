"""The keys that steer a running load test, and what they say when there is nothing to steer."""

from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.console.app import ConsoleApp
from aios_top.model.errors import ActionRefusedError
from aios_top.model.load import LoadPhase, LoadPlan, LoadState, Shape, Stage
from console import states
from console.cockpit import FakeCockpit

PLAN = LoadPlan("gemma3-27b-block", 500, shape=Shape.POISSON, stages=(Stage(60, 2), Stage(60, 4)))
RUNNING = LoadState(PLAN, LoadPhase.RUNNING, states.NOW - 3, sent=6, ok=4, rate=2.0)
BURST = LoadState(LoadPlan("gemma3-27b-block"), LoadPhase.RUNNING, states.NOW - 3, sent=1)
ENDED = replace(RUNNING, phase=LoadPhase.FINISHED, ended_at=states.NOW, saved_as="/state/load/x")


async def pressed(
    load: LoadState | None, *keys: str, cockpit: type[FakeCockpit] = FakeCockpit
) -> tuple[Any, list[str]]:
    engine = cockpit(states.fleet(), load=load)
    app = ConsoleApp(engine)
    toasts: list[str] = []
    app.toast = lambda message, *_: toasts.append(message)  # type: ignore[method-assign]
    async with app.run_test(size=(120, 40)) as pilot:
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        await app.workers.wait_for_complete()
    return engine.calls, toasts


@pytest.mark.parametrize(
    ("key", "call", "words"),
    [
        ("plus", ("change_load_rate", (1.25,)), "the rate was 2, now 2.5 a second"),
        ("minus", ("change_load_rate", (0.8,)), "the rate was 2, now 1.6 a second"),
        ("greater_than_sign", ("next_load_stage", ()), ""),
        ("h", ("hold_load", ()), "stays at 2 a second"),
        ("X", ("stop_load", ()), "sends nothing more"),
    ],
)
async def test_a_running_load_test_is_steered(key: str, call: tuple[str, Any], words: str) -> None:
    calls, toasts = await pressed(RUNNING, "3", key)
    assert calls == [call]
    assert any(words in toast for toast in toasts) or not words


async def test_elsewhere_the_same_keys_change_the_polling() -> None:
    calls, _ = await pressed(RUNNING, "plus")
    assert calls == [("set_poll_seconds", (1.0,))]


@pytest.mark.parametrize(
    ("load", "key", "words"),
    [
        (BURST, "plus", "has no rate to change"),
        (BURST, "greater_than_sign", "no further stage"),
        (replace(RUNNING, stage=1), "greater_than_sign", "no further stage"),
        (None, "h", "No load test with a rate is running"),
        (ENDED, "h", "No load test with a rate is running"),
        (None, "E", "No load test has run"),
        (RUNNING, "E", "kept when the load test has ended"),
        (ENDED, "E", "Report, requests and HdrHistogram log: /state/load/x"),
        (replace(ENDED, phase=LoadPhase.WATCHING), "X", "no longer watched"),
    ],
)
async def test_what_cannot_be_done_is_said(load: LoadState | None, key: str, words: str) -> None:
    calls, toasts = await pressed(load, "3", key)
    assert [name for name, _ in calls if name != "stop_load"] == []
    assert any(words in toast for toast in toasts), toasts


async def test_a_closed_gate_refuses_more_load() -> None:
    class Closed(FakeCockpit):
        async def change_load_rate(self, factor: float) -> None:
            raise ActionRefusedError("write mode is off")

    _, toasts = await pressed(RUNNING, "3", "plus", cockpit=Closed)
    assert toasts == ["Refused: write mode is off"]
