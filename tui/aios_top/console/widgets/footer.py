"""The last line: the keys that do something here and now."""

from collections.abc import Sequence

from aios_top.console.keys import Key
from aios_top.console.view import Page, ViewState
from aios_top.console.widgets.lines import Panel
from aios_top.model.state import FleetState
from aios_top.render.cells import Cell, Role, Row, columns_of, row

_ALWAYS = ("command", "help", "quit")
_POLICY_WRITES = ("pause_policy", "force_scale", "deploy", "roll_back", "reset_cooldown", "scale")
_IN_THE_PAST = ["live", "previous_sample", "previous_decision", "go_to_time"]
"""How to go on and back, in place of changes, of which the past takes none."""
_PAGES = ("fleet", "block", "load", "policy", "events")


class FooterPanel(Panel):
    """Key hints, as many as fit whole; the ones for help and quitting are kept."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        super().__init__(id="footer")
        self._keys = {key.action: key for key in keys}

    def rows(self, state: FleetState, view: ViewState, now: float, columns: int, lines: int) -> Sequence[Row]:  # noqa: ARG002
        """Return the hints."""
        tail = [hint for action in _ALWAYS for hint in self._hint(action, view)]
        head: list[Cell] = []
        for action in self._useful(view):
            hint = self._hint(action, view)
            if columns_of(head) + columns_of(hint) + columns_of(tail) > columns:
                break
            head += hint
        return [row(*head, *tail)]

    def _hint(self, action: str, view: ViewState) -> list[Cell]:
        key = self._keys[action]
        label = "report" if action == "export" and view.page is Page.LOAD else key.label
        return [Cell(f" {key.shown}", Role.KEY), Cell(f" {label} ", Role.DIM)]

    def _useful(self, view: ViewState) -> list[str]:
        """Return the actions worth a hint on this page, most wanted first."""
        shown = sorted((key for key in self._keys.values() if key.footer), key=lambda key: key.footer)
        wanted = ["open"] if view.page is Page.FLEET else ["back"]
        if view.travel is not None:
            wanted += ["previous_sample", "previous_decision", "go_to_time"] if view.travel.replay else _IN_THE_PAST
        elif not view.read_only:
            writes = [key.action for key in shown if key.writes]
            if view.page is Page.POLICY:
                writes = [*(["send_draft"] if view.draft else []), *_POLICY_WRITES]
            wanted += writes if view.writable else []
            wanted += ["write_mode"]
        if _sends(view):
            wanted.insert(0, "stop_load")
        looks = {
            Page.FLEET: ["filter", "sort", "window"],
            Page.BLOCK: ["window", "zoom"],
            Page.POLICY: ["edit_draft", "diff"],
            Page.LOAD: ["faster", "slower", "next_stage", "hold", "export"] if _sends(view) else ["export", "window"],
        }.get(view.page, ["window"])
        pages = [page for page in _PAGES if page != view.page]
        if view.travel is not None:
            return [*wanted, *looks, "pause", *pages]
        return [*wanted[:1], *looks, *wanted[1:], "pause", *pages, "zoom" if "zoom" not in looks else "maximise"]


def _sends(view: ViewState) -> bool:
    return view.load is not None and view.load.phase.sending
