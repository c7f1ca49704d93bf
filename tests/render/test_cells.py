"""Rows of cells keep their width, whatever the text."""

from hypothesis import given
from hypothesis import strategies as st

from aios_top.model.text import clean
from aios_top.render.ascii import to_ascii
from aios_top.render.cells import Cell, Role, clip, columns_of, fit, frame, row, ruled, spread, width

TEXTS = st.text(max_size=40).map(clean)


@given(TEXTS, st.integers(min_value=0, max_value=50), st.booleans())
def test_fit_gives_exactly_the_columns(text: str, columns: int, right: bool) -> None:
    assert width(fit(text, columns, right=right)) == columns


def test_a_cut_can_be_seen() -> None:
    assert fit("gemma3-27b-block", 8) == "gemma3-…"
    assert fit("日本語", 4) == "日… "
    assert fit("ab", 4, right=True) == "  ab"


@given(st.lists(TEXTS, max_size=5), st.integers(min_value=0, max_value=30))
def test_clip_never_exceeds(texts: list[str], columns: int) -> None:
    assert columns_of(clip([Cell(text) for text in texts], columns)) <= columns


@given(TEXTS, TEXTS, st.integers(min_value=1, max_value=60))
def test_spread_fills_the_line(left: str, right: str, columns: int) -> None:
    assert columns_of(spread([Cell(left)], [Cell(right)], columns).cells) == columns


@given(
    st.lists(TEXTS, max_size=6), TEXTS, st.integers(min_value=4, max_value=60), st.integers(min_value=2, max_value=8)
)
def test_a_frame_is_a_rectangle(texts: list[str], title: str, columns: int, lines: int) -> None:
    framed = frame([row(text) for text in texts], [Cell(title)], columns, lines, focused=False)
    assert len(framed) == lines
    assert {columns_of(line.cells) for line in framed} == {columns}


def test_a_focused_frame_differs_without_colour() -> None:
    plain, focused = (frame([], [Cell("x")], 10, 3, focused=focus)[0].text for focus in (False, True))
    assert (plain, focused) == ("┌─ x ────┐", "╔═ x ════╗")
    assert ruled([Cell("x")], 8).text == "─ x ────"


@given(TEXTS)
def test_ascii_keeps_the_columns(text: str) -> None:
    shown = to_ascii(text)
    assert shown.isascii()
    assert len(shown) == width(text)


def test_ascii_keeps_the_meaning() -> None:
    assert to_ascii("▁▂▃▄▅▆▇█ ▲▼ 3→4 ⠒⠀") == "_.-~=+*# ^v 3>4 * "


def test_an_empty_cell_leaves_no_trace_in_a_row() -> None:
    assert row("a", Cell("b", Role.DIM)).text == "ab"
