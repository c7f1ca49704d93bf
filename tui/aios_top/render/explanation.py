"""One decision explained: sentence, countdown, tree of comparisons, margins, instances, who goes, conditions."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from aios_top.model.decision import Decision, InstanceInput, Origin
from aios_top.model.explain import unit_of
from aios_top.model.explanation import Explanation, Margin, Match, Stage
from aios_top.model.span import age
from aios_top.render.cells import BLANK, Cell, Role, Row, clip, columns_of, fit, row
from aios_top.render.decisions import badge_of, step_text
from aios_top.render.numbers import amount, clock, percent
from aios_top.render.why import (
    candidate_text,
    comparison_text,
    exact,
    follow_up,
    origin_sentence,
    outlook_sentence,
    sentence,
)
from aios_top.render.wrap import labelled, wrap

_LABEL = 10
_TWO_COLUMNS = 140
"""From here on the comparisons stand beside what they were made of."""
_GAP = 3
_WIDE, _NARROW = 60, 35
"""Columns of an instance's line beside its name, with rates and queue and without."""
_MATCHES = {Match.SAME: Role.OK, Match.DIFFERS: Role.BAD, Match.NOT_VERIFIABLE: Role.DIM}
_MARKS = {True: ("\u2713", Role.OK), False: ("\u2717", Role.DIM), None: ("\u00b7", Role.DIM)}


def explanation_rows(explanation: Explanation, columns: int) -> list[Row]:
    """Return the whole explanation in rows of at most `columns` columns, what matters most first."""
    decision = explanation.decision
    top = [
        _head(decision, columns),
        *(row(Cell(line, Role.LOUD)) for line in wrap(sentence(explanation), columns)),
        *_outlook(explanation, columns),
        *_follow_up(decision, columns),
        *_sources(explanation, columns),
    ]
    if columns < _TWO_COLUMNS:
        return [*top, *_rules(explanation, columns), *_seen(explanation, columns)]
    half = (columns - _GAP) // 2
    return [*top, *_beside(_rules(explanation, half), _seen(explanation, half), half)]


def _rules(explanation: Explanation, columns: int) -> list[Row]:
    if not explanation.stages:
        return []
    stages = [line for stage in explanation.stages for line in _stage_rows(stage, columns)]
    title = _title("Comparisons", unit_of(explanation.decision))
    return [BLANK, title, *stages, *_margins(explanation, columns)]


def _seen(explanation: Explanation, columns: int) -> list[Row]:
    return [
        *_instances(explanation, columns),
        *_candidate(explanation, columns),
        *_conditions(explanation, columns),
    ]


def _beside(left: Sequence[Row], right: Sequence[Row], columns: int) -> list[Row]:
    """Put two columns of rows side by side."""
    pairs = zip_longest((clip(line.cells, columns) for line in left), (line.cells for line in right), fillvalue=())
    return [Row((*cells, Cell(" " * (columns + _GAP - columns_of(cells))), *others)) for cells, others in pairs]


def _head(decision: Decision, columns: int) -> Row:
    badge = badge_of(decision)
    about = "~" if decision.origin is Origin.INFERRED else ""
    number = "" if decision.seq is None else f"  decision {decision.seq}"
    cells = (
        Cell(clock(decision.at), Role.DIM),
        Cell(f" {about}{badge.text} ", badge.role),
        Cell(step_text(decision), badge.role),
        Cell(f"  {decision.code}{number}", Role.DIM),
    )
    return Row(cells) if columns_of(cells) <= columns else Row(cells[:-1])


def _outlook(explanation: Explanation, columns: int) -> list[Row]:
    if explanation.outlook is None:
        return []
    return labelled("next", outlook_sentence(explanation.outlook), columns, Role.ACCENT, indent=_LABEL)


def _follow_up(decision: Decision, columns: int) -> list[Row]:
    text = follow_up(decision)
    role = Role.BAD if decision.confirmation == "timed_out" else Role.TEXT
    return labelled("then", text, columns, role, indent=_LABEL) if text else []


def _sources(explanation: Explanation, columns: int) -> list[Row]:
    role = Role.WARN if explanation.origin is Origin.INFERRED else Role.DIM
    rows = labelled("source", origin_sentence(explanation), columns, role, indent=_LABEL)
    again = explanation.reevaluation
    if again is not None:
        text = f"{again.match}: {again.note}" if again.note else f"same result with {explanation.file_name}"
        rows += labelled("verified", text, columns, _MATCHES[again.match], indent=_LABEL)
    elif explanation.file_problem is not None:
        text = f"no: {explanation.file_name} cannot be run: {explanation.file_problem}"
        rows += labelled("verified", text, columns, Role.WARN, indent=_LABEL)
    return [*rows, *labelled("said", explanation.decision.reason or "nothing", columns, Role.DIM, indent=_LABEL)]


def _title(text: str, note: str = "") -> Row:
    return row(Cell(text, Role.TITLE), Cell(f"  {note}" if note else "", Role.DIM))


