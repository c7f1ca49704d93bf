"""The load test's page."""

from collections.abc import Sequence

from aios_top.console.view import ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.cells import Row
from aios_top.render.load import idle_rows, load_rows


class LoadPanel(Panel):
    """The running or last load test, and what its block did."""

    title = "load test"
    ticks = True

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:
        """Return what the screen has room for."""
        load = view.load
        if load is None:
            return idle_rows(view.block(state), columns, state.reach)[:lines]
        rows = load_rows(load, state.blocks.get(load.plan.block_id), now, columns)
        visible = self.window(len(rows), lines)
        return rows[visible.start : visible.stop]
