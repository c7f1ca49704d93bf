"""The fleet as a table: one line per block, as many columns as fit."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from aios_top.model.decision import Thresholds
from aios_top.model.span import span
from aios_top.model.state import Averages, BlockState, CooldownPhase, FleetState
from aios_top.model.window import Window
from aios_top.render.cells import Cell, Role, Row, columns_of, field, named, row
from aios_top.render.decisions import COOL, STALE, block_badge, cooldown_text
from aios_top.render.gauge import replica_count, replica_gauge
from aios_top.render.numbers import amount, count, percent
from aios_top.render.sparkline import resample, sparkline

TREND_SECONDS = 300
_GAUGE_BOXES = 8
_NAME_LIMIT = 30


class Scene(Struct, frozen=True):
    """What a table cell needs beside its block."""

    window: Window
    now: float
    compact: bool
    """There is no column for the cooldown, so the state names it."""


class Column(Struct, frozen=True):
    """One column of the table."""

    name: str
    columns: int
    cells: Callable[[BlockState, Scene, int], Iterable[Cell]]
    right: bool = False


def _count(block: BlockState, _scene: Scene, columns: int) -> Iterable[Cell]:
    return (field(replica_count(block.replicas, known=block.counted), columns),)


def _gauge(block: BlockState, _scene: Scene, columns: int) -> Iterable[Cell]:
    cells = replica_gauge(block.replicas, _GAUGE_BOXES) if block.counted else ()
    return (*cells, Cell(" " * (columns - columns_of(cells))))


def _state(block: BlockState, scene: Scene, columns: int) -> Iterable[Cell]:
    badge = block_badge(block, scene.now)
    text = badge.text
    if badge is STALE and block.seen_at is not None and columns >= len("! STALE 9m59s"):
        text = f"{text} {span(scene.now - block.seen_at)}"
    if badge is COOL and scene.compact:
        text = cooldown_text(block, scene.now)[0]
    return (field(text, columns, badge.role),)


def _cooldown(block: BlockState, scene: Scene, columns: int) -> Iterable[Cell]:
    text, role = cooldown_text(block, scene.now)
    return (field(text, columns, role),)


def _size(side: str, *, value_columns: int) -> Callable[[BlockState, Scene, int], Iterable[Cell]]:
    """Return the cells of a token size: the value, and its share of the up limit with an arrow beyond a limit."""

    def cells(block: BlockState, scene: Scene, columns: int) -> Iterable[Cell]:
        means = block.averages.get(scene.window, Averages())
        value = means.input_size if side == "input" else means.output_size
        down, up = limits_of(side, block.size_limits)
        mark, role = limit_mark(value, down, up)
        share = percent(value, up)
        if not value_columns:
            return (field(share or "?", columns - 1, role, right=True), Cell(mark, role))
        shown = field(amount(value), value_columns, role, right=True)
        return (shown, Cell(mark, role), field(share, columns - value_columns - 1, role, right=True))

    return cells


def _rate(side: str) -> Callable[[BlockState, Scene, int], Iterable[Cell]]:
    def cells(block: BlockState, _scene: Scene, columns: int) -> Iterable[Cell]:
        rate = block.input_rate if side == "input" else block.output_rate
        return (field(amount(rate), columns, right=True),)

    return cells


def _trend(block: BlockState, scene: Scene, columns: int) -> Iterable[Cell]:
    history = block.history.get(f"input_{scene.window.value}")
    if history is None:
        return (Cell("·" * columns, Role.DIM),)
    samples = history.since(scene.now - TREND_SECONDS * 1.1)
    values = resample(samples, scene.now, TREND_SECONDS, columns)
    return sparkline(values, Role.INPUT, *limits_of("input", block.size_limits))


def limits_of(side: str, limits: Thresholds) -> tuple[float | None, float | None]:
    """Return the down and the up limit of `input` or `output`."""
    if side == "input":
        return limits.input_down, limits.input_up
    return limits.output_down, limits.output_up


def limit_mark(value: float | None, down: float | None, up: float | None) -> tuple[str, Role]:
    """Return the arrow for a value beyond a limit, and the role for the value."""
    if value is None:
        return " ", Role.DIM
    if up is not None and value > up:
        return "▲", Role.UP
    if down is not None and value < down:
        return "▼", Role.DOWN
    return " ", Role.TEXT


def table_columns(columns: int, names: Iterable[str], window: Window) -> tuple[Column, ...]:
    """Return the columns that fit into `columns`; the trend takes what is left over."""
    longest = max((len(name) for name in names), default=5)
    name = Column("BLOCK", min(max(longest, 5), _NAME_LIMIT), _name)
    replicas = Column("REPL", 7, _count)
    state = Column("STATE", 9, _state)
    if columns < 72:
        shares = [Column("IN%", 5, _size("input", value_columns=0), right=True)]
        shares.append(Column("OUT%", 5, _size("output", value_columns=0), right=True))
        state = Column("STATE", 8, _state)
        chosen = [name, replicas, *shares, state]
        room = columns - 1 - sum(column.columns + 1 for column in chosen[1:])
        if room < 8:
            chosen = [name, replicas, state]
            room = columns - 1 - sum(column.columns + 1 for column in chosen[1:])
        chosen[0] = Column("BLOCK", max(4, min(name.columns, room)), _name)
        return tuple(chosen)
    label = window.label
    chosen = [
        name,
        replicas,
        Column(f"IN/req {label}", 10, _size("input", value_columns=5), right=True),
        Column(f"OUT/req {label}", 11, _size("output", value_columns=5), right=True),
        state,
        Column("COOLDOWN", 8, _cooldown),
    ]
    used = 1 + sum(column.columns + 1 for column in chosen)
    for place, extra in (
        (1, Column("REPLICAS", _GAUGE_BOXES + 3, _gauge)),
        (5, Column("IN tok/min", 10, _rate("input"), right=True)),
        (6, Column("OUT tok/min", 11, _rate("output"), right=True)),
    ):
        if used + extra.columns + 1 + 6 <= columns:
            chosen.insert(place, extra)
            used += extra.columns + 1
    if columns - used >= 5:
        chosen.append(Column("TREND 5m", min(30, columns - used), _trend))
    return tuple(chosen)


def _name(block: BlockState, _scene: Scene, columns: int) -> Iterable[Cell]:
    return (named(block.block_id, columns),)


def table_head(columns: tuple[Column, ...]) -> Row:
    """Return the line of column names."""
    cells = [Cell(" ")]
    for column in columns:
        cells += [field(column.name, column.columns, Role.TITLE, right=column.right), Cell(" ")]
    return row(*cells)


def block_row(
    block: BlockState, columns: tuple[Column, ...], window: Window, now: float, *, selected: bool, marked: bool
) -> Row:
    """Return a block's line; the selected one begins with `>`, a marked one with `*`."""
    compact = all(column.name != "COOLDOWN" for column in columns)
    scene = Scene(window, now, compact)
    cells = [Cell(">" if selected else "*" if marked else " ", Role.ACCENT)]
    for column in columns:
        cells += [*column.cells(block, scene, column.columns), Cell(" ")]
    return row(*cells, key=block.block_id, selected=selected)


