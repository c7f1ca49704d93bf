"""The policy's page."""

from collections.abc import Sequence

from aios_top.console.view import ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.cells import Cell, Row
from aios_top.render.policy import policy_rows, policy_title


class PolicyPanel(Panel):
    """What is bound, registered and running, and the deploy under way."""

    title = "policy"

    def heading(self, state: FleetState, view: ViewState) -> Sequence[Cell]:
        """Return whose policy it is, or which is being deployed."""
        return (policy_title(view.block(state), view.deploy),)

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:  # noqa: ARG002
        """Return the part of the page that the screen has room for."""
        rows = policy_rows(state, view.block(state), view.deploy, columns, view.lint, view.draft, view.shadow)
        visible = self.window(len(rows), lines)
        return rows[visible.start : visible.stop]
