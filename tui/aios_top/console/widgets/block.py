"""The selected block's figures."""

from collections.abc import Sequence

from aios_top.console.view import ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.block import block_rows, policy_cells
from aios_top.render.cells import Cell, Role, Row, columns_of, row


class BlockPanel(Panel):
    """Replicas, cooldown, the policy's values beside the true rates."""

    title = "block"
    ticks = True

    def heading(self, state: FleetState, view: ViewState) -> Sequence[Cell]:
        """Return the block's name and its policy."""
        block = view.block(state)
        if block is None:
            return (Cell("²block", Role.TITLE),)
        name, policy = Cell(f"²{block.block_id}", Role.TITLE), (Cell("  "), *policy_cells(block))
        return (name, *policy) if columns_of((name, *policy)) <= self.size.width - 5 else (name,)

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:
        """Return the figures."""
        block = view.block(state)
        if block is None:
            return [row(Cell(f" {missing_note(state, view)}", Role.DIM))]
        return block_rows(block, view.window, now, columns)[:lines]


def missing_note(state: FleetState, view: ViewState) -> str:
    """Return why there is no block to show."""
    if view.block_id is not None and state.sequence:
        return f"{view.block_id} is not listed any more: esc goes back to the fleet"
    return "no block selected" if state.sequence else "waiting for the first poll"
