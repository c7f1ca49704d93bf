"""States in, pixels out: one redraw per state, held while paused, nothing of a server's text interpreted."""

import pytest
from msgspec.structs import replace
from textual.geometry import Region

from aios_top.console.app import ConsoleApp
from aios_top.model.judge import judge_fleet
from aios_top.model.load import LoadPhase, LoadPlan, LoadState
from aios_top.model.state import FleetState
from aios_top.model.text import clean
from aios_top.model.verdict import Severity, Verdict
from console import states
from console.cockpit import FakeCockpit
from console.screen import screen_text

SIZE = (120, 40)


async def test_a_new_state_is_shown() -> None:
    engine = FakeCockpit(states.fleet())
    app = ConsoleApp(engine)
    async with app.run_test(size=SIZE) as pilot:
        engine.publish(replace(states.fleet(), verdict=Verdict(Severity.HEALTHY, "all well now"), sequence=301))
        await pilot.pause()
        assert "HEALTHY  all well now" in screen_text(app)


async def test_a_paused_display_holds_and_then_catches_up() -> None:
    engine = FakeCockpit(states.fleet())
    app = ConsoleApp(engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("p")
        engine.publish(replace(states.fleet(), verdict=Verdict(Severity.HEALTHY, "all well now"), sequence=301))
        await pilot.pause()
        assert "all well now" not in screen_text(app)
        assert "PAUSED" in screen_text(app)
        await pilot.press("p")
        await pilot.pause()
        assert "all well now" in screen_text(app)


async def test_the_same_state_again_draws_nothing_but_what_time_changes() -> None:
    engine = FakeCockpit(states.fleet(), clock=states.NOW + 0.5)
    app = ConsoleApp(engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        drawn: list[Region] = []
        for panel in app._panels.values():
            panel.refresh = lambda *regions, **_: drawn.extend(regions)  # type: ignore[method-assign, assignment]
        engine.publish(replace(states.fleet(), sequence=301))
        await pilot.pause()
        assert drawn == []
        engine.clock = states.NOW + 1.5
        app._tick()
        cells = sum(region.width * region.height for region in drawn)
        assert 0 < cells <= 120


async def test_a_slow_line_is_drawn_on_every_twenty_seconds_and_after_keys() -> None:
    engine = FakeCockpit(states.fleet(), clock=states.NOW)
    app = ConsoleApp(engine, low_bandwidth=True)
    async with app.run_test(size=SIZE) as pilot:
        assert "drawn every 20s" in screen_text(app)

        async def shown(sentence: str, *keys: str) -> bool:
            engine.publish(replace(states.fleet(), verdict=Verdict(Severity.HEALTHY, sentence), sequence=301))
            await pilot.press(*keys)
            await pilot.pause()
            app._tick()
            await pilot.pause()
            return sentence in screen_text(app)

        engine.clock = states.NOW + 19
        assert not await shown("too early")
        assert await shown("a key was pressed", "w")
        engine.clock = states.NOW + 20
        assert await shown("twenty seconds")
        engine.clock = states.NOW - 3600
        assert await shown("the clock was set back")


async def test_a_block_that_is_gone_is_said_to_be() -> None:
    engine = FakeCockpit(states.fleet())
    app = ConsoleApp(engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("2")
        engine.publish(states.fleet(states.saturated()))
        await pilot.pause()
        assert "gemma3-27b-block is not listed any more" in screen_text(app)
        await pilot.press("1", "j")
        await pilot.pause()
        assert app.view.block_id == "llama3-8b-block"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("page", ["1", "2"])
async def test_a_fleet_without_blocks_says_so_and_what_to_do(size: tuple[int, int], page: str) -> None:
    app = ConsoleApp(FakeCockpit(FleetState(states.NOW, 3, verdict=judge_fleet([]))))
    async with app.run_test(size=size) as pilot:
        await pilot.press(page)
        await pilot.pause()
        text = " ".join(screen_text(app).split())
        assert "no blocks: the blocks database lists none." in text
        assert "createBlock" in text
        assert "no block selected" not in text


@pytest.mark.parametrize(("size", "told"), [((80, 24), True), ((120, 40), False)])
async def test_the_length_of_an_axis_that_is_not_shown_is_told(size: tuple[int, int], told: bool) -> None:
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=size) as pilot:
        await pilot.press("z")
        await pilot.pause()
        assert ("The time axis is 15m long now; it is on the block's page, 2." in shown_toasts(app)) is told
        await pilot.press("2", "z")
        await pilot.pause()
        assert "last 30m" in screen_text(app)
        assert ("The time axis is 30m" in " ".join(shown_toasts(app))) is False


@pytest.mark.parametrize("length", range(65, 71))
async def test_a_short_message_is_shown_to_its_end(length: int) -> None:
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.toast(f"{'word ' * 20}"[: length - 4] + " end")
        for _ in range(200):
            await pilot.pause(0.05)
            if "▌" in screen_text(app):
                break
        shown = [line.partition("▌")[2] for line in screen_text(app).splitlines() if "▌" in line]
        assert shown[-1].split()[-1] == "end"


def shown_toasts(app: ConsoleApp) -> list[str]:
    return [" ".join(notification.message.split()) for notification in app._notifications]


async def test_hostile_ids_are_plain_text_everywhere() -> None:
    evil = clean("[/nope]\x1b[2J[@click=app.quit]\u202e")
    block = replace(states.scaling(), block_id=evil)
    engine = FakeCockpit(states.fleet(replace(block, verdict=Verdict(Severity.BROKEN, str(evil), evil))))
    app = ConsoleApp(engine)
    async with app.run_test(size=SIZE) as pilot:
        for key in ("1", "2", "{", "m", "escape"):
            await pilot.press(key)
            await pilot.pause()
            text = screen_text(app)
            assert "\x1b" not in text
            assert "\u202e" not in text
        assert "[/nope]" in text
        app.toast(f"refused: {evil}", Severity.BROKEN)
        await pilot.pause()
        assert app.is_running


async def test_the_screen_stays_whole_while_a_dialog_is_open() -> None:
    engine = FakeCockpit(states.fleet())
    app = ConsoleApp(engine)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        engine.publish(states.fleet(states.saturated(), sequence=301))
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert "llama3-8b-block" in screen_text(app)
        assert app.view.columns == 80


async def test_no_colour_leaves_no_colour(monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        for strip in app.screen._compositor.render_strips():
            for segment in strip.apply_filter(app._safe, app.screen.styles.background):
                assert segment.style is None or (segment.style.color, segment.style.bgcolor) == (None, None)


async def test_every_theme_can_be_worn() -> None:
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=SIZE) as pilot:
        before = screen_text(app)
        for name in app._looks:
            app.dress(name)
            await pilot.pause()
            assert screen_text(app) == before


async def test_a_small_terminal_of_sixteen_colours_gets_its_own(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLORTERM")
    assert ConsoleApp(FakeCockpit(states.fleet())).theme == "aios-ansi16"


async def test_a_running_load_test_is_in_the_brief_and_the_footer() -> None:
    load = LoadState(LoadPlan("gemma3-27b-block", requests=20), LoadPhase.RUNNING, states.NOW - 3, sent=20, ok=5)
    app = ConsoleApp(FakeCockpit(states.fleet(), load=load))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        text = screen_text(app)
        assert "20/20 sent" in text
        assert "X stop load" in text.splitlines()[-1]
