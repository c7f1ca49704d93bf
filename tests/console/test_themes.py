"""Themes: every shipped one is complete and readable; a broken one is refused by file and key."""

from pathlib import Path

import pytest
from rich.color import Color

from aios_top.console.themes import DEFAULT, ThemeError, read_look, shipped_looks
from aios_top.render.cells import Role
from aios_top.shipped import shipped

FAINT = {Role.FRAME}
"""Drawn, not read."""


def luminance(colour: Color) -> float:
    channels = []
    for value in colour.get_truecolor():
        share = value / 255
        channels.append(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def contrast(one: Color, other: Color) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_there_is_a_theme_for_every_kind_of_terminal() -> None:
    assert {"dark", "light", "high-contrast", "ansi16"} <= set(shipped_looks())
    assert DEFAULT in shipped_looks()


@pytest.mark.parametrize(("name", "least"), [("dark", 4.5), ("light", 4.5), ("high-contrast", 7.0)])
def test_every_role_can_be_read_on_its_background_selected_or_not(name: str, least: float) -> None:
    look = shipped_looks()[name]
    screen = Color.parse(look.theme.background or "")
    for role in Role:
        for selected in (False, True):
            style = look.palette.style(role, selected=selected)
            background = style.bgcolor or screen
            assert style.color is not None, role
            wanted = 3.0 if role in FAINT else least
            if selected:
                wanted = min(wanted, 4.0)
            assert contrast(style.color, background) >= wanted, (role, selected)


def test_sixteen_colours_use_only_the_terminals_own() -> None:
    for role in Role:
        style = shipped_looks()["ansi16"].palette.style(role, selected=False)
        assert style.color is None or style.color.number is None or style.color.number < 16


BROKEN = {
    "not TOML": ("name =", "cannot be read as TOML"),
    "unknown key": ('colour = "x"\n', "unknown key 'colour'"),
    "missing": ('name = "x"\n', "'ansi' is missing"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_theme_is_refused_by_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ThemeError, match=r"mine\.toml") as refused:
        read_look(path)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('cool = "#a5a0ff"', 'cool = "no such colour"', "roles.cool"),
        ('cool = "#a5a0ff"', "", "[roles] must have exactly"),
        ('cool = "#a5a0ff"', "cool = 5", "roles.cool must be text"),
        ('name = "dark"', 'name = ""', "name must be text"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    text = (shipped("themes") / "dark.toml").read_text(encoding="utf-8")
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ThemeError) as refused:
        read_look(path)
    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_a_theme_error(tmp_path: Path) -> None:
    with pytest.raises(ThemeError, match="cannot be read"):
        read_look(tmp_path / "none.toml")
