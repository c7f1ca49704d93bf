"""Themes by role, one file each: what a role looks like, and the colours that Textual's own parts need."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from rich.errors import StyleSyntaxError
from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

from aios_top.console.palette import Palette
from aios_top.render.cells import Role
from aios_top.shipped import shipped

DEFAULT = "dark"
_SCREEN = frozenset({"background", "foreground"})
_KEYS = frozenset({"name", "dark", "ansi", "screen", "selected", "roles"})


class ThemeError(ValueError):
    """A theme file that cannot be used; the message names file, key and next step."""


class Look(Struct, frozen=True):
    """A theme, ready to draw with."""

    name: str
    theme: Theme
    palette: Palette


def shipped_looks() -> Mapping[str, Look]:
    """Return the themes that travel with the program, by name; raises ThemeError for a broken one."""
    looks = [read_look(path) for path in sorted(shipped("themes").glob("*.toml"))]
    return {look.name: look for look in looks}


def read_look(path: Path) -> Look:
    """Return the theme in a file; raises ThemeError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ThemeError(f"{path.name}: cannot be read as TOML: {error}; correct or remove the file") from error
    return _look(path.name, document)


def _look(file: str, document: Mapping[str, Any]) -> Look:
    unknown = sorted(set(document) - _KEYS)
    if unknown:
        raise ThemeError(f"{file}: unknown key {unknown[0]!r}; a theme has {', '.join(sorted(_KEYS))}")
    missing = sorted(_KEYS - set(document))
    if missing:
        raise ThemeError(f"{file}: {missing[0]!r} is missing; copy it from the theme dark.toml")
    name, screen = _text(file, "name", document["name"]), _table(file, "screen", document["screen"], _SCREEN)
    roles = _table(file, "roles", document["roles"], frozenset(Role))
    styles = {Role(role): _style(file, f"roles.{role}", value) for role, value in roles.items()}
    ansi, dark = bool(document["ansi"]), bool(document["dark"])
    background, foreground = screen["background"], screen["foreground"]
    theme = Theme(
        name=f"aios-{name}",
        primary=_colour(styles[Role.ACCENT], foreground, ansi=ansi),
        warning=_colour(styles[Role.WARN], foreground, ansi=ansi),
        error=_colour(styles[Role.BAD], foreground, ansi=ansi),
        success=_colour(styles[Role.OK], foreground, ansi=ansi),
        foreground=foreground,
        background=background,
        surface=background,
        panel=background,
        dark=dark,
        ansi=ansi,
        # Textual's own parts name colours that only its sixteen-colour themes define.
        variables=BUILTIN_THEMES["ansi-dark" if dark else "ansi-light"].variables if ansi else {},
    )
    selected = _style(file, "selected", document["selected"])
    return Look(name, theme, Palette(styles, selected))


def _text(file: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ThemeError(f'{file}: {key} must be text; write {key} = "..."')
    return value


def _table(file: str, key: str, value: Any, names: frozenset[str]) -> dict[str, str]:
    if not isinstance(value, dict) or set(value) != names:
        present = set(value) if isinstance(value, dict) else set()
        wrong = sorted(present ^ names)
        raise ThemeError(f"{file}: [{key}] must have exactly {', '.join(sorted(names))}; look at {wrong[:3]}")
    return {name: _text(file, f"{key}.{name}", text) for name, text in value.items()}


def _style(file: str, key: str, value: Any) -> Style:
    try:
        return Style.parse(_text(file, key, value))
    except StyleSyntaxError as error:
        raise ThemeError(f'{file}: {key}: {error}; write colours and words like "bold #rrggbb"') from error


def _colour(style: Style, otherwise: str, *, ansi: bool) -> str:
    """Return a style's foreground as Textual names colours."""
    if style.color is None:
        return otherwise
    return f"ansi_{style.color.name}" if ansi else style.color.get_truecolor().hex
