"""The shared time axis: means, limits, replicas, decisions, cooldown."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from aios_top.console.view import ViewState
from aios_top.console.widgets.block import missing_note, note_rows
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.cells import Cell, Role, Row, fitting, row
from aios_top.render.timeline import (
    BELOW,
    MARGIN,
    Timeline,
    earlier_notes,
    empty_note,
    event_row,
    inferred_note,
    legend_cells,
    replica_row,
    time_row,
    timeline,
)

_CURVES = "aios_top.console.curves"
"""Imported when there are figures to plot: the plotting library takes longer than the panels that show them before."""
_LOADING = "drawing"


class ChartPanel(Panel):
    """Draws the plot again only when its data or its size changed: at most once per poll."""

    title = "time"
    _plot: Callable[[Timeline], list[Row]] | None = None
    _loads = False
    _drawn: tuple[Timeline, list[Row]] | None = None

    def on_mount(self) -> None:
        """Take the plotting library where it is there already."""
        if _CURVES in sys.modules:
            self._plot = import_module(_CURVES).plot

    def _begin_loading(self) -> None:
        """Load the plotting library on a thread, after what is being painted."""
        if not self._loads:
            self._loads = True
            self.call_after_refresh(self.run_worker, self._load, thread=True)

    def _load(self) -> None:
        self._plot = import_module(_CURVES).plot
        self.app.call_from_thread(self.redraw)

    def heading(self, state: FleetState, view: ViewState) -> Sequence[Cell]:
        """Return the block's name and what the curves are."""
        block = view.block(state)
        if block is None:
            return (Cell("time", Role.TITLE),)
        name, legend = Cell(f"time  {block.block_id} ", Role.TITLE), legend_cells(view.window, view.span_seconds)
        inferred = [Cell(f"  {text}", Role.WARN) for text in (inferred_note(block),) if text]
        notes = earlier_notes(block, state.at - view.span_seconds)
        heads = [
            *((name, *legend, *inferred, *note) for note in notes),
            *((name, *legend, *note) for note in notes),
            *((name, *note) for note in notes),
        ]
        return fitting([*heads, (name, *legend)], self.size.width - 5) or (name,)

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:  # noqa: ARG002
        """Return plot, replicas, events and time axis."""
        block = view.block(state)
        if block is None:
            return note_rows(missing_note(state, view, advise=False), columns)[:lines]
        room = lines - BELOW
        width = columns - MARGIN - 1
        if room < 2 or width < 10:
            return [row(Cell(" too small for a plot: m maximises", Role.DIM))]
        line = timeline(block, view.window, view.span_seconds, state.at, width, room)
        note = empty_note(block, line)
        if self._plot is None:
            self._begin_loading()  # also while there is nothing to plot: the next moment may bring it
            note = note or _LOADING
        plotted = [row(Cell(f" {note}", Role.DIM)), *[row("")] * (room - 1)] if note else self._plotted(line)
        return [*plotted, replica_row(block, line), event_row(block, line), time_row(line, state.at)]

    def _plotted(self, line: Timeline) -> list[Row]:
        if self._drawn is None or self._drawn[0] != line:
            self._drawn = (line, self._plot(line) if self._plot else [])
        return self._drawn[1]
