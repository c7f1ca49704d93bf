"""A draft beside the running policy: a page to read, which moves on while the comparison runs."""

from collections.abc import Callable
from typing import ClassVar

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.model.shadow import ShadowState
from aios_top.render.cells import Cell, Role, Row, row
from aios_top.render.shadow import shadow_rows

_TICK_SECONDS = 1.0
STOP = "stop"


class ShadowDialog(Dialog[str]):
    """Closing leaves the comparison running; `stop` ends it."""

    widest: ClassVar[int] = 110

    def __init__(self, look: Callable[[], ShadowState | None]) -> None:
        state = look()
        name = state.plan.block_id if state else "no block"
        super().__init__(
            f"Shadow beside {name}", buttons=(Button("close", "Close", "q"), Button(STOP, "Stop comparing", "s"))
        )
        self._look = look

    def on_mount(self) -> None:
        """Show what comes."""
        super().on_mount()
        self.set_interval(_TICK_SECONDS, self.draw)

    def body(self, columns: int) -> list[Row]:
        """Return the comparison as it is now."""
        state = self._look()
        if state is None:
            return [row(Cell("No draft is compared.", Role.DIM))]
        ended = [] if state.running else [row(Cell("The comparison has ended.", Role.WARN))]
        return [*ended, *shadow_rows(state, columns)]

    def press(self, button: str) -> None:
        """Close, or stop as well."""
        self.answer(button)
