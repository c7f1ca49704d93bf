"""All keys, made of the key table."""

from collections.abc import Sequence

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.keys import Key
from aios_top.render.cells import Cell, Role, Row
from aios_top.render.wrap import wrap

_LEGEND = (
    ("~", "inferred by the console, not said by the policy"),
    ("tokens/request", "what the token policies compare, a mean over the window; AIOS calls it per minute"),
    ("tok/min", "the true rate, from the counters of the last minute"),
    ("?", "not known; a dot line is no data, never zero"),
)
_KEY_COLUMNS = 16


class HelpDialog(Dialog[None]):
    """The help page; any of its buttons closes it."""

    def __init__(self, keys: Sequence[Key], *, read_only: bool) -> None:
        super().__init__("Keys", buttons=(Button("close", "Close", "q"),))
        self._keys = tuple(keys)
        self._read_only = read_only

    def body(self, columns: int) -> list[Row]:
        """Return one line or more per key, under the names of their groups."""
        rows: list[Row] = []
        for group in dict.fromkeys(key.group for key in self._keys):
            rows.append(Row((Cell(group, Role.TITLE), Cell(self._group_note(group), Role.DIM))))
            for key in self._keys:
                if key.group == group:
                    rows += self._key_rows(key, columns)
        rows.append(Row((Cell("Signs", Role.TITLE),)))
        for sign, meaning in _LEGEND:
            rows += _entry(sign, meaning, columns, Role.TEXT)
        return rows

    def press(self, _button: str) -> None:
        """Close."""
        self.answer(None)

    def _shortcut(self, key: str) -> None:
        if key in {"question_mark", "f1"}:
            self.answer(None)
        else:
            super()._shortcut(key)

    def _group_note(self, group: str) -> str:
        if group != "Change":
            return ""
        if self._read_only:
            return "  read-only: these send nothing"
        return "  each asks first; W locks them"

    def _key_rows(self, key: Key, columns: int) -> list[Row]:
        inert = key.writes and self._read_only
        return _entry(key.shown, key.help, columns, Role.DIM if inert else Role.TEXT)


def _entry(sign: str, meaning: str, columns: int, role: Role) -> list[Row]:
    lines = wrap(meaning, columns - _KEY_COLUMNS - 2)
    heads = [sign.ljust(_KEY_COLUMNS), *[" " * _KEY_COLUMNS] * (len(lines) - 1)]
    key_role = Role.KEY if role is Role.TEXT else role
    return [Row((Cell("  "), Cell(head, key_role), Cell(line, role))) for head, line in zip(heads, lines, strict=True)]
