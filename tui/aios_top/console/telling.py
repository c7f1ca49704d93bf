"""The part of the app that speaks to the operator: one short message at a time, and dialogs that stand beside it."""

from time import monotonic
from typing import Any, TypeVar

from textual.screen import ModalScreen, Screen

from aios_top.console.guarded import GuardedApp
from aios_top.console.updates import ThriftyScreen
from aios_top.model.text import clean
from aios_top.model.verdict import Severity
from aios_top.render.wrap import wrap

T = TypeVar("T")

_TOAST_LIMIT = 400
_TOAST_SECONDS = 8.0
_TOAST_COLUMNS = 72
_TOAST_EDGE = 4
"""Columns beside its text, at most."""
_TOASTS = {
    Severity.HEALTHY: "information",
    Severity.BUSY: "information",
    Severity.DEGRADED: "warning",
    Severity.BROKEN: "error",
}


class TellingApp(GuardedApp, inherit_bindings=False):
    """An app with short messages and questions."""

    CSS = "Toast { width: 72; max-width: 90%; padding: 0 1; }"

    _toasted = ""
    _toasted_at = float("-inf")

    def toast(self, message: str, severity: Severity = Severity.HEALTHY) -> None:
        """Show one short message; a newer one takes its place, and a dialog goes out of its way."""
        self._toasted, self._toasted_at = clean(message, _TOAST_LIMIT), monotonic()
        self.clear_notifications()
        self.notify(
            "\n".join(self._toast_lines()),  # Textual takes it for wider than it is drawn, and cuts its last line
            severity=_TOASTS[severity],  # type: ignore[arg-type]
            timeout=_TOAST_SECONDS,
            markup=False,
        )
        self._make_way(self.screen)
        self.set_timer(_TOAST_SECONDS, lambda: self._make_way(self.screen))

    def _make_way(self, screen: Screen[Any]) -> None:
        """Let a dialog stand above the message that is shown, if there is one."""
        if isinstance(screen, ThriftyScreen):
            shown = monotonic() - self._toasted_at < _TOAST_SECONDS
            screen.make_way(len(self._toast_lines()) + 1 if shown else 0)

    def _toast_lines(self) -> list[str]:
        return wrap(self._toasted, min(_TOAST_COLUMNS, (self.size.width - 2) * 9 // 10) - _TOAST_EDGE)

    async def ask(self, dialog: ModalScreen[T]) -> T | None:
        """Show a dialog and return its answer."""
        self._make_way(dialog)
        return await self.push_screen_wait(dialog)
