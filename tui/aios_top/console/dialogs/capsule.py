"""Asks which part of the past is handed over, and tells how to open what was written."""

from datetime import UTC, datetime
from shlex import quote

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.console.dialogs.field import Field, typed_path
from aios_top.model.capsule import CapsuleWish, CapsuleWritten, capsule_name
from aios_top.model.when import WhenError, moment_of
from aios_top.render.cells import BLANK, Cell, Role, Row, row
from aios_top.render.timebar import dated, size
from aios_top.render.wrap import labelled, wrap

BEFORE_SECONDS = 900.0
AFTER_SECONDS = 300.0
_WHAT = (
    "one file with the recording of that time, the policies' code and parameters, what operators did, findings and "
    "versions; it opens in aios-top anywhere. Secrets are never in it"
)
_YES_OR_NO = {"yes": True, "y": True, "no": False, "n": False, "": False}


class CapsuleDialog(Dialog[CapsuleWish]):
    """Proposes a quarter of an hour up to the moment on the screen, and what followed it."""

    widest = 78

    def __init__(self, context: str, at: float, span: tuple[float, float]) -> None:
        """`at` is the moment on the screen, `span` the first and last recorded one, unix seconds."""
        self._whose = context
        self._span = first, last = span
        begin, end = max(first, at - BEFORE_SECONDS), min(last, at + AFTER_SECONDS)
        super().__init__(
            "Hand over what happened",
            fields=[
                Field("from", "from", _typed(begin), '"20m ago", 14:02, a date and time'),
                Field("to", "to", _typed(end)),
                Field("redact", "without names", "no", "yes or no: blocks, instances, hosts, people"),
                Field("note", "note"),
                Field("file", "file", capsule_name(context, _for_a_name(end))),
            ],
            buttons=(self.CANCEL, Button("write", "Write")),
        )
        # What is proposed may lie half a second beside what can be typed: the proposal means the exact moments.
        self._proposed = {_typed(begin): begin, _typed(end): end}

    def body(self, columns: int) -> list[Row]:
        """Return what a capsule is, and what there is to choose from."""
        first, last = self._span
        told = f"{dated(first, last)} to {dated(last, last)}"
        return [*labelled("capsule", _WHAT, columns, indent=10), *labelled("recorded", told, columns, indent=10), BLANK]

    def problem(self) -> str:
        """Return what is wrong with the fields."""
        try:
            start, end = self._moment("from"), self._moment("to")
        except WhenError as error:
            return str(error)
        first, last = self._span
        if start > end:
            return "from is later than to"
        if end < first or start > last:
            return "nothing was recorded in that time"
        if self._redacts() is None:
            return "without names: yes or no"
        return "" if self.fields["file"].text.strip() else "file: a name for it"

    def change(self, field: Field) -> None:
        """Take over what was typed; a file that goes without names does not get that of the context."""
        super().change(field)
        file = self.fields["file"]
        if field.name == "redact" and file.proposed:
            name = "" if self._redacts() else self._whose
            self.fields["file"] = Field(
                file.name, file.label, capsule_name(name, _for_a_name(self._end())), proposed=True
            )

    def press(self, _button: str) -> None:
        """Write it."""
        path = typed_path(self.fields["file"].text)
        note = self.fields["note"].text.strip()
        self.answer(CapsuleWish(self._moment("from"), self._moment("to"), path, bool(self._redacts()), note))

    def _end(self) -> float:
        try:
            return self._moment("to")
        except WhenError:
            return self._span[1]

    def _moment(self, name: str) -> float:
        text = self.fields[name].text.strip()
        return self._proposed.get(text) or moment_of(text, self._span[1], ends=name == "to")

    def _redacts(self) -> bool | None:
        return _YES_OR_NO.get(self.fields["redact"].text.strip().lower())


class WrittenDialog(Dialog[bool]):
    """Where it is, and what whoever gets it types."""

    widest = 100

    def __init__(self, written: CapsuleWritten) -> None:
        super().__init__("Handed over", buttons=(Button("close", "Close", "q"),))
        self._written = written

    def body(self, columns: int) -> list[Row]:
        """Return path, size and the commands."""
        written = self._written
        what = f"{size(written.bytes)}, {dated(written.start, written.end)} to {dated(written.end, written.end)}"
        rows = [*labelled("file", written.path, columns), *labelled("holds", what, columns)]
        for told in written.without_code:
            rows += labelled("without", f"the code of {told}", columns)
        rows += [BLANK, row(Cell("To open it, here or anywhere else:", Role.DIM))]
        for command in ("replay", "report"):
            rows += [row(Cell(f"  {line}")) for line in wrap(f"aios-top {command} {quote(written.path)}", columns - 2)]
        return rows

    def press(self, _button: str) -> None:
        """Close."""
        self.answer(True)


def _typed(at: float) -> str:
    """Return a moment as it could be typed, in the operator's time zone."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _for_a_name(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
