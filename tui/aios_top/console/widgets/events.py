"""The list of events."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import Event as Flag

from msgspec import Struct
from textual.worker import get_current_worker

from aios_top.console.selection import NameFilter
from aios_top.console.view import ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.audit import AuditEntry
from aios_top.model.decision import DecisionLog
from aios_top.model.load import LoadState
from aios_top.model.state import FleetState
from aios_top.render.cells import Cell, Role, Row, row
from aios_top.render.events import Event, empty_note, event_rows, events
from aios_top.render.wrap import wrap

READ_AT_ONCE = 8
"""Blocks whose decisions are read out of a recording before the next paint: a few milliseconds each."""
FOUND_AT_ONCE = 100
"""Blocks whose decisions are in memory that are looked through before the next paint: 15 ms with 512 of each."""
QUIET_SECONDS = 0.25
"""How long a moment stands before those of more blocks are read: who steps through time waits for none."""
_LOOK_SECONDS = 0.1
_READING = "reading the decisions"
_NOT_READ = "not read while time runs: p stops it"


class _Asked(Struct, frozen=True):
    """Which events are shown."""

    live: bool
    """Whether they are those of the present."""
    late: bool
    """Whether they are read out of a recording."""
    filter: str
    moment: float
    """When it was, of the present the state's identity: more may become known of one poll."""
    audit: Sequence[AuditEntry]
    load: LoadState | None


class _Wish(Struct, frozen=True, eq=False):
    """Events that are to be found, and where."""

    asked: _Asked
    state: FleetState


class EventsPanel(Panel):
    """Decisions, actions, load tests and data problems in one order of time."""

    title = "events"
    _found: tuple[_Asked, list[Event]] | None = None
    _of: FleetState | None = None
    """The state of a running console that the list is of: as long as it is kept no other has its identity."""
    _wish: _Wish | None = None
    """What is to be read, or being read; only here, for timers and workers stay in memory long after their end."""
    _wishes = 0

    def __init__(self, idle: Flag) -> None:
        """While the console is not `idle`, nothing is read behind the screen."""
        super().__init__(id="events")
        self._idle = idle
        self._read_back: deque[tuple[int, list[Event]]] = deque()

    def heading(self, state: FleetState, view: ViewState) -> Sequence[Cell]:  # noqa: ARG002 - the base's signature
        """Return the name, and the filter that is in force."""
        note = f"  blocks matching {view.filter}" if view.filter else "  newest first"
        return (Cell("events", Role.TITLE), Cell(note, Role.DIM))

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:  # noqa: ARG002
        """Return the part of the list that the screen has room for."""
        found = self._events(state, view)
        if not found:
            reading = _NOT_READ if _is_playing(view) else _READING
            note = reading if found is None else empty_note(bool(view.filter))
            return [row(Cell(f" {line}", Role.DIM)) for line in wrap(note, columns - 2)]
        head, *rows = event_rows(found, columns)
        visible = self.window(len(rows), max(1, lines - 1))
        return [head, *rows[visible.start : visible.stop]][:lines]

    def _events(self, state: FleetState, view: ViewState) -> list[Event] | None:
        """Return the events: None while they are read, those before while many blocks are looked through."""
        late = sum(1 for block in state.blocks.values() if isinstance(block.decisions, DecisionLog)) > READ_AT_ONCE
        live = view.travel is None and not late
        asked = _Asked(live, late, view.filter, id(state) if live else state.at, view.audit, view.load)
        if self._found is not None and self._found[0] == asked:
            return self._found[1]
        if not late and len(state.blocks) <= FOUND_AT_ONCE:
            self._found, self._of = (asked, _events_of(_Wish(asked, state))), state if live else None
            return self._found[1]
        if _is_playing(view):
            return None
        if self._wish is None or self._wish.asked != asked:
            self._wish = _Wish(asked, state)
            self._wishes += 1
            self.set_timer(QUIET_SECONDS, partial(self._begin, self._wishes))
        return self._found[1] if self._found is not None and _same_list(self._found[0], asked) else None

    def _begin(self, wish: int) -> None:
        if wish == self._wishes and self._wish is not None:
            self.run_worker(partial(self._read, wish), name="events", group="events", exclusive=True, thread=True)

    def _read(self, number: int) -> None:
        """Read on a thread, until another moment is shown."""

        def is_over() -> bool:
            while late and not self._idle.wait(_LOOK_SECONDS) and not worker.is_cancelled:
                pass  # somebody waits for a jump
            return worker.is_cancelled or self._wishes != number

        worker, wish = get_current_worker(), self._wish
        if wish is None:
            return
        late = wish.asked.late
        found = _events_of(wish, is_over)
        if not is_over():
            self._read_back.append((number, found))
            with suppress(RuntimeError):  # the app has just ended
                self.app.call_from_thread(self._show_found)

    def _show_found(self) -> None:
        while self._read_back:
            number, found = self._read_back.popleft()
            if number == self._wishes and self._wish is not None:
                asked = self._wish.asked
                self._found, self._of = (asked, found), self._wish.state if asked.live else None
                self._wish = None
                self.redraw()


def _is_playing(view: ViewState) -> bool:
    return view.travel is not None and view.travel.playing


def _same_list(one: _Asked, two: _Asked) -> bool:
    """Tell whether two lists differ only in what has happened since."""
    return one.live and two.live and one.filter == two.filter


def _events_of(wish: _Wish, is_over: Callable[[], bool] = lambda: False) -> list[Event]:
    asked = wish.asked
    return events(wish.state, asked.audit, asked.load, NameFilter(asked.filter).matches, is_over)
