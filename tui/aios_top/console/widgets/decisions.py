"""The decision log: of the fleet, or of the selected block."""

from collections.abc import Sequence

from aios_top.console.view import Page, ViewState, Wide
from aios_top.console.widgets.lines import Panel
from aios_top.model.decision import Decision
from aios_top.model.explained import explained
from aios_top.model.state import FleetState
from aios_top.render.cells import Cell, Role, Row, row
from aios_top.render.log import log_note, log_rows, newest_decisions, story_rows
from aios_top.render.wrap import wrap

_LIMIT = 512


class DecisionsPanel(Panel):
    """Newest first; the selected one is told in full below the list."""

    title = "decisions"

    def heading(self, state: FleetState, view: ViewState) -> Sequence[Cell]:  # noqa: ARG002 - the base's signature
        """Return whose decisions these are."""
        own = not shows_fleet(view)
        name = f"decisions  {view.block_id}" if own and view.block_id else "decisions  newest of all blocks"
        hint = "x explains" if view.decision is None else "{ } select, \u23ce explains, esc closes"
        return (Cell(name, Role.TITLE), Cell(f"  {hint}", Role.DIM))

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:
        """Return the log, and the selected decision's story."""
        entries = shown_decisions(state, view, self.top + 2 * lines)
        if not entries:
            blocks = [block] if (block := view.block(state)) and not shows_fleet(view) else list(state.blocks.values())
            return [
                row(Cell(f" {line}", Role.DIM))
                for line in wrap(log_note(blocks, polled=state.sequence > 0), columns - 2)
            ]
        chosen = None if view.decision is None else min(view.decision, len(entries) - 1)
        story = [] if chosen is None else _story(state, *entries[chosen], now, columns)
        room = max(1, lines - len(story))
        names = min(18, max(len(name) for name, _ in entries)) if shows_fleet(view) else 0
        visible = self.window(len(entries), room, chosen)
        selected = None if chosen is None else chosen - visible.start
        rows = log_rows(entries[visible.start : visible.stop], columns, names=names, selected=selected)
        return [*rows, *story][:lines]


def _story(state: FleetState, name: str, decision: Decision, now: float, columns: int) -> list[Row]:
    block = state.blocks.get(name)
    return [] if block is None else story_rows(explained(block, decision, now), columns)


def shows_fleet(view: ViewState) -> bool:
    """Return whether the log is that of all blocks: on the fleet's page where no block is shown beside it."""
    return view.page is Page.FLEET and view.wide in {Wide.ONE, Wide.CARDS}


def shown_decisions(state: FleetState, view: ViewState, most: int = _LIMIT) -> list[tuple[str, Decision]]:
    """Return the newest decisions of the log, up to the selected one at least, newest first."""
    number = max(most, 1 + (view.decision or 0))
    if shows_fleet(view):
        return newest_decisions(state, number)
    block = view.block(state)
    return [] if block is None else [(block.block_id, entry) for entry in block.decisions[:number]]
