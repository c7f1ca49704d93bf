"""The keys that only look: each makes a new view from the old one, and nothing else."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from aios_top.console.layout import arrange, focus_order
from aios_top.console.selection import stepped, visible_blocks
from aios_top.console.view import Page, ViewState, Wide
from aios_top.console.widgets.decisions import shown_decisions
from aios_top.model.state import FleetState

Look = Callable[[FleetState, ViewState], ViewState]

_FAR = 1_000_000
_PAGE_ROWS = 10


def settled(state: FleetState, view: ViewState) -> ViewState:
    """Return the view with a selected block, if there is any, and a focus on a panel that is shown."""
    if view.block_id is None:
        blocks = visible_blocks(state, view)
        view = replace(view, block_id=str(blocks[0].block_id) if blocks else None)
    order = focus_order(arrange(view))
    if order and view.focus not in order:
        view = replace(view, focus=order[0])
    return view


def move(step: int) -> Look:
    """Return the look that moves the selection of the focused panel by `step` rows."""

    def look(state: FleetState, view: ViewState) -> ViewState:
        if view.focus == "decisions":
            return _select_decision(state, view, step)
        if view.focus != "fleet":
            return view
        return replace(view, block_id=stepped(visible_blocks(state, view), view.block_id, step), decision=None)

    return look


def _select_decision(state: FleetState, view: ViewState, step: int) -> ViewState:
    number = len(shown_decisions(state, view))
    if not number:
        return view
    place = 0 if view.decision is None else view.decision + step
    return replace(view, decision=min(number - 1, max(0, place)))


def step_block(step: int) -> Look:
    """Return the look that selects the next or previous block that is shown, whatever has the focus."""

    def look(state: FleetState, view: ViewState) -> ViewState:
        return replace(view, block_id=stepped(visible_blocks(state, view), view.block_id, step), decision=None)

    return look


def step_decision(step: int) -> Look:
    """Return the look that selects an older or newer decision."""

    def look(state: FleetState, view: ViewState) -> ViewState:
        return _select_decision(state, view, step)

    return look


def turn_to(page: Page) -> Look:
    """Return the look that shows a page."""

    def look(_state: FleetState, view: ViewState) -> ViewState:
        focused = "instances" if page is Page.BLOCK else str(page)
        return replace(view, page=page, maximised=None, focus=focused)

    return look


def means_explain(view: ViewState) -> bool:
    """Return whether enter opens a decision rather than a block."""
    return view.focus == "decisions" or (view.page is Page.BLOCK and view.decision is not None)


def back(_state: FleetState, view: ViewState) -> ViewState:
    """Undo one step: the story, the maximised panel, the page, the filter."""
    if view.decision is not None:
        return replace(view, decision=None)
    if view.maximised is not None:
        return replace(view, maximised=None)
    if view.page is not Page.FLEET:
        return replace(view, page=Page.FLEET, focus="fleet")
    return replace(view, filter="")


def open_selected(_state: FleetState, view: ViewState) -> ViewState:
    """Open the selected block."""
    return replace(view, page=Page.BLOCK, maximised=None, focus="instances")


def focus(step: int) -> Look:
    """Return the look that moves the focus to the next or previous panel."""

    def look(_state: FleetState, view: ViewState) -> ViewState:
        order = focus_order(arrange(view))
        if not order:
            return view
        place = order.index(view.focus) if view.focus in order else -1
        return replace(view, focus=order[(place + step) % len(order)])

    return look


def maximise(_state: FleetState, view: ViewState) -> ViewState:
    """Give the focused panel the screen, or take it back; a narrow block page has its chart here."""
    if view.maximised is not None:
        return replace(view, maximised=None)
    narrow = view.wide in {Wide.ONE, Wide.CARDS}
    return replace(view, maximised="chart" if narrow and view.page is Page.BLOCK else view.focus)


def mark(_state: FleetState, view: ViewState) -> ViewState:
    """Mark or unmark the selected block."""
    if view.block_id is None:
        return view
    return replace(view, marked=view.marked ^ {view.block_id})


LOOKS: Mapping[str, Look] = {
    "down": move(1),
    "up": move(-1),
    "page_down": move(_PAGE_ROWS),
    "page_up": move(-_PAGE_ROWS),
    "first": move(-_FAR),
    "last": move(_FAR),
    "open": open_selected,
    "back": back,
    "next_panel": focus(1),
    "previous_panel": focus(-1),
    **{str(page): turn_to(page) for page in Page},
    "next_match": step_block(1),
    "previous_match": step_block(-1),
    "sort": lambda _state, view: replace(view, sort=view.sort.next()),
    "reverse": lambda _state, view: replace(view, descending=not view.descending),
    "mark": mark,
    "window": lambda _state, view: replace(view, window=view.window.next()),
    "zoom": lambda _state, view: view.zoomed(),
    "maximise": maximise,
    "previous_decision": step_decision(1),
    "next_decision": step_decision(-1),
}

SCROLLS: Mapping[str, int] = {
    "down": 1,
    "up": -1,
    "page_down": _PAGE_ROWS,
    "page_up": -_PAGE_ROWS,
    "first": -_FAR,
    "last": _FAR,
}
"""Rows by which the movement keys scroll a focused panel that has no selection."""
