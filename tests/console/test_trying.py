"""The keys that try something out: a form, progress in the background, a result to read.

Run with UPDATE_SNAPSHOTS=1 to write the pictures anew; look at every line of the difference.
"""

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from aios_top.cli.workbench import PolicyWorkbench
from aios_top.console.app import ConsoleApp
from aios_top.console.dialogs.dialog import Dialog
from aios_top.console.dialogs.simulate import SimulateDialog
from aios_top.console.dialogs.tryout import TryoutDialog
from aios_top.console.dialogs.what_if import WhatIfDialog, parse_changes, typed_changes
from aios_top.console.recorded import RecordedCockpit
from aios_top.engine.tryouts import Tryouts
from aios_top.model.errors import ActionRefusedError
from aios_top.model.moment import Moment
from aios_top.model.simulation import Latency, Sample, Scaling, SimulationPlan, SimulationReport
from aios_top.model.text import clean
from aios_top.model.tryout import SimulationWish, Tryout, TryoutPhase
from aios_top.model.what_if import Retaken, WhatIf, figures
from console import states
from console.cockpit import FakeCockpit
from console.screen import matches_snapshot, screen_text
from fakes.decided import BUSY, decided

BLOCK = "gemma3-27b-block"
RUN = SimulationReport(
    plan=SimulationPlan("running", "aios-gemma3", 24.0),
    requests_per_minute=4.0,
    evaluations=2877,
    scalings=(Scaling(3600.0, "up", 2, "input"), Scaling(43_300.0, "down", 1, "quiet")),
    replica_hours=61.24,
    over_threshold_minutes=88.0,
    latency=Latency(5757, 10.4, 24.5, 61.0, 113.0),
    queue_mean=0.4,
    queue_peak=7,
    arrived=5757,
    answered=5750,
    lost=2,
    replicas_peak=2,
    replicas_end=1,
    samples=(Sample(0.0, 1, 0, None), Sample(43_200.0, 2, 7, 113.0), Sample(86_399.0, 1, 0, 10.0)),
)
OTHER = replace(RUN, plan=replace(RUN.plan, name="conservative"), replica_hours=34.3)
SIMULATED = Tryout("Simulation: aios-gemma3, 24h, running", TryoutPhase.DONE, 1.0, (RUN, OTHER))


def answer() -> Tryout:
    decisions = list(reversed(states.fleet().blocks[BLOCK].decisions))
    retaken = [Retaken(entry, entry.action, entry.code, entry.reason, same=True) for entry in decisions]
    told = WhatIf(
        clean(BLOCK), {"cooldown_seconds": 60}, tuple(retaken), len(decisions), figures(decisions), exact=True
    )
    return Tryout(f"What if  {BLOCK}", TryoutPhase.DONE, 1.0, answer=told)


async def settle(pilot: Pilot[None]) -> None:
    for _ in range(6):
        await pilot.pause()


async def press(app: ConsoleApp, pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def opened(app: ConsoleApp, pilot: Pilot[None], kind: type[Dialog], *keys: str) -> None:
    """Press keys and wait for the dialog that they open: a worker opens it, in its own time."""
    await press(app, pilot, *keys)
    for _ in range(500):
        if isinstance(app.screen, kind) and app.screen.is_mounted:
            await settle(pilot)
            return
        await pilot.pause(0.01)
    raise AssertionError(f"no {kind.__name__} was opened")


async def told(pilot: Pilot[None], toasts: list[str]) -> None:
    for _ in range(500):
        if toasts:
            return
        await pilot.pause(0.01)


def console(**changes: object) -> tuple[FakeCockpit, ConsoleApp, list[str]]:
    engine = FakeCockpit(states.fleet(), **changes)  # type: ignore[arg-type]
    app = ConsoleApp(engine)
    toasts: list[str] = []
    toast = app.toast
    app.toast = lambda message, *rest: (toasts.append(message), toast(message, *rest))[1]  # type: ignore[method-assign,assignment]
    return engine, app, toasts


async def test_a_simulation_runs_on_while_the_dialog_is_closed_and_is_told_when_it_ends() -> None:
    engine, app, toasts = console()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, SimulateDialog, "t")
        assert "requests/min" in screen_text(app)
        await opened(app, pilot, TryoutDialog, *["enter"] * 8)
        engine.tried = replace(engine.tried or SIMULATED, share=0.5)
        await press(app, pilot, "j")
        assert "50%" in screen_text(app)
        await press(app, pilot, "q")
        assert not isinstance(app.screen, TryoutDialog)
        engine.end_tryout(SIMULATED)
        await told(pilot, toasts)
        assert toasts == [f"{SIMULATED.title}: done; t shows it."]
        await opened(app, pilot, TryoutDialog, "t")
        assert "replica-hours" in screen_text(app)
        assert "-44%" in screen_text(app)
    ((wish, block_id),) = [given for name, given in engine.calls if name == "simulate"]
    assert isinstance(wish, SimulationWish)
    assert (wish.profile, wish.hours, wish.parameters, wish.against) == (
        "aios-gemma3",
        24.0,
        "tutorial",
        "conservative",
    )
    assert block_id == BLOCK


