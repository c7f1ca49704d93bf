"""From a role to a style: the colours of one theme, ready to draw with."""

from collections.abc import Mapping

from msgspec import Struct, field
from rich.style import Style

from aios_top.render.cells import Role

_MARKS = {
    Role.TITLE: Style(bold=True),
    Role.KEY: Style(bold=True),
    Role.BAD: Style(bold=True),
    Role.WARN: Style(bold=True),
    Role.LOUD: Style(bold=True, reverse=True),
    Role.UP: Style(bold=True),
    Role.DOWN: Style(bold=True),
}


class Palette(Struct, frozen=True):
    """One theme's styles; the default has no colours, only bold and reverse."""

    styles: Mapping[Role, Style] = field(default_factory=lambda: _MARKS)
    selected: Style = Style(reverse=True)
    """Laid over a selected row."""
    ascii: bool = False
    """The terminal cannot show block and arrow characters."""

    def style(self, role: Role, *, selected: bool) -> Style:
        """Return the style for a cell."""
        style = self.styles.get(role, _PLAIN)
        # A frame is no part of the row inside it; what has a background of its own stands out already.
        if not selected or role is Role.FRAME or style.bgcolor is not None:
            return style
        return style + self.selected


_PLAIN = Style()
COLOURLESS = Palette()
