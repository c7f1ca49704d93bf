"""A simulation or a what-if on the screen: its progress, then its result."""

from aios_top.model.tryout import Tryout, TryoutPhase
from aios_top.render.cells import Cell, Role, Row, row
from aios_top.render.simulation import compare_lines, report_lines
from aios_top.render.what_if import what_if_lines
from aios_top.render.wrap import COLUMNS, wrap

_BAR = 40


def tryout_rows(tryout: Tryout | None, columns: int) -> list[Row]:
    """Return what there is to read."""
    if tryout is None:
        return [row(Cell("Nothing has been tried out yet.", Role.DIM))]
    match tryout.phase:
        case TryoutPhase.RUNNING:
            filled = int(_BAR * tryout.share)
            bar = "■" * filled + "·" * (_BAR - filled)
            return [row(Cell(bar, Role.ACCENT), Cell(f" {100 * tryout.share:.0f}%"))]
        case TryoutPhase.STOPPED:
            return [row(Cell("Stopped; it has no result.", Role.WARN))]
        case TryoutPhase.FAILED:
            return [row(Cell(line, Role.BAD)) for line in wrap(tryout.problem, columns)]
        case TryoutPhase.DONE:
            return [row(Cell(line, _role(line))) for line in _lines(tryout, min(columns, COLUMNS))]


def _lines(tryout: Tryout, columns: int) -> list[str]:
    if tryout.answer is not None:
        return what_if_lines(tryout.answer, columns)
    if len(tryout.reports) == 2:
        return compare_lines(tryout.reports[0], tryout.reports[1], columns)
    return [line for report in tryout.reports for line in report_lines(report, columns)]


def _role(line: str) -> Role:
    if line.startswith("warning:"):
        return Role.WARN
    if line.endswith("← diverges") or line.startswith("First other action"):
        return Role.ACCENT
    return Role.DIM if line.startswith(("simulated, not measured", "Beyond it")) else Role.TEXT
