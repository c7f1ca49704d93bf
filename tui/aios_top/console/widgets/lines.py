"""The base of every panel: rows of cells in, only the changed part of changed lines repainted.

No markup is parsed and no rich renderable is made on the way: a cell's text becomes a segment as it is. Text of a
server arrives here as `Clean`; `console.linefilter` stands behind all drawing as the second layer.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from aios_top.console.palette import COLOURLESS, Palette
from aios_top.console.view import ViewState
from aios_top.model.state import FleetState
from aios_top.render.ascii import to_ascii
from aios_top.render.cells import BLANK, Cell, Role, Row, clip, columns_of, fit, frame, ruled


class Lines(Widget):
    """Draws rows, one per line, cut to its width."""

    DEFAULT_CSS = "Lines { height: 1fr; width: 1fr; }"
    ALLOW_SELECT = False

    _shown: Sequence[Row] = ()

    @property
    def palette(self) -> Palette:
        """The styles of the app's theme; an app without any draws without colours."""
        palette = getattr(self.app, "palette", COLOURLESS)
        return palette if isinstance(palette, Palette) else COLOURLESS

    @property
    def shown(self) -> Sequence[Row]:
        """The rows on the screen."""
        return self._shown

    def paint(self, rows: Sequence[Row]) -> None:
        """Show `rows`; only the columns that differ from what is on the screen are drawn again."""
        before, self._shown = self._shown, tuple(rows)
        if not self.is_mounted or not self.size:
            return
        for y in range(min(self.size.height, max(len(before), len(rows)))):
            old = before[y] if y < len(before) else BLANK
            new = rows[y] if y < len(rows) else BLANK
            if old is not new and old != new:
                start, end = difference(old, new, self.size.width)
                if end > start:
                    self.refresh(Region(start, y, end - start, 1))

    def restyle(self) -> None:
        """Draw everything again, in the colours of a new theme."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return line `y` as a strip exactly as wide as the widget."""
        row = self._shown[y] if y < len(self._shown) else BLANK
        return strip(row, self.size.width, self.palette, self.rich_style)


class Panel(Lines):
    """A part of the screen that is drawn from a state and a view; subclasses say how, in `rows`."""

    title: ClassVar[str] = ""
    """Name in the frame, or on a rule above the rows; empty for a panel without either."""
    ticks: ClassVar[bool] = False
    """It shows something that changes with time alone: a clock, an age, a countdown."""

    _scene: tuple[FleetState, ViewState] | None = None
    _now = 0.0
    top = 0
    """First visible row of a list that is longer than the panel."""
    framed = False
    focused = False

    def show(self, state: FleetState, view: ViewState) -> None:
        """Draw what is new in `state` and `view`."""
        self._scene = (state, view)
        self._now = view.now if view.travel is not None else max(self._now, view.now)
        self.redraw()

    def tick(self, now: float) -> None:
        """Let clocks and countdowns go on; nothing else changes."""
        self._now = now
        if self.ticks:
            self.redraw()

    def redraw(self) -> None:
        """Make the rows again and paint the difference."""
        if self._scene is not None and self.size and self.display:
            self.paint(self._framed_rows(*self._scene))

    def _framed_rows(self, state: FleetState, view: ViewState) -> Sequence[Row]:
        columns, lines = self.size
        if self.framed:
            inside = self.rows(state, view, self._now, columns - 2, lines - 2)
            return frame(inside, self.heading(state, view), columns, lines, focused=self.focused)
        if self.title:
            return [
                ruled(self.heading(state, view), columns, focused=self.focused),
                *self.rows(state, view, self._now, columns, lines - 1),
            ]
        return self.rows(state, view, self._now, columns, lines)

    def heading(self, state: FleetState, view: ViewState) -> Sequence[Cell]:  # noqa: ARG002 - for subclasses
        """Return what stands in the frame."""
        return (Cell(self.title, Role.TITLE),)

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:
        """Return at most `lines` rows of at most `columns` columns."""
        raise NotImplementedError

    def window(self, count: int, room: int, selected: int | None = None) -> range:
        """Return which of `count` list rows fit into `room` lines, scrolled so that the selected one is visible."""
        if selected is not None:
            self.top = min(max(self.top, selected - room + 1), selected)
        self.top = max(0, min(self.top, count - room))
        return range(self.top, min(count, self.top + room))

    def scroll_rows(self, step: int) -> None:
        """Scroll a list by `step` rows; `window` keeps it within its bounds."""
        self.top = max(0, self.top + step)
        self.redraw()

    def on_resize(self, _event: events.Resize) -> None:
        """Draw again for the new size."""
        self.redraw()

    def on_show(self, _event: events.Show) -> None:
        """Draw what came while the panel was hidden."""
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll the list under the pointer."""
        event.stop()
        self.scroll_rows(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll the list under the pointer."""
        event.stop()
        self.scroll_rows(-3)


def difference(old: Row, new: Row, columns: int) -> tuple[int, int]:
    """Return the first column that differs and the one after the last; equal columns are (0, 0)."""
    if old.selected != new.selected:
        return 0, columns
    before, after = _columns(old, columns), _columns(new, columns)
    differing = [x for x in range(columns) if before[x] != after[x]]
    return (differing[0], differing[-1] + 1) if differing else (0, 0)


def _columns(row: Row, columns: int) -> list[tuple[str, Role]]:
    """Return one entry per column; the second column of a wide character repeats it."""
    entries: list[tuple[str, Role]] = []
    for cell in clip(row.cells, columns):
        if cell.text.isascii():
            entries += [(character, cell.role) for character in cell.text]
        else:
            for character in cell.text:
                entries += [(character, cell.role)] * columns_of((Cell(character),))
    return entries + [(" ", Role.TEXT)] * (columns - len(entries))


def strip(row: Row, columns: int, palette: Palette, base: Style) -> Strip:
    """Return a row as a strip of exactly `columns` columns, its styles laid over `base`."""
    segments: list[Segment] = []
    used = 0
    for cell in clip(row.cells, columns):
        text = to_ascii(cell.text) if palette.ascii else cell.text
        style = base + palette.style(cell.role, selected=row.selected)
        if segments and segments[-1].style == style:  # one escape code instead of two
            segments[-1] = Segment(segments[-1].text + text, style)
        else:
            segments.append(Segment(text, style))
        used += columns_of((cell,))
    segments.append(Segment(fit("", columns - used), base + palette.style(Role.TEXT, selected=row.selected)))
    return Strip(segments, columns)
