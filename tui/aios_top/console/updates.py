"""What a changed cell costs on the line: only the changed columns are written.

Textual writes a changed line of a widget from the widget's left edge on. A clock at the right end of a line then costs
the whole line each second, which a slow connection feels.
"""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor
from textual.strip import Strip


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
