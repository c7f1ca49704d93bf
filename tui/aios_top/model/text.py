"""Text that came from a server, made safe to show: `Clean` is made here and nowhere else."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

CELL_LIMIT = 128
"""Longest text in characters that one field may keep; the rest becomes an ellipsis."""
_NAME, _NAMES = 64, 4096
"""Longest text that is likely to be a name, and how many of them are made once and shared by all who keep them."""

_MOST_MARKS = 2
"""Marks that one letter may bear, as Vietnamese and Hebrew need; more climb over the lines around."""
_RESIZING = frozenset(
    code
    for first, last in (
        (0x1160, 0x11FF),  # Korean letters that join the one before
        (0x2630, 0x2637),  # signs that newer terminals draw over two columns
        (0x268A, 0x268F),
        (0x3164, 0x3164),  # fillers, which cannot be seen
        (0x4DC0, 0x4DFF),
        (0xD7B0, 0xD7FB),
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFF9E, 0xFFA0),
        (0x16FE4, 0x16FE4),
        (0x1D300, 0x1D376),
        (0x1F1E6, 0x1F1FF),  # halves of flags
        (0x1F3FB, 0x1F3FF),  # skin tones
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)
"""Characters that change their neighbour's width, or about whose own width terminals disagree."""
_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}


class Clean(str):
    """One line of text without a character that a terminal could act on.

    C0 controls become their Unicode pictures; C1 controls, bidirectional and zero-width formatting characters,
    tags, surrogates and private code points become `<U+XXXX>`: shown, never dropped, never interpreted. So do
    characters that make two texts look alike or a line misaligned: accents apart from their letter, accents in
    piles, and what changes the width of its neighbour.
    """

    __slots__ = ()


def clean(text: str, limit: int = CELL_LIMIT) -> Clean:
    """Return `text` as one safe line of at most `limit` characters."""
    return _known(text, limit) if len(text) <= _NAME else _cleaned(text, limit)


def _cleaned(text: str, limit: int) -> Clean:
    if text.isascii() and text.isprintable():
        return Clean(text if len(text) <= limit else text[: limit - 1] + "\u2026")
    shown = "".join(_shown(text[: limit + 1]))
    return Clean(shown if len(shown) <= limit else shown[: limit - 1] + "\u2026")


_known = lru_cache(maxsize=_NAMES)(_cleaned)


def _shown(text: str) -> Iterator[str]:
    """Yield each character as it is shown; a mark by what stands before it."""
    before, marks = "", 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        apart = marks and (marks > _MOST_MARKS or _is_apart(before, character))
        shown = f"<U+{ord(character):04X}>" if apart else _visible(character)
        before = shown[-1]
        yield shown


def _is_apart(before: str, mark: str) -> bool:
    """Whether letter and mark are one character otherwise: the same text in two spellings looks alike."""
    return not before or len(unicodedata.normalize("NFC", before + mark)) == 1


def _visible(character: str) -> str:
    """Return a stand-in for a character that acts, and the character itself otherwise."""
    code = ord(character)
    picture = _CONTROL_PICTURES.get(code)
    if picture is not None:
        return picture
    # Cc, Cf, Cs, Co, Cn: control, format, surrogate, private, unassigned; Zl and Zp break lines.
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} or code in _RESIZING:
        return f"<U+{code:04X}>"
    return character
