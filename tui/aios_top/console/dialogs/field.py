"""One line of text being typed."""

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from aios_top.render.cells import Cell, Role, width

LENGTH_LIMIT = 1000
"""A pasted megabyte is cut here."""


class Field(Struct, frozen=True):
    """A labelled line of text with a cursor; a key makes a new one."""

    name: str
    label: str
    text: str = ""
    hint: str = ""
    """What may be typed, shown behind the field."""
    cursor: int = -1
    """Index of the character under the cursor; -1 is behind the last."""
    proposed: bool = False
    """The text is a proposal: what is typed or pasted first takes its place, a key that moves keeps it."""

    @property
    def at(self) -> int:
        """The cursor as an index from 0 to the length of the text."""
        return len(self.text) if self.cursor < 0 else min(self.cursor, len(self.text))

    def typed(self, key: str, character: str | None) -> "Field | None":
        """Return the field after a key, None when the key is none of its."""
        if self.proposed:
            return self._decided(key, character)
        match key:
            case "backspace" | "ctrl+h":
                return self._with(self.text[: max(0, self.at - 1)] + self.text[self.at :], self.at - 1)
            case "delete":
                return self._with(self.text[: self.at] + self.text[self.at + 1 :], self.at)
            case "left":
                return replace(self, cursor=max(0, self.at - 1))
            case "right":
                return replace(self, cursor=min(len(self.text), self.at + 1))
            case "home" | "ctrl+a":
                return replace(self, cursor=0)
            case "end" | "ctrl+e":
                return replace(self, cursor=-1)
            case "ctrl+u":
                return self._with(self.text[self.at :], 0)
            case "ctrl+w":
                kept = self.text[: self.at].rstrip().rpartition(" ")
                head = kept[0] + kept[1]
                return self._with(head + self.text[self.at :], len(head))
        if character is None or not character.isprintable():
            return None
        return self.pasted(character)

    def _decided(self, key: str, character: str | None) -> "Field | None":
        """Return the field after the first key on a proposal: erased, replaced, or kept to be edited."""
        if key in {"backspace", "ctrl+h", "delete", "ctrl+u", "ctrl+w"}:
            return self._with("", 0)
        if character is not None and character.isprintable():
            return self.pasted(character)
        return replace(self, proposed=False).typed(key, character)

    def pasted(self, text: str) -> "Field":
        """Return the field with the first line of `text` put in at the cursor, or in place of a proposal."""
        if self.proposed:
            return self._with("", 0).pasted(text)
        line = "".join(character for character in (text.splitlines() or [""])[0] if character.isprintable())
        line = line[: max(0, LENGTH_LIMIT - len(self.text))]
        return self._with(self.text[: self.at] + line + self.text[self.at :], self.at + len(line))

    def _with(self, text: str, at: int) -> "Field":
        at = max(0, at)
        return replace(self, text=text, cursor=-1 if at >= len(text) else at, proposed=False)

    def cells(self, columns: int, *, focused: bool) -> tuple[Cell, ...]:
        """Return the text in exactly `columns` columns, scrolled so that the cursor is visible."""
        columns = max(1, columns)
        start = 0
        while width(self.text[start : self.at]) > columns - 1:
            start += 1
        shown = self.text[start:]
        while shown and width(shown) > columns - (1 if self.at == len(self.text) else 0):
            shown = shown[:-1]
        space = " " * max(0, columns - width(shown))
        if not focused:
            return (Cell(shown + space, Role.TEXT),)
        if self.proposed:
            return (Cell(shown, Role.LOUD), Cell(space, Role.ACCENT))
        under = self.at - start
        line = shown + space
        return (
            Cell(line[:under], Role.ACCENT),
            Cell(line[under : under + 1] or " ", Role.LOUD),
            Cell(line[under + 1 :], Role.ACCENT),
        )


def typed_path(text: str) -> str:
    """Return a path as typed, with `~` as the home folder where there is one."""
    typed = text.strip()
    try:
        return str(Path(typed).expanduser())
    except RuntimeError:  # `~nobody`
        return typed
