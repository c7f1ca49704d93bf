"""One block in six lines: replicas, cooldown, the policy's values beside the true rates, and how fresh they are."""

from aios_top.model.decision import Origin
from aios_top.model.policy_state import Voice
from aios_top.model.signal import Signal
from aios_top.model.span import age, latency, length, span
from aios_top.model.state import Averages, BlockState, CooldownPhase
from aios_top.model.window import Window
from aios_top.render.cells import Cell, Role, Row, clip, columns_of, field, row
from aios_top.render.decisions import cooldown_text
from aios_top.render.fleet import limit_mark, limits_of
from aios_top.render.gauge import bar, fraction, replica_gauge
from aios_top.render.notes import data_notes
from aios_top.render.numbers import amount, percent

_LABEL = 10


def block_rows(block: BlockState, window: Window, now: float, columns: int) -> list[Row]:
    """Return the block's figures in `columns` columns; narrow ones take more lines."""
    wide = columns >= 68
    return [
        *_replicas(block, columns),
        *_cooldown(block, now, columns),
        _legend(block, window, columns, wide=wide),
        _average(block, "input", window, columns, wide=wide),
        _average(block, "output", window, columns, wide=wide),
        *_flow(block, now, columns),
    ]


def _flowing(label: str, pieces: list[tuple[Cell, ...]], columns: int) -> list[Row]:
    """Return pieces behind a label, continued below it when they do not fit; no piece is broken."""
    rows: list[Row] = []
    cells = [field(f" {label}", _LABEL, Role.DIM)]
    used = _LABEL
    for piece in pieces:
        size = columns_of(piece)
        gap = len(piece[-1].text) - len(piece[-1].text.rstrip())
        if used + size - gap > columns and used > _LABEL:
            rows.append(row(*cells))
            cells, used = [Cell(" " * _LABEL)], _LABEL
        cells += piece
        used += size
    rows.append(Row(clip(cells, columns)))
    return rows


def _named(name: str, value: str, role: Role = Role.TEXT) -> tuple[Cell, ...]:
    return (Cell(f"{name} ", Role.DIM), Cell(value, role), Cell("  "))


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)


def _replicas(block: BlockState, columns: int) -> list[Row]:
    replicas = block.replicas
    pieces = [
        (*(replica_gauge(replicas, 8) if block.counted else ()), Cell("  " if block.counted else "")),
        _named("reporting", _number(replicas.reporting if block.counted else None)),
        _named("current", _number(replicas.current), Role.TEXT if replicas.current is not None else Role.DIM),
        _named("desired", _number(replicas.desired)),
        (*_named("min", _number(replicas.minimum))[:2], Cell(" "), *_named("max", _number(replicas.maximum))),
    ]
    if replicas.stale:
        pieces.append((Cell(f"{replicas.stale} silent  ", Role.BAD),))
    if replicas.ghosts:
        pieces.append((Cell(f"{replicas.ghosts} removed  ", Role.DIM),))
    if replicas.wiped:
        pieces.append((Cell("metric store just wiped  ", Role.WARN),))
    return _flowing("replicas", pieces, columns)


def _cooldown(block: BlockState, now: float, columns: int) -> list[Row]:
    cooldown = block.cooldown
    left = cooldown.remaining_seconds(now)
    text, role = cooldown_text(block, now)
    cooling = cooldown.at(now) is CooldownPhase.COOLING
    pieces: list[tuple[Cell, ...]] = []
    if cooling and left is not None and cooldown.total_seconds:
        pieces.append((*fraction(1 - left / cooldown.total_seconds, 12, Role.COOL), Cell(" ")))
    of = f" {'of' if cooling else 'lasts'} {length(cooldown.total_seconds)}" if cooldown.total_seconds else ""
    origin = {Origin.INFERRED: " (inferred)", Origin.DECLARED: " (declared)"}.get(cooldown.origin, "")
    pieces.append((Cell(text, role), Cell(of + origin + "  ", Role.DIM)))
    pieces.append(_next_evaluation(block, now))
    return _flowing("cooldown", pieces, columns)


