"""Behind all drawing: no character that acts and no link reaches the terminal, through whatever widget."""

import pytest
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.color import Color
from textual.filter import LineFilter
from textual.widgets import Label, Static

from aios_top.console.linefilter import SafeLines

ACTING = [
    "\x1b[2J",
    "\x1b]52;c;aGk=\x07",
    "\x9b31m",
    "\x90q\x9c",
    "\rX",
    "\nX",
    "\x00",
    "\x7f",
    "\u202eabc",
    "\u200b",
    "\u2066x\u2069",
    "\ufeff",
    "\u2028",
    "\U000e0041",
    "\ue000",
]
BACKGROUND = Color(0, 0, 0)


@pytest.mark.parametrize("text", ACTING)
def test_acting_characters_are_dropped(text: str) -> None:
    (segment,) = SafeLines().apply([Segment(f"a{text}b")], BACKGROUND)
    assert segment.text.isprintable()
    assert segment.text[0] == "a"
    assert segment.text[-1] == "b"


def test_ordinary_text_passes_unchanged() -> None:
    text = "▁█ ▲ 日本 é ╔═"
    assert SafeLines().apply([Segment(text)], BACKGROUND)[0].text == text


def test_links_are_dropped_and_the_rest_of_the_style_kept() -> None:
    style = Style(bold=True, color="red", link="http://evil")
    (segment,) = SafeLines().apply([Segment("x", style)], BACKGROUND)
    assert segment.style is not None
    assert (segment.style.link, segment.style.bold, segment.style.color) == (None, True, style.color)


def test_without_colours_only_bold_and_the_like_are_left() -> None:
    style = Style(bold=True, reverse=True, color="red", bgcolor="blue", link="http://evil")
    (segment,) = SafeLines(colours=False).apply([Segment("x", style)], BACKGROUND)
    assert segment.style == Style(bold=True, reverse=True)


class Careless(App[None]):
    """An app that shows a server's text in Textual's own widgets."""

    def compose(self) -> ComposeResult:
        for text in ACTING:
            yield Static(Text(f"a{text}b"), markup=False)
            yield Label(Text(text, style="link http://evil"))

    def get_line_filters(self) -> list[LineFilter]:
        return [*super().get_line_filters(), SafeLines()]


async def test_textual_still_asks_the_filters_for_every_line() -> None:
    async with Careless().run_test(size=(60, 60)) as pilot:
        await pilot.pause()
        for drawn in pilot.app.screen._compositor.render_strips():
            shown = drawn.apply_filter(SafeLines(), BACKGROUND)
            assert shown.text.isprintable()
        written = pilot.app.screen._compositor.render_full_update().render_segments(pilot.app.console)
        assert "\x1b]" not in written
        assert "\x9b" not in written
        assert "\u202e" not in written
