"""From a key to what the engine is asked: every change goes through plan, question, one sending, and a toast."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from aios_top.console.app import ConsoleApp
from aios_top.console.dialogs.confirm import ConfirmDialog
from aios_top.console.view import Page, Sort
from aios_top.model.change import Fate, Outcome, Plan
from aios_top.model.deploy import DeployState
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.load import LoadPhase, LoadPlan, LoadState
from aios_top.model.record import PolicyReference
from aios_top.model.text import clean
from aios_top.model.window import Window
from aios_top.shipped import shipped
from console import states
from console.cockpit import FakeCockpit, FakeGate

BLOCK = "gemma3-27b-block"
EXPLAINED, PLAIN = states.EXPLAINED, states.PLAIN


async def drive(
    engine: FakeCockpit, *keys: str, size: tuple[int, int] = (120, 40)
) -> tuple[ConsoleApp, list[str], list[str]]:
    """Press keys; return the app, the engine's calls by name, and the toasts."""
    app = ConsoleApp(engine)
    toasts: list[str] = []
    async with app.run_test(size=size) as pilot:
        toast = app.toast
        app.toast = lambda message, *rest: (toasts.append(message), toast(message, *rest))[1]  # type: ignore[method-assign,assignment]
        for key in keys:
            await pilot.press(key)
            for _ in range(3):
                await pilot.pause()
    return app, [name for name, _ in engine.calls], toasts


def arguments(engine: FakeCockpit, name: str) -> tuple[object, ...]:
    """Return what the engine method was called with, once."""
    (found,) = [given for called, given in engine.calls if called == name]
    return found


def engine_with(**changes: object) -> FakeCockpit:
    return FakeCockpit(states.fleet(), **changes)  # type: ignore[arg-type]


async def test_reset_cooldown_plans_asks_sends_once_and_tells() -> None:
    engine = engine_with()
    _, calls, toasts = await drive(engine, "C", "y")
    assert calls == ["plan_reset", "execute"]
    assert arguments(engine, "plan_reset") == (BLOCK,)
    assert toasts == ["DONE: Cooldown reset."]


async def test_a_double_enter_sends_once() -> None:
    engine = engine_with()
    _, calls, _ = await drive(engine, "C", "right", "enter", "enter")
    assert calls == ["plan_reset", "execute"]


@pytest.mark.parametrize("key", ["enter", "n", "escape", "ctrl+c"])
async def test_anything_but_a_yes_sends_nothing(key: str) -> None:
    engine = engine_with()
    _, calls, _ = await drive(engine, "C", key)
    assert calls == ["plan_reset"]
    assert engine.executed == []


async def test_the_plan_that_was_shown_is_the_plan_that_is_sent() -> None:
    engine = engine_with()
    app = ConsoleApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("C")
        await pilot.pause()
        dialog = app.screen
        assert isinstance(dialog, ConfirmDialog)
        engine.publish(states.fleet(states.silent(), sequence=301))  # the selected row is another block now
        await pilot.pause()
        await pilot.press("y")
        await pilot.pause()
        assert engine.executed == [dialog._plan]


@pytest.mark.parametrize(
    ("fate", "word"), [(Fate.FAILED, "FAILED"), (Fate.UNKNOWN, "UNKNOWN"), (Fate.REFUSED, "REFUSED")]
)
async def test_what_became_of_it_is_said(fate: Fate, word: str) -> None:
    engine = engine_with(outcome=Outcome(fate, "no answer from the policy"))
    _, calls, toasts = await drive(engine, "C", "y")
    assert calls == ["plan_reset", "execute"]
    assert toasts == [f"{word}: no answer from the policy"]


@pytest.mark.parametrize("error", [ActionRefusedError("was 2, is 3"), ReadError("timeout", "no answer within 5s")])
async def test_a_plan_that_cannot_be_made_is_said_and_nothing_is_asked(error: Exception) -> None:
    engine = engine_with(failure=error)
    _, calls, toasts = await drive(engine, "C", "y")
    assert calls == ["plan_reset"]
    assert toasts == [f"Refused: {error}"]


async def test_while_no_answer_comes_the_wait_is_shown() -> None:
    release = asyncio.Event()

    class Slow(FakeCockpit):
        async def execute(self, plan: Plan) -> Outcome:
            await release.wait()
            return await super().execute(plan)

    engine = Slow(states.fleet())
    app = ConsoleApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("C")
        await pilot.pause()
        await pilot.press("y")
        await pilot.pause(1.3)
        (waiting,) = app._notifications
        assert "sent, no answer yet [··········] 1s of 30s" in " ".join(waiting.message.split())
        release.set()
        await pilot.pause(0.1)
        (done,) = app._notifications
        assert done.message == "DONE: Cooldown reset."
    assert len(engine.executed) == 1


