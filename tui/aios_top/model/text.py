"""Text that came from a server, made safe to show: `Clean` is made here and nowhere else."""

import unicodedata

CELL_LIMIT = 128
"""Longest text in characters that one field may keep; the rest becomes an ellipsis."""

_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}


class Clean(str):
    """One line of text without a character that a terminal could act on.

    C0 controls become their Unicode pictures; C1 controls, bidirectional and zero-width formatting characters,
    tags, surrogates and private code points become `<U+XXXX>`: shown, never dropped, never interpreted.
    """

    __slots__ = ()


def clean(text: str, limit: int = CELL_LIMIT) -> Clean:
    """Return `text` as one safe line of at most `limit` characters."""
    if text.isascii() and text.isprintable():
        return Clean(text if len(text) <= limit else text[: limit - 1] + "\u2026")
    shown = "".join(_visible(character) for character in text[: limit + 1])
    return Clean(shown if len(shown) <= limit else shown[: limit - 1] + "\u2026")


def _visible(character: str) -> str:
    """Return a stand-in for a character that acts, and the character itself otherwise."""
    code = ord(character)
    picture = _CONTROL_PICTURES.get(code)
    if picture is not None:
        return picture
    # Cc, Cf, Cs, Co, Cn: control, format, surrogate, private, unassigned; Zl and Zp break lines.
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return f"<U+{code:04X}>"
    return character
