"""A load test on one page: what is sent, what came back, and what the autoscaler made of it."""

import math
from collections.abc import Sequence

from aios_top.model.command import command
from aios_top.model.lag import STEPS
from aios_top.model.load import LoadPhase, LoadState
from aios_top.model.span import latency, span
from aios_top.model.spread import Spread
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.render.cells import BLANK, Cell, Role, Row, clip, columns_of, field, fit, row, ruled, width
from aios_top.render.gauge import fraction
from aios_top.render.load_axis import axis_rows, story_rows
from aios_top.render.load_text import plan_text
from aios_top.render.numbers import amount, percent
from aios_top.render.sparkline import sparkline
from aios_top.render.wrap import labelled, wrap

_LABELS = 12
LAG_WORDS = {
    "threshold_crossed": "crossed",
    "evaluation": "evaluated",
    "decision": "decided",
    "replica_requested": "requested",
    "replica_reporting": "reporting",
    "p95_recovered": "p95 recovered",
}
_PHASES = {
    LoadPhase.RUNNING: ("● RUNNING", Role.LOUD),
    LoadPhase.DRAINING: ("◌ DRAINING", Role.WARN),
    LoadPhase.WATCHING: ("◌ WATCHING", Role.ACCENT),
    LoadPhase.FINISHED: ("✓ FINISHED", Role.OK),
    LoadPhase.STOPPED: ("■ STOPPED", Role.WARN),
}


def runs(load: LoadState | None) -> bool:
    """Return whether a load test still sends or waits."""
    return load is not None and load.phase.sending


def banner_row(load: LoadState | None, now: float, columns: int) -> Row:
    """Return the line that stands over every page while a load test runs."""
    if load is None:
        return BLANK
    bad = load.failed + load.lost
    draining = " (draining)" if load.phase is LoadPhase.DRAINING else ""
    head = f" \u25cf load test{draining} on {clean(load.plan.block_id)}"
    pieces = (
        f"  {span(now - load.started_at)}",
        f"  {load.ok + bad}/{load.expected or load.plan.requests} ended",
        f"  {bad} bad",
        f"  {load.in_flight} in flight",
    )
    tail = "  X stops it "
    for piece in pieces:
        if width(head) + width(piece) + width(tail) <= columns:
            head += piece
    return Row((Cell(fit(head, columns - width(tail)) + tail, Role.LOUD),))


def idle_rows(block: BlockState | None, columns: int, reach: str = "") -> list[Row]:
    """Return why the page is empty and how to fill it."""
    target = "a block" if block is None else str(block.block_id)
    text = (
        f"No load test has run in this session. T sends requests to {target}: a burst, a rate, a closed loop, or just "
        "enough to make its policy scale up. It asks first, shows what will be sent and what that does, and stops by "
        "itself when answers fail."
    )
    name = "BLOCK" if block is None else block.block_id
    words = ("load", "--block", name, "--num-requests", "20", "--input-tokens", "1500")
    twin = f"Without the screen: {command(*words, reach=reach)}"
    return [BLANK, *(row(f" {line}") for line in wrap(text, columns - 2)), BLANK, *_dim(twin, columns)]


def _dim(text: str, columns: int) -> list[Row]:
    return [row(Cell(f" {line}", Role.DIM)) for line in wrap(text, columns - 2)]


def load_rows(load: LoadState, block: BlockState | None, now: float, columns: int) -> list[Row]:
    """Return the page of a load test."""
    rows = [*_head(load, now, columns), *axis_rows(load, block, now, columns)]
    if block is not None:
        rows += story_rows(load, block, columns)
    return [*rows, *_answers(load, columns), *_lag(load, columns), *_server(load, columns)]


def _head(load: LoadState, now: float, columns: int) -> list[Row]:
    plan = load.plan
    word, role = _PHASES[load.phase]
    ended = load.ok + load.failed + load.lost
    lasted = (now if load.ended_at is None else load.ended_at) - load.started_at
    total = load.expected or plan.requests
    head = row(
        Cell(f" {word}", role),
        Cell(f"  {span(lasted)}  "),
        *fraction(min(1.0, ended / total) if total else None, 22, Role.ACCENT),
        Cell(f"  {ended}/{total} answered or given up"),
    )
    where = f"{load.target or '?'}{f' ({load.address})' if load.address else ''} {plan.api}"
    rows = [head, *labelled(" plan", f"{plan.block_id}: {plan_text(plan)}", columns, indent=_LABELS)]
    rows += labelled(" target", clean(where), columns, indent=_LABELS)
    rows += _pace(load, now, columns)
    if load.stop_reason:
        rows += labelled(" stopped", clean(load.stop_reason, 300), columns, Role.WARN, indent=_LABELS)
    elif runs(load):
        rules = f"X; by itself above {plan.max_error_rate:.0%} errors, 3 lost, saturation, or when nobody watches"
        rows += labelled(" stops at", rules, columns, Role.DIM, indent=_LABELS)
    return rows