async def test_stale_data_send_nothing_and_say_why() -> None:
    engine = FakeCockpit(states.fleet(states.stale()))
    _, calls, toasts = await drive(engine, "C", "A", "T", "D", "B")
    assert calls == []
    assert len(toasts) == 5
    assert all("mistral-7b-block: 3 polls failed" in toast and "nothing is sent" in toast for toast in toasts)


async def test_without_a_block_nothing_can_be_changed() -> None:
    _, calls, toasts = await drive(FakeCockpit(states.empty()), "C")
    assert calls == []
    assert toasts == ["No block is selected."]


async def test_production_asks_for_the_name() -> None:
    engine = engine_with(production=True)
    _, calls, _ = await drive(engine, "C", "y", "enter", "enter")
    assert calls == ["plan_reset"]
    engine = engine_with(production=True)
    _, calls, _ = await drive(engine, "C", *_typed(BLOCK))
    assert calls == ["plan_reset", "execute"]


def _typed(text: str) -> tuple[str, ...]:
    return (*("minus" if character == "-" else character for character in text), "enter", "enter")


async def test_replicas_are_planned_by_difference_and_by_number() -> None:
    engine = engine_with()
    _, calls, _ = await drive(engine, "A", "enter", "enter", "y")
    assert calls == ["plan_scale", "execute"]
    assert arguments(engine, "plan_scale") == (BLOCK, None, 1)
    engine = engine_with()
    await drive(engine, "A", "ctrl+u", "6", "enter", "enter", "escape")
    assert arguments(engine, "plan_scale") == (BLOCK, 6, None)
    assert engine.executed == []


async def test_a_load_test_starts_after_its_form_and_turns_to_its_page() -> None:
    engine = engine_with()
    app, calls, toasts = await drive(engine, "T", *["enter"] * 7)
    assert calls == ["start_load"]
    assert arguments(engine, "start_load") == (LoadPlan(BLOCK, 20, 1500, 50, watch_seconds=120.0),)
    assert app.view.page is Page.LOAD
    assert "X stops it" in toasts[0]


async def test_one_load_test_at_a_time() -> None:
    engine = engine_with(load=LoadState(LoadPlan(BLOCK), LoadPhase.DRAINING, states.NOW - 3, sent=1))
    _, calls, toasts = await drive(engine, "T")
    assert calls == []
    assert toasts == ["A load test is running: X stops it."]


async def test_a_refused_load_test_says_why() -> None:
    class Refusing(FakeCockpit):
        async def start_load(self, plan: LoadPlan) -> None:
            raise ActionRefusedError("load test: example.org is not loopback; allow it")

    _, _, toasts = await drive(Refusing(states.fleet()), "T", *["enter"] * 7)
    assert toasts == ["Not started: load test: example.org is not loopback; allow it"]


async def test_deploy_inspects_asks_runs_and_turns_to_its_page() -> None:
    engine = engine_with()
    app, calls, toasts = await drive(engine, "D", "enter", "ctrl+u", "y", "e", "s", "enter", "enter", "y")
    assert calls == ["plan_deploy", "run_deploy"]
    assert arguments(engine, "plan_deploy") == (str(shipped("policy")), (BLOCK,), True)
    assert app.view.page is Page.POLICY
    assert toasts == ["Deployed."]


async def test_deploy_goes_to_all_marked_blocks() -> None:
    engine = engine_with()
    await drive(engine, "space", "j", "space", "D", "enter", "enter", "enter", "escape")
    assert arguments(engine, "plan_deploy") == (str(shipped("policy")), (BLOCK, "llama3-8b-block"), False)


async def test_a_deploy_from_the_page_of_a_block_is_to_that_block_whatever_is_marked_elsewhere() -> None:
    for page in ("2", "4"):
        engine = engine_with()
        await drive(engine, "space", "j", page, "D", "enter", "enter", "enter", "escape")
        assert arguments(engine, "plan_deploy") == (str(shipped("policy")), ("llama3-8b-block",), False)


async def test_production_asks_for_the_name_of_a_block_that_is_deployed_to() -> None:
    engine = engine_with(production=True)
    _, calls, _ = await drive(engine, "space", "j", "D", "enter", "enter", "enter", *_typed("llama3-8b-block"))
    assert calls == ["plan_deploy"]
    engine = engine_with(production=True)
    _, calls, _ = await drive(engine, "space", "j", "D", "enter", "enter", "enter", *_typed(BLOCK))
    assert calls == ["plan_deploy", "run_deploy"]


async def test_one_deploy_at_a_time() -> None:
    engine = engine_with(deploy=DeployState("a:1-x", (BLOCK,), ()))
    _, calls, toasts = await drive(engine, "D")
    assert calls == []
    assert toasts == ["A deploy of a:1-x is running."]


