"""Dialogs answer once, by keyboard, and show everything at 60x12."""

import gc
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace
from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets._toast import Toast

from aios_top.console.app import ConsoleApp
from aios_top.console.dialogs.command import CommandDialog
from aios_top.console.dialogs.confirm import ConfirmDialog
from aios_top.console.dialogs.deploy import DeployDialog, DeployWish
from aios_top.console.dialogs.dialog import Box
from aios_top.console.dialogs.field import Field
from aios_top.console.dialogs.filter import FilterDialog
from aios_top.console.dialogs.help import HelpDialog
from aios_top.console.dialogs.load import LoadDialog
from aios_top.console.dialogs.notice import QuestionDialog
from aios_top.console.dialogs.scale import ScaleDialog, ScaleWish, parse_wish
from aios_top.console.guarded import forget_closed
from aios_top.console.keys import KEYS
from aios_top.model.change import Plan, PreparedRequest, ResetCooldown
from aios_top.model.load import LoadLimits, LoadPlan, Shape, Stage, Until
from aios_top.model.state import BlockState
from aios_top.render.cells import width
from aios_top.shipped import shipped
from console import states
from console.cockpit import FakeCockpit

T = TypeVar("T")
UNANSWERED = "unanswered"

PLAN = Plan(
    title="Reset cooldown of gemma3-27b-block (demo)",
    requests=(
        PreparedRequest(
            ResetCooldown("gemma3-27b-block"),
            "POST",
            "http://127.0.0.1:50600/blocks/mgmt",
            {"block_id": "gemma3-27b-block", "service": "autoscaler", "mgmt_action": "reset_cooldown", "mgmt_data": {}},
        ),
    ),
    seen="cooldown 76s of 120s left (reported 2s ago)",
    effect="the next evaluation in ~4s may act at once: input 812 > 500 asks for +1",
    undo="none: a new cooldown starts with the next action",
)


class Asking(App[None]):
    """Shows one dialog and keeps its answer."""

    def __init__(self, dialog: ModalScreen[Any]) -> None:
        super().__init__()
        self.dialog = dialog
        self.answers: list[Any] = []

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.answers.append)


async def ask(
    dialog: ModalScreen[T],
    *keys: str,
    size: tuple[int, int] = (80, 24),
    act: Callable[[Pilot[None]], Any] | None = None,
) -> tuple[list[T | None], list[str]]:
    """Press keys in a dialog; return its answers and the lines last seen."""
    app = Asking(dialog)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        if act:
            await act(pilot)
        for key in keys:
            await pilot.press(key)
        lines = [row.text for row in dialog.query_one(Box).shown] if dialog.is_attached else []
        await pilot.pause()
    return app.answers, lines


@pytest.mark.parametrize(
    ("keys", "answers"),
    [
        ((), []),
        (("y",), [True]),
        (("enter",), [None]),
        (("n",), [None]),
        (("escape",), [None]),
        (("ctrl+c",), [None]),
        (("tab", "enter"), [True]),
        (("right", "enter"), [True]),
        (("right", "left", "enter"), [None]),
        (("y", "y", "enter", "enter"), [True]),
        (("enter", "enter", "y"), [None]),
        (("x", "T", "1"), []),
        (("q", "y"), [None]),
    ],
)
async def test_confirm_keys(keys: tuple[str, ...], answers: list[bool | None]) -> None:
    assert (await ask(ConfirmDialog(PLAN), *keys))[0] == answers


async def test_the_confirm_dialog_fits_60_by_12_without_a_cut() -> None:
    _, lines = await ask(ConfirmDialog(PLAN), size=(60, 12))
    assert len(lines) <= 12
    assert {width(line) for line in lines} == {58}
    text = " ".join(line.strip("│ ") for line in lines)
    for part in (
        PLAN.title, "POST http://127.0.0.1:50600/blocks/mgmt", '"mgmt_action": "reset_cooldown"', "76s of 120s",
        "asks for +1", "▸Cancel n◂", "[Send y]", "undo",
    ):  # fmt: skip
        assert part in text.replace("  ", " "), part
    assert "…" not in text


