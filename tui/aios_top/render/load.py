"""A load test on one page: what is sent, what came back, and what the autoscaler made of it."""

from collections.abc import Mapping, Sequence

from aios_top.model.decision import Action, Decision
from aios_top.model.load import LoadPhase, LoadState
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.model.window import Window
from aios_top.render.cells import BLANK, Cell, Role, Row, clip, columns_of, fit, row, ruled, width
from aios_top.render.decisions import badge_of, step_text, why
from aios_top.render.gauge import fraction
from aios_top.render.numbers import amount, count, latency, percent, span
from aios_top.render.sparkline import resample, sparkline
from aios_top.render.timeline import MARGIN, Timeline, event_row, replica_row, time_row
from aios_top.render.wrap import labelled, wrap

_LABELS = 12
_FIGURES = 24
_PHASES = {
    LoadPhase.RUNNING: ("● RUNNING", Role.LOUD),
    LoadPhase.DRAINING: ("◌ DRAINING", Role.WARN),
    LoadPhase.FINISHED: ("✓ FINISHED", Role.OK),
    LoadPhase.STOPPED: ("■ STOPPED", Role.WARN),
}


def runs(load: LoadState | None) -> bool:
    """Return whether a load test still sends or waits."""
    return load is not None and load.phase in {LoadPhase.RUNNING, LoadPhase.DRAINING}


def banner_row(load: LoadState | None, now: float, columns: int) -> Row:
    """Return the line that stands over every page while a load test runs."""
    if load is None:
        return BLANK
    bad = load.failed + load.lost
    draining = " (draining)" if load.phase is LoadPhase.DRAINING else ""
    head = f" \u25cf load test{draining} on {clean(load.plan.block_id)}"
    pieces = (
        f"  {span(now - load.started_at)}",
        f"  {load.ok + bad}/{load.plan.requests} ended",
        f"  {bad} bad",
        f"  {load.in_flight} in flight",
    )
    tail = "  X stops it "
    for piece in pieces:
        if width(head) + width(piece) + width(tail) <= columns:
            head += piece
    return Row((Cell(fit(head, columns - width(tail)) + tail, Role.LOUD),))


def idle_rows(block: BlockState | None, columns: int) -> list[Row]:
    """Return why the page is empty and how to fill it."""
    target = "a block" if block is None else str(block.block_id)
    text = (
        f"No load test has run in this session. T sends a burst of requests to {target}; it asks first, shows what "
        "will be sent and what that should do, and stops by itself when answers fail."
    )
    twin = f"Without the screen: aios-top load --block {target} --num-requests 20 --input-tokens 1500"
    return [BLANK, *(row(f" {line}") for line in wrap(text, columns - 2)), BLANK, *_dim(twin, columns)]


def _dim(text: str, columns: int) -> list[Row]:
    return [row(Cell(f" {line}", Role.DIM)) for line in wrap(text, columns - 2)]


def load_rows(
    load: LoadState, latencies: Mapping[str, float | None], block: BlockState | None, now: float, columns: int
) -> list[Row]:
    """Return the page of a load test; `latencies` are percentiles in seconds, None where too few are known."""
    rows = [*_head(load, now, columns), *_answers(load, latencies, columns)]
    if block is None:
        return [*rows, ruled((Cell("effect", Role.TITLE),), columns), row(Cell(" its block is gone", Role.WARN))]
    return [*rows, *_effect(load, block, now, columns)]


def _head(load: LoadState, now: float, columns: int) -> list[Row]:
    plan = load.plan
    word, role = _PHASES[load.phase]
    ended = load.ok + load.failed + load.lost
    lasted = (now if load.ended_at is None else load.ended_at) - load.started_at
    head = row(
        Cell(f" {word}", role),
        Cell(f"  {span(lasted)}  "),
        *fraction(ended / plan.requests if plan.requests else None, 22, Role.ACCENT),
        Cell(f"  {ended}/{plan.requests} answered or given up"),
    )
    wish = (
        f"{count(plan.requests, 'request')} at once, {amount(plan.input_tokens)} input tokens each, "
        f"at most {amount(plan.max_output_tokens)} output tokens"
    )
    rows = [head, *labelled(" block", clean(plan.block_id), columns, indent=_LABELS)]
    rows += labelled(" plan", wish, columns, indent=_LABELS)
    rows += labelled(" target", clean(load.target or "?"), columns, indent=_LABELS)
    if load.stop_reason:
        rows += labelled(" stopped", clean(load.stop_reason, 300), columns, Role.WARN, indent=_LABELS)
    elif runs(load):
        rules = "X; by itself when over 20% of 10 or more answers fail, or more than 3 are lost"
        rows += labelled(" stops at", rules, columns, Role.DIM, indent=_LABELS)
    return rows


