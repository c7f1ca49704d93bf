"""The parameters of a policy: what runs, what is declared, who overrides whom, and a draft beside it."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from aios_top.model.draft import same
from aios_top.model.lint_facts import READ_SETTINGS, Facts
from aios_top.model.policy_state import Voice
from aios_top.model.schema import shown
from aios_top.model.span import length
from aios_top.model.text import clean
from aios_top.render.cells import Cell, Role, Row, clip, fit, row, ruled
from aios_top.render.wrap import labelled

_FROM_COLUMNS = 9
_LONGEST_NAME = 40


class _Line(Struct, frozen=True):
    """One name with its values as text; empty where there is none."""

    name: str
    running: str
    origin: str
    block: str = ""
    registry: str = ""
    draft: str = ""
    overridden: bool = False
    """The registry's value stands where the block gives another one."""
    ignored: bool = False


def parameter_rows(facts: Facts, draft: Mapping[str, Any], columns: int) -> list[Row]:
    """Return the table under its rule; with a draft its column takes the place of the declared ones."""
    if facts.bound is None:
        return []
    lines = list(_lines(facts, draft))
    widths = _Widths(lines, columns, drafted=bool(draft))
    rows = [ruled(_title(facts, draft), columns), widths.head()]
    rows += [row for line in lines for row in (widths.row(line), *_remarks(facts, line, columns))]
    return rows


def _title(facts: Facts, draft: Mapping[str, Any]) -> tuple[Cell, Cell]:
    told, total = facts.block.parameters, facts.block.cooldown.total_seconds
    if told is None:
        note = "  nothing proves that they are in force: ~"
        return Cell("parameters as declared", Role.TITLE), Cell(note, Role.WARN)
    if draft:
        note = f"  draft of {len(draft)}: e edits, d compares, U sends"
        return Cell("parameters in force", Role.TITLE), Cell(note, Role.UP)
    cooldown = "" if total is None else f", cooldown {length(total)}"
    title = "parameters in force, as the policy tells"
    return Cell(title, Role.TITLE), Cell(f"  generation {told.generation}{cooldown}", Role.DIM)


def _lines(facts: Facts, draft: Mapping[str, Any]) -> Iterator[_Line]:
    """Yield what somebody gave, the settings, what nothing reads, and last what is as it comes."""
    lines = [_parameter(facts, name, draft) for name in facts.in_force if facts.known is None or facts.has(name)]
    given = [line for line in lines if line.origin != "default" or line.draft]
    yield from (*given, *_settings(facts), *_ignored(facts))
    yield from (line for line in lines if line not in given)


def _parameter(facts: Facts, name: str, draft: Mapping[str, Any]) -> _Line:
    own, over = facts.bound.parameters if facts.bound else {}, facts.overlay
    told = facts.block.parameters
    running = facts.in_force.get(name)
    return _Line(
        name,
        shown(running) if told is not None else f"~{shown(running)}",
        _origin(facts, name),
        shown(own[name]) if name in own else "",
        shown(over[name]) if name in over else "",
        shown(draft[name]) if name in draft else "",
        overridden=name in own and name in over and not same(own[name], over[name]),
    )


def _origin(facts: Facts, name: str) -> str:
    """Return where a value comes from; `given` of the policy is the block's or the registry's, the records tell."""
    told = facts.block.parameters
    source = "" if told is None else str(told.source.get(name, ""))
    if source not in {"", "given"}:
        return clean(source, 20)
    if name in facts.overlay:
        return "registry"
    return "block" if name in (facts.bound.parameters if facts.bound else {}) else source or "default"


def _settings(facts: Facts) -> Iterator[_Line]:
    own = facts.bound.settings if facts.bound else {}
    over = facts.registered[0].settings if facts.registered else {}
    for name in sorted(READ_SETTINGS):
        given = "registry" if name in over else "block" if name in own else "default"
        observed = facts.block.policy.interval_seconds if facts.block.policy.voice is Voice.FULL else None
        running = shown(facts.settings[name]) if name in facts.settings else f"{facts.interval_seconds:g}"
        yield _Line(
            f"{name} (setting)",
            running if observed is None or given != "default" else f"{observed:g}",
            given,
            shown(own[name]) if name in own else "",
            shown(over[name]) if name in over else "",
            overridden=name in own and name in over and not same(own[name], over[name]),
        )


def _ignored(facts: Facts) -> Iterator[_Line]:
    told = facts.block.parameters
    if told is not None:
        parameters, settings = list(told.unknown), list(told.unused_settings)
    else:
        parameters = [] if facts.known is None else [name for name in facts.declared if name not in facts.known]
        settings = sorted(facts.settings.keys() - READ_SETTINGS)
    for name in parameters:
        yield _Line(str(name), "ignored", "block", shown(facts.declared.get(name)), ignored=True)
    for name in settings:
        yield _Line(f"{name} (setting)", "ignored", "block", shown(facts.settings.get(name)), ignored=True)


def _remarks(facts: Facts, line: _Line, columns: int) -> list[Row]:
    """Return what has to be said below a line: who overrides it, and what the policy refuses about it."""
    rows: list[Row] = []
    if line.overridden:
        text = f"the registry's {line.registry} overrides the block's {line.block}"
        rows += labelled("   !", text, columns, Role.WARN, indent=5)
    problem = None if facts.block.parameters is None else facts.block.parameters.errors.get(line.name)
    if problem:
        rows += labelled("   \u2717", clean(str(problem), 300), columns, Role.BAD, indent=5)
    return rows


class _Widths:
    """The columns of the table, as wide as its names and values need."""

    def __init__(self, lines: list[_Line], columns: int, *, drafted: bool) -> None:
        self._columns = columns
        self._drafted = drafted
        self._name = min(_LONGEST_NAME, max((len(line.name) for line in lines), default=9) + 1)
        rest = max(20, columns - 1 - self._name - _FROM_COLUMNS)
        self._value = min(16, max(13, rest // 2))
        self._other = rest - self._value

    def head(self) -> Row:
        """Return the names of the columns."""
        names = ["PARAMETER", "RUNNING", "DRAFT" if self._drafted else "BLOCK", "FROM"]
        return self._made([Cell(name, Role.DIM) for name in names])

    def row(self, line: _Line) -> Row:
        """Return one line of the table."""
        quiet = line.origin == "default" and not line.draft
        running = Role.WARN if line.ignored else Role.DIM if quiet else Role.ACCENT
        given = Cell(line.block, Role.DIM if line.overridden else Role.TEXT)
        if self._drafted:
            given = Cell(f"{line.draft} *" if line.draft else "", Role.UP)
        loud = line.overridden or line.origin == "runtime"
        return self._made(
            [
                Cell(clean(line.name, 80), Role.DIM if quiet or line.ignored else Role.TEXT),
                Cell(line.running, running),
                given,
                Cell(line.origin, Role.WARN if loud else Role.DIM),
            ]
        )

    def _made(self, cells: list[Cell]) -> Row:
        sizes = (self._name, self._value, self._other, _FROM_COLUMNS)
        fitted = [Cell(fit(cell.text, size - 1) + " ", cell.role) for cell, size in zip(cells, sizes, strict=True)]
        return row(*clip((Cell(" "), *fitted), self._columns))