LONG_ID = "meta-llama-3-70b-instruct-fp8-canary-eu-central-1-tenant-payments-block"


async def read_through(dialog: ModalScreen[Any], size: tuple[int, int]) -> str:
    """Return all that a dialog shows while it is scrolled to its end, without spaces."""
    app, seen = Asking(dialog), []
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        while True:
            lines = [row.text for row in dialog.query_one(Box).shown]
            assert len(lines) <= size[1]
            assert {width(line) for line in lines} == {size[0] - 2}
            seen += lines
            if "pgdn" not in lines[-1]:
                return "".join("".join(seen).replace("\u2502", "").split())
            await pilot.press("pagedown")


@pytest.mark.parametrize("size", [(80, 24), (60, 12)])
@pytest.mark.parametrize("typed", [None, LONG_ID])
async def test_names_of_blocks_and_instances_are_never_cut(size: tuple[int, int], typed: str | None) -> None:
    victims = [f"in-{number:04x}-{'z' * 9}" for number in range(200)]
    plan = replace(
        PLAN, title=f"Scale {LONG_ID} from 201 to 0 in production-eu", effect=f"AIOS removes {', '.join(victims)}."
    )
    shown = await read_through(ConfirmDialog(plan, typed), size)
    for text in (plan.title, *victims, f"type {typed} to send" if typed else "Cancel"):
        assert text.replace(" ", "") in shown


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("size", [(80, 24), (60, 12)])
async def test_a_short_message_and_a_dialog_hide_nothing_of_each_other(size: tuple[int, int], first: bool) -> None:
    plan = replace(PLAN, warnings=("requests in flight are lost",) * 9)
    message = "DONE: the autoscaler answers that it has reset the cooldown of the block; it goes on as before"
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=size, notifications=True) as pilot:
        if first:
            app.toast(message)
        app.run_worker(app.ask(dialog := ConfirmDialog(plan, "gemma")))
        await until(pilot, lambda: bool(app.screen is dialog and dialog.query(Box)))
        if not first:
            app.toast(message)
        await until(pilot, lambda: any(toast.region.height for toast in dialog.query(Toast)))
        box, toast = dialog.query_one(Box), dialog.query_one(Toast)
        assert box.region.y >= 0
        assert box.region.bottom <= toast.region.y
        assert "[Cancel]" in " ".join(row.text for row in box.shown)


async def test_a_dialog_takes_its_place_again_when_a_message_is_gone(monkeypatch) -> None:
    monkeypatch.setattr("aios_top.console.telling._TOAST_SECONDS", 0.2)
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=(60, 12)) as pilot:
        app.run_worker(app.ask(dialog := ConfirmDialog(PLAN)))
        await until(pilot, lambda: bool(app.screen is dialog and dialog.query(Box)))
        before = len(dialog.query_one(Box).shown)
        app.toast("x" * 300)
        assert len(dialog.query_one(Box).shown) < before
        await until(pilot, lambda: len(dialog.query_one(Box).shown) == before)


async def until(pilot: Pilot[None], fact: Callable[[], bool]) -> None:
    for _ in range(600):
        await pilot.pause(0.05)
        if fact():
            return
    pytest.fail("it does not become so")


async def test_a_long_plan_scrolls_and_says_so() -> None:
    plan = Plan(PLAN.title, PLAN.requests * 6, PLAN.seen, PLAN.effect, PLAN.undo, warnings=("x" * 200,))
    _, lines = await ask(ConfirmDialog(plan), size=(60, 12))
    assert "more lines" in lines[-1]
    _, lines = await ask(ConfirmDialog(plan), *["pagedown"] * 9, size=(60, 12))
    assert "↑" in lines[-1]
    assert any("careful" in line or "xxx" in line for line in lines)
    assert any("[Send y]" in line for line in lines)


