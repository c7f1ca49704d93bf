"""Asks what is to be simulated."""

import math

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.console.dialogs.what_if import parse_changes
from aios_top.model.tryout import RUNNING_SET, SimulationWish
from aios_top.render.cells import Cell, Role, Row
from aios_top.render.numbers import amount
from aios_top.render.wrap import wrap

PROFILES = ("aios-gemma3", "chat", "code", "bursty")
_LONGEST_HOURS = 168.0
_ABOUT = (
    "Runs the policy file against simulated replicas with AIOS's timings, a day in seconds, in the background. It"
    " sends nothing."
)


class SimulateDialog(Dialog[SimulationWish]):
    """Answers with the wish."""

    widest = 78

    def __init__(self, *, has_block: bool, changes: str, start_seconds: float) -> None:
        fields = [
            Field("profile", "load", PROFILES[0], ", ".join(PROFILES)),
            Field("rate", "requests/min", "", "empty: the load's own"),
            Field("hours", "hours", "24", f"up to {_LONGEST_HOURS:.0f}"),
            Field("startup", "replica start s", amount(start_seconds), "until it serves"),
            Field("parameters", "parameters", RUNNING_SET if has_block else "tutorial", "running, a set, a file"),
            Field("against", "against", "conservative", "another one; may be empty"),
            Field("changes", "changes", changes, "name=value ..."),
        ]
        super().__init__("Simulate", fields=fields, buttons=(self.CANCEL, Button("start", "Start")))

    def body(self, columns: int) -> list[Row]:
        """Return what it is."""
        return [*(Row((Cell(line, Role.DIM),)) for line in wrap(_ABOUT, columns)), Row((Cell(""),))]

    def problem(self) -> str:
        """Return the first thing that is wrong."""
        wish = self._wish()
        return wish if isinstance(wish, str) else ""

    def press(self, _button: str) -> None:
        """Take the wish."""
        wish = self._wish()
        if isinstance(wish, SimulationWish):
            self.answer(wish)

    def _wish(self) -> SimulationWish | str:
        text = {name: field.text.strip() for name, field in self.fields.items()}
        if text["profile"] not in PROFILES:
            return f"load: one of {', '.join(PROFILES)}"
        if not text["parameters"]:
            return "parameters: running, the name of a set, or a file"
        try:
            rate = _number(text["rate"], "requests/min", 0.001, 60_000) if text["rate"] else None
            hours = _number(text["hours"], "hours", 0.1, _LONGEST_HOURS)
            start = _number(text["startup"], "replica start", 0, 7200)
            changes = parse_changes(text["changes"])
        except ValueError as error:
            return str(error)
        return SimulationWish(text["profile"], hours, rate, start, text["parameters"], text["against"], changes)


def _number(text: str, name: str, lowest: float, highest: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not lowest <= value <= highest:
        raise ValueError(f"{name}: a number from {lowest:g} to {highest:g}")
    return value
