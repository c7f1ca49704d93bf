"""The line that stands over every page while a load test runs, or when the recording had to stop."""

from collections.abc import Sequence

from aios_top.console.view import ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.cells import Row
from aios_top.render.load import banner_row, runs
from aios_top.render.timebar import recording_problem


class BannerPanel(Panel):
    """Which block is under load, and the key that ends it."""

    ticks = True

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:  # noqa: ARG002
        """Return the line."""
        stopped = None if runs(view.load) else recording_problem(view.recording)
        return [stopped or banner_row(view.load, now, columns)][:lines]