@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        (("G",), "never zero"), (("end",), "never zero"), (("G", "g"), "Select the next row"),
        (("end", "home"), "Select the next row"), (("j", "k"), "Select the next row"), (("space",), "Show only blocks"),
        (("space", "b"), "Select the next row"),
    ],
)  # fmt: skip
async def test_a_page_to_read_moves_by_the_keys_that_move_lists(keys: tuple[str, ...], seen: str) -> None:
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("question_mark", *keys)
        await pilot.pause()
        box = app.screen.query_one(Box)
        shown = "\n".join("".join(cell.text for cell in line.cells) for line in box.shown)
        assert seen in shown
        before = app.screen.top  # type: ignore[attr-defined]
        await pilot.press("j")
        assert app.screen.top == before + (0 if seen == "never zero" else 1)  # type: ignore[attr-defined]


async def test_production_wants_the_name_typed() -> None:
    dialog = ConfirmDialog(PLAN, typed_name="ab")
    answers, lines = await ask(dialog, "y", "enter", "enter", "tab", "tab", "enter")
    assert answers == []
    assert any("does not match" in line for line in lines)
    assert (await ask(ConfirmDialog(PLAN, typed_name="ab"), "a", "b", "enter", "enter"))[0] == [True]
    assert (await ask(ConfirmDialog(PLAN, typed_name="ab"), "a", "b", "escape"))[0] == [None]


async def test_a_paste_never_answers() -> None:
    async def paste(pilot: Pilot[None]) -> None:
        pilot.app.screen.post_message(events.Paste("y\ny\n\r"))
        await pilot.pause()

    assert (await ask(ConfirmDialog(PLAN), act=paste))[0] == []
    assert (await ask(ConfirmDialog(PLAN, typed_name="y"), act=paste))[0] == []


async def test_server_text_in_a_plan_stays_text() -> None:
    plan = Plan("t[/nope]\x1b[2J", PLAN.requests, "[@click=app.quit]x[/]", "\x9b31m", "\u202eundo")
    _, lines = await ask(ConfirmDialog(plan))
    text = "\n".join(lines)
    assert "t[/nope]␛[2J" in text
    assert "[@click=app.quit]x[/]" in text
    assert "<U+009B>31m" in text
    assert "<U+202E>undo" in text


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("5", ScaleWish(replicas=5)),
        ("0", ScaleWish(replicas=0)),
        (" +2 ", ScaleWish(change=2)),
        ("-1", ScaleWish(change=-1)),
        ("+0", "a difference of 0 changes nothing"),
        ("", "type a number, +N or -N"),
        ("+", "type a number, +N or -N"),
        ("+-1", "type a number, +N or -N"),
        ("3.5", "type a number, +N or -N"),
        ("٣", "type a number, +N or -N"),
        ("999999", "type a number, +N or -N"),
    ],
)
def test_a_number_of_replicas_is_read(text: str, wish: ScaleWish | str) -> None:
    assert parse_wish(text) == wish


async def test_scale_answers_what_was_typed() -> None:
    block = states.scaling()
    assert (await ask(ScaleDialog(block), "enter", "enter"))[0] == [ScaleWish(change=1)]
    answers, lines = await ask(ScaleDialog(block), "ctrl+u", "x", "enter", "enter")
    assert answers == []
    assert any("type a number" in line for line in lines)
    text = "\n".join(lines)
    assert "4 replicas as its policy says, 1 starting" in text
    assert "min 1, max 8; AIOS enforces neither" in text
    assert "goes on deciding" in text


def load_dialog(block: BlockState, target: str = "http://h:1", **more: Any) -> LoadDialog:
    engine = FakeCockpit(states.fleet(block))
    return LoadDialog(block, target, LoadLimits(), engine.load_estimate, engine.aimed_load, now=states.NOW, **more)


def typed(*texts: str) -> list[str]:
    """Keys that put a text into each field in turn; an empty one leaves the field as it is."""
    keys = []
    for text in texts:
        keys += ["ctrl+u", *text] if text else []
        keys.append("enter")
    return keys


BURST = LoadPlan("gemma3-27b-block", 20, 1500, 50, watch_seconds=120.0)


async def test_load_shows_request_effect_and_way_back_and_answers_the_plan() -> None:
    block = states.scaling()
    answers, lines = await ask(load_dialog(block, "http://127.0.0.1:31504"))
    text = "\n".join(lines)
    assert answers == []
    assert "POST http://127.0.0.1:31504/v1/infer" in text
    assert "above the limit 500" in text
    assert "X stops sending" in text
    assert "20 requests; in all 30.0k input tokens, answers of up to 1000" in text
    answers, _ = await ask(load_dialog(block), *["enter"] * 7)
    assert answers == [BURST]


