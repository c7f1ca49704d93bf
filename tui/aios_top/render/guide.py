"""A page of the guide as rows: the part of Markdown that the guide is written in, wrapped to any width."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from aios_top.render.cells import BLANK, Cell, Role, Row, fit, width
from aios_top.render.wrap import wrap

_FENCE = "```"
_ITEM = re.compile(r"(?:[*-]|\d+\.) +")
_NARROWEST = 12
"""Columns that the last column of a table must have to be set beside the others."""


def title_of(page: str) -> str:
    """Return the heading of a page."""
    return page.partition("\n")[0].removeprefix("#").strip()


def summary_of(page: str) -> str:
    """Return the first paragraph of a page in one line."""
    return " ".join(page.split("\n\n")[1].split()) if "\n\n" in page else ""


def page_rows(page: str, columns: int, *, whole_code: bool = False) -> list[Row]:
    """Return the page in lines of at most `columns` columns; code that is wider is broken, never cut.

    With `whole_code` its lines stay whole, for output from which they are copied or which something else reads.
    """
    rows: list[Row] = []
    for block in _blocks(page):
        if rows:
            rows.append(BLANK)
        rows += _code(block) if whole_code and block[0] == _FENCE else _rows(block, columns)
    return rows


def _code(block: Sequence[str]) -> list[Row]:
    return [_row(f"  {line}", Role.ACCENT) for line in block[1:]]


def _blocks(page: str) -> Iterator[list[str]]:
    """Yield headings, paragraphs, lists, tables and code, each as its lines."""
    block: list[str] = []
    code = False
    for line in page.splitlines():
        ends = not code and (not line.strip() or line.startswith(("#", _FENCE)))
        if ends and block:
            yield block
            block = []
        if line.startswith(_FENCE):
            code = not code
            if not code:
                yield [_FENCE, *block[1:]]
                block = []
                continue
        if line.startswith("#") and not code:
            yield [line]
        elif code or line.strip():
            block.append(line)
    if block:
        yield block


def _rows(block: Sequence[str], columns: int) -> list[Row]:
    first = block[0]
    if first == _FENCE:
        return [_row(f"  {piece}", Role.ACCENT) for line in block[1:] for piece in _broken(line, columns - 2)]
    if first.startswith("#"):
        return [_row(line, Role.TITLE) for line in wrap(first.lstrip("# "), columns)]
    if first.startswith("|"):
        return _table([_cells(line) for line in block if set(line) - set("|-: ")], columns)
    if _ITEM.match(first):
        return [row for item in _items(block) for row in _item_rows(item, columns)]
    return [_row(line) for line in wrap(_plain(" ".join(block)), columns)]


def _row(text: str, role: Role = Role.TEXT) -> Row:
    return Row((Cell(text, role),))


def _plain(text: str) -> str:
    """Return running text without the marks of Markdown; a link keeps its words."""
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text).replace("**", "").replace("`", "")


def _broken(line: str, columns: int) -> list[str]:
    """Return a line of code in pieces that fit."""
    columns = max(1, columns)
    return [line[start : start + columns] for start in range(0, max(1, len(line)), columns)]


def _items(block: Sequence[str]) -> Iterator[str]:
    """Yield each item of a list in one line, its mark included."""
    item: list[str] = []
    for line in block:
        if _ITEM.match(line) and item:
            yield " ".join(item)
            item = []
        item.append(line.strip())
    yield " ".join(item)


def _item_rows(item: str, columns: int) -> list[Row]:
    found = _ITEM.match(item)
    mark, text = (found.group(), item[found.end() :]) if found else ("", item)
    indent = " " * len(mark)
    lines = wrap(_plain(text), columns - len(mark))
    return [_row(f"{indent if number else mark}{line}") for number, line in enumerate(lines)]


def _cells(line: str) -> list[str]:
    return [_plain(cell.replace("\\|", "|").strip()) for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _table(lines: Sequence[Sequence[str]], columns: int) -> list[Row]:
    """Return a table with its last column wrapped, or under each other where that one would have no room."""
    count = max(map(len, lines))
    widths = [max(width(cell) for cell in column) for column in zip_longest(*lines, fillvalue="")]
    before = sum(widths[:-1]) + 2 * (count - 1)
    if columns - before < _NARROWEST:
        return [row for number, line in enumerate(lines) for row in _stacked(line, columns, heading=number == 0)]
    rows: list[Row] = []
    for number, line in enumerate(lines):
        head = "".join(fit(cell, widths[place] + 2) for place, cell in enumerate(line[:-1]))
        for piece_number, piece in enumerate(wrap(line[-1], columns - before)):
            left = head if piece_number == 0 else " " * before
            last = Role.DIM if number == 0 else Role.TEXT
            rows.append(Row((Cell(left, Role.DIM if number == 0 else Role.KEY), Cell(piece, last))))
    return rows


def _stacked(line: Sequence[str], columns: int, *, heading: bool) -> list[Row]:
    if heading:
        return []
    told = " · ".join(cell for cell in line[1:] if cell)
    rows = [_row(piece, Role.KEY) for piece in wrap(line[0], columns)]
    return [*rows, *(_row(f"  {piece}") for piece in wrap(told, columns - 2))]
