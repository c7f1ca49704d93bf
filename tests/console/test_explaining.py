"""The key that explains: the selected decision or the newest, live and past, at every size.

Run with UPDATE_SNAPSHOTS=1 to write the pictures anew; look at every line of the difference.
"""

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from aios_top.console.app import ConsoleApp
from aios_top.console.dialogs.dialog import Box
from aios_top.model.decision import Decision
from aios_top.model.explanation import Match, Reevaluation
from aios_top.model.moment import Moment
from aios_top.model.state import FleetState
from aios_top.model.text import Clean, clean
from aios_top.model.verification import Verification
from aios_top.render.timebar import Travel
from console import states
from console.cockpit import FakeCockpit
from console.screen import matches_snapshot, screen_text
from fakes.recorded import Recorder

NOW, BLOCK = states.NOW, "gemma3-27b-block"
SIZES = ((80, 24), (120, 40), (200, 60))


def recorded() -> tuple[Decision, ...]:
    """Return four decisions of the real policy, newest first, the last one eight seconds before NOW."""
    recorder = Recorder()
    recorder.clock.now = NOW - 8 - 4 * 30
    names = ("in-gemma-a1", "in-gemma-b2", "in-gemma-c3")
    life = [
        recorder.evaluate(dict(zip(names, [(480, 270), (470, 250), (300, 10.5)], strict=True))),
        recorder.evaluate(dict(zip(names, [(610, 310), (545, 287), (465.6, 273)], strict=True))),
        recorder.evaluate(dict(zip(names, [(610, 310), (545, 287), (465.6, 273)], strict=True))),
        recorder.evaluate(
            dict(zip(names, [(610, 310), (545, 287), (465.6, 273)], strict=True)), starting=["in-gemma-d4"]
        ),
    ]
    return tuple(reversed(life))


def fleet() -> FleetState:
    decisions = recorded()
    same = Reevaluation(Match.SAME, Clean())
    known = Verification(clean("the shipped policy"), "9f31" * 16, {entry.key: same for entry in decisions})
    state = states.fleet()
    block = replace(state.blocks[BLOCK], decisions=decisions, verification=known)
    return replace(state, blocks={**state.blocks, BLOCK: block})


async def settle(pilot: Pilot[None]) -> None:
    for _ in range(4):
        await pilot.pause()


async def shown(*keys: str, size: tuple[int, int] = (120, 40), state: FleetState | None = None) -> str:
    app = ConsoleApp(FakeCockpit(state or fleet()))
    async with app.run_test(size=size) as pilot:
        for key in keys:
            await pilot.press(key)
        await settle(pilot)
        return screen_text(app)


@pytest.mark.parametrize("size", [*SIZES, (60, 12)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_newest_decision(size: tuple[int, int]) -> None:
    app = ConsoleApp(FakeCockpit(fleet()))
    async with app.run_test(size=size) as pilot:
        await pilot.press("x")
        await settle(pilot)
        matches_snapshot(app, f"explanation-{size[0]}x{size[1]}")
        assert "\u2026" not in "".join(cell.text for line in app.screen.query_one(Box).shown for cell in line.cells)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_an_inferred_decision_says_so(size: tuple[int, int]) -> None:
    app = ConsoleApp(FakeCockpit(fleet()))
    async with app.run_test(size=size) as pilot:
        for key in ("j", "j", "x"):
            await pilot.press(key)
        await settle(pilot)
        matches_snapshot(app, f"explanation-inferred-{size[0]}x{size[1]}")
        assert "inferred by the console" in screen_text(app)


async def test_braces_step_through_the_decisions_and_back_to_the_newest() -> None:
    text = await shown("x", "left_curly_bracket")
    assert "2 of 4, counted from the newest" in text
    assert "Held: cooldown 90s left." in text
    assert "Next evaluation" not in text
    text = await shown("x", "left_curly_bracket", "left_curly_bracket")
    assert "Added 1 (3\u21924). Up rule is met (input 540.20 > 500)." in text
    text = await shown("x", "left_curly_bracket", "right_curly_bracket", "right_curly_bracket")
    assert "the newest of 4 decisions, followed" in text
    text = await shown("x", *["left_curly_bracket"] * 9)
    assert "4 of 4" in text


async def test_enter_in_the_log_explains_the_selected_one() -> None:
    for keys in (("2", "tab", "j", "j", "enter"), ("2", "left_curly_bracket", "left_curly_bracket", "enter")):
        text = await shown(*keys, size=(80, 24))
        assert "Why  gemma3-27b-block" in text
        assert "2 of 4" in text
    assert "Why" not in await shown("enter")


async def test_of_the_fleets_log_the_block_of_the_line_is_explained() -> None:
    state = fleet()
    newest = replace(recorded()[0], at=NOW - 1)
    other = replace(state.blocks["phi3-mini-block"], decisions=(newest,))
    state = replace(state, blocks={**state.blocks, "phi3-mini-block": other})
    text = await shown("left_curly_bracket", "x", size=(80, 24), state=state)
    assert "Why  phi3-mini-block" in text


async def test_the_newest_one_moves_on_with_the_block_and_a_selected_one_stays() -> None:
    state = fleet()
    older = replace(state.blocks[BLOCK], decisions=state.blocks[BLOCK].decisions[1:])
    cockpit = FakeCockpit(replace(state, blocks={**state.blocks, BLOCK: older}))
    app = ConsoleApp(cockpit)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("x")
        assert "decision 3" in screen_text(app)
        cockpit.publish(state)
        await pilot.press("down")
        assert "decision 4" in screen_text(app)
        await pilot.press("left_curly_bracket")
        assert "decision 3" in screen_text(app)
        cockpit.publish(replace(state, sequence=9))
        await pilot.press("down")
        assert "decision 3" in screen_text(app)


async def test_of_a_moment_of_the_past_its_own_newest_decision_is_explained_not_todays() -> None:
    state = fleet()
    then = replace(state.blocks[BLOCK], decisions=state.blocks[BLOCK].decisions[2:])
    moment = Moment(replace(state, at=NOW - 50, blocks={**state.blocks, BLOCK: then}))
    app = ConsoleApp(FakeCockpit(state))
    async with app.run_test(size=(120, 40)) as pilot:
        app.travel(moment, Travel(NOW - 50, NOW - 200, NOW, ()))
        await pilot.press("x")
        await settle(pilot)
        text = screen_text(app)
        assert "the newest of 2 decisions" in text
        assert "decision 2" in text
        assert "decision 4" not in text
        assert "evaluation in ~54s" in text  # counted from that moment
        await pilot.press("left_curly_bracket", "right_curly_bracket")
        assert "decision 2" in screen_text(app)


async def test_a_block_without_decisions_and_one_that_goes_away() -> None:
    state = fleet()
    bare = replace(state, blocks={**state.blocks, BLOCK: replace(state.blocks[BLOCK], decisions=())})
    assert "no decision yet: what its rule makes of the present figures" in await shown("x", state=bare)
    cockpit = FakeCockpit(state)
    app = ConsoleApp(cockpit)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("x")
        cockpit.publish(replace(state, blocks={}))
        await pilot.press("down")
        assert "This block is gone." in screen_text(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "Why" not in screen_text(app)


async def test_the_log_tells_the_selected_decision_below_the_list() -> None:
    text = " ".join((await shown("left_curly_bracket", "left_curly_bracket")).split())
    assert "Held: cooldown 90s left. Up rule is met (input 540.20 > 500)." in text
    assert "Source: the policy's own record; evaluated again: same" in text