@pytest.mark.parametrize(
    ("texts", "plan"),
    [
        (("poisson", "500", "2", "90"), replace(BURST, requests=500, shape=Shape.POISSON, stages=(Stage(90, 2),))),
        (("constant", "", "0.5"), replace(BURST, shape=Shape.CONSTANT, stages=(Stage(60, 0.5),))),
        (("closed", "", "4", "30"), replace(BURST, shape=Shape.CLOSED, concurrency=4, duration_seconds=30.0)),
    ],
)
async def test_load_of_another_shape(texts: tuple[str, ...], plan: LoadPlan) -> None:
    answers, _ = await ask(load_dialog(states.scaling()), *typed(*texts, *[""] * (6 - len(texts))), "enter")
    assert answers == [plan]


async def test_load_that_crosses_the_threshold_is_computed_and_predicted() -> None:
    answers, lines = await ask(load_dialog(states.scaling()), *typed("cross"))
    text = " ".join(" ".join(line.split()) for line in lines)
    assert "value above 500 after" in text
    assert "decided at +" in text
    answers, _ = await ask(load_dialog(states.scaling()), *typed("cross", *[""] * 5), "enter")
    (plan,) = answers
    assert plan.until is Until.UPSCALE
    assert plan.input_tokens >= 550
    answers, lines = await ask(load_dialog(states.bare()), *typed("cross", *[""] * 5), "enter")
    assert answers == []
    assert any("threshold is not known" in line for line in lines)


async def test_much_load_to_another_host_wants_its_name_typed() -> None:
    def dialog() -> LoadDialog:
        return load_dialog(states.scaling(), "http://aios.example:1", large_host="aios.example")

    assert (await ask(dialog(), *typed("", "100", *[""] * 5), "enter"))[0] == [replace(BURST, requests=100)]
    answers, lines = await ask(dialog(), *typed("", "101", *[""] * 5), "enter")
    assert answers == []
    assert any("wants the host's name typed" in line for line in lines)
    keys = typed("", "101", "", "", "", "", "aios.example")
    assert (await ask(dialog(), *keys, "enter"))[0] == [replace(BURST, requests=101)]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (["x"], "shape: one of those named beside it"),
        (["enter", "ctrl+u"], "requests: a number above 0"),
        (["enter", "end", "0", "0", "0"], "20000 requests are not between 1 and 2000"),
        (["enter", "home", "delete", "delete", "0"], "requests: a number above 0"),
        (["enter", "end", "0", "0", *["enter"] * 3, "end", "0"], "30100000 tokens in all are more than 20000000"),
        (typed("poisson", "", "51"), "51 requests per second are not between 0 and 50"),
        (typed("poisson", "", "1", "901"), "15m01s of sending are more than 15m"),
        (typed("closed", "", "65"), "65 in flight are not between 1 and 64"),
    ],
)
async def test_load_beyond_the_caps_cannot_start(keys: list[str], why: str) -> None:
    answers, lines = await ask(load_dialog(states.scaling()), *keys, *["tab"] * 9, "enter")
    assert answers == []
    assert any(why in line for line in lines), lines


@pytest.mark.parametrize(
    ("keys", "wish"),
    [
        (["5"], ScaleWish(replicas=5)),
        (["-", "2"], ScaleWish(change=-2)),
        (["end", "0"], ScaleWish(change=10)),
        (["backspace", "3"], ScaleWish(replicas=3)),
        (["left", "2"], ScaleWish(change=21)),
        ([], ScaleWish(change=1)),
    ],
)
async def test_what_is_typed_takes_the_place_of_a_proposal(keys: list[str], wish: ScaleWish) -> None:
    assert (await ask(ScaleDialog(states.scaling()), *keys, "enter", "enter"))[0] == [wish]


