"""The way back: states of the engine's thread come to the screen's thread here."""

import asyncio
from collections.abc import Callable

from aios_top.console.ports import Cockpit
from aios_top.model.state import FleetState


class Relay:
    """Brings states to the screen's thread: the newest only, one delivery at a time however slow the screen is."""

    def __init__(
        self, cockpit: Cockpit, deliver: Callable[[FleetState], None], failed: Callable[[Exception], None]
    ) -> None:
        """`deliver` is called on the loop that runs now, `failed` with what it raises.

        The loop itself would only log that: the screen would stand still and look as if nothing happened.
        """
        self._loop = asyncio.get_running_loop()
        self._deliver = deliver
        self._failed = failed
        self._newest: FleetState | None = None
        self._pending = False
        self.close = cockpit.subscribe(self._take)

    def _take(self, state: FleetState) -> None:
        """Note a state on the engine's thread; the screen is woken once for all that come until it looks."""
        self._newest = state
        if not self._pending:
            self._pending = True
            try:
                self._loop.call_soon_threadsafe(self._hand_over)
            except RuntimeError:  # the screen's loop has just been closed
                return

    def _hand_over(self) -> None:
        self._pending = False
        if self._newest is not None:
            state, self._newest = self._newest, None
            try:
                self._deliver(state)
            except Exception as error:  # noqa: BLE001 - whatever it is ends the screen, with a report
                self._failed(error)
