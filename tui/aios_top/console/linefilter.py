"""The second layer behind all drawing: nothing that a terminal could act on leaves, whatever a widget let through."""

import re
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

_ACTING = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # format, bidi, zero width
    "\ud800-\udfff\ue000-\uf8ff"  # surrogates, private use
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff"  # tags, private planes
    "]"
)


class SafeLines(LineFilter):
    """Drops acting characters and links from every line; without colours, also every colour."""

    def __init__(self, *, colours: bool = True) -> None:
        super().__init__()
        self.colours = colours

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - the base's signature
        """Return the segments as they may be written to the terminal."""
        return [Segment(_safe_text(text), _safe_style(style, self.colours)) for text, style, _ in segments]


def _safe_text(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return _ACTING.sub("", text)


@lru_cache(maxsize=4096)
def _safe_style(style: Style | None, colours: bool) -> Style | None:
    if style is None or (colours and style.link is None):
        return style
    if colours:
        return style.update_link(None)
    return Style(bold=style.bold, dim=style.dim, italic=style.italic, underline=style.underline, reverse=style.reverse)
