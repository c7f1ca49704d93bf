"""The settings in force, where each comes from, and the services they lead to."""

from collections.abc import Sequence

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.settings import Setting
from aios_top.model.span import latency
from aios_top.model.state import FleetState
from aios_top.model.text import clean
from aios_top.render.cells import BLANK, Cell, Role, Row, fit, width
from aios_top.render.wrap import wrap


class ConfigDialog(Dialog[None]):
    """A page to read; any of its buttons closes it."""

    def __init__(self, settings: Sequence[Setting], state: FleetState) -> None:
        super().__init__("Settings in force", buttons=(Button("close", "Close", "q"),))
        self._settings = tuple(settings)
        self._state = state

    def body(self, columns: int) -> list[Row]:
        """Return one line per setting and per service."""
        names = max((width(entry.name) for entry in self._settings), default=0)
        rows: list[Row] = []
        for entry in self._settings:
            room = max(8, columns - names - 14)
            lines = wrap(clean(entry.value, 300), room)
            rows.append(
                Row(
                    (
                        Cell(fit(entry.name, names + 1)),
                        Cell(fit(lines[0], room + 1), Role.ACCENT),
                        Cell(entry.source, Role.DIM),
                    )
                )
            )
            rows += [Row((Cell(" " * (names + 1)), Cell(line, Role.ACCENT))) for line in lines[1:]]
        if not rows:
            rows.append(Row((Cell("all settings have their defaults", Role.DIM),)))
        rows += [BLANK, Row((Cell("Services", Role.TITLE),))]
        for endpoint in self._state.endpoints.values():
            told = endpoint.problem or f"{endpoint.link}, {latency(endpoint.latency_seconds)}"
            asked = f"{endpoint.failures} of {endpoint.polls} polls failed"
            text = f"  {endpoint.name}: {told}; {asked}"
            rows += [Row((Cell(line),)) for line in wrap(clean(text, 300), columns)]
        return rows

    def press(self, _button: str) -> None:
        """Close."""
        self.answer(None)
