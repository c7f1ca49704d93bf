"""Text on its way to the screen: what it says and what it means, never how it looks.

A view is a list of rows, a row a tuple of cells, a cell a piece of one line with a role. The console maps roles to
the colours of a theme; plain output drops them.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct


class Role(StrEnum):
    """What a piece of text means; a theme has one style for each."""

    TEXT = "text"
    DIM = "dim"
    """Secondary: units, hints, what is not in force."""
    TITLE = "title"
    """Headings and panel names."""
    KEY = "key"
    """A key that can be pressed."""
    FRAME = "frame"
    """Rules and borders."""
    ACCENT = "accent"
    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UP = "up"
    DOWN = "down"
    COOL = "cool"
    INPUT = "input"
    """Input tokens: sparkline, bar and curve."""
    OUTPUT = "output"
    """Output tokens."""
    LOUD = "loud"
    """A banner that must not be overlooked: production, a running load test."""


class Cell(Struct, frozen=True):
    """A piece of one line."""

    text: str
    role: Role = Role.TEXT


class Row(Struct, frozen=True):
    """One line of a view."""

    cells: tuple[Cell, ...] = ()
    key: str = ""
    """What selecting this row means, e.g. a block id; empty for a row that cannot be selected."""
    selected: bool = False

    @property
    def text(self) -> str:
        """The line without its roles."""
        return "".join(cell.text for cell in self.cells)


BLANK = Row()


def row(*cells: Cell | str, key: str = "", selected: bool = False) -> Row:
    """Return a row of cells; a bare string is plain text."""
    return Row(tuple(Cell(cell) if isinstance(cell, str) else cell for cell in cells if cell), key, selected)


def width(text: str) -> int:
    """Return the columns that `text` takes on a terminal."""
    return len(text) if text.isascii() else _wide(text)


@lru_cache(maxsize=1024)
def _wide(text: str) -> int:
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Mc"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def fit(text: str, columns: int, *, right: bool = False) -> str:
    """Return `text` in exactly `columns` columns: padded, or cut with an ellipsis so that a cut can be seen."""
    if columns <= 0:
        return ""
    space = columns - width(text)
    if space >= 0:
        return " " * space + text if right else text + " " * space
    kept, used = [], 0
    for character in text:
        used += _columns(character)
        if used > columns - 1:
            break
        kept.append(character)
    cut = "".join(kept) + "\u2026"
    return cut + " " * (columns - width(cut))


def fitting(choices: Iterable[Sequence[Cell]], columns: int) -> Sequence[Cell]:
    """Return the first of these lines that fits, nothing when none does."""
    return next((cells for cells in choices if columns_of(cells) <= columns), ())


def field(text: str, columns: int, role: Role = Role.TEXT, *, right: bool = False) -> Cell:
    """Return a cell of exactly `columns` columns: a column of a table."""
    return Cell(fit(text, columns, right=right), role)


def named(identity: str, columns: int, role: Role = Role.TEXT) -> Cell:
    """Return a cell with an id; one that is not plain ASCII may look like another and begins with `!`."""
    if identity.isascii():
        return field(identity, columns, role)
    return field(f"!{identity}", columns, Role.WARN)


def columns_of(cells: Iterable[Cell]) -> int:
    """Return the columns that `cells` take together."""
    return sum(width(cell.text) for cell in cells)


def clip(cells: Iterable[Cell], columns: int) -> tuple[Cell, ...]:
    """Return `cells` cut to at most `columns` columns; the cut ends in an ellipsis."""
    kept: list[Cell] = []
    left = columns
    for cell in cells:
        size = width(cell.text)
        if size > left:
            kept.append(Cell(fit(cell.text, left), cell.role))
            break
        kept.append(cell)
        left -= size
    return tuple(kept)


def spread(left: Iterable[Cell], right: Iterable[Cell], columns: int) -> Row:
    """Return a row with `left` flush left and `right` flush right; what does not fit is cut from `left`."""
    tail = clip(right, columns)
    room = columns - columns_of(tail)
    head = tuple(left)
    if tail and columns_of(head) > room - 1:
        head = clip(head, max(0, room - 1))
    space = columns - columns_of(head) - columns_of(tail)
    return Row((*head, Cell(" " * max(0, space)), *tail))


def ruled(title: Sequence[Cell], columns: int, *, focused: bool = False) -> Row:
    """Return a horizontal rule with a title on it; the focused one is drawn double."""
    role, line = (Role.ACCENT, "═") if focused else (Role.FRAME, "─")
    name = clip((Cell(" "), *title, Cell(" ")), max(0, columns - 2)) if title else ()
    return Row((Cell(line, role), *name, Cell(line * max(0, columns - 1 - columns_of(name)), role)))


def frame(rows: Sequence[Row], title: Sequence[Cell], columns: int, lines: int, *, focused: bool) -> list[Row]:
    """Return rows in a box of `columns` by `lines` with a title in its upper edge; the focused box is drawn double."""
    role = Role.ACCENT if focused else Role.FRAME
    across, down = ("═", "║") if focused else ("─", "│")
    corners = "╔╗╚╝" if focused else "┌┐└┘"
    inside = columns - 2
    name = clip((Cell(" "), *title, Cell(" ")), max(0, inside - 1)) if title else ()
    rest = across * max(0, inside - 1 - columns_of(name))
    framed = [Row((Cell(corners[0] + across, role), *name, Cell(rest + corners[1], role)))]
    for number in range(lines - 2):
        line = rows[number] if number < len(rows) else BLANK
        cells = clip(line.cells, inside)
        padding = Cell(" " * (inside - columns_of(cells)))
        framed.append(Row((Cell(down, role), *cells, padding, Cell(down, role)), line.key, line.selected))
    framed.append(Row((Cell(corners[2] + across * inside + corners[3], role),)))
    return framed
