"""The base of all dialogs: a frame with a title, lines that scroll, fields, and buttons; keyboard first.

Nothing here is a Textual input widget: their text is parsed for markup or written to the terminal as it comes, and
their blinking cursors cost bytes on a slow line. A dialog is drawn like every panel, from rows of cells.
"""

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from aios_top.console.dialogs.field import Field
from aios_top.console.updates import ThriftyScreen
from aios_top.console.widgets.lines import Lines
from aios_top.model.text import clean
from aios_top.render.cells import Cell, Role, Row, clip, columns_of, fit, width
from aios_top.render.wrap import wrap

T = TypeVar("T")

_FRAME_COLUMNS = 4
"""Two for the frame, two for the space beside it."""
_CORNER_COLUMNS = 6
"""What the frame's first line has beside the title."""
_LONGEST_TITLE = 600
_LEAST_LINES = 7
"""A dialog has at least these, also beside a long message."""
_NARROWEST_FIELD = 24
"""Columns of a field below which its label stands above it."""

_READING = {
    "j": "down", "k": "up", "space": "pagedown", "b": "pageup", "g": "home", "G": "end", "home": "home", "end": "end",
}  # fmt: skip
"""Keys that move a page on which there is nothing to type."""


class Button(Struct, frozen=True):
    """A way to end the dialog."""

    name: str
    label: str
    key: str = ""
    """The key that presses it while no field is being typed in."""


class Box(Lines):
    """The dialog's rectangle."""

    DEFAULT_CSS = "Box { width: auto; height: auto; }"


