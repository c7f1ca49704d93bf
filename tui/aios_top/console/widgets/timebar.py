"""The line that shows where in the past one is; there only while one is there."""

from collections.abc import Sequence

from aios_top.console.view import ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.cells import Row
from aios_top.render.timebar import timebar_row


class TimebarPanel(Panel):
    """Decisions, actions and alerts over the whole time that can be shown."""

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:  # noqa: ARG002
        """Return the bar."""
        return [] if view.travel is None else [timebar_row(view.travel, columns)][:lines]