async def test_a_running_one_is_stopped_from_its_dialog() -> None:
    engine, app, _ = console(tried=Tryout("Simulation", share=0.25))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, TryoutDialog, "t")
        assert "25%" in screen_text(app)
        await press(app, pilot, "s")
    assert ("stop_tryout", ()) in engine.calls


async def test_what_if_asks_of_the_block_on_the_screen_with_its_draft() -> None:
    engine, app, _ = console()
    async with app.run_test(size=(120, 40)) as pilot:
        app.look(app.view.drafted(BLOCK, {"cooldown_seconds": 60}))
        await opened(app, pilot, WhatIfDialog, "i")
        assert "cooldown_seconds=60" in screen_text(app)
        await opened(app, pilot, TryoutDialog, "tab", "tab", "enter")
        engine.end_tryout(answer())
        await settle(pilot)
        await press(app, pilot, "j")
        assert "would have done the same to the replicas" in screen_text(app)
    assert [given for name, given in engine.calls if name == "what_if"] == [(BLOCK, {"cooldown_seconds": 60})]


async def test_what_cannot_be_begun_is_told() -> None:
    engine, app, toasts = console(failure=ActionRefusedError("nonsense: no such set"))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, WhatIfDialog, "i")
        await press(app, pilot, "tab", "tab", "enter")
        await told(pilot, toasts)
        assert toasts == ["Not started: nonsense: no such set"]
    assert engine.tried is None


async def test_a_block_without_a_decision_cannot_be_asked() -> None:
    engine, app, toasts = console()
    async with app.run_test(size=(120, 40)) as pilot:
        block = replace(engine.state.blocks[BLOCK], decisions=())
        engine.publish(replace(engine.state, sequence=9, blocks={BLOCK: block}))
        await settle(pilot)
        await press(app, pilot, "i")
        await told(pilot, toasts)
        assert toasts == [f"{BLOCK} has no decision yet to take again."]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 12)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", ["simulate-form", "what-if-form", "simulated", "what-if"])
async def test_the_dialogs_at_every_size(name: str, size: tuple[int, int]) -> None:
    tried = {"simulated": SIMULATED, "what-if": answer()}.get(name)
    _, app, _ = console(tried=tried)
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot, Dialog, "t" if name.startswith("simul") else "i")
        matches_snapshot(app, f"tryout-{name}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("keys", [("tab", "x"), ("backspace",) * 3])
async def test_a_wrong_number_says_so_and_does_not_start(keys: tuple[str, ...]) -> None:
    engine, app, _ = console()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, SimulateDialog, "t")
        await press(app, pilot, *keys)
        shown = screen_text(app)
        assert "requests/min: a number" in shown or "load: one of" in shown
    assert not engine.calls


def test_changes_are_typed_as_they_are_read() -> None:
    changes = {"cooldown_seconds": 60, "averaging_period": "average_5m", "max_replicas": None, "use_block_limits": True}
    assert parse_changes(typed_changes(changes)) == changes
    assert parse_changes("") == {}
    with pytest.raises(ValueError, match="NAME=VALUE"):
        parse_changes("cooldown_seconds")
    with pytest.raises(ValueError, match="quot"):
        parse_changes("a='")


async def test_a_replayed_blocks_decisions_are_taken_again() -> None:
    decisions = tuple(reversed(decided({}, replace(BUSY, hours=0.2))))
    state = states.fleet()
    block = replace(state.blocks[BLOCK], decisions=decisions, in_force={})
    cockpit = RecordedCockpit(
        Moment(replace(state, blocks={**state.blocks, BLOCK: block})), Tryouts(PolicyWorkbench(None))
    )
    try:
        cockpit.submit(cockpit.what_if, block, {"max_replicas": 1}).result(60)
        ended = cockpit.submit(cockpit.tryout_ended).result(60)
        assert ended is not None
        assert ended.answer is not None
        assert ended.answer.divergence is not None
        assert cockpit.tryout() == ended
    finally:
        cockpit.close()
    silent = RecordedCockpit(Moment(state))
    assert silent.tryout() is None
    with pytest.raises(ActionRefusedError):
        await silent.what_if(block, {})


async def test_parameters_in_force_stand_as_they_are_typed() -> None:
    values = {"max_replicas": None, "block_while_pending": False, "cooldown_seconds": 120.0, "signal": "rolling"}
    dialog = WhatIfDialog(replace(states.scaling(), in_force=values), "")
    text = " ".join("".join(cell.text for cell in line.cells) for line in dialog.body(70))
    assert "max_replicas=null, block_while_pending=false, cooldown_seconds=120, signal=rolling" in text
