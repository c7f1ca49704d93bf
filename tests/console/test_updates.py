"""A changed cell costs a cell: what reaches the terminal is the changed columns, at their place."""

import weakref

import pyte
import pytest
from rich.console import Console, RenderableType
from rich.segment import Segment
from textual._compositor import LayoutUpdate
from textual._context import visible_screen_stack
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.strip import Strip

from aios_top.console.app import ConsoleApp, PanelScreen
from aios_top.console.updates import ExactUpdate, part
from aios_top.console.widgets.lines import Lines
from aios_top.render.cells import row
from aios_top.render.numbers import clock
from console import states
from console.cockpit import FakeCockpit
from console.screen import screen_text


class TwoPanels(App[None]):
    CSS = "Screen { layout: horizontal; }"

    def get_default_screen(self) -> Screen[None]:
        return PanelScreen()

    def compose(self) -> ComposeResult:
        yield Lines(id="left")
        yield Lines(id="right")


async def test_only_the_changed_columns_are_written() -> None:
    app = TwoPanels()
    async with app.run_test(size=(40, 4)) as pilot:
        left, right = app.query_one("#left", Lines), app.query_one("#right", Lines)
        left.paint([row("unchanged 12:00:00")])
        right.paint([row("日本 unchanged")])
        await pilot.pause()
        app.screen._compositor._dirty_regions.clear()
        left.paint([row("unchanged 12:00:01")])
        app.screen._compositor.update_widgets({left})
        update = app.screen._compositor.render_partial_update()
        assert isinstance(update, ExactUpdate)
        written = update.render_segments(app.console)
        assert written.startswith("\x1b[1;18H")
        assert written.count("1") >= 1
        assert "unchanged" not in written
        assert len(written) < 70


def test_a_part_of_a_text_is_its_columns_and_no_half_of_a_character() -> None:
    text = "a日e\u0331本…z"  # columns 0, 1 to 2, 3 with a mark, 4 to 5, 6, 7

    assert [part(text, first, 8) for first in range(9)] == [
        "a日e\u0331本…z", "日e\u0331本…z", " e\u0331本…z", "e\u0331本…z", "本…z", " …z", "…z", "z", "",
    ]  # fmt: skip
    assert [part(text, 0, last) for last in range(8)] == [
        "", "a", "a ", "a日", "a日e\u0331", "a日e\u0331 ", "a日e\u0331本", "a日e\u0331本…",
    ]  # fmt: skip
    assert part("日", 0, 1) == part("日\u0331", 1, 2) == " "
    assert part("plain", 1, 3) == "la"


def test_a_part_of_a_line_is_what_textual_would_cut() -> None:
    strip = Strip([Segment("ab日"), Segment("plain"), Segment("…本x"), Segment("")])
    console = Console(width=40, color_system=None)
    for first in range(strip.cell_length):
        for last in range(first + 1, strip.cell_length + 1):
            written = ExactUpdate([{0: strip}], [(0, first, last)], [[40]]).render_segments(console)
            assert written == f"\x1b[1;{first + 1}H{strip.crop(first, last).text}"


def test_a_line_that_was_written_in_part_is_not_kept() -> None:
    class Line(str):
        """A text that can be looked after."""

        __slots__ = ("__weakref__",)

    line = Line("… and so on " * 60)
    kept = weakref.ref(line)
    update = ExactUpdate([{0: Strip([Segment(line)])}], [(0, 5, 70)], [[len(line)]])
    assert update.render_segments(Console()).endswith(line[5:70])
    del line, update
    assert kept() is None


