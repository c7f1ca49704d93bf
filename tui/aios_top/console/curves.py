"""Draws a timeline: plotext makes the curves, the limits and the scale are laid around them.

Each curve is drawn alone and without colours, then the curves are laid over each other dot by dot; so a cell has the
role of the curve in it, and no escape code of a plotting library ever has to be read back.
"""

import plotext

from aios_top.render.cells import Cell, Role, Row
from aios_top.render.numbers import amount
from aios_top.render.timeline import MARGIN, Curve, Timeline

_BLANK = " "
_BRAILLE = 0x2800

plotext.terminal.limit(False, False)  # the size is the panel's; plotext would cut it to that of its own terminal


def plot(line: Timeline) -> list[Row]:
    """Return the rows of the plot, the scale on its left included."""
    grid = [[Cell(_BLANK)] * line.columns for _ in range(line.lines)]
    names = _draw_limits(line, grid)
    for curve in line.curves:
        _overlay(grid, _dots(line, curve), curve.role)
    for (row, column), cell in names.items():
        grid[row][column] = cell
    return [Row((*_scale(line, number), *_joined(cells))) for number, cells in enumerate(grid)]


def _dots(line: Timeline, curve: Curve) -> list[str]:
    """Return one curve in braille, `line.lines` strings of at most `line.columns` characters."""
    figure = plotext.figure.clear()
    figure.plot_size(line.columns, line.lines)
    figure.axes(False)
    figure.legend(False)
    figure.canvas("default")
    for axis, low, high in (("x", line.start, line.end), ("y", 0.0, line.top)):
        figure.ruler(axis).frequency(0)
        figure.ruler(axis).lim(low, high)
    for run in curve.runs:
        times, values = [at for at, _ in run], [min(max(value, 0.0), line.top) for _, value in run]
        figure.draw(figure.signal(times, values, marker="braille").lines(True))
    return str(figure.build().string(colorless=True)).split("\n")


def _draw_limits(line: Timeline, grid: list[list[Cell]]) -> dict[tuple[int, int], Cell]:
    """Draw every limit that is on the scale; return the cells of their names, which go on top of everything."""
    names: dict[tuple[int, int], Cell] = {}
    taken: set[int] = set()
    for limit in line.limits:
        if not 0 < limit.value <= line.top:
            continue
        row = line.line_of(limit.value)
        for column in range(line.columns):
            if grid[row][column].text == _BLANK:
                grid[row][column] = Cell("┄", Role.FRAME)
        start = 1 if row not in taken else line.columns - len(limit.name) - 1
        taken.add(row)
        if line.columns > 2 * len(limit.name) + 4:
            names |= {(row, start + place): Cell(text, limit.role) for place, text in enumerate(limit.name)}
    return names


def _overlay(grid: list[list[Cell]], dots: list[str], role: Role) -> None:
    """Lay a curve over the grid; where two curves share a cell, their dots are joined and the later has the role."""
    for row, text in enumerate(dots[: len(grid)]):
        for column, character in enumerate(text[: len(grid[row])]):
            if character in {_BLANK, chr(_BRAILLE)}:
                continue
            below = grid[row][column].text
            if ord(below) >= _BRAILLE and ord(character) >= _BRAILLE:
                grid[row][column] = Cell(chr(ord(below) | ord(character)), role)
            else:
                grid[row][column] = Cell(character, role)


def _scale(line: Timeline, number: int) -> tuple[Cell, ...]:
    """Return the scale beside one row: the top, the middle and zero are named."""
    marks = {0: line.top, (line.lines - 1) // 2: None, line.lines - 1: 0.0}
    if number not in marks or (line.lines < 5 and 0 < number < line.lines - 1):
        return (Cell(f"{'│':>{MARGIN}}", Role.FRAME),)
    value = marks[number]
    if value is None:
        value = line.top * (1 - number / (line.lines - 1))
    return (Cell(f"{amount(value):>{MARGIN - 1}}", Role.DIM), Cell("┤", Role.FRAME))


def _joined(cells: list[Cell]) -> list[Cell]:
    joined: list[Cell] = []
    for cell in cells:
        if joined and joined[-1].role is cell.role:
            joined[-1] = Cell(joined[-1].text + cell.text, cell.role)
        else:
            joined.append(cell)
    return joined
