"""Every key: what it changes on the screen, or what it asks the engine for."""

from collections.abc import Callable

import pytest

from aios_top.console.app import ConsoleApp
from aios_top.console.dialogs.choice import ChoiceDialog
from aios_top.console.dialogs.command import CommandDialog
from aios_top.console.dialogs.config import ConfigDialog
from aios_top.console.dialogs.confirm import ConfirmDialog
from aios_top.console.dialogs.deploy import DeployDialog
from aios_top.console.dialogs.diff import DiffDialog
from aios_top.console.dialogs.draft import DraftDialog
from aios_top.console.dialogs.explanation import ExplanationDialog
from aios_top.console.dialogs.filter import FilterDialog
from aios_top.console.dialogs.force import ForceDialog
from aios_top.console.dialogs.guide import GuideDialog
from aios_top.console.dialogs.help import HelpDialog
from aios_top.console.dialogs.load import LoadDialog
from aios_top.console.dialogs.pause import PauseDialog
from aios_top.console.dialogs.scale import ScaleDialog
from aios_top.console.dialogs.simulate import SimulateDialog
from aios_top.console.dialogs.what_if import WhatIfDialog
from aios_top.console.keys import KEYS, bound
from aios_top.console.view import Page, Sort, ViewState
from aios_top.model.load import LoadPhase, LoadPlan, LoadState
from aios_top.model.window import Window
from console import states
from console.cockpit import FakeCockpit, FakeGate

FIRST, SECOND, LAST = "gemma3-27b-block", "llama3-8b-block", "asr-whisper-block"

Check = Callable[[ViewState], bool]
LOOKING: dict[str, tuple[tuple[str, ...], str, Check]] = {
    "j": ((), "j", lambda view: view.block_id == SECOND),
    "down": ((), "down", lambda view: view.block_id == SECOND),
    "k": (("j",), "k", lambda view: view.block_id == FIRST),
    "up": (("j",), "up", lambda view: view.block_id == FIRST),
    "pagedown": ((), "pagedown", lambda view: view.block_id == LAST),
    "pageup": (("G",), "pageup", lambda view: view.block_id == FIRST),
    "G": ((), "G", lambda view: view.block_id == LAST),
    "end": ((), "end", lambda view: view.block_id == LAST),
    "g": (("G",), "g", lambda view: view.block_id == FIRST),
    "home": (("G",), "home", lambda view: view.block_id == FIRST),
    "enter": (("j",), "enter", lambda view: (view.page, view.block_id) == (Page.BLOCK, SECOND)),
    "escape from a page": (("2",), "escape", lambda view: view.page is Page.FLEET),
    "escape from a decision": (("2", "{"), "escape", lambda view: (view.page, view.decision) == (Page.BLOCK, None)),
    "escape from a maximised panel": (("m",), "escape", lambda view: view.maximised is None),
    "tab": ((), "tab", lambda view: view.focus == "instances"),
    "shift+tab": ((), "shift+tab", lambda view: view.focus == "decisions"),
    "1": (("2",), "1", lambda view: view.page is Page.FLEET),
    "2": ((), "2", lambda view: view.page is Page.BLOCK),
    "3": ((), "3", lambda view: view.page is Page.LOAD),
    "4": ((), "4", lambda view: view.page is Page.POLICY),
    "5": ((), "5", lambda view: view.page is Page.EVENTS),
    "n": (("2",), "n", lambda view: (view.page, view.block_id) == (Page.BLOCK, SECOND)),
    "N": (("2", "n"), "N", lambda view: view.block_id == FIRST),
    "s": ((), "s", lambda view: view.sort is Sort.STATE),
    "S": ((), "S", lambda view: view.descending),
    "space": ((), "space", lambda view: view.marked == {FIRST}),
    "space again": (("space",), "space", lambda view: not view.marked),
    "w": ((), "w", lambda view: view.window is Window.FIVE_MINUTES),
    "w three times": (("w", "w"), "w", lambda view: view.window is Window.ONE_MINUTE),
    "z": ((), "z", lambda view: view.span_seconds == 900),
    "m": ((), "m", lambda view: view.maximised == "fleet"),
    "m again": (("m",), "m", lambda view: view.maximised is None),
    "p": ((), "p", lambda view: view.paused),
    "p again": (("p",), "p", lambda view: not view.paused),
    "{": ((), "{", lambda view: view.decision == 0),
    "{ {": (("{",), "{", lambda view: view.decision == 1),
    "}": (("{", "{"), "}", lambda view: view.decision == 0),
    "j in the log": (("shift+tab", "j"), "j", lambda view: (view.decision, view.block_id) == (1, FIRST)),
}
DIALOGS = {
    "x": ExplanationDialog,
    "C": ConfirmDialog,
    "T": LoadDialog,
    "D": DeployDialog,
    "A": ScaleDialog,
    "B": ChoiceDialog,
    "e": DraftDialog,
    "d": DiffDialog,
    "P": PauseDialog,
    "F": ForceDialog,
    "i": WhatIfDialog,
    "t": SimulateDialog,
    "f2": GuideDialog,
    "f12": ConfigDialog,
    "slash": FilterDialog,
    "colon": CommandDialog,
    "ctrl+p": CommandDialog,
    "question_mark": HelpDialog,
    "f1": HelpDialog,
}
ASKING = {
    "r": [("refresh", ())],
    "plus": [("set_poll_seconds", (1.0,))],
    "minus": [("set_poll_seconds", (4.0,))],
}
TIME = {"left_square_bracket", "right_square_bracket", "at", "L", "R"}
ELSEWHERE = {"U", "o", "W", "X", "c", "q", "ctrl+c", "ctrl+z", "E", "h", ">"} | TIME
"""Tested one by one below; ctrl+z in a real terminal, o in test_shadowing, E, h and > in test_load_keys, those of time
in test_timetravel."""


