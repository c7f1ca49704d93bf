"""The selected block's replicas."""

from collections.abc import Sequence

from aios_top.console.view import ViewState
from aios_top.console.widgets.block import missing_note, note_rows
from aios_top.console.widgets.lines import Panel
from aios_top.model.span import length
from aios_top.model.state import FleetState
from aios_top.render.cells import Cell, Role, Row, fitting, row
from aios_top.render.instances import instance_head, instance_note, instance_row
from aios_top.render.numbers import count
from aios_top.render.timeline import earlier_notes


class InstancesPanel(Panel):
    """One line per replica with both sparklines."""

    title = "instances"
    ticks = True

    def heading(self, state: FleetState, view: ViewState) -> Sequence[Cell]:
        """Return how many there are, which window is shown and over which time."""
        block = view.block(state)
        if block is None:
            return (Cell("instances", Role.TITLE),)
        name = (
            Cell(count(len(block.instances), "instance"), Role.TITLE),
            Cell(f"  mean {view.window.label}, last {length(view.span_seconds)}", Role.DIM),
        )
        legend = Cell("  ▁▂ below down  ▇█ above up", Role.DIM)
        notes = earlier_notes(block, state.at - view.span_seconds)
        heads = [*((*name, *note, legend) for note in notes), *((*name, *note) for note in notes)]
        return fitting(heads, self.size.width - 5) or name

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:
        """Return the visible replicas; those that do not fit are counted."""
        block = view.block(state)
        if block is None:
            return note_rows(missing_note(state, view, advise=False), columns)[:lines]
        note = instance_note(block)
        if note:
            return [row(Cell(f" {note}", Role.DIM))]
        number, room = len(block.instances), lines - 1
        hidden = number > room
        visible = self.window(number, max(1, room - 1) if hidden else room)
        rows = [instance_head(block, view.window, columns)]
        rows += [
            instance_row(block.instances[place], block, view.window, view.span_seconds, now, columns)
            for place in visible
        ]
        if hidden:
            rows.append(row(Cell(f" {visible.start + 1}-{visible.stop} of {number}", Role.DIM)))
        return rows
