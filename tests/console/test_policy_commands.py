"""The keys and commands of the policy page: a draft typed and checked, compared, sent; pause, force, roll back."""

from collections.abc import Callable
from typing import Any, Self

import pytest
from msgspec.structs import replace

from aios_top.console.app import ConsoleApp
from aios_top.console.dialogs.diff import DiffDialog
from aios_top.console.dialogs.draft import DraftDialog
from aios_top.model.change import Fate, Outcome
from aios_top.model.deploy import PolicyCode
from aios_top.model.errors import ActionRefusedError
from aios_top.model.lint import Finding, LintReport
from aios_top.model.lint_facts import Facts, Served
from aios_top.model.policy_state import ForcedScale, Pause
from aios_top.model.text import clean
from console import states
from console.cockpit import FakeCockpit, FakeGate
from console.screen import screen_text

BLOCK, BARE = "gemma3-27b-block", "asr-whisper-block"
SCHEMAS = {
    "cooldown_seconds": {"type": "number", "minimum": 0, "description": "seconds without action after an action"},
    "averaging_period": {"type": "string", "enum": ["current", "average_1m", "average_5m"]},
}
WRITES = {"U": "send_draft", "P": "pause_policy", "F": "force_scale"}


def engine(change: Callable[[Any], Any] | None = None, **options: Any) -> FakeCockpit:
    """An engine whose first block tells schemas, and whatever `change` makes of its policy report."""
    block = states.scaling()
    assert block.parameters is not None
    block = replace(block, parameters=replace(block.parameters, schemas=SCHEMAS))
    if change is not None:
        block = replace(block, policy=change(block.policy))
    others = list(states.fleet().blocks.values())[1:]
    return FakeCockpit(states.fleet(block, *others), **options)


class Hands:
    """Presses keys and remembers every toast."""

    def __init__(self, cockpit: FakeCockpit, size: tuple[int, int] = (120, 40)) -> None:
        self.cockpit = cockpit
        self.app = ConsoleApp(cockpit)
        self.size = size
        self.toasts: list[str] = []

    async def __aenter__(self) -> Self:
        toast = self.app.toast
        self.app.toast = lambda message, *rest: (self.toasts.append(message), toast(message, *rest))[1]  # type: ignore[method-assign,assignment]
        self._running = self.app.run_test(size=self.size)
        self._pilot = await self._running.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._running.__aexit__(*error)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self._pilot.press(key)
            await self.settle()

    async def type(self, text: str) -> None:
        names = {" ": "space", "=": "equals_sign", "_": "underscore", "+": "plus", "-": "minus", ".": "full_stop"}
        await self._pilot.press(*(names.get(character, character) for character in text))
        await self.settle()

    async def settle(self) -> None:
        for _ in range(3):
            await self._pilot.pause()

    @property
    def shown(self) -> str:
        return screen_text(self.app)

    def calls(self, *without: str) -> list[tuple[str, tuple[Any, ...]]]:
        return [call for call in self.cockpit.calls if call[0] not in {"policy_facts", *without}]


async def choose(hands: Hands, name: str) -> None:
    """Move to a parameter in the open draft dialog."""
    dialog = hands.app.screen
    assert isinstance(dialog, DraftDialog)
    names = list(states.scaling().parameters.effective)  # type: ignore[union-attr]
    await hands.press(*["down"] * names.index(name))