async def test_rolling_back_binds_the_other_policy_and_offers_the_restart() -> None:
    engine = engine_with()
    _, calls, _ = await drive(engine, "B", "enter", "y", "y")
    assert calls == ["plan_bind", "execute", "plan_restart", "execute"]
    assert arguments(engine, "plan_bind") == (BLOCK, PLAIN)
    engine = engine_with(outcome=Outcome(Fate.FAILED, "no"))
    _, calls, _ = await drive(engine, "B", "enter", "y")
    assert calls == ["plan_bind", "execute"]


async def test_rolling_back_prefers_the_policy_of_the_same_name() -> None:
    record = states.fleet().policies[1]
    older = replace(record, uri="tokenautoscaler-explained:1.9-stable")
    engine = FakeCockpit(replace(states.fleet(), policies=(older, *states.fleet().policies)))
    await drive(engine, "B", "enter", "escape")
    assert arguments(engine, "plan_bind") == (BLOCK, "tokenautoscaler-explained:1.9-stable")


async def test_rolling_back_offers_no_policy_that_blocks_use_for_something_else() -> None:
    fleet = states.fleet()
    block = fleet.blocks[BLOCK]
    assert block.record is not None
    used = {**block.record.policies, "loadBalancer": PolicyReference(clean("balancer:1.0-stable"))}
    blocks = {**fleet.blocks, BLOCK: replace(block, record=replace(block.record, policies=used))}
    balancer = replace(fleet.policies[1], uri=clean("balancer:1.0-stable"))
    engine = FakeCockpit(replace(fleet, blocks=blocks, policies=(*fleet.policies, balancer)))
    await drive(engine, "B", "enter", "escape")
    assert arguments(engine, "plan_bind") == (BLOCK, PLAIN)


async def test_without_another_policy_there_is_nothing_to_go_back_to() -> None:
    engine = FakeCockpit(replace(states.fleet(), policies=states.fleet().policies[1:]))
    _, calls, toasts = await drive(engine, "B")
    assert calls == []
    assert toasts == ["The registry holds no other policy."]


async def test_quitting_during_a_load_test_needs_a_yes() -> None:
    running = LoadState(LoadPlan(BLOCK), LoadPhase.RUNNING, states.NOW - 3, sent=5, ok=2)
    app, _, _ = await drive(engine_with(load=running), "q", "enter")
    assert app.return_code is None
    app, _, _ = await drive(engine_with(load=running), "q", "y")
    assert app.return_code == 0
    app, _, _ = await drive(engine_with(deploy=DeployState("a:1-x", (BLOCK,), ())), "q", "y")
    assert app.return_code == 0


async def test_read_only_sends_nothing_whatever_is_pressed_or_typed() -> None:
    engine = engine_with(gate=FakeGate(writable=False, read_only=True))
    _, calls, toasts = await drive(engine, "W", "C", "A", "T", "D", "B", "colon", *"scale", "enter", "y", "enter")
    assert calls == []
    assert len(toasts) == 7
    assert all("read-only" in toast for toast in toasts)


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("sort", lambda app: app.view.sort is Sort.STATE),
        ("sort input", lambda app: app.view.sort is Sort.INPUT),
        ("window 15m", lambda app: app.view.window is Window.FIFTEEN_MINUTES),
        ("block qwen", lambda app: (app.view.page, app.view.block_id) == (Page.BLOCK, "qwen2-7b-block")),
        ("filter gem", lambda app: app.view.filter == "gem"),
        ("poll 5", lambda app: app.cockpit.calls == [("set_poll_seconds", (5.0,))]),
        ("refresh", lambda app: app.cockpit.calls == [("refresh", ())]),
        ("quit", lambda app: app.return_code == 0),
    ],
)
async def test_a_typed_command_does_it(line: str, check: object) -> None:
    keys = ["space" if character == " " else character for character in line]
    app, _, toasts = await drive(engine_with(), "colon", *keys, "enter")
    assert check(app)  # type: ignore[operator]
    assert not [toast for toast in toasts if "no " in toast]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("explode now", "There is no command"),
        ("window 2m", "AIOS keeps 1m, 5m and 15m"),
        ("sort colour", "There is no column colour"),
        ("poll 0", "poll takes 500ms to 5m, e.g. poll 2s"),
        ("poll often", "poll takes 500ms to 5m, e.g. poll 2s"),
        ("filter [", "Not a regular expression"),
    ],
)
async def test_a_command_that_cannot_be_done_says_why(line: str, why: str) -> None:
    names = {" ": "space", "[": "left_square_bracket"}
    _, calls, toasts = await drive(engine_with(), "colon", *(names.get(key, key) for key in line), "enter")
    assert calls == []
    assert len(toasts) == 1
    assert why in toasts[0]


async def test_the_folder_of_a_deploy_must_exist(tmp_path: Path) -> None:
    engine = engine_with()
    await drive(engine, "D", "x", "enter", "enter", "enter", "escape")
    assert engine.calls == []