class Dialog(ThriftyScreen[T], ModalScreen[T], Generic[T]):
    """A question; `press` gives its answer. Escape and ctrl-c always dismiss it without one."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: transparent; }
    """
    CANCEL = Button("cancel", "Cancel", "n")
    widest: ClassVar[int] = 100

    def __init__(
        self, title: str, *, fields: Sequence[Field] = (), buttons: Sequence[Button] = (CANCEL,), focus: str = ""
    ) -> None:
        super().__init__()
        self.heading = clean(title, _LONGEST_TITLE)
        self.fields = {field.name: replace(field, proposed=bool(field.text)) for field in fields}
        self.buttons = tuple(buttons)
        self.focus_name = focus or (fields[0].name if fields else self.buttons[0].name)
        self.top = 0
        self._room = 1
        self._length = 0
        self._answered = False
        self._kept_free = 0

    # -- what subclasses say

    def body(self, columns: int) -> list[Row]:
        """Return the lines between the title and the fields."""
        raise NotImplementedError

    def press(self, button: str) -> None:
        """Do what a button is for; end with `answer`."""
        raise NotImplementedError

    def problem(self) -> str:
        """Return why the dialog cannot go on yet, empty when it can."""
        return ""

    # -- how it ends

    def answer(self, value: T | None) -> None:
        """End with an answer, once: a second enter of an impatient hand must not count."""
        if not self._answered:
            self._answered = True
            self.dismiss(value)

    # -- how it is drawn

    def compose(self) -> ComposeResult:
        """Put the box on the screen."""
        yield Box()

    def on_mount(self) -> None:
        """Draw."""
        self.draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Draw for the new size."""
        self.draw()

    def make_way(self, lines: int) -> None:
        """Stand above a short message, which covered buttons and what is typed."""
        if lines != self._kept_free:
            self._kept_free = lines
            if self.is_mounted:
                self.draw()

    def draw(self) -> None:
        """Make all rows and fit the box around them."""
        box = self.query_one(Box)
        height = self.app.size.height
        free = max(height - self._kept_free, min(height, _LEAST_LINES))
        columns = max(20, min(self.widest, self.app.size.width - 2))
        inner = columns - _FRAME_COLUMNS
        head = self._heading_rows(columns)
        body, tail = self.body(inner), [*self._field_rows(inner), *self._end_rows(inner)]
        if len(head) > free // 4:
            head, body = [], [*head, *body]
        self._room = max(1, free - 2 - len(head) - len(tail))
        self._length = len(body)
        self.top = max(0, min(self.top, self._length - self._room))
        shown = body[self.top : self.top + self._room]
        rows = [self._edge("\u250c", "" if self._heading_rows(columns) else self.heading, "\u2510", columns)]
        rows += [_framed(row, inner) for row in (*head, *shown, *tail)]
        rows.append(self._edge("\u2514", self._scroll_hint(), "\u2518", columns))
        box.styles.width, box.styles.height = columns, len(rows)
        centred = (height - len(rows)) // 2
        box.styles.offset = (0, min(0, max(0, free - len(rows)) - centred))
        box.paint(rows)
        box.refresh()

    def _heading_rows(self, columns: int) -> list[Row]:
        """Return the lines of a title that is too long for the frame, none for one that stands in it."""
        if width(self.heading) <= columns - _CORNER_COLUMNS:
            return []
        return [Row((Cell(line, Role.TITLE),)) for line in wrap(self.heading, columns - _FRAME_COLUMNS)]

    def _edge(self, left: str, text: str, right: str, columns: int) -> Row:
        label = f" {fit(text, min(width(text), columns - _CORNER_COLUMNS))} " if text else ""
        line = "\u2500" * (columns - 3 - width(label))
        return Row((Cell(f"{left}\u2500", Role.FRAME), Cell(label, Role.TITLE), Cell(f"{line}{right}", Role.FRAME)))

    def _scroll_hint(self) -> str:
        below = self._length - self.top - self._room
        if below > 0:
            return f"\u2193 {below} more lines: pgdn"
        return f"\u2191 {self.top} more lines: pgup" if self.top else ""

    def _field_rows(self, columns: int) -> list[Row]:
        labels = max((width(field.label) for field in self.fields.values()), default=0)
        above = labels + _NARROWEST_FIELD > columns
        labels = 0 if above else labels
        rows = []
        for field in self.fields.values():
            focused = field.name == self.focus_name
            role = Role.TITLE if focused else Role.TEXT
            if above:
                rows += [Row((Cell(line, role),)) for line in wrap(field.label, columns)]
            hint = f"  {field.hint}" if field.hint and width(field.hint) < columns // 2 else ""
            room = columns - labels - 3 - width(hint)
            mark = Cell("\u25b8 " if focused else "  ", Role.ACCENT)
            label = Cell("" if above else fit(field.label, labels) + " ", role)
            rows.append(Row((mark, label, *field.cells(room, focused=focused), Cell(hint, Role.DIM))))
        return rows

    def _end_rows(self, columns: int) -> list[Row]:
        cells: list[Cell] = []
        for button in self.buttons:
            focused = button.name == self.focus_name
            key = f" {button.key}" if button.key and not self.fields else ""
            text = f"[{button.label}{key}]" if not focused else f"\u25b8{button.label}{key}\u25c2"
            cells += [Cell(text, Role.LOUD if focused else Role.TEXT), Cell("  ")]
        why = self.problem()
        if why:
            cells.append(Cell(why, Role.WARN))
        return [Row(clip(cells, columns))]

    # -- keys

    def on_key(self, event: events.Key) -> None:
        """Every key ends here: none reaches the views behind."""
        event.stop()
        event.prevent_default()
        self._key(event.key, event.character)
        if not self._answered:
            self.draw()

    def on_paste(self, event: events.Paste) -> None:
        """Put a paste into the field that is being typed in, and nowhere else."""
        event.stop()
        event.prevent_default()
        field = self.fields.get(self.focus_name)
        if field is not None:
            self.change(field.pasted(event.text))
            self.draw()

    def change(self, field: Field) -> None:
        """Take over what was typed."""
        self.fields[field.name] = field

    def _key(self, key: str, character: str | None) -> None:
        field = self.fields.get(self.focus_name)
        match key:
            case "escape" | "ctrl+c":
                self.answer(None)
            case "enter":
                self._enter()
            case "tab" | "shift+tab":
                self._move(1 if key == "tab" else -1)
            case "up" | "down" if self.fields:
                self._move(1 if key == "down" else -1)
            case "up" | "down" | "pageup" | "pagedown":
                self._scroll(key)
            case _ if not self.fields and key in _READING and all(button.key != key for button in self.buttons):
                self._scroll(_READING[key])
            case _ if field is not None:
                changed = field.typed(key, character)
                if changed is not None:
                    self.change(changed)
            case "left" | "right":
                self._move(1 if key == "right" else -1)
            case "q" if all(button.key != "q" for button in self.buttons):
                self.answer(None)
            case _:
                self._shortcut(key)

    def _enter(self) -> None:
        if self.focus_name not in self.fields:
            self._press(self.focus_name)
        elif self.focus_name != list(self.fields)[-1]:
            self._move(1)
        elif not self.problem():
            self.focus_name = self.buttons[-1].name

    def _press(self, button: str) -> None:
        if button == self.CANCEL.name:
            self.answer(None)
        elif not self.problem():
            self.press(button)

    def _shortcut(self, key: str) -> None:
        pressed = next((button for button in self.buttons if button.key == key), None)
        if pressed is not None and not self.fields:
            self._press(pressed.name)

    def _move(self, step: int) -> None:
        names = [*self.fields, *(button.name for button in self.buttons)]
        self.focus_name = names[(names.index(self.focus_name) + step) % len(names)]

    def _scroll(self, key: str) -> None:
        room, length = self._room, self._length
        steps = {"up": -1, "down": 1, "pageup": -room, "pagedown": room, "home": -length, "end": length}
        step = steps[key]
        self.top = max(0, min(self.top + step, self._length - self._room))


def _framed(row: Row, columns: int) -> Row:
    """Return a row between the two sides of the frame."""
    cells = clip(row.cells, columns)
    space = " " * (columns - columns_of(cells))
    return Row((Cell("\u2502 ", Role.FRAME), *cells, Cell(space), Cell(" \u2502", Role.FRAME)))
