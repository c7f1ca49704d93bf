"""Long sentences on narrow screens: broken between words, never cut."""

import re
import textwrap
from collections.abc import Callable, Iterator

from aios_top.render.cells import Cell, Role, Row, width

COLUMNS = 80
"""Width of what is printed without a screen."""
Breaking = Callable[[str, int], list[str]]
"""Makes lines of a text and a number of columns."""
_COMMAND = re.compile(r"((?:aios-top|kubectl)(?= )(?:'[^']*'|[^';])* -(?:'[^']*'|[^';])*;?)")
"""With its options, up to the semicolon that ends it in a sentence and in a shell."""
_NUMBER = re.compile(r"[~<(]?[\d.,]*\d[kM]?$")
_UNIT = re.compile(r"(ms|s|m|h|d|%|kB|MB|tok/\w+|req/\w+)[.,;:)]*$")


def wrap(text: str, columns: int) -> list[str]:
    """Return `text` in lines of at most `columns` columns: a longer word is broken, a number keeps its unit."""
    lines = [""]
    for word in _pieces(text, max(1, columns)):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width(joined) <= columns:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def whole_commands(text: str, columns: int) -> list[str]:
    """Return `text` in lines as `wrap` does, but a command on a line of its own, however long.

    Whoever copies a command that is broken in two runs the first half, which may act on another AIOS.
    """
    lines: list[str] = []
    for number, piece in enumerate(_COMMAND.split(text)):
        if number % 2:
            lines.append(piece.strip())
        elif piece.strip():
            lines += wrap(piece, columns)
    return lines or [""]


def wrapped(text: str, columns: int = COLUMNS) -> list[str]:
    """Return text in lines of at most so many columns, indented after the first; a hyphen ends no line."""
    return textwrap.wrap(text, columns, subsequent_indent="  ", break_long_words=True, break_on_hyphens=False)


def labelled(
    label: str, text: str, columns: int, role: Role = Role.TEXT, *, indent: int = 8, breaking: Breaking = wrap
) -> list[Row]:
    """Return `text` broken into lines to the right of a label: the label on the first line only."""
    lines = breaking(text, columns - indent)
    heads = [label.ljust(indent), *[" " * indent] * (len(lines) - 1)]
    return [Row((Cell(head, Role.DIM), Cell(line, role))) for head, line in zip(heads, lines, strict=True)]


def _pieces(text: str, columns: int) -> Iterator[str]:
    """Yield the words of `text`, those longer than a line in pieces of a line."""
    for word in _words(text, columns):
        rest = word
        while width(rest) > columns:
            size = _fitting(rest, columns)
            yield rest[:size]
            rest = rest[size:]
        yield rest


def _words(text: str, columns: int) -> Iterator[str]:
    """Yield the words of `text`, a number and its unit as one where a line has room for both."""
    held = ""
    for word in text.split():
        if held and _UNIT.match(word) and width(held) + 1 + width(word) <= columns:
            held = f"{held} {word}"
            continue
        if held:
            yield held
        held = word if _NUMBER.match(word) else ""
        if not held:
            yield word
    if held:
        yield held


def _fitting(word: str, columns: int) -> int:
    """Return how many characters of `word` fit, at least one."""
    used = 0
    for number, character in enumerate(word):
        used += width(character)
        if used > columns:
            return max(1, number)
    return len(word)