class TestDraft:
    async def test_a_value_is_typed_kept_shown_and_sends_nothing(self) -> None:
        async with Hands(engine()) as hands:
            await hands.press("4", "e")
            await choose(hands, "cooldown_seconds")
            await hands.type("60")
            assert "▸ cooldown_seconds" in hands.shown
            assert "seconds without action after an action" in hands.shown
            assert "a number, at least 0" in hands.shown
            await hands.press("tab", "right", "enter")
            assert hands.app.view.drafts == {BLOCK: {"cooldown_seconds": 60}}
            assert "60 *" in hands.shown
            assert hands.toasts == ["Draft kept, nothing is sent: d compares it, U sends it."]
            assert hands.calls() == []

    async def test_it_is_checked_with_every_key(self) -> None:
        async with Hands(engine()) as hands:
            await hands.press("e")
            await choose(hands, "cooldown_seconds")
            await hands.type("-1")
            assert "-1 must be at least 0" in hands.shown
            assert "1 value is wrong" in hands.shown
            await hands.press("tab", "right", "enter")
            assert isinstance(hands.app.screen, DraftDialog)
            await hands.press("shift+tab", "shift+tab", "ctrl+u")
            assert "wrong" not in hands.shown

    async def test_what_two_values_mean_together_is_checked_too(self) -> None:
        async with Hands(engine()) as hands:
            await hands.press("e")
            await choose(hands, "input_tokens_down_threshold")
            await hands.type("500")
            assert "input: scales down below 500, but up above 500" in " ".join(hands.shown.split())

    async def test_what_it_brings_is_told_before_it_is_sent(self) -> None:
        async with Hands(engine()) as hands:
            await hands.press("e")
            await choose(hands, "averaging_period")
            await hands.type("average_5m")
            assert "brings" in hands.shown
            assert "WindowLongerThanCooldown" in hands.shown

    async def test_escape_leaves_the_draft_as_it_was(self) -> None:
        async with Hands(engine()) as hands:
            await hands.press("e")
            await choose(hands, "cooldown_seconds")
            await hands.type("60")
            await hands.press("escape")
            assert hands.app.view.drafts == {}

    async def test_an_emptied_draft_is_one_no_more(self) -> None:
        async with Hands(engine()) as hands:
            hands.app.look(hands.app.view.drafted(BLOCK, {"cooldown_seconds": 60}))
            await hands.press("e")
            assert "▸ cooldown_seconds" in hands.shown
            await hands.press("ctrl+u", "tab", "right", "enter")
            assert hands.app.view.drafts == {}
            assert hands.toasts == []

    async def test_a_draft_belongs_to_its_block(self) -> None:
        async with Hands(engine()) as hands:
            hands.app.look(hands.app.view.drafted(BLOCK, {"cooldown_seconds": 60}))
            assert hands.app.view.draft == {"cooldown_seconds": 60}
            await hands.press("j")
            assert hands.app.view.draft == {}

    async def test_it_is_planned_asked_for_sent_and_then_gone(self) -> None:
        async with Hands(engine(outcome=Outcome(Fate.DONE, "cooldown_seconds 120 → 60"))) as hands:
            await hands.press("4", "e")
            await choose(hands, "cooldown_seconds")
            await hands.type("60")
            await hands.press("tab", "right", "right", "enter")
            assert hands.calls() == [("plan_set", (BLOCK, {"cooldown_seconds": 60}))]
            await hands.press("y")
            assert [name for name, _ in hands.calls()] == ["plan_set", "execute"]
            assert hands.toasts == ["DONE: cooldown_seconds 120 → 60"]
            assert hands.app.view.drafts == {}

    @pytest.mark.parametrize("fate", [Fate.FAILED, Fate.UNKNOWN, Fate.REFUSED])
    async def test_a_draft_that_was_not_set_is_kept(self, fate: Fate) -> None:
        async with Hands(engine(outcome=Outcome(fate, "no"))) as hands:
            hands.app.look(hands.app.view.drafted(BLOCK, {"cooldown_seconds": 60}))
            await hands.press("U", "y")
            assert hands.toasts == [f"{fate.value.upper()}: no"]
            assert hands.app.view.drafts == {BLOCK: {"cooldown_seconds": 60}}

    async def test_without_a_draft_there_is_nothing_to_send(self) -> None:
        async with Hands(engine()) as hands:
            await hands.press("U")
            assert (hands.toasts, hands.calls()) == (["There is no draft: e edits one."], [])

    async def test_read_only_a_draft_can_be_typed_but_not_sent(self) -> None:
        async with Hands(engine(gate=FakeGate(writable=False, read_only=True))) as hands:
            await hands.press("e")
            assert "[Keep]" in hands.shown
            assert "[Send]" not in hands.shown

    async def test_a_block_without_a_policy_has_no_draft(self) -> None:
        async with Hands(engine()) as hands:
            await hands.press("G", "e")
            assert hands.toasts == [f"{BARE} has no autoscaler policy; D deploys one."]

    async def test_facts_that_cannot_be_had_are_said(self) -> None:
        async with Hands(engine(failure=ActionRefusedError("there is no block"))) as hands:
            await hands.press("e")
            await hands.press("d")
            assert hands.toasts == ["Refused: there is no block"] * 2

    @pytest.mark.parametrize("size", [(60, 12), (80, 24), (200, 60)])
    async def test_it_fits(self, size: tuple[int, int]) -> None:
        async with Hands(engine(), size) as hands:
            await hands.press("e")
            await hands.type("-1")
            assert "Cancel" in hands.shown
            assert "averaging_period" in hands.shown or size[1] < 20