def _next_evaluation(block: BlockState, now: float) -> tuple[Cell, ...]:
    if block.policy.voice is Voice.ABSENT:
        return (Cell("no autoscaler policy", Role.DIM),)
    if block.next_evaluation_at is None:
        return _named("next evaluation", "? (not told)", Role.DIM)
    left = block.next_evaluation_at - now
    about = "~" if block.next_evaluation_origin is Origin.INFERRED else ""
    return _named("next evaluation", f"{about}in {span(left)}" if left > 0 else f"{about}due", Role.ACCENT)


def _legend(block: BlockState, window: Window, columns: int, *, wide: bool) -> Row:
    rates = block.signal is Signal.RATE
    if not wide:
        what = "tok/min per instance" if rates else f"tok/request, mean {window.label}"
        return row(Cell(f" {what}", Role.DIM), Cell(f"  {'of the block' if rates else 'true tok/min'}", Role.DIM))
    what = "tokens/min per instance" if rates else f"tokens/request, mean {window.label}"
    left = Cell(f" {what} (what the policy compares)", Role.DIM)
    right = "tok/min of the block" if rates else "true tok/min"
    return row(left, field(right, max(0, columns - 1 - columns_of((left,))), Role.DIM, right=True))


def _average(block: BlockState, side: str, window: Window, columns: int, *, wide: bool) -> Row:
    means = block.compared if block.signal is Signal.RATE else block.averages.get(window, Averages())
    value = means.input_size if side == "input" else means.output_size
    rate = block.input_rate if side == "input" else block.output_rate
    down, up = limits_of(side, block.thresholds)
    mark, role = limit_mark(value, down, up)
    about = "~" if means.origin is Origin.INFERRED else ""
    hue = Role.INPUT if side == "input" else Role.OUTPUT
    head = (field(" IN" if side == "input" else " OUT", 5, hue), field(about + amount(value), 6, role, right=True))
    share = (field(percent(value, up), 6, role, right=True), Cell(mark, role))
    tail = field(amount(rate), 8, right=True)
    if not wide:
        return row(*head, *share, field(f" {amount(down)}..{amount(up)}", 11, Role.DIM), tail)
    told = (
        f"  up above {amount(up)}, down below {amount(down)}"
        if columns >= 90
        else f" up {amount(up)} down {amount(down)}"
    )
    limits = field(told, 33 if columns >= 90 else 21, Role.DIM)
    size = max(4, columns - columns_of((*head, *share, limits, tail)) - 2)
    return row(*head, Cell(" "), *bar(value, up, size, hue), *share, limits, tail)


def _flow(block: BlockState, now: float, columns: int) -> list[Row]:
    data = "never" if block.seen_at is None else f"{age(now - block.seen_at)} old"
    requests = "?" if block.request_rate is None else f"{amount(block.request_rate)}/min"
    pieces = [
        (Cell(requests), Cell("  ")),
        _named("latency", latency(block.latency_seconds)),
        _named("first token", latency(block.first_token_seconds)),
        _named("data", data, Role.BAD if block.stale else Role.TEXT),
    ]
    if block.push_seconds is not None and columns >= 90:
        pieces.append(_named("push every", span(block.push_seconds)))
    if block.problem:
        pieces.append((Cell(f"{block.problem}", Role.BAD),))
    pieces += [(Cell(f"{note}  ", Role.WARN),) for note in data_notes(block)]
    return _flowing("requests", pieces, columns)


def policy_cells(block: BlockState) -> tuple[Cell, ...]:
    """Return name and version of the running policy as far as it can be known, and how much it tells."""
    report, record = block.policy, block.record
    bound = None if record is None else record.autoscaler
    match report.voice:
        case Voice.FULL:
            version = report.policy_version or "?"
            return (Cell(f"{report.policy_name or 'policy'}:{version}", Role.ACCENT),)
        case Voice.ABSENT:
            return (Cell("no autoscaler policy", Role.DIM),)
        case Voice.UNREACHABLE:
            return (Cell("autoscaler does not answer", Role.BAD),)
    name = "policy unknown" if bound is None else str(bound.uri)
    told = " silent, inferred" if report.voice is Voice.SILENT else " not asked yet"
    return (Cell(name, Role.ACCENT), Cell(told, Role.WARN if report.voice is Voice.SILENT else Role.DIM))