def _pace(load: LoadState, now: float, columns: int) -> list[Row]:
    """Return the present stage and rate, and what is waited for."""
    plan, words = load.plan, []
    if load.rate is not None and load.phase is LoadPhase.RUNNING:
        stage = f"stage {load.stage + 1}/{len(plan.stages)}, " if len(plan.stages) > 1 else ""
        changed = f" (planned rate x {load.factor:.3g})" if abs(load.factor - 1) > 1e-9 else ""
        words.append(f"{stage}{load.rate:.3g} requests/s offered{changed}{', held: h goes on' if load.held else ''}")
    if load.waiting:
        words.append(f"{load.waiting} wait for a place")
    prediction = load.prediction
    if plan.until is not None and load.ended_at is None:
        goal = f"until {plan.until}" + (f" = {plan.until_replicas}" if plan.until_replicas is not None else "")
        trigger = None if prediction is None else prediction.trigger_at
        words.append(goal if trigger is None else f"{goal}, predicted {_when(trigger - now)}")
    return labelled(" now", "; ".join(words), columns, Role.ACCENT, indent=_LABELS) if words else []


def _when(seconds: float) -> str:
    return f"in ~{span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"


def _answers(load: LoadState, columns: int) -> list[Row]:
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
    figures = (("latency", load.latency, " from planned send"), ("service", load.service, " from actual send"))
    for name, found, unit in figures:
        line = f"{_figures(found)}  n {found.n}"
        cells = (Cell(f" {name}".ljust(_LABELS), Role.DIM), Cell(line), Cell(unit, Role.DIM))
        rows.append(Row(cells if columns_of(cells) <= columns else cells[:2]))
    rows.append(_lateness(load, columns))
    if load.latencies:
        rows.append(_histogram(load.latencies, columns))
    for message, number in load.errors[:3]:
        told = Cell(f"{number}x {clean(message, 300)}", Role.BAD)
        rows.append(Row(clip((Cell(" error".ljust(_LABELS), Role.DIM), told), columns)))
    return rows


def _figures(found: Spread) -> str:
    named = (("p50", found.p50), ("p90", found.p90), ("p95", found.p95), ("p99", found.p99))
    return "  ".join(f"{name} {latency(value)}" for name, value in named)


def _lateness(load: LoadState, columns: int) -> Row:
    """Return how late requests were sent: what the client, or the lack of places, added."""
    figures = f"p50 {latency(load.lateness.p50)}  max {latency(load.lateness.maximum)}"
    timer = Cell(f"  timer at most {latency(load.slip)} late", Role.DIM)
    cells = (Cell(" sent late".ljust(_LABELS), Role.DIM), Cell(figures), timer)
    return Row(cells if columns_of(cells) <= columns else cells[:2])


def _histogram(latencies: Sequence[float], columns: int) -> Row:
    """Return how the latencies are spread, on a scale of equal ratios between the shortest and the longest."""
    low, high = max(1e-4, min(latencies)), max(latencies)
    head, tail = latency(low), latency(high)
    room = max(4, min(4 + 2 * math.isqrt(len(latencies)), columns - _LABELS - len(head) - len(tail) - 3))
    width_of_one = math.log(high / low) / room if high > low else 1.0
    counts = [0] * room
    for value in latencies:
        counts[min(room - 1, int(math.log(max(low, value) / low) / width_of_one))] += 1
    bars = sparkline([float(number) if number else math.nan for number in counts], Role.ACCENT)
    return row(Cell(" histogram".ljust(_LABELS), Role.DIM), f"{head} ", *bars, f" {tail}")


def _lag(load: LoadState, columns: int) -> list[Row]:
    """Return the lag budget in one sentence, and what each scale-up did to the throughput."""
    lag = load.lag
    if lag is None or lag.at("threshold_crossed") is None:
        return []
    told = [f"{LAG_WORDS[step]} +{span(seconds)}" for step in STEPS[1:] if (seconds := lag.seconds(step)) is not None]
    rows = labelled(" lag", " > ".join(told), columns, Role.ACCENT, indent=_LABELS)
    for gain in load.gains:
        before, after = (f"{value:.0f}" if value is not None else "?" for value in (gain.before, gain.after))
        times = f", {gain.gain:.2f} times" if gain.gain is not None else f" ({gain.note})" if gain.note else ""
        words = f"scale-up from {gain.replicas_before}: {before} tok/s before, {after} after{times}"
        rows += labelled(" gain", words, columns, indent=_LABELS)
    return rows


def _server(load: LoadState, columns: int) -> list[Row]:
    """Return what the replicas themselves counted, so that uneven balancing shows."""
    server = load.server
    if server is None or not server.requests:
        return []
    means = (
        f"first token {latency(server.first_token_seconds)} (AIOS: after completion), "
        f"per output token {latency(server.per_output_token_seconds)}"
    )
    rows = [ruled((Cell("server", Role.TITLE), Cell("  means, other clients included", Role.DIM)), columns)]
    rows += labelled(" means", means, columns, indent=_LABELS)
    if load.calibration is not None:
        words = f"{load.calibration:.3f} prompt tokens counted per word sent"
        rows += labelled(" calibration", words, columns, indent=_LABELS)
    most = max((share.requests for share in server.replicas), default=0.0)
    for share in server.replicas:
        name = field(f" {clean(share.instance_id)}", _LABELS)
        bar = fraction(share.requests / most if most else None, 12, Role.INPUT)
        tokens = (
            f"  {amount(share.requests)} requests  {amount(share.input_tokens)} in {amount(share.output_tokens)} out"
        )
        rows.append(Row(clip((name, *bar, Cell(tokens)), columns)))
    return rows