class TestDiff:
    @staticmethod
    def served(facts: Facts) -> Facts:
        old, new = PolicyCode("a", "a1" * 32, "x = 1\ny = 2"), PolicyCode("b", "b1" * 32, "x = 1\ny = 3")
        return replace(facts, served=Served("http://h/a.zip", old), local=new, local_name="/p")

    async def test_it_shows_draft_and_code(self) -> None:
        async with Hands(engine(facts=self.served)) as hands:
            hands.app.look(hands.app.view.drafted(BLOCK, {"cooldown_seconds": 60}))
            await hands.press("d")
            assert isinstance(hands.app.screen, DiffDialog)
            for line in ("+++ draft", "-cooldown_seconds = 120", "+cooldown_seconds = 60", "-y = 2", "+y = 3"):
                assert line in hands.shown
            await hands.press("d")
            assert len(hands.app.screen_stack) == 1
            assert hands.calls() == []

    async def test_another_local_policy_is_named_in_the_command_line(self) -> None:
        async with Hands(engine()) as hands:
            await hands.press("colon")
            await hands.type("diff some.zip")
            await hands.press("enter")
            assert hands.cockpit.calls == [("policy_facts", (BLOCK, "some.zip"))]

    async def test_long_lines_go_on_below(self) -> None:
        def long(facts: Facts) -> Facts:
            code = PolicyCode("a", "a1" * 32, "x = '" + "a" * 300 + "end'")
            return replace(self.served(facts), local=code)

        async with Hands(engine(facts=long), (60, 40)) as hands:
            await hands.press("d")
            assert "end'" in hands.shown.replace("\n", "")


class TestPause:
    async def test_it_is_planned_from_the_fields(self) -> None:
        async with Hands(engine(outcome=Outcome(Fate.DONE, "paused"))) as hands:
            await hands.press("P", "ctrl+u")
            await hands.type("1h")
            await hands.press("down", "ctrl+u")
            await hands.type("up")
            await hands.press("down")
            await hands.type("sale")
            await hands.press("enter", "enter")
            assert hands.calls() == [("plan_pause", (BLOCK, 3600.0, "up", "sale"))]
            await hands.press("y")
            assert hands.toasts == ["DONE: paused"]

    @pytest.mark.parametrize(
        ("field", "text", "said"),
        [("seconds", "ten", "a time up to a day"), ("seconds", "25h", "a time up to a day"), ("direction", "left", "both, up or down")],
    )  # fmt: skip
    async def test_wrong_fields_are_named(self, field: str, text: str, said: str) -> None:
        async with Hands(engine()) as hands:
            await hands.press("P", *(["down"] if field == "direction" else []), "ctrl+u")
            await hands.type(text)
            assert said in hands.shown
            await hands.press("tab", "tab", "tab", "tab", "enter")
            assert hands.calls() == []

    async def test_a_pause_is_resumed_by_the_same_key(self) -> None:
        async with Hands(engine(lambda policy: replace(policy, paused=Pause(clean("up"), 60.0)))) as hands:
            await hands.press("4")
            assert "scaling up for 60s more; P resumes" in hands.shown
            await hands.press("P", "y")
            assert [name for name, _ in hands.calls()] == ["plan_resume", "execute"]