def _answers(load: LoadState, latencies: Mapping[str, float | None], columns: int) -> list[Row]:
    failed = Role.BAD if load.failed else Role.DIM
    lost = Role.BAD if load.lost else Role.DIM
    counts = (
        Cell(" counts".ljust(_LABELS), Role.DIM),
        Cell(f"sent {load.sent}  ok {load.ok}  "),
        Cell(f"failed {load.failed} {percent(load.failed, load.sent)}".rstrip(), failed),
        Cell(f"  lost {load.lost}", lost),
        Cell(f"  in flight {load.in_flight}"),
    )
    tokens = Cell(f"  ~{amount(load.input_tokens)} tokens", Role.DIM)
    fits = columns_of((*counts, tokens)) <= columns
    rows = [ruled((Cell("answers", Role.TITLE),), columns), Row((*counts, tokens) if fits else counts)]
    figures = "  ".join(f"{name} {latency(latencies.get(name))}" for name in ("p50", "p90", "p95", "p99"))
    rows.append(row(Cell(" latency".ljust(_LABELS), Role.DIM), f"{figures}  of {len(load.latencies)} good answers"))
    room = columns - _LABELS - 1
    if load.latencies:
        newest = load.latencies[-room:]
        rows.append(row(Cell(" by arrival".ljust(_LABELS), Role.DIM), *sparkline(list(newest), Role.ACCENT)))
    for message, number in load.errors[:3]:
        rows.append(
            Row(
                clip(
                    (Cell(" error".ljust(_LABELS), Role.DIM), Cell(f"{number}x {clean(message, 300)}", Role.BAD)),
                    columns,
                )
            )
        )
    return rows


def _effect(load: LoadState, block: BlockState, now: float, columns: int) -> list[Row]:
    """Return the block on the time axis of the load test: from a little before its start until now."""
    end = now if load.ended_at is None else min(now, load.ended_at + 120)
    seconds = max(60.0, (end - load.started_at) * 1.1)
    room = max(10, columns - MARGIN - _FIGURES)
    line = Timeline(room, 1, end - seconds, end, 1.0, (), ())
    window = Window.ONE_MINUTE
    rows = [
        ruled((Cell(f"effect on {block.block_id}", Role.TITLE), Cell(f"  last {span(seconds)}", Role.DIM)), columns)
    ]
    for side, role in (("input", Role.INPUT), ("output", Role.OUTPUT)):
        rows.append(_size_row(block, side, role, line, window))
    rows.append(_rate_row(block, line))
    rows += [replica_row(block, line), event_row(block, line), time_row(line, now)]
    return [*rows, *_story(load, block, columns)]


def _samples(block: BlockState, column: str, line: Timeline) -> list[float]:
    history = block.history.get(column)
    samples: Sequence[tuple[float, float]] = [] if history is None else history.since(line.start)
    return resample(samples, line.end, line.end - line.start, line.columns)


def _size_row(block: BlockState, side: str, role: Role, line: Timeline, window: Window) -> Row:
    limits = block.thresholds
    up, down = (limits.input_up, limits.input_down) if side == "input" else (limits.output_up, limits.output_down)
    means = block.averages.get(window)
    value = None if means is None else means.input_size if side == "input" else means.output_size
    label = "in" if side == "input" else "out"
    above = up is not None and value is not None and value > up
    return row(
        Cell(f"{label:>{MARGIN - 1}} ", Role.DIM),
        *sparkline(_samples(block, f"{side}_{window.value}", line), role, down, up),
        Cell(f" {amount(value):>5}", Role.UP if above else Role.TEXT),
        Cell(f"/{amount(up)} tok/req {window.label}", Role.DIM),
    )


def _rate_row(block: BlockState, line: Timeline) -> Row:
    return row(
        Cell(f"{'rate':>{MARGIN - 1}} ", Role.DIM),
        *sparkline(_samples(block, "input_rate", line), Role.INPUT),
        Cell(f" {amount(block.input_rate):>5}"),
        Cell(" in tok/min", Role.DIM),
    )


def _story(load: LoadState, block: BlockState, columns: int) -> list[Row]:
    """Return the decisions that followed the start, with the time they took."""
    after = [entry for entry in reversed(block.decisions) if entry.at >= load.started_at]
    acted = [entry for entry in after if entry.action in {Action.UP, Action.DOWN, Action.ERROR}]
    if not acted:
        why_not = "no scaling decision since the start"
        newest = f": {why(after[-1])}" if after else ", and no evaluation has been seen"
        return [Row(clip((Cell(f" {why_not}{newest}", Role.DIM),), columns))]
    return [_lag_row(load, entry, columns) for entry in acted[-4:]]


def _lag_row(load: LoadState, entry: Decision, columns: int) -> Row:
    badge = badge_of(entry)
    cells = (
        Cell(f" +{span(entry.at - load.started_at)} ".ljust(9), Role.DIM),
        Cell(f"{badge.text} {step_text(entry)} ", badge.role),
        Cell(why(entry)),
    )
    return Row(clip(cells, columns))
