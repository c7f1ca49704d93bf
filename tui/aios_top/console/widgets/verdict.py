"""The second line: the culprit by name."""

from collections.abc import Sequence

from aios_top.console.view import Page, ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.cells import Row
from aios_top.render.header import verdict_rows


class VerdictPanel(Panel):
    """The fleet's verdict; on the page of a block, that block's."""

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:  # noqa: ARG002
        """Return the verdict."""
        block = view.block(state) if view.page is Page.BLOCK else None
        return verdict_rows(state.verdict if block is None else block.verdict, columns, lines)