class TestForce:
    async def test_it_is_planned_from_the_fields(self) -> None:
        async with Hands(engine()) as hands:
            await hands.press("F", "ctrl+u")
            await hands.type("-2")
            await hands.press("down", "ctrl+u")
            await hands.type("yes")
            await hands.press("enter", "enter", "enter")
            assert hands.calls() == [("plan_force", (BLOCK, -2, True, ""))]
            await hands.press("y")
            assert [name for name, _ in hands.calls()] == ["plan_force", "execute"]

    @pytest.mark.parametrize("text", ["2", "+0", "+11", "++1", "-", "+x", "+12345"])
    async def test_a_change_has_a_sign_and_a_size(self, text: str) -> None:
        async with Hands(engine()) as hands:
            await hands.press("F", "ctrl+u")
            await hands.type(text)
            assert "+1 to +10" in hands.shown

    async def test_the_cooldown_is_a_yes_or_a_no(self) -> None:
        async with Hands(engine()) as hands:
            await hands.press("F", "down", "ctrl+u")
            await hands.type("maybe")
            assert "ignore the cooldown: yes or no" in hands.shown

    async def test_what_is_queued_is_shown_and_taken_back_by_the_same_key(self) -> None:
        forced = ForcedScale(clean("upscale"), 2, (), 90.0)
        async with Hands(engine(lambda policy: replace(policy, forced=forced))) as hands:
            await hands.press("4")
            assert "pending    +2 at the next evaluation, forgotten after 90s" in hands.shown
            await hands.press("F", "y")
            assert [name for name, _ in hands.calls()] == ["plan_cancel", "execute"]


COMMANDS: list[tuple[str, tuple[str, tuple[Any, ...]]]] = [
    ("set cooldown_seconds=60 averaging_period=average_5m",
     ("plan_set", (BLOCK, {"cooldown_seconds": 60, "averaging_period": "average_5m"}))),
    ("pause_policy 10m", ("plan_pause", (BLOCK, 600.0, "both", ""))),
    ("pause_policy 90 up sale starts", ("plan_pause", (BLOCK, 90.0, "up", "sale starts"))),
    ("pause_policy 1h sale", ("plan_pause", (BLOCK, 3600.0, "both", "sale"))),
    ("force_scale +2", ("plan_force", (BLOCK, 2, False, ""))),
    ("roll_back old-1.0", ("plan_bind", (BLOCK, "old-1.0"))),
]  # fmt: skip


@pytest.mark.parametrize(("line", "call"), COMMANDS, ids=[line for line, _ in COMMANDS])
async def test_a_command_plans_and_asks(line: str, call: tuple[str, tuple[Any, ...]]) -> None:
    async with Hands(engine()) as hands:
        await hands.press("colon")
        await hands.type(line)
        await hands.press("enter")
        assert hands.calls() == [call]
        await hands.press("escape")
        assert hands.cockpit.executed == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set cooldown", "set: cooldown: write NAME=VALUE."),
        ("pause_policy soon", "soon is no length of time, e.g. 10m."),
        ("force_scale 2", "force_scale takes +N or -N, e.g. force_scale +1."),
    ],
)
async def test_a_command_that_cannot_be_run_says_why(line: str, said: str) -> None:
    async with Hands(engine()) as hands:
        await hands.press("colon")
        await hands.type(line)
        await hands.press("enter")
        assert (hands.toasts, hands.calls()) == ([said], [])


@pytest.mark.parametrize("line", [line for line, _ in COMMANDS])
@pytest.mark.parametrize("gate", [FakeGate(False), FakeGate(False, read_only=True)], ids=["closed", "read-only"])
async def test_behind_a_closed_gate_a_command_plans_nothing(line: str, gate: FakeGate) -> None:
    async with Hands(engine(gate=gate)) as hands:
        await hands.press("colon")
        await hands.type(line)
        await hands.press("enter")
        assert hands.calls() == []
        assert "read-only" in hands.toasts[0] or "Write mode is off" in hands.toasts[0]


@pytest.mark.parametrize("read_only", [True, False])
async def test_read_only_the_palette_and_the_footer_offer_no_change(read_only: bool) -> None:
    async with Hands(engine(gate=FakeGate(not read_only, read_only=read_only)), (200, 60)) as hands:
        await hands.press("4")
        assert ("P pause scaling" in hands.shown) is not read_only
        await hands.press("colon")
        await hands.type("force")
        assert ("force_scale" in hands.shown) is not read_only


async def test_the_page_asks_for_lints_and_shows_them() -> None:
    finding = Finding("NoMaximum", "nothing limits it", "it may run away", "set a maximum")
    cockpit = engine(reports={BLOCK: LintReport(BLOCK, states.NOW, (finding,))})
    async with Hands(cockpit, (120, 60)) as hands:
        assert hands.app.view.lint is None
        await hands.press("4")
        assert hands.app.view.lint == cockpit.reports[BLOCK]
        assert "nothing limits it (NoMaximum)" in hands.shown
        assert "set a maximum" in hands.shown