def test_a_paste_takes_the_place_of_a_proposal_once() -> None:
    assert Field("wish", "replicas", "+1", proposed=True).pasted("7").pasted("2").text == "72"


async def test_load_in_production_wants_the_name() -> None:
    assert (await ask(load_dialog(states.scaling(), typed={"name": "go"}), *["enter"] * 8))[0] == []
    answers, _ = await ask(load_dialog(states.scaling(), typed={"name": "go"}), *["enter"] * 6, *"go", "enter", "enter")
    assert answers == [BURST]


async def test_deploy_answers_folder_blocks_and_restart(tmp_path: Any) -> None:
    answers, _ = await ask(DeployDialog(("a", "b")), "enter", "ctrl+u", *"yes", "enter", "enter")
    assert answers == [DeployWish(str(shipped("policy")), ("a", "b"), restart=True)]
    answers, lines = await ask(DeployDialog(("a",)), "x", "enter", "enter", "enter")
    assert answers == []
    assert any("no such folder" in line for line in lines)


async def test_filter_answers_an_expression_and_refuses_a_broken_one() -> None:
    assert (await ask(FilterDialog(""), *"gem", "enter"))[0] == ["gem"]
    assert (await ask(FilterDialog("x"), "backspace", "enter"))[0] == [""]
    answers, lines = await ask(FilterDialog(""), "[", "enter")
    assert answers == []
    assert any("not a regular expression" in line for line in lines)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("quit", "quit"),
        ("ref", "refresh"),
        ("window space 5 m", "window 5m"),
        ("block space q w e", "block qwen2-7b-block"),
        ("win tab space 1 5 m", "window 15m"),
        ("nonsense", "nonsense"),
    ],
)
async def test_the_palette_completes_and_answers(keys: str, line: str) -> None:
    dialog = CommandDialog(KEYS, tuple(states.fleet().blocks))
    presses = [key for word in keys.split() for key in ([word] if word in {"space", "tab"} else word)]
    assert (await ask(dialog, *presses, "enter"))[0] == [line]


async def test_the_palette_lists_every_action_and_marks_the_chosen() -> None:
    dialog = CommandDialog(KEYS, ())
    assert {key.action for key in KEYS} <= {entry[0] for entry in dialog.suggestions()}
    _, lines = await ask(dialog, "down", "down")
    assert any("▸ " + KEYS[2].action in line for line in lines)


async def test_help_lists_every_key_and_closes() -> None:
    dialog = HelpDialog(KEYS, read_only=False)
    text = "\n".join(row.text for row in dialog.body(76))
    for key in KEYS:
        assert key.help in text.replace("\n" + " " * 18, " ")
    for key in ("escape", "q", "question_mark", "enter"):
        assert (await ask(HelpDialog(KEYS, read_only=False), key))[0] == [None]
    assert "read-only" in "\n".join(row.text for row in HelpDialog(KEYS, read_only=True).body(76))


async def test_a_question_answers_only_a_yes() -> None:
    assert (await ask(QuestionDialog("Quit?", "A load test is running.", "Quit"), "enter"))[0] == [None]
    assert (await ask(QuestionDialog("Quit?", "A load test is running.", "Quit"), "y"))[0] == [True]


@pytest.mark.parametrize("size", [(80, 24), (60, 12), (40, 10), (20, 5), (1, 1)])
async def test_every_dialog_can_be_drawn_on_any_terminal(size: tuple[int, int]) -> None:
    block = states.scaling()
    for dialog in (
        ConfirmDialog(PLAN, "name"), load_dialog(block, typed={"name": "name"}), ScaleDialog(block), DeployDialog(("a",)),
        CommandDialog(KEYS, ("a",)), FilterDialog(""), HelpDialog(KEYS, read_only=True), QuestionDialog("?", "!", "Y"),
    ):  # fmt: skip
        answers, _ = await ask(dialog, "escape", size=size)
        assert answers == [None]


async def test_a_closed_dialog_is_let_go_with_all_its_lines() -> None:
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("C")
        await pilot.pause()
        drawn = weakref.ref(app.screen._styles_cache)
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("escape")
        await pilot.pause()
        forget_closed()
        gc.collect()
        assert drawn() is None
