"""What a changed cell costs on the line: only the changed columns are written, also behind a dialog.

Textual writes a changed line of a widget from the widget's left edge on. A clock at the right end of a line then costs
the whole line each second, which a slow connection feels.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip

T = TypeVar("T")


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
                written.append(strip.crop(start - x, stop - x).render(console))
        return "".join(written)


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

    def make_way(self, lines: int) -> None:
        """Leave the lowest lines to a short message; for screens that would be hidden by it."""

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
