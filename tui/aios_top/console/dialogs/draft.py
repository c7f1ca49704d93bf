"""A draft of a policy's parameters: typed beside the running values, checked with every key."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field
from aios_top.model.draft import DraftCheck, changes, check_draft, parse_value
from aios_top.model.lint_facts import Facts
from aios_top.model.schema import described, shown
from aios_top.model.text import clean
from aios_top.render.cells import BLANK, Cell, Role, Row, clip, fit
from aios_top.render.wrap import labelled

_KEEP = Button("keep", "Keep")
_SEND = Button("send", "Send")
_BELOW = 7
"""Lines under the list at most, beside fields and buttons: what the value means, and what is wrong."""


class DraftWish(Struct, frozen=True):
    """The changed values, and whether they are to be sent now."""

    values: Mapping[str, Any]
    send: bool = False


class DraftDialog(Dialog[DraftWish]):
    """Answers with the draft; what is sent is planned by the engine and confirmed after this."""

    widest = 92

    def __init__(self, facts: Facts, values: Mapping[str, Any], *, writable: bool) -> None:
        """`facts` are those of the block as it runs, `values` the draft so far."""
        buttons = (self.CANCEL, _KEEP, _SEND) if writable else (self.CANCEL, _KEEP)
        block_id = facts.block.block_id
        super().__init__(f"Draft for the policy of {block_id}", fields=[Field("value", "draft")], buttons=buttons)
        self._facts = facts
        self._names = [name for name in facts.in_force if facts.has(name)]
        self._texts = {name: _typed(value) for name, value in values.items() if name in self._names}
        self._chosen = 0
        self._check = DraftCheck({})
        self._select(next((at for at, name in enumerate(self._names) if name in self._texts), 0))

    # -- what it holds

    @property
    def values(self) -> Mapping[str, Any]:
        """The values that differ from the running ones, as far as they can be read."""
        return changes(self._facts, self._read()[0])

    def _read(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the values that were typed, and what is no value."""
        values, problems = {}, {}
        for name, text in self._texts.items():
            try:
                values[name] = parse_value(text)
            except ValueError as error:
                problems[name] = str(error)
        return values, problems

    def _judge(self) -> None:
        values, problems = self._read()
        found = check_draft(self._facts, changes(self._facts, values))
        self._check = DraftCheck({**problems, **found.problems}, found.cautions, found.solves)

    def _select(self, at: int) -> None:
        self._chosen = max(0, min(at, len(self._names) - 1))
        text = self._texts.get(self._parameter, "")
        self.fields["value"] = Field("value", "draft", text, self._hint())
        self._judge()

    @property
    def _parameter(self) -> str:
        return self._names[self._chosen] if self._names else ""

    def _hint(self) -> str:
        return "empty: as it runs"

    # -- how it looks

    def body(self, columns: int) -> list[Row]:
        """Return the list around the chosen one, and below it what it means and what is wrong."""
        below = self._below(columns)
        room = max(3, self.app.size.height - 5 - len(below) - 1)
        first = max(0, min(self._chosen - room // 2, len(self._names) - room))
        listed = [self._line(at, columns) for at in range(first, min(first + room, len(self._names)))]
        return [self._head(columns), *listed, *below]

    def _head(self, columns: int) -> Row:
        last = len(self._names)
        return self._row(("PARAMETER", "RUNNING", f"DRAFT {self._chosen + 1}/{last}"), columns, Role.DIM)

    def _line(self, at: int, columns: int) -> Row:
        name = self._names[at]
        text = self._texts.get(name, "")
        role = Role.BAD if name in self._check.problems else Role.UP if text else Role.TEXT
        mark = "\u25b8 " if at == self._chosen else "  "
        running = shown(self._facts.in_force.get(name))
        return self._row((f"{mark}{clean(name, 60)}", running, clean(text, 60)), columns, role)

    def _row(self, texts: tuple[str, str, str], columns: int, role: Role) -> Row:
        name = min(43, columns - 26)
        cells = (Cell(f"{fit(texts[0], name - 1)} "), Cell(f"{fit(texts[1], 13)} ", Role.DIM), Cell(texts[2], role))
        return Row(clip(cells, columns))

    def _below(self, columns: int) -> list[Row]:
        schema = self._facts.schemas.get(self._parameter, {})
        meaning = schema.get("description")
        rows = [BLANK]
        if isinstance(meaning, str):
            rows += labelled("means", clean(meaning, 200), columns, Role.DIM)
        rows += labelled("takes", clean(described(schema), 200) if schema else "a value", columns, Role.DIM)
        for name, problem in self._check.problems.items():
            rows += labelled("wrong", f"{clean(name, 60)}: {clean(problem, 200)}", columns, Role.BAD)
        for finding in self._check.cautions:
            rows += labelled("brings", f"{finding.sentence} ({finding.code})", columns, Role.WARN)
        if self._check.solves:
            rows += labelled("ends", ", ".join(self._check.solves), columns, Role.OK)
        return rows[:_BELOW]

    # -- how it is used

    def problem(self) -> str:
        """Return whether something has to be corrected first."""
        wrong = len(self._check.problems)
        return "" if not wrong else "1 value is wrong" if wrong == 1 else f"{wrong} values are wrong"

    def press(self, button: str) -> None:
        """Keep the draft, or keep and send it."""
        self.answer(DraftWish(self.values, send=button == _SEND.name))

    def change(self, field: Field) -> None:
        """Take over what was typed and judge it at once."""
        super().change(field)
        if field.text.strip():
            self._texts[self._parameter] = field.text
        else:
            self._texts.pop(self._parameter, None)
        self._judge()

    def _key(self, key: str, character: str | None) -> None:
        steps = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10}
        if key in steps and self.focus_name == "value":
            self._select(self._chosen + steps[key])
        elif key == "enter" and self.focus_name == "value":
            self._select(self._chosen + 1)
        else:
            super()._key(key, character)


def _typed(value: Any) -> str:
    """Return a value as it would be typed."""
    return value if isinstance(value, str) else shown(value)
