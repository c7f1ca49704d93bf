"""All blocks, one line each."""

from collections.abc import Sequence

from textual import events
from textual.message import Message

from aios_top.console.selection import visible_blocks
from aios_top.console.view import ViewState
from aios_top.console.widgets.block import fleet_note, note_rows
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.cells import Cell, Role, Row, row
from aios_top.render.fleet import block_row, summary_cells, table_columns, table_head


class FleetPanel(Panel):
    """The fleet table; makes only the rows that can be seen."""

    title = "fleet"
    ticks = True

    class Chosen(Message):
        """A block was clicked."""

        def __init__(self, block_id: str) -> None:
            super().__init__()
            self.block_id = block_id

    def heading(self, state: FleetState, view: ViewState) -> Sequence[Cell]:
        """Return the name with what the list is narrowed and ordered by."""
        shown = len(visible_blocks(state, view))
        cells = [Cell("¹fleet", Role.TITLE)]
        if view.filter:
            cells.append(Cell(f"  filter {view.filter} ({shown} of {len(state.blocks)})", Role.WARN))
        order = "" if view.sort == "name" and not view.descending else f"  by {view.sort}"
        if order:
            cells.append(Cell(f"{order}{' reversed' if view.descending else ''}", Role.DIM))
        return cells

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:
        """Return table head, the visible blocks, and the sum of all."""
        blocks = visible_blocks(state, view)
        if not blocks:
            return note_rows(fleet_note(state, view), columns)
        table = table_columns(columns, state.blocks, view.window)
        ids = [block.block_id for block in blocks]
        selected = ids.index(view.block_id) if view.block_id in ids else None  # type: ignore[arg-type]
        room = max(1, lines - 2)
        rows = [table_head(table)]
        rows += [
            block_row(
                blocks[number],
                table,
                view.window,
                now,
                selected=number == selected,
                marked=ids[number] in view.marked,
            )
            for number in self.window(len(blocks), room, selected)
        ]
        rows += [row("")] * (lines - 1 - len(rows))
        return [*rows, row(*summary_cells(state, view.window, now, columns))]

    def on_click(self, event: events.Click) -> None:
        """Select the block under the pointer."""
        if event.y < len(self.shown) and self.shown[event.y].key:
            self.post_message(self.Chosen(self.shown[event.y].key))
