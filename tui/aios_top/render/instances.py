"""The replicas of a block, each with both sparklines against both limits."""

from msgspec import Struct

from aios_top.model.decision import Thresholds
from aios_top.model.span import age, span
from aios_top.model.state import BlockState, InstanceState, Phase
from aios_top.model.window import Window
from aios_top.render.cells import Cell, Role, Row, field, named, row
from aios_top.render.fleet import limit_mark, limits_of
from aios_top.render.numbers import amount, percent
from aios_top.render.sparkline import resample, sparkline

_RATE = 8
_QUEUE = 4
_AGE = 6
_SIZE = 13
"""Columns of a value, its share of the limit, and the arrow beyond it."""
_SHARE = 5
_MIN_SPARK = 6
_MAX_SPARK = 30


class Widths(Struct, frozen=True):
    """How the columns share a line; without room for everything, first the rates go, then the sparklines."""

    names: int
    spark: int
    """0 when there is no room for sparklines."""
    rates: bool
    age: int
    shares: bool = True
    """Whether each value is followed by its share of the limit."""

    @property
    def size(self) -> int:
        """Columns of a value with what follows it."""
        return _SIZE if self.shares else _SIZE - _SHARE


def widths(block: BlockState, columns: int) -> Widths:
    """Return the column widths for a table of `columns` columns."""
    longest = max((len(entry.instance_id) for entry in block.instances), default=8)
    if columns < 48:
        names = max(6, min(max(longest, 8), columns - 1 - 2 * (_SIZE - _SHARE) - _AGE))
        return Widths(names, 0, rates=False, age=_AGE, shares=False)
    names = min(max(longest, 8), columns // 4 if columns > 60 else 12)
    rest = columns - 1 - names - 2 * _SIZE - _AGE
    with_rates = (rest - 2 * _RATE - _QUEUE - 2) // 2
    if with_rates >= _MIN_SPARK:
        return Widths(names, min(_MAX_SPARK, with_rates), rates=True, age=_AGE)
    without = (rest - 2) // 2
    if without >= _MIN_SPARK:
        return Widths(names, min(_MAX_SPARK, without), rates=False, age=_AGE)
    return Widths(names, 0, rates=False, age=_AGE)


def instance_head(block: BlockState, window: Window, columns: int) -> Row:
    """Return the line of column names; the sizes are named for what they are."""
    wide = widths(block, columns)
    cells = [Cell(" "), field("INSTANCE", wide.names, Role.TITLE)]
    for name, side in (("IN", "input"), ("OUT", "output")):
        down, up = limits_of(side, block.size_limits)
        if wide.spark:
            title = _side_name(name, window, down, up, columns=wide.spark + _SIZE - 1)
            cells += [Cell(" "), field(title, wide.spark + _SIZE, Role.TITLE)]
        else:
            title = f"{name}/req {window.label} " if wide.shares else f"{name}/req "
            cells.append(field(title, wide.size, Role.TITLE, right=True))
    if wide.rates:
        cells.append(field("IN/min", _RATE, Role.TITLE, right=True))
        cells.append(field("OUT/min", _RATE, Role.TITLE, right=True))
        cells.append(field("Q", _QUEUE, Role.TITLE, right=True))
    return row(*cells, field("AGE", wide.age, Role.TITLE, right=True))


def _side_name(name: str, window: Window, down: float | None, up: float | None, *, columns: int) -> str:
    full = f"{name} tokens/request {window.label} {amount(down)}..{amount(up)}"
    return full if len(full) <= columns else f"{name} tok/req {window.label}"


def instance_row(
    entry: InstanceState, block: BlockState, window: Window, span_seconds: float, now: float, columns: int
) -> Row:
    """Return one replica's line; one that does not serve says why instead of showing figures."""
    wide = widths(block, columns)
    name = named(entry.instance_id, wide.names, Role.DIM if entry.phase is Phase.GHOST else Role.TEXT)
    if entry.phase is not Phase.SERVING:
        text, role = phase_text(entry, now)
        text = text if len(text) + wide.names + 2 <= columns else text.partition(",")[0].partition(":")[0]
        return row(Cell(" "), name, Cell(" "), Cell(text, role), key=entry.instance_id)
    cells = [Cell(" "), name]
    for side in ("input", "output"):
        if wide.spark:
            cells.append(Cell(" "))
            cells += _history(entry, side, window, block.size_limits, span_seconds, now, wide.spark)
        cells += _value(entry, side, window, block.size_limits, shares=wide.shares)
    if wide.rates:
        cells.append(field(amount(entry.input_rate), _RATE, right=True))
        cells.append(field(amount(entry.output_rate), _RATE, right=True))
        cells.append(field(_queue(entry), _QUEUE, right=True))
    return row(*cells, _age(entry, block, wide.age), key=entry.instance_id)


def _history(
    entry: InstanceState, side: str, window: Window, limits: Thresholds, seconds: float, now: float, columns: int
) -> tuple[Cell, ...]:
    samples = entry.size_history(side, window).since(now - seconds * 1.1)
    values = resample(samples, now, seconds, columns)
    role = Role.INPUT if side == "input" else Role.OUTPUT
    return sparkline(values, role, *limits_of(side, limits))


def _value(entry: InstanceState, side: str, window: Window, limits: Thresholds, *, shares: bool) -> list[Cell]:
    reading = entry.reading
    rolling = None if reading is None else reading.input_size if side == "input" else reading.output_size
    value = None if rolling is None else rolling.over(window)
    down, up = limits_of(side, limits)
    mark, role = limit_mark(value, down, up)
    share = [field(percent(value, up), _SHARE, role, right=True)] if shares else []
    return [field(amount(value), _SIZE - _SHARE - 1, role, right=True), *share, Cell(mark, role)]


def _queue(entry: InstanceState) -> str:
    queue = None if entry.reading is None else entry.reading.queue_length
    return amount(None if queue is None else queue.current)


def _age(entry: InstanceState, block: BlockState, columns: int) -> Cell:
    late = entry.age_seconds is not None and entry.age_seconds > 2 * (block.push_seconds or 30.0)
    return field(age(entry.age_seconds), columns, Role.WARN if late else Role.DIM, right=True)


def phase_text(entry: InstanceState, now: float) -> tuple[str, Role]:
    """Return in words why a replica shows no figures."""
    match entry.phase:
        case Phase.STARTING:
            return f"◌ starting {span(now - entry.first_seen)}, has not reported yet", Role.UP
        case Phase.IDLE:
            return "○ idle: no request served yet, counts as 0", Role.DIM
        case Phase.STALE:
            return f"! silent for {span(entry.age_seconds)}", Role.BAD
        case Phase.GHOST:
            return f"× removed {span(entry.age_seconds)} ago, its document lingers", Role.DIM
        case Phase.SERVING:
            return "● serving", Role.OK


def instance_note(block: BlockState) -> str:
    """Return why a block shows no replicas; empty when it does."""
    if block.instances:
        return ""
    if block.problem:
        return f"no replicas known: {block.problem}"
    if block.executor is None:
        return "no metric documents: nothing has reported yet, or its executor is down"
    return "no replica has reported yet; the executor has"
