"""The selected block's figures."""

from collections.abc import Sequence

from aios_top.console.view import ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.block import block_rows, policy_cells
from aios_top.render.cells import Cell, Role, Row, columns_of, row
from aios_top.render.wrap import wrap

_NO_BLOCKS = (
    "A block that is created, by POST /api/createBlock of AIOS's block controller, shows here with the next polls. "
    "If there should be some: is this the AIOS that you mean? --host, --url and --context name another."
)


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
            return note_rows(missing_note(state, view), columns)[:lines]
        return block_rows(block, view.window, now, columns)[:lines]


def note_rows(note: str, columns: int) -> list[Row]:
    """Return a note in place of figures."""
    return [row(Cell(f" {line}", Role.DIM)) for line in wrap(note, columns - 2)]


def missing_note(state: FleetState, view: ViewState, *, advise: bool = True) -> str:
    """Return why there is no block to show, and what to do about it unless another panel says that."""
    if view.block_id is not None and state.sequence:
        return f"{view.block_id} is not listed any more: esc goes back to the fleet"
    return fleet_note(state, view, advise=advise)


def fleet_note(state: FleetState, view: ViewState, *, advise: bool = True) -> str:
    """Return why there is nothing to list, and what to do about it."""
    if state.blocks:
        return f"no block matches {view.filter}: esc clears the filter"
    if state.sequence == 0:
        return "waiting for the first poll"
    verdict = state.verdict
    if verdict is None:
        return "no blocks"
    return f"{verdict.sentence}. {_NO_BLOCKS}" if verdict.code == "NoBlocks" and advise else verdict.sentence
