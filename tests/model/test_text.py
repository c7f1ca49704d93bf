"""Server text becomes one safe line."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios_top.model.text import CELL_LIMIT, Clean, clean


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("in-ab12", "in-ab12"),
        ("", ""),
        ("größe 東京", "größe 東京"),
        ("\x1b[2J", "␛[2J"),
        ("a\r\nb\tc", "a␍␊b␉c"),
        ("\x7f", "␡"),
        ("\x9b31m", "<U+009B>31m"),
        ("abc\u202edef", "abc<U+202E>def"),
        ("in-\u200bab", "in-<U+200B>ab"),
        ("\U000e0041", "<U+E0041>"),
        ("\ud800", "<U+D800>"),
        ("line\u2028line", "line<U+2028>line"),
        ("[/red]", "[/red]"),
    ],
)
def test_acting_characters_become_visible_stand_ins(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert clean("x" * 10_000) == "x" * (CELL_LIMIT - 1) + "…"
    assert clean("x" * CELL_LIMIT) == "x" * CELL_LIMIT
    assert len(clean("\x1b" * 1000)) == CELL_LIMIT


@given(st.text(alphabet=st.characters(codec=None)))
def test_no_acting_character_survives(raw: str) -> None:
    shown = clean(raw)
    assert isinstance(shown, Clean)
    assert len(shown) <= CELL_LIMIT
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]
    assert clean(shown) == shown
