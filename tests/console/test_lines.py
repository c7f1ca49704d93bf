"""Only what changed is drawn again, and what is drawn is exactly the cells' text."""

from rich.style import Style
from textual.app import App, ComposeResult
from textual.geometry import Region

from aios_top.console.palette import COLOURLESS, Palette
from aios_top.console.widgets.lines import Lines, difference, strip
from aios_top.render.cells import Cell, Role, Row, row


def test_only_the_columns_that_differ_are_dirty() -> None:
    assert difference(row("abcdef"), row("abXXef"), 10) == (2, 4)
    assert difference(row("ab"), row("ab"), 10) == (0, 0)
    assert difference(row("ab"), row("abc"), 10) == (2, 3)
    assert difference(row(Cell("ab", Role.OK)), row(Cell("ab", Role.BAD)), 10) == (0, 2)
    assert difference(row("日本"), row("日x"), 10) == (2, 4)
    assert difference(row("ab"), row("ab", selected=True), 10) == (0, 10)


def test_a_strip_is_exactly_as_wide_as_its_panel() -> None:
    for text in ("", "abc", "日本語日本語", "x" * 50):
        drawn = strip(row(text), 9, COLOURLESS, Style())
        assert drawn.cell_length == 9
        assert sum(segment.cell_length for segment in drawn) == 9


def test_ascii_is_drawn_where_glyphs_cannot_be() -> None:
    assert strip(row("▁█ ▲"), 5, Palette(ascii=True), Style()).text == "_# ^ "


class OneLine(App[None]):
    def compose(self) -> ComposeResult:
        yield Lines()


async def test_repainting_the_same_rows_costs_nothing() -> None:
    async with OneLine().run_test(size=(20, 5)) as pilot:
        lines = pilot.app.query_one(Lines)
        lines.paint([row("first"), row("12:00:00")])
        await pilot.pause()
        dirty: list[Region] = []
        lines.refresh = lambda *regions, **_: dirty.extend(regions)  # type: ignore[method-assign, assignment]
        lines.paint([row("first"), row("12:00:00")])
        assert dirty == []
        lines.paint([row("first"), row("12:00:01")])
        assert dirty == [Region(7, 1, 1, 1)]
        lines.paint([Row(), row("12:00:01")])
        assert dirty[1:] == [Region(0, 0, 5, 1)]


async def test_markup_and_escape_codes_of_a_server_are_plain_text() -> None:
    async with OneLine().run_test(size=(40, 3)) as pilot:
        lines = pilot.app.query_one(Lines)
        lines.paint([row("[@click=app.quit]x[/nope] [b]")])
        await pilot.pause()
        assert lines.render_line(0).text.startswith("[@click=app.quit]x[/nope] [b]")
