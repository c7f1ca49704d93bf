"""What the lints found, as rows and as a JSON document."""

from collections.abc import Sequence

from aios_top.model.lint import Finding, Level, LintReport
from aios_top.model.text import clean
from aios_top.render.cells import Cell, Role, Row
from aios_top.render.document import Document
from aios_top.render.numbers import count
from aios_top.render.wrap import Breaking, labelled, wrap

ROLES = {Level.ERROR: Role.BAD, Level.WARNING: Role.WARN, Level.NOTE: Role.DIM}
_SIGNS = {Level.ERROR: "\u2717", Level.WARNING: "!", Level.NOTE: "\u00b7"}
_LIMIT = 4000
"""A command in it names every address that was given by an option of its own."""
_INDENT = 11


def lint_rows(report: LintReport, columns: int, *, brief: bool = False, breaking: Breaking = wrap) -> list[Row]:
    """Return the findings, the worst first; `brief` leaves out why they matter and what was not checked.

    `breaking` makes lines of what is to be done.
    """
    rows: list[Row] = []
    for finding in report.findings:
        rows += _finding(finding, columns)
        if not brief:
            rows += labelled("   why", clean(finding.why, _LIMIT), columns, Role.DIM, indent=_INDENT)
        rows += labelled("   do", clean(finding.advice, _LIMIT), columns, indent=_INDENT, breaking=breaking)
    if brief:
        return rows
    for entry in report.not_checked:
        rows += labelled(" not seen", clean(f"{entry.code}: {entry.why}", _LIMIT), columns, Role.DIM, indent=_INDENT)
    return rows


def lint_summary(report: LintReport) -> str:
    """Return how many findings of each level there are, e.g. "1 error, 3 warnings"."""
    counts = [count(report.count(level), level.value) for level in Level if report.count(level)]
    unseen = f"{count(len(report.not_checked), 'lint')} could not be checked" if report.not_checked else ""
    return "; ".join(part for part in (", ".join(counts) or "nothing found", unseen) if part)


def lint_document(reports: Sequence[LintReport]) -> Document:
    """Return the findings of several blocks as JSON."""
    return {"schema": 1, "blocks": [_document(report) for report in reports]}


def _finding(finding: Finding, columns: int) -> list[Row]:
    role = ROLES[finding.level]
    head = f" {_SIGNS[finding.level]} {finding.level.value}"
    lines = wrap(clean(f"{finding.sentence} ({finding.code})", _LIMIT), columns - _INDENT)
    first = Row((Cell(head.ljust(_INDENT), role), Cell(lines[0], role if finding.level is Level.ERROR else Role.TEXT)))
    return [first, *(Row((Cell(" " * _INDENT), Cell(line))) for line in lines[1:])]


def _document(report: LintReport) -> Document:
    return {
        "block_id": report.block_id,
        "counts": {level.value: report.count(level) for level in Level},
        "findings": [
            {
                "code": finding.code,
                "level": finding.level.value,
                "sentence": finding.sentence,
                "why": finding.why,
                "advice": finding.advice,
            }
            for finding in report.findings
        ],
        "not_checked": [{"code": entry.code, "why": entry.why} for entry in report.not_checked],
    }
