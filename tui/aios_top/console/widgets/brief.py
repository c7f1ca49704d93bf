"""Policy, load test and services in a corner of the main screen."""

from collections.abc import Sequence

from aios_top.console.view import ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.brief import brief_rows
from aios_top.render.cells import Cell, Role, Row


class BriefPanel(Panel):
    """What is in force, and who answers."""

    title = "policy, load, services"
    ticks = True

    def heading(self, state: FleetState, view: ViewState) -> Sequence[Cell]:  # noqa: ARG002 - always the same
        """Return the pages that tell more."""
        return (Cell("⁴policy  ³load  services", Role.TITLE),)

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:  # noqa: ARG002
        """Return as many lines as fit."""
        return brief_rows(state, view.block(state), view.load, now)[:lines]
