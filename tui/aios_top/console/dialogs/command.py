"""The command palette: type a command, see what it completes to."""

from collections.abc import Sequence

from aios_top.console.commandline import ARGUMENTS, CHANGES
from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.console.keys import Key
from aios_top.render.cells import BLANK, Cell, Role, Row, fit
from aios_top.render.wrap import wrap

_SHOWN = 8
_MEANING_LINES = 2
_NAMES, _KEYS = 24, 10


class CommandDialog(Dialog[str]):
    """Answers with a command line; enter takes the marked suggestion, tab copies it into the line."""

    widest = 78

    def __init__(self, keys: Sequence[Key], block_ids: Sequence[str], *, read_only: bool = False) -> None:
        """Read-only, the palette offers nothing that changes something."""
        super().__init__("Command", fields=[Field("line", ":")], buttons=(self.CANCEL, Button("run", "Run")))
        self._entries = [(key.action, key.shown, key.help) for key in keys if not (key.writes and read_only)]
        taking = ARGUMENTS if read_only else ARGUMENTS + CHANGES
        self._entries += [(f"{name} {hint}", "", meaning) for name, hint, meaning in taking]
        self._block_ids = tuple(block_ids)
        self._chosen = 0

    def suggestions(self) -> list[tuple[str, str, str]]:
        """Return what the line may become: command, key, meaning."""
        typed = self.fields["line"].text.strip().lower()
        if typed.startswith("block "):
            wanted = typed.removeprefix("block ").strip()
            return [(f"block {name}", "", "Open this block.") for name in self._block_ids if wanted in name.lower()]
        starting = [entry for entry in self._entries if entry[0].startswith(typed)]
        inside = [entry for entry in self._entries if typed in entry[0] and entry not in starting]
        return starting + inside

    def body(self, columns: int) -> list[Row]:
        """Return the suggestions, the marked one visible."""
        found = self.suggestions()
        first = max(0, min(self._chosen - _SHOWN + 1, len(found) - _SHOWN))
        rows = [
            self._suggestion(number, entry, columns)
            for number, entry in enumerate(found[first : first + _SHOWN], start=first)
        ]
        if not found:
            rows.append(Row((Cell("no command begins like this", Role.DIM),)))
        rows += [BLANK] * (_SHOWN - len(rows))
        meaning = found[min(self._chosen, len(found) - 1)][2] if found else ""
        told = [Row((Cell(line, Role.ACCENT),)) for line in wrap(meaning, columns)[:_MEANING_LINES]]
        return rows + told + [BLANK] * (_MEANING_LINES - len(told))

    def press(self, _button: str) -> None:
        """Run the line: as typed when it has an argument or is complete, else the marked suggestion."""
        typed = self.fields["line"].text.strip()
        found = self.suggestions()
        known = {entry[0] for entry in found}
        if found and typed.lower() not in known and (" " not in typed or typed.lower().startswith("block ")):
            suggestion = found[min(self._chosen, len(found) - 1)][0]
            if _has_argument(suggestion):
                self._complete()
                return
            typed = suggestion
        self.answer(typed)

    def change(self, field: Field) -> None:
        """Take over what was typed; the first suggestion is marked again."""
        self._chosen = 0
        super().change(field)

    def _key(self, key: str, character: str | None) -> None:
        if self.focus_name != "line":
            super()._key(key, character)
        elif key in {"up", "down"}:
            last = max(0, len(self.suggestions()) - 1)
            self._chosen = max(0, min(last, self._chosen + (1 if key == "down" else -1)))
        elif key == "tab":
            self._complete()
        elif key == "enter":
            self.press("run")
        else:
            super()._key(key, character)

    def _complete(self) -> None:
        found = self.suggestions()
        if found:
            text = found[min(self._chosen, len(found) - 1)][0]
            name = text.partition(" ")[0] + " " if _has_argument(text) else text
            self.change(Field("line", ":", name))

    def _suggestion(self, number: int, entry: tuple[str, str, str], columns: int) -> Row:
        text, key, meaning = entry
        cells = (
            Cell("\u25b8 " if number == self._chosen else "  ", Role.ACCENT),
            Cell(fit(text, _NAMES), Role.TITLE if number == self._chosen else Role.TEXT),
            Cell(fit(key, _KEYS), Role.KEY),
            Cell(fit(meaning, max(0, columns - _NAMES - _KEYS - 2)).rstrip(), Role.DIM),
        )
        return Row(cells)


def _has_argument(suggestion: str) -> bool:
    """Return whether a suggestion is a pattern with something still to type."""
    return any(suggestion == f"{name} {hint}" for name, hint, _ in ARGUMENTS + CHANGES)
