"""The bar on which one sees where in the past one is, and what lies there."""

import itertools

import pytest

from aios_top.model.recording import Mark, MarkKind
from aios_top.render.timebar import Travel, timebar_row

FIRST, LAST = 1_795_445_000.0, 1_795_448_600.0
GLYPHS = {"up": "▲", "down": "▼", "error": "×", "action": "*", "alert": "!", "outside": "?", "load": "≈", "start": "│"}
HEAVIEST_FIRST = ("error", "action", "outside", "up", "down", "alert", "load", "start")


def bar(*marks: Mark, at: float = FIRST, columns: int = 120) -> str:
    """What lies between the two ends."""
    text = "".join(cell.text for cell in timebar_row(Travel(at, FIRST, LAST, marks), columns).cells)
    return text[text.index("├") + 1 : text.index("┤")]


def mark(at: float, kind: str = "up") -> Mark:
    return Mark(at, MarkKind(kind), "block", "text")


@pytest.mark.parametrize("kind", GLYPHS)
def test_every_kind_of_mark_has_its_glyph_at_its_time(kind: str) -> None:
    drawn = bar(mark((FIRST + LAST) / 2, kind))
    assert drawn.strip("─●") == GLYPHS[kind]
    assert abs(drawn.index(GLYPHS[kind]) - len(drawn) / 2) <= 1


@pytest.mark.parametrize(("heavy", "light"), list(itertools.combinations(HEAVIEST_FIRST, 2)))
def test_of_two_marks_in_one_column_the_heavier_one_is_seen_whichever_came_first(heavy: str, light: str) -> None:
    at = (FIRST + LAST) / 2
    for kinds in (heavy, light), (light, heavy):
        assert bar(*(mark(at, kind) for kind in kinds)).strip("─●") == GLYPHS[heavy]


def test_ends_lie_at_the_ends_and_what_lies_beyond_is_not_drawn() -> None:
    middle = (FIRST + LAST) / 2
    drawn = bar(mark(FIRST), mark(LAST, "down"), mark(FIRST - 1.0, "error"), mark(LAST + 1.0, "error"), at=middle)
    assert drawn[0] == "▲"
    assert drawn[-1] == "▼"
    assert "×" not in drawn
    assert drawn.count("●") == 1


def test_the_moment_is_seen_before_any_mark_also_where_it_lies_beyond_the_end() -> None:
    assert bar(mark(LAST, "error"), at=LAST)[-1] == "●"
    assert bar(at=LAST + 60.0)[-1] == "●"  # another process still writes
    assert bar(at=FIRST - 60.0)[0] == "●"


def test_a_single_moment_has_a_bar_and_a_narrow_screen_says_it_in_words() -> None:
    alone = Travel(FIRST, FIRST, FIRST, (mark(FIRST),))
    assert "●" in "".join(cell.text for cell in timebar_row(alone, 120).cells)
    narrow = "".join(cell.text for cell in timebar_row(Travel(FIRST, FIRST, LAST), 24).cells)
    assert " of " in narrow
    assert "●" not in narrow