async def test_partial_updates_leave_the_same_screen_as_a_full_one() -> None:
    engine = FakeCockpit(states.fleet(), clock=states.NOW + 0.5)
    app = ConsoleApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        terminal = pyte.Screen(120, 40)
        stream = pyte.Stream(terminal)
        compositor = app.screen._compositor
        stream.feed(compositor.render_full_update().render_segments(app.console).replace("\n", "\r\n"))
        shown = compositor.render_partial_update

        def fed() -> ExactUpdate | None:
            update = shown()
            if update is not None:
                stream.feed(update.render_segments(app.console))
            return update

        compositor.render_partial_update = fed  # type: ignore[method-assign]
        for step in range(5):
            engine.clock = states.NOW + 1.5 + step
            app._tick()
            await pilot.press(("j", "w", "s", "{", "k")[step])
            await pilot.pause()
        await pilot.pause(0.1)
        drawn = "\n".join(line.rstrip() for line in terminal.display)
        assert drawn == screen_text(app).rstrip("\n")


async def test_behind_a_dialog_changes_are_drawn_once_and_nothing_else_is() -> None:
    engine = FakeCockpit(states.fleet(), clock=states.NOW + 0.5)
    app = ConsoleApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("C")
        await pilot.pause(0.2)
        engine.clock = states.NOW + 1.5
        app._tick()  # the first change behind a new dialog may still paint everything
        await pilot.pause(0.2)
        terminal = pyte.Screen(120, 40)
        stream = pyte.Stream(terminal)
        compositor = app.screen._compositor
        full, partial = compositor.render_full_update, compositor.render_partial_update
        visible_screen_stack.set(app._background_screens)
        stream.feed(full().render_segments(app.console).replace("\n", "\r\n"))
        assert "Reset the cooldown" in "\n".join(terminal.display)
        written: list[str] = []

        def fed() -> ExactUpdate | None:
            update = partial()
            if update is not None:
                written.append(update.render_segments(app.console))
                stream.feed(written[-1])
            return update

        def repainted(**_: object) -> None:
            raise AssertionError("the whole screen was repainted")

        compositor.render_partial_update = fed  # type: ignore[method-assign]
        compositor.render_full_update = repainted  # type: ignore[method-assign,assignment]
        before = terminal.display[0]
        engine.clock = states.NOW + 2.5
        app._tick()
        await pilot.pause(0.2)
        assert terminal.display[0] != before  # the clock behind the dialog goes on
        assert terminal.display[0].rstrip().endswith(clock(states.NOW + 2.5))
        assert "Reset the cooldown" in "\n".join(terminal.display)
        ticked = len(written)
        await pilot.pause(0.3)
        assert len(written) == ticked  # and then it is quiet
        del compositor.render_partial_update, compositor.render_full_update


@pytest.mark.parametrize("keys", [["question_mark"], ["colon"], ["x"]])
async def test_a_dialog_that_is_closed_costs_one_painting_and_a_message_after_it_is_seen(
    monkeypatch: pytest.MonkeyPatch, keys: list[str]
) -> None:
    """Textual lays out and paints once more when the dialog is taken out of the tree: 27 kB and 20 ms."""
    app = ConsoleApp(FakeCockpit(states.fleet()))
    painted: list[str] = []
    display = App._display

    def noted(shown: App[None], screen: Screen[None], renderable: RenderableType | None) -> None:
        if isinstance(renderable, LayoutUpdate):
            painted.append(type(screen).__name__)
        display(shown, screen, renderable)

    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.pause(0.3)
        before = screen_text(app)
        await pilot.press(*keys)
        await pilot.pause(0.3)
        assert screen_text(app) != before
        monkeypatch.setattr(App, "_display", noted)
        await pilot.press("escape")
        await pilot.pause(0.4)
        assert painted == ["PanelScreen"]
        assert screen_text(app) == before
        await pilot.press(*keys, "escape")
        await pilot.pause()
        await pilot.press("c")
        await pilot.pause(0.1)
        assert "Copied gemma3-27b-block." in screen_text(app)
        await pilot.pause(0.3)
        painted.clear()
        app.screen.refresh(layout=True)  # long after, as for a panel that came: everything is painted
        await pilot.pause(0.3)
        assert "PanelScreen" in painted