def console(**cockpit: object) -> tuple[ConsoleApp, FakeCockpit]:
    engine = FakeCockpit(states.fleet(), **cockpit)  # type: ignore[arg-type]
    return ConsoleApp(engine), engine


def test_every_key_is_tested() -> None:
    named = {"slash", "colon", "question_mark", "plus", "minus"}
    printed = {"left_curly_bracket": "{", "right_curly_bracket": "}", "greater_than_sign": ">"}
    bound_keys = {printed.get(name, name) for key in KEYS for name in key.keys}
    tested = {key for _, key, _ in LOOKING.values()} | set(DIALOGS) | set(ASKING) | ELSEWHERE
    assert bound_keys == tested
    assert named <= tested


@pytest.mark.parametrize("case", LOOKING.values(), ids=LOOKING)
async def test_a_key_that_looks_changes_the_view_and_asks_nothing(case: tuple[tuple[str, ...], str, Check]) -> None:
    before, key, check = case
    app, engine = console()
    async with app.run_test(size=(120, 40)) as pilot:
        for name in before:
            await pilot.press(name)
        unchanged = app.view
        await pilot.press(key)
        await pilot.pause()
        assert check(app.view)
        assert app.view != unchanged
    assert engine.calls == []


@pytest.mark.parametrize(("key", "dialog"), DIALOGS.items(), ids=DIALOGS)
async def test_a_key_that_asks_opens_its_dialog_and_sends_nothing(key: str, dialog: type) -> None:
    app, engine = console()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.screen, dialog)
        await pilot.press("escape")
        await pilot.pause()
        assert len(app.screen_stack) == 1
    assert engine.executed == []
    assert {name for name, _ in engine.calls} <= {"plan_reset", "policy_facts"}


@pytest.mark.parametrize(("key", "calls"), ASKING.items(), ids=ASKING)
async def test_a_key_that_asks_the_engine(key: str, calls: list[tuple[str, tuple[object, ...]]]) -> None:
    app, engine = console()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(key)
        await pilot.pause()
    assert engine.calls == calls


@pytest.mark.parametrize("key", [key.keys[0] for key in KEYS if key.writes])
@pytest.mark.parametrize(("writable", "read_only"), [(False, False), (False, True)])
async def test_a_key_that_writes_is_inert_behind_a_closed_gate(key: str, writable: bool, read_only: bool) -> None:
    app, engine = console(gate=FakeGate(writable=writable, read_only=read_only))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert len(app.screen_stack) == 1
        assert ("read-only" if read_only else "Write mode is off") in next(iter(app._notifications)).message
    assert engine.calls == []


async def test_write_mode_opens_and_closes_the_gate_but_not_a_locked_one() -> None:
    app, engine = console()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("W")
        await pilot.pause()
        assert (engine.gate.writable, app.view.writable) == (False, False)
        await pilot.press("W")
        await pilot.pause()
        assert (engine.gate.writable, app.view.writable) == (True, True)
    app, engine = console(gate=FakeGate(writable=False, read_only=True))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("W")
        await pilot.pause()
        assert not app.view.writable


async def test_two_presses_open_one_dialog() -> None:
    app, engine = console()
    async with app.run_test(size=(120, 40)) as pilot:
        app.act("reset_cooldown")
        app.act("reset_cooldown")
        await pilot.pause()
        await pilot.pause()
        assert len(app.screen_stack) == 2
    assert [name for name, _ in engine.calls] == ["plan_reset"]


async def test_stop_load_stops_without_a_question() -> None:
    plan = LoadPlan(FIRST, requests=20)
    app, engine = console(load=LoadState(plan, LoadPhase.RUNNING, states.NOW - 3, sent=20))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("X")
        await pilot.pause()
        assert len(app.screen_stack) == 1
    assert engine.calls == [("stop_load", ())]


async def test_stop_load_without_one_only_says_so() -> None:
    app, engine = console()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("X")
        await pilot.pause()
    assert engine.calls == []


async def test_copy_sends_the_selected_id_through_the_terminal() -> None:
    app, _ = console()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("j", "c")
        await pilot.pause()
        assert app.clipboard == SECOND


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_quit_asks_nothing_while_nothing_runs(key: str) -> None:
    app, _ = console()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert app._exit
    assert app.return_code == 0


async def test_quit_asks_while_a_load_test_runs() -> None:
    app, _ = console(load=LoadState(LoadPlan(FIRST), LoadPhase.RUNNING, states.NOW - 3, sent=1))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert not app._exit
        assert len(app.screen_stack) == 2


async def test_a_rebound_key_replaces_the_old_one() -> None:
    engine = FakeCockpit(states.fleet())
    app = ConsoleApp(engine, keys=bound({"window": "v"}))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("w")
        assert app.view.window is Window.ONE_MINUTE
        await pilot.press("v")
        assert app.view.window is Window.FIVE_MINUTES


async def test_a_paste_presses_no_key() -> None:
    app, engine = console()
    async with app.run_test(size=(120, 40)) as pilot:
        from textual.events import Paste

        before = app.view
        app.screen.post_message(Paste("CTDAXWq2j"))
        await pilot.pause()
        assert app.view == before
        assert app.is_running
        assert len(app.screen_stack) == 1
    assert engine.calls == []


async def test_a_click_selects_and_the_wheel_scrolls() -> None:
    app, _ = console()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.click("#fleet", offset=(5, 3))
        await pilot.pause()
        assert app.view.block_id == SECOND
