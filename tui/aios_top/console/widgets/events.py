"""The list of events."""

from collections.abc import Sequence

from aios_top.console.selection import NameFilter
from aios_top.console.view import ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.cells import Cell, Role, Row, row
from aios_top.render.events import empty_note, event_rows, events
from aios_top.render.wrap import wrap


class EventsPanel(Panel):
    """Decisions, actions, load tests and data problems in one order of time."""

    title = "events"

    def heading(self, state: FleetState, view: ViewState) -> Sequence[Cell]:  # noqa: ARG002 - the base's signature
        """Return the name, and the filter that is in force."""
        note = f"  blocks matching {view.filter}" if view.filter else "  newest first"
        return (Cell("events", Role.TITLE), Cell(note, Role.DIM))

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:  # noqa: ARG002
        """Return the part of the list that the screen has room for."""
        found = events(state, view.audit, view.load, NameFilter(view.filter).matches)
        if not found:
            return [row(Cell(f" {line}", Role.DIM)) for line in wrap(empty_note(bool(view.filter)), columns - 2)]
        head, *rows = event_rows(found, columns)
        visible = self.window(len(rows), max(1, lines - 1))
        return [head, *rows[visible.start : visible.stop]][:lines]
