"""What a changed cell costs on the line: only the changed columns are written, also behind a dialog.

Textual writes a changed line of a widget from the widget's left edge on. A clock at the right end of a line then costs
the whole line each second, which a slow connection feels.
"""

from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Self, TypeVar

from rich.cells import get_character_cell_size
from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from textual import events
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.strip import Strip

T = TypeVar("T")

_GONE_SECONDS = 0.2
"""How soon after the screen below is painted a closed dialog is taken out of the tree."""


class ExactUpdate(ChopsUpdate):
    """Writes each changed span from its first column to its last."""

    chops: Sequence[Mapping[int, Strip | None]]

    def render_segments(self, console: Console) -> str:
        """Return the update as text for the terminal."""
        written: list[str] = []
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                start, stop = max(x, first), min(end, last)
                if strip is None or start >= stop:
                    continue
                written.append(Control.move_to(start, y).segment.text)
                written.append(_cropped(strip, start - x, stop - x).render(console))
        return "".join(written)


def _cropped(strip: Strip, first: int, last: int) -> Strip:
    """Return the columns from `first` to before `last`.

    `Strip.crop` does the same, but every line that it ever cut stays: it is kept with its parts, 16,384 of them.
    """
    if first == 0 and last == strip.cell_length:
        return strip
    return Strip(_parts(strip, first, last), last - first)


def _parts(strip: Strip, first: int, last: int) -> Iterator[Segment]:
    for segment in strip:
        width = segment.cell_length
        if first < width and last > 0:
            yield Segment(part(segment.text, max(first, 0), last), segment.style)
        first, last = first - width, last - width


def part(text: str, first: int, last: int) -> str:
    """Return the columns of a text from `first` to before `last`; half of a wide character is a space."""
    if text.isascii():
        return text[first:last]
    kept: list[str] = []
    at, whole = 0, first == 0
    for character in text:
        begin, at = at, at + get_character_cell_size(character)
        if at > begin:  # what takes no column belongs to what stands before it
            whole = first <= begin and at <= last
            if not whole and begin < last and at > first:
                kept.append(" ")
        if whole:
            kept.append(character)
    return "".join(kept)


class ExactCompositor(Compositor):
    """A compositor whose partial updates write no more than what changed."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """Return the update of the regions that are dirty, None when none is."""
        update = super().render_partial_update()
        return None if update is None else ExactUpdate(update.chops, update.spans, update.chop_ends)


class ThriftyScreen(Screen[T]):
    """A screen that writes no more than what changed, whether it is on top or behind a dialog."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._compositor = ExactCompositor()
        self._laying_out = False
        self._resumed_at = float("-inf")

    def make_way(self, lines: int) -> None:
        """Leave the lowest lines to a short message; for screens that would be hidden by it."""

    def _on_screen_resume(self, event: events.ScreenResume) -> None:
        """Note when a dialog above this screen was closed, after which everything is painted."""
        self._resumed_at = monotonic()
        super()._on_screen_resume(event)

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Paint again; not when Textual lays out anew because the closed dialog is gone, which has moved nothing."""
        if layout and not regions and monotonic() - self._resumed_at < _GONE_SECONDS:
            repaint = False
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _screen_resized(self, size: Size) -> None:
        """Follow a new size with one paint, when the panels have made their rows for it."""
        self.refresh()
        super()._screen_resized(size)

    def _refresh_layout(self, size: Size | None = None, scroll: bool = False) -> None:
        """Lay out, without Textual's own paint where everything is about to be painted anyway."""
        self._laying_out = True
        try:
            super()._refresh_layout(size, scroll)
        finally:
            self._laying_out = False

    def _compositor_refresh(self) -> None:
        """Hand what changed behind a dialog to the dialog's screen, once.

        Textual also marks this screen as changed again, which repaints all of both screens for as long as the dialog
        is open.
        """
        if self._laying_out and self._repaint_required:
            return
        if self is self.app.screen or self not in self.app._background_screens:  # noqa: SLF001 - Textual has no public way
            super()._compositor_refresh()
            return
        changed = tuple(self._compositor._dirty_regions)  # noqa: SLF001
        self._compositor._dirty_regions.clear()  # noqa: SLF001
        self._dirty_widgets.clear()
        if changed:
            self.app.screen.refresh(*changed)
