"""The command `shadow`: a draft typed in, its comparison read, its end."""

from types import MappingProxyType

import pytest
from msgspec.structs import replace

from aios_top.console.app import ConsoleApp
from aios_top.model.decision import Action
from aios_top.model.errors import ActionRefusedError
from aios_top.model.explanation import Match, Reevaluation
from aios_top.model.shadow import ShadowPlan, ShadowRow, ShadowState
from aios_top.model.text import clean
from aios_top.model.verification import PolicyFile, Verification
from console import states
from console.cockpit import FakeCockpit
from console.screen import matches_snapshot, screen_text

BLOCK = "gemma3-27b-block"


def compared() -> ShadowState:
    """Return a comparison of the gemma block's decisions with a draft that is slower to add."""
    decisions = states.fleet().blocks[BLOCK].decisions
    file = PolicyFile(clean("the shipped policy"), b"", "00")
    plan = ShadowPlan(clean(BLOCK), file, MappingProxyType({"input_tokens_up_threshold": 530}))
    rows = tuple(
        ShadowRow(
            entry,
            replace(entry, action=Action.HOLD, code=clean("WithinRange"))
            if entry.input_average == 520
            else replace(entry),
            entry.input_average != 520,
            live=entry.at > states.NOW - 100,
        )
        for entry in reversed(decisions)
    )
    return ShadowState(plan, states.NOW - 100).with_rows(rows)


async def typed(cockpit: FakeCockpit, line: str, *keys: str) -> tuple[str, str]:
    """Type a command and press keys; return the screen and the toasts."""
    app = ConsoleApp(cockpit)
    toasts: list[str] = []
    async with app.run_test(size=(80, 24)) as pilot:
        app.toast = lambda message, *_: toasts.append(message)  # type: ignore[method-assign,assignment]
        await pilot.press("colon", *(_NAMED.get(character, character) for character in line), "enter")
        for key in ("", *keys):
            await pilot.press(*filter(None, [key]))
            for _ in range(4):
                await pilot.pause()
        return screen_text(app), " ".join(toasts)


_NAMED = {" ": "space", "=": "equals_sign", "_": "underscore", "/": "slash", ".": "full_stop"}


async def test_a_typed_draft_starts_a_comparison_of_the_selected_block() -> None:
    cockpit = FakeCockpit(states.fleet())
    text, _ = await typed(cockpit, "shadow cooldown_seconds=60 /p/f.py")

    assert cockpit.calls == [("start_shadow", (BLOCK, {"cooldown_seconds": 60}, "/p/f.py"))]
    assert f"Shadow beside {BLOCK}" in text
    assert "/p/f.py with cooldown_seconds=60" in text


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_running_one_is_shown(size: tuple[int, int]) -> None:
    cockpit = FakeCockpit(states.fleet(), shadow=compared())
    app = ConsoleApp(cockpit)
    async with app.run_test(size=size) as pilot:
        await pilot.press("o")
        for _ in range(4):
            await pilot.pause()
        matches_snapshot(app, f"shadow-{size[0]}x{size[1]}")
    assert cockpit.calls == []


@pytest.mark.parametrize(("line", "keys"), [("shadow", ("s",)), ("shadow off", ())])
async def test_it_is_ended(line: str, keys: tuple[str, ...]) -> None:
    cockpit = FakeCockpit(states.fleet(), shadow=compared())
    text, toasts = await typed(cockpit, line, *keys)

    assert cockpit.calls == [("stop_shadow", ())]
    assert "no longer compared" in toasts
    assert "Shadow beside" not in text


async def test_closing_leaves_it_running() -> None:
    cockpit = FakeCockpit(states.fleet(), shadow=compared())
    text, _ = await typed(cockpit, "shadow", "q")

    assert cockpit.calls == []
    assert "Shadow beside" not in text


@pytest.mark.parametrize(
    ("line", "failure", "told"),
    [
        ("shadow cooldown_seconds=", None, "type a value"),
        ("shadow a b", None, "shadow takes NAME=VALUE"),
        ("shadow x=1", ActionRefusedError("x: the policy has no such parameter"), "Not started: x: the policy has no"),
    ],
)
async def test_what_cannot_be_started_says_why(line: str, failure: Exception | None, told: str) -> None:
    text, toasts = await typed(FakeCockpit(states.fleet(), failure=failure), line)
    assert told in toasts
    assert "Shadow beside" not in text


async def test_the_edited_draft_is_what_the_key_compares() -> None:
    cockpit = FakeCockpit(states.fleet())
    app = ConsoleApp(cockpit)
    async with app.run_test(size=(80, 24)) as pilot:
        app.look(app.view.drafted(BLOCK, {"cooldown_seconds": 45}))
        await pilot.press("o")
        await pilot.pause()
    assert cockpit.calls == [("start_shadow", (BLOCK, {"cooldown_seconds": 45}, None))]


async def test_the_policys_page_has_both_findings() -> None:
    state = states.fleet()
    block = state.blocks[BLOCK]
    action = block.decisions[1]
    differs = Reevaluation(Match.DIFFERS, clean("the file returns hold: No scaling action required."))
    known = Verification(clean("mine.py"), "00", {action.key: differs}, first_difference=action)
    state = replace(state, blocks={**state.blocks, BLOCK: replace(block, verification=known)})
    app = ConsoleApp(FakeCockpit(state, shadow=compared()))
    async with app.run_test(size=(80, 60)) as pilot:
        await pilot.press("4")
        await pilot.pause()
        text = " ".join(screen_text(app).split())
    assert "verified the deployed code is not mine.py: at decision 43 of" in text
    assert "a draft beside it" in text
    assert "5 of 6 decisions (83.3%)" in text
