"""The first moments of the screen: it is painted before the engine is there, and shows that nothing was read yet."""

from collections.abc import Callable

from msgspec import Struct

from aios_top.console.ports import Cockpit, Gate, Past
from aios_top.console.settings import Setting
from aios_top.model.audit import AuditEntry
from aios_top.model.state import FleetState


class OpeningCockpit:
    """Stands where `console.ports.Cockpit` will, for what the screen itself asks; commands wait for the real one."""

    def __init__(self, state: FleetState, gate: Gate, clock: Callable[[], float], *, production: bool) -> None:
        """Show `state`, an empty one, and the gate that the engine will have."""
        self._state = state
        self.gate = gate
        self.now = clock
        self.production = production

    def latest(self) -> FleetState:
        """Return the empty state."""
        return self._state

    def load_state(self) -> None:
        """Return no load test."""

    def deploy_state(self) -> None:
        """Return no deploy."""

    def shadow_state(self) -> None:
        """Return no comparison."""

    def recording(self) -> None:
        """Return no recording."""

    def audit_entries(self) -> tuple[AuditEntry, ...]:
        """Return nothing of the operator's record: it was not read yet."""
        return ()

    def subscribe(self, callback: Callable[[FleetState], None]) -> Callable[[], None]:  # noqa: ARG002 - nothing comes
        """Return the way to stop what never comes."""
        return lambda: None

    def screen_stalled(self) -> None:
        """Do nothing: nothing runs yet."""


class Opened(Struct, frozen=True):
    """What the screen goes on with once the engine is there."""

    cockpit: Cockpit
    past: Past | None = None
    settings: tuple[Setting, ...] = ()