def _sum(rates: Iterable[float | None]) -> float | None:
    """Return the sum of the rates that are known, None when none is: that nothing is known is not 0."""
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None


def summary_cells(state: FleetState, window: Window, now: float, columns: int) -> tuple[Cell, ...]:
    """Return the fleet in one line: blocks, replicas of their maximum, true rates, who cools and who is stale.

    What does not fit is left out whole.
    """
    blocks = list(state.blocks.values())
    counted = [block for block in blocks if block.counted]
    replicas = str(sum(block.replicas.reporting for block in counted)) if counted or not blocks else "?"
    limit = sum(block.replicas.maximum or 0 for block in blocks)
    input_rate = _sum(block.input_rate for block in blocks)
    output_rate = _sum(block.output_rate for block in blocks)
    cooling = sum(1 for block in blocks if block.cooldown.at(now) is CooldownPhase.COOLING)
    stale = sum(1 for block in blocks if block.stale)
    of = f"/{limit}" if limit else ""
    pieces = (
        (Cell(f" {count(len(blocks), 'block')}"),),
        (Cell(f" {replicas}{of} {'repl' if columns < 60 else 'replicas'}"),),
        (
            Cell("  in ", Role.DIM),
            Cell(amount(input_rate), Role.INPUT),
            Cell(" out ", Role.DIM),
            Cell(amount(output_rate), Role.OUTPUT),
            Cell(" tok/min", Role.DIM),
        ),
        (Cell(f"  {cooling} cooling", Role.COOL if cooling else Role.DIM),),
        (Cell(f"  {stale} stale", Role.BAD if stale else Role.DIM),),
        (Cell("  mean ", Role.DIM), Cell(window.label, Role.ACCENT)),
    )
    cells: tuple[Cell, ...] = ()
    for piece in pieces:
        if columns_of(cells) + columns_of(piece) > columns:
            break
        cells += piece
    return cells
