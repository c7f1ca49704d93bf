"""The console: one screen of panels over one state; keys make a new view or ask the engine."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from threading import Event
from typing import Any, ClassVar, TypeVar

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.filter import LineFilter
from textual.screen import Screen

from aios_top.console.informing import informed
from aios_top.console.keys import KEYS, Key, of
from aios_top.console.layout import WITH_TIME_AXIS, Place, arrange
from aios_top.console.linefilter import SafeLines
from aios_top.console.looking import LOOKS, SCROLLS, means_explain, settled
from aios_top.console.opening import Opened
from aios_top.console.palette import COLOURLESS, Palette
from aios_top.console.panels import all_panels
from aios_top.console.ports import Cockpit, Command, Past
from aios_top.console.relay import Relay
from aios_top.console.settings import Setting
from aios_top.console.telling import TellingApp
from aios_top.console.themes import DEFAULT, Look, shipped_looks
from aios_top.console.updates import ThriftyScreen
from aios_top.console.view import Page, ViewState
from aios_top.console.widgets.fleet import FleetPanel
from aios_top.console.widgets.lines import Panel
from aios_top.model.moment import Moment
from aios_top.model.polling import LONGEST_POLL_SECONDS, SHORTEST_POLL_SECONDS
from aios_top.model.span import length
from aios_top.model.state import FleetState
from aios_top.model.text import clean
from aios_top.render.load import runs
from aios_top.render.timebar import Travel

T = TypeVar("T")

_TICK_SECONDS = 1.0
_FRUGAL_SECONDS = 20.0
"""Between two drawings on a slow line; a key is answered at once."""
_TO_ENGINE = frozenset({"refresh", "slower", "faster"})
"""Own keys that ask the engine; before it is there they do nothing, for it polls first thing anyway."""
_DECISIONS = frozenset({"previous_decision", "next_decision"})
"""Keys that go through time where there is a past, else they select in the log."""


class PanelScreen(ThriftyScreen[None], inherit_bindings=False):
    """The screen of the panels: without Textual's own keys, which come before the table's."""

    def __init__(self) -> None:
        super().__init__(id="_default")


class ConsoleApp(TellingApp, inherit_bindings=False):
    """Composes the panels, keeps state and view, and passes keys on."""

    CSS = f"""
    {TellingApp.CSS}
    Screen {{ layers: panels; overflow: hidden; }}
    Panel {{ position: absolute; display: none; }}
    """
    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[Any]] = []

    settings: tuple[Setting, ...] = ()
    """The settings in force and where each comes from, for the key F12."""
    opens: Callable[[], Opened] | None = None
    """Opens the engine behind the first screen, on a thread of its own; None: `cockpit` is ready."""
    refused: Exception | None = None
    """Why the engine could not be opened."""

    def __init__(
        self,
        cockpit: Cockpit,
        *,
        theme: str | None = None,
        keys: tuple[Key, ...] = KEYS,
        ascii_only: bool = False,
        low_bandwidth: bool = False,
        looks: Mapping[str, Look] | None = None,
        past: Past | None = None,
        moment: Moment | None = None,
        travel: Travel | None = None,
    ) -> None:
        """Prepare to show `cockpit`, at a moment of the past when one is given.

        Raises KeyError for an unknown theme and ThemeError for a broken one.
        """
        super().__init__()
        self.cockpit = cockpit
        self.past = past
        self.keys = keys
        self.state = cockpit.latest() if moment is None else moment.state
        self._moment = moment
        self._draw_seconds = _FRUGAL_SECONDS if low_bandwidth else 0.0
        self._drawn_at = float("-inf")
        self.view = self._informed(ViewState(low_bandwidth=low_bandwidth, travel=travel))
        self.palette = COLOURLESS
        self._idle = Event()
        """Set while no command is at work, of which somebody waits for the end."""
        self._idle.set()
        self._panels = {panel.id or "": panel for panel in all_panels(keys, self._idle)}
        self._ascii = ascii_only
        self._safe = SafeLines(colours=not self.no_color)
        self._looks = shipped_looks() if looks is None else looks
        self._places: tuple[Place, ...] = ()
        self._relay: Relay | None = None
        self._at_work: set[str] = set()
        self._connected = asyncio.Event()
        self.animation_level = "none"
        for look in self._looks.values():
            self.register_theme(look.theme)
        self.dress(theme or self._fitting_theme())
        self._bind_keys()

    # -- appearance

    def _fitting_theme(self) -> str:
        """Return the theme for what the terminal says it can show."""
        return "ansi16" if self.console.color_system == "standard" and "ansi16" in self._looks else DEFAULT

    def dress(self, name: str) -> None:
        """Put on a theme; raises KeyError for an unknown one."""
        look = self._looks[name]
        self.theme = look.theme.name
        palette = Palette() if self.no_color else look.palette
        self.palette = replace(palette, ascii=self._ascii)
        for panel in self._panels.values():
            panel.restyle()

    def get_line_filters(self) -> list[LineFilter]:
        """Return Textual's filters with the one that keeps acting characters from the terminal behind them."""
        return [*super().get_line_filters(), self._safe]

    # -- life

    def get_default_screen(self) -> Screen[None]:
        """Return the screen that the panels stand on."""
        return PanelScreen()

    def compose(self) -> ComposeResult:
        """Mount every panel once; a layout shows some of them."""
        yield from self._panels.values()

    def on_mount(self) -> None:
        """Start the clock and connect, where the engine is not open yet after the first paint."""
        self.app_resume_signal.subscribe(self, self._repaint)
        self.set_interval(_TICK_SECONDS, self._tick, name="clock")
        if self.opens is None:
            self._connect()
        else:
            self.look(self.view)
        if self.view.travel is not None and self.view.travel.playing:
            self.play(self.view.travel.speed)

    def on_ready(self) -> None:
        """Open the engine once the first screen is painted; where that is done, load what the first key waits for."""
        if self.opens is not None:
            self.screen.call_after_refresh(self.run_worker, self._open(self.opens), name="open", exit_on_error=True)
        else:
            load = partial(self._command, "help")
            self.screen.call_after_refresh(self.run_worker, load, name="load", exit_on_error=True, thread=True)

    async def _open(self, opens: Callable[[], Opened]) -> None:
        """Open the engine; where that cannot be, end, and leave the reason to whoever started the app."""
        try:
            opened = await asyncio.to_thread(opens)
        except Exception as error:  # noqa: BLE001 - whatever it was is told on the restored terminal
            self.refused = error
            self.leave(1)
            return
        self.cockpit, self.past, self.settings = opened.cockpit, opened.past, opened.settings
        self._connect()
        await asyncio.to_thread(self._command, "help")  # now, for an upgrade may replace the modules while this runs

    def _connect(self) -> None:
        """Subscribe to states, and let commands go."""
        self._relay = Relay(self.cockpit, self._deliver, self._handle_exception)
        self._connected.set()
        self._deliver(self.cockpit.latest())

    def on_unmount(self) -> None:
        """Let the engine go on without a listener."""
        if self._relay is not None:
            self._relay.close()

    def resized(self) -> None:
        """Lay the panels out for the new size."""
        self.look(replace(self.view, columns=self.size.width, lines=self.size.height))

    def _repaint(self, _app: object) -> None:
        """Write every cell again: the terminal that comes back from the shell has an empty screen."""
        for screen in self.screen_stack:
            screen.refresh()

    def _deliver(self, state: FleetState) -> None:
        """Show a new state, unless the display is held."""
        first = self.state.sequence == 0
        if not self.view.paused and self._moment is None:
            self.state = state
        if first or self._draws_now():
            self.look(self.view)

    def _tick(self) -> None:
        """Let clocks go on; a load test and a deploy move between polls too."""
        cockpit = self.cockpit
        if runs(cockpit.load_state()):
            self.ask_terminal()
        moves = (self.view.load, self.view.deploy) != (cockpit.load_state(), cockpit.deploy_state())
        moves = (moves and self._moment is None) or self._recording_failed_now()
        if moves or (self._draw_seconds and self._draws_now()):
            self.look(self.view)
        if not self._draw_seconds:
            now = self._now()
            for panel in self._visible():
                panel.tick(now)

    def _recording_failed_now(self) -> bool:
        """Tell whether the recording has stopped since it was drawn."""
        known, now = self.view.recording, self.cockpit.recording()
        return known is not None and now is not None and known.phase is not now.phase

    def _draws_now(self) -> bool:
        """Tell whether what comes by itself is drawn at once: always, but on a slow line only now and then."""
        now = self.cockpit.now()
        if abs(now - self._drawn_at) < self._draw_seconds:  # also when the clock was set back
            return False
        self._drawn_at = now
        return True

    # -- what dialogs and commands use

    def look(self, view: ViewState) -> None:
        """Make `view` the view and redraw what changed."""
        if self.view.paused and not view.paused and self._moment is None:
            self.state = self.cockpit.latest()
        self.view = settled(self.state, self._informed(view))
        if self.past is not None and self._moment is not None:
            self.past.regard(self.view.block_id)
        self._place_panels()
        for panel in self._visible():
            panel.show(self.state, self.view)

    def act(self, action: str) -> None:
        """Do what the key of an action does; a command that is still at work is not started again."""
        if action == "open" and means_explain(self.view):
            action = "explain"
        if action in OWN:
            if self._connected.is_set() or action not in _TO_ENGINE:
                OWN[action](self)
        elif action in LOOKS and (action not in _DECISIONS or self.past is None):
            self._scroll(action)
            self.look(LOOKS[action](self.state, self.view))
            if action == "zoom":
                self._tell_zoom()
        elif action not in self._at_work:
            self._at_work.add(action)
            self._idle.clear()
            self.run_worker(self._work(action), name=action, exit_on_error=True)

    def _tell_zoom(self) -> None:
        """Say how long the time axis is where nothing that is shown has one."""
        if not any(place.panel in WITH_TIME_AXIS for place in self._places):
            self.toast(
                f"The time axis is {length(self.view.span_seconds)} long now; "
                f"it is on the block's page, {of('block', self.keys).shown}."
            )

    def _command(self, action: str) -> Command:
        """Return what a key does that takes a while."""
        from aios_top.console.commands import all_commands  # noqa: PLC0415 - 20 ms of dialogs that the first screen lacks

        return all_commands(past=self.past is not None)[action]

    async def _work(self, action: str) -> None:
        try:
            if action != "quit":
                await self._connected.wait()
            await self._command(action)(self)
        finally:
            self._at_work.discard(action)
            if not self._at_work:
                self._idle.set()

    def travel(self, moment: Moment | None, travel: Travel | None, block_id: str | None = None) -> None:
        """Show a moment of the past, or the present again; with `block_id` select the newest decision of that block."""
        self._moment = moment
        self.state = self.cockpit.latest() if moment is None else moment.state
        view = replace(self.view, travel=travel, paused=False)
        self.look(view if block_id is None else replace(view, block_id=block_id, decision=0))
        if self.past is not None and self.is_running:
            let_go = partial(self.past.let_go, shown=moment is not None)
            self.screen.call_after_refresh(self.run_worker, let_go, name="let go", thread=True)

    def complete(self, complete: Callable[[FleetState], FleetState]) -> None:
        """Show the moment on the screen again, with what has become known of it since."""
        if self._moment is not None:
            self._moment = replace(self._moment, state=complete(self._moment.state))
            self.state = self._moment.state
            self.look(self.view)

    def complete_from_thread(self, complete: Callable[[FleetState], FleetState]) -> None:
        """Do the same soon; returns at once and may be called on any thread."""
        if self.turning is not None:
            with suppress(RuntimeError):  # the loop has just been closed
                self.turning.call_soon_threadsafe(self._complete_soon, complete)

    def _complete_soon(self, complete: Callable[[FleetState], FleetState]) -> None:
        try:
            self.complete(complete)
        except Exception as error:  # noqa: BLE001 - whatever it is ends the screen, with a report
            self._handle_exception(error)

    def play(self, speed: float | None) -> None:
        """Let the past run at a speed, or stand still."""
        travel = self.view.travel
        if travel is not None:
            self.look(
                replace(self.view, travel=replace(travel, playing=speed is not None, speed=speed or travel.speed))
            )
            if speed is not None:
                from aios_top.console.timetravel import play  # noqa: PLC0415 - as in `_command`

                self.run_worker(play(self), name="play", exclusive=True, group="play", exit_on_error=True)

    def pause(self) -> None:
        """Hold the display, or in the past let it run and stop it."""
        travel = self.view.travel
        if travel is None:
            self.look(replace(self.view, paused=not self.view.paused))
        else:
            self.play(None if travel.playing else travel.speed)

    async def engine(self, call: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        """Run an engine coroutine on the engine's loop and wait for it here."""
        return await asyncio.wrap_future(self.cockpit.submit(call, *arguments))

    def stalled(self) -> None:
        """Tell the engine that nobody reads the screen; may be called on any thread."""
        self.cockpit.screen_stalled()

    def leave(self, code: int = 0) -> None:
        """Quit with this exit code."""
        self.exit(None, code)

    # -- keys

    def _bind_keys(self) -> None:
        for key in self.keys:
            for name in key.keys:
                self._bindings.bind(name, f"press({key.action!r})", key.label, show=False)

    def action_press(self, action: str) -> None:
        """Do what a key is bound to."""
        self.act(action)

    def on_fleet_panel_chosen(self, message: FleetPanel.Chosen) -> None:
        """Select the clicked block."""
        self.look(replace(self.view, block_id=message.block_id, focus="fleet", decision=None))

    def _scroll(self, action: str) -> None:
        """Scroll a focused panel that has no selection of its own."""
        if action in SCROLLS and self.view.focus not in {"fleet", "decisions"}:
            self._panels[self.view.focus].scroll_rows(SCROLLS[action])

    def refresh_now(self) -> None:
        """Poll now."""
        self.cockpit.submit(self.cockpit.refresh)

    def change_pace(self, factor: float) -> None:
        """Poll more or less often; in the past play slower or faster, on the page of a running load test send so."""
        if self.view.travel is not None:
            travel = self.view.travel.paced(1 if factor < 1 else -1)
            self.look(replace(self.view, travel=travel))
            self.toast(f"Plays at {travel.speed:g} times the speed.")
            return
        if self.view.page is Page.LOAD and runs(self.cockpit.load_state()):
            from aios_top.console.load_commands import STEP, change_rate  # noqa: PLC0415 - as in `_command`

            self.run_worker(change_rate(self, STEP if factor < 1 else 1 / STEP), exit_on_error=True)
            return
        seconds = min(LONGEST_POLL_SECONDS, max(SHORTEST_POLL_SECONDS, self.state.poll_seconds * factor))
        self.cockpit.submit(self.cockpit.set_poll_seconds, seconds)
        self.toast(f"Polls every {length(seconds)}.")

    def copy_selected(self) -> None:
        """Copy the selected block's id to the operator's clipboard, through the terminal."""
        if self.view.block_id is not None:
            self.copy_to_clipboard(clean(self.view.block_id))
            self.toast(f"Copied {self.view.block_id}.")

    # -- panels

    def _informed(self, view: ViewState) -> ViewState:
        return informed(view, self.cockpit, self._moment, self._now())

    def _now(self) -> float:
        """Return the time that ages are counted from: in the past that of the moment that is shown."""
        return self.cockpit.now() if self._moment is None else self._moment.state.at

    def _visible(self) -> list[Panel]:
        return [self._panels[place.panel] for place in self._places]

    def _place_panels(self) -> None:
        """Move the panels to where the layout wants them; does nothing when nothing moves."""
        if not self.is_running:
            return
        places = arrange(self.view, banner=self.view.has_banner)
        wanted = {place.panel: place for place in places}
        for name, panel in self._panels.items():
            place = wanted.get(name)
            panel.focused = place is not None and self.view.focus == name and len(places) > 4
            if places == self._places:
                continue
            panel.display = place is not None
            if place is not None:
                panel.framed = place.framed
                panel.styles.offset = (place.x, place.y)
                panel.styles.width, panel.styles.height = place.columns, place.lines
        self._places = places


OWN: Mapping[str, Callable[[ConsoleApp], None]] = {
    "refresh": ConsoleApp.refresh_now,
    "pause": ConsoleApp.pause,
    "slower": lambda app: app.change_pace(2.0),
    "faster": lambda app: app.change_pace(0.5),
    "copy": ConsoleApp.copy_selected,
    "suspend": lambda app: app.action_suspend_process(),
}
