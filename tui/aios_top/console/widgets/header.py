"""The first line: where we are, in which mode, how fresh, what time."""

from collections.abc import Sequence

from aios_top.console.view import ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.cells import Row
from aios_top.render.header import Mode, header_row


class HeaderPanel(Panel):
    """Context, mode, freshness and clock."""

    ticks = True

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:
        """Return the header."""
        mode = Mode(
            view.writable,
            view.read_only,
            view.production,
            view.paused,
            view.window,
            view.low_bandwidth,
            view.travel,
            view.recording,
        )
        return [header_row(state, mode, now, columns)][:lines]