def _stage_rows(stage: Stage, columns: int) -> list[Row]:
    """Return one stage: its mark, its name, its comparisons; the one that decided is pointed at."""
    mark, role = _MARKS[stage.met]
    pointer = Cell("\u25b8" if stage.decided else " ", Role.ACCENT)
    texts = [comparison_text(pair) for pair in stage.comparisons]
    joined = f" {'or' if stage.together == 'any' and stage.met is not False else 'and'} ".join(texts)
    words = "; ".join(part for part in (joined, stage.note) if part) or "not asked"
    name = fit(stage.name.value, _LABEL)
    lines = wrap(words, columns - _LABEL - 5)
    text_role = Role.LOUD if stage.decided else Role.TEXT if stage.met is not None else Role.DIM
    head = Row((pointer, Cell(f" {mark} ", role), Cell(f"{name} ", Role.DIM), Cell(lines[0], text_role)))
    return [head, *(row(Cell(" " * (_LABEL + 5)), Cell(line, text_role)) for line in lines[1:])]


def _margins(explanation: Explanation, columns: int) -> list[Row]:
    rows = [_margin(margin, columns) for margin in explanation.margins if margin.value is not None]
    return [BLANK, _title("Margins", "down |  up |"), *rows] if rows else []


def _margin(margin: Margin, columns: int) -> Row:
    """Draw a figure as a bar with both of its limits on it."""
    tail = f" {exact(margin.value)}  {percent(margin.value, margin.up)} of up {amount(margin.up)}"
    tail += f", down {amount(margin.down)}"
    room = max(8, columns - 8 - len(tail))
    return row(Cell(fit(margin.name, 7)), *_scale(margin, room), Cell(tail))


def _scale(margin: Margin, columns: int) -> Iterable[Cell]:
    """Return the bar: its length is the figure, `|` stands at each limit, the up limit at two thirds."""
    up = margin.up if margin.up and margin.up > 0 else None
    if up is None or margin.value is None:
        return (Cell("\u00b7" * columns, Role.DIM),)
    place = columns * 2 // 3
    filled = min(columns, round(place * margin.value / up))
    marks = {place} | ({round(place * margin.down / up)} if margin.down is not None else set())
    role = Role.UP if margin.value > up else Role.ACCENT
    return [
        Cell("|", Role.WARN) if at in marks else Cell("\u2588" if at < filled else " ", role) for at in range(columns)
    ]


def _instances(explanation: Explanation, columns: int) -> list[Row]:
    if not explanation.instances:
        return []
    wide = columns >= _WIDE + 10
    longest = max(len(entry.instance_id) for entry in explanation.instances)
    names = max(10, min(24, longest, columns - (_WIDE if wide else _NARROW)))
    head = f"{'INSTANCE':<{names}} {'IN/req':>7} {'OUT/req':>7}"
    head += f" {'IN/min':>6} {'OUT/min':>7} {'Q':>4} {'SESS':>4}" if wide else ""
    candidate = explanation.candidate
    goes = {candidate.instance_id, *candidate.more} if candidate else set()
    mark = "  \u2190 goes" if candidate and candidate.removed else "  \u2190 first"
    return [
        BLANK,
        _title("Instances", f"as the decision saw them, {len(explanation.instances)}"),
        row(Cell(f"{head} {'AGE':>5}  STATUS", Role.DIM)),
        *(
            Row(clip(_instance(entry, names, wide=wide, mark=mark if entry.instance_id in goes else ""), columns))
            for entry in explanation.instances
        ),
    ]


def _instance(entry: InstanceInput, names: int, *, wide: bool, mark: str) -> tuple[Cell, ...]:
    text = f"{fit(entry.instance_id, names)} {_size(entry.input_size):>7} {_size(entry.output_size):>7}"
    if wide:
        text += f" {amount(entry.input_rate):>6} {amount(entry.output_rate):>7}"
        text += f" {amount(entry.queue):>4} {amount(entry.sessions):>4}"
    text += f" {age(entry.age_seconds):>5}  {entry.status or ''}"
    return Cell(text, Role.TEXT if entry.status in {None, "ok"} else Role.WARN), Cell(mark, Role.DOWN)


def _size(value: float | None) -> str:
    """Return a size exactly where its column has room for that."""
    text = exact(value)
    return text if len(text) <= 7 else amount(value)


def _candidate(explanation: Explanation, columns: int) -> list[Row]:
    candidate = explanation.candidate
    if candidate is None:
        return []
    return labelled("victim", candidate_text(candidate), columns, Role.TEXT, indent=_LABEL)


def _conditions(explanation: Explanation, columns: int) -> list[Row]:
    if not explanation.conditions:
        return []
    rows = [BLANK, _title("Conditions", "as Kubernetes' autoscaler names them")]
    for entry in explanation.conditions:
        since = "" if entry.since is None else f" since {clock(entry.since)}"
        rows += labelled(f"  {entry.kind}", f"{entry.status} {entry.reason}{since}", columns, indent=18)
    return rows


def explanation_lines(explanation: Explanation, columns: int) -> list[str]:
    """Return the explanation as plain text."""
    return ["".join(cell.text for cell in line.cells).rstrip() for line in explanation_rows(explanation, columns)]
