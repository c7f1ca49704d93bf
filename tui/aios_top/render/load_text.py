"""A load test in lines of plain text: what it comes to, each answer, and the end with the lag budget."""

from aios_top.model.lag import STEPS, LagBudget
from aios_top.model.load import Estimate, LoadPlan, LoadState, Shape
from aios_top.model.load_job import RequestEnd
from aios_top.model.span import latency, length, offset, span
from aios_top.model.spread import Spread
from aios_top.render.numbers import amount, count

STEP_NAMES = {
    "load_start": "load start",
    "threshold_crossed": "threshold crossed",
    "evaluation": "evaluation",
    "decision": "decision",
    "replica_requested": "replica requested",
    "replica_reporting": "replica reporting",
    "p95_recovered": "p95 recovered",
}


def estimate_lines(plan: LoadPlan, found: Estimate, target: str) -> list[str]:
    """Return what a plan comes to at most, and where it goes."""
    lines = [f"{_how(plan)} to block {plan.block_id}", f"target: {target}"]
    return [*lines, f"at most {sum_text(found)}; seed {plan.seed}"]


def sum_text(found: Estimate) -> str:
    """Return what a plan comes to, in one line."""
    lengths = f"{amount(found.input_tokens)} input tokens, answers of up to {amount(found.max_output_tokens)} tokens"
    when = f" over {span(found.seconds)}" if found.seconds else ""
    peak = "" if found.peak_rate is None else f", at most {found.peak_rate:.3g} a second over ten seconds"
    return f"{count(found.requests, 'request')}{when}{peak}; in all {lengths}"


def plan_text(plan: LoadPlan) -> str:
    """Return what a plan sends, in one line."""
    if plan.shape is Shape.REPLAY:
        return _how(plan)
    about = "~" if plan.input_cv or plan.output_cv else ""
    lengths = f"{about}{amount(plan.input_tokens)} input tokens each, at most {about}{amount(plan.max_output_tokens)}"
    return f"{_how(plan)}, {lengths} output tokens"


def _how(plan: LoadPlan) -> str:
    match plan.shape:
        case Shape.BURST:
            return f"{count(plan.requests, 'request')} at once"
        case Shape.CLOSED:
            return f"closed loop, {plan.concurrency} in flight"
        case Shape.REPLAY:
            return f"replay of {count(len(plan.trace), 'request')} at {plan.speed:g} times their pace"
    rates = ", then ".join(_stage(stage.seconds, stage.rate, stage.last_rate) for stage in plan.stages[:4])
    more = f", and {len(plan.stages) - 4} more stages" if len(plan.stages) > 4 else ""
    shape = f"gamma (cv {plan.cv:g})" if plan.shape is Shape.GAMMA else plan.shape.value
    return f"{shape}: {rates}{more}"


def _stage(seconds: float, rate: float, last: float) -> str:
    to = "" if last == rate else f" to {last:.3g}"
    return f"{rate:.3g}{to} requests/s for {length(seconds)}"


def session_line(end: RequestEnd) -> str:
    """Return an answer in the words of the tutorial's client; what its client counts is the service time."""
    if end.kind in {"timeout", "given_up"}:
        return f"Session {end.session_id}: no answer within {end.service:.2f}s, given up"
    trouble = "" if end.ok else f" (failed: {end.message or end.kind})"
    return f"Session {end.session_id}: Latency: {end.service:.2f}s{trouble}"


def ending_lines(state: LoadState) -> list[str]:
    """Return the summary: counts, figures, what the autoscaler did, and why it ended."""
    counts = f"{state.sent} sent: {state.ok} ok, {state.failed} failed, {state.lost} without an answer"
    lines = [counts if not state.in_flight else f"{counts}, {state.in_flight} given up"]
    if state.latency.n:
        lines.append(f"latency from planned send time: {spread_text(state.latency)}")
        lines.append(f"service time: {spread_text(state.service)}; sent late: {lateness_text(state.lateness)}")
    lines += [f"{number} x {message}" for message, number in state.errors]
    if state.stop_reason:
        lines.append(f"stopped: {state.stop_reason}")
    lines.append(_calibration(state))
    lines += lag_lines(state)
    lines += [_gain(gain.before, gain.after, gain.gain, gain.note) for gain in state.gains]
    if state.saved_as:
        lines.append(f"report: {state.saved_as}")
    return lines


def spread_text(found: Spread) -> str:
    """Return percentiles in one line; those that too few values support are left out."""
    named = (("p50", found.p50), ("p90", found.p90), ("p95", found.p95), ("p99", found.p99), ("max", found.maximum))
    return ", ".join(f"{name} {latency(value)}" for name, value in named if value is not None) + f" (n {found.n})"


def lateness_text(found: Spread) -> str:
    """Return how late requests were sent."""
    worst = found.p99 if found.p99 is not None else found.maximum
    return f"{'p99' if found.p99 is not None else 'max'} {latency(worst or 0.0)}"


def _calibration(state: LoadState) -> str:
    if state.calibration is not None:
        return f"calibration: the block counted {state.calibration:.3f} prompt tokens per word sent"
    return "calibration: unknown (not pushed yet, or mixed with other requests); --watch 35s waits for the counters"


def lag_lines(state: LoadState) -> list[str]:
    """Return the lag budget and how good the prediction was; nothing when the policy decided nothing."""
    lag = state.lag
    if lag is None or (lag.at("decision") is None and state.plan.until is None):
        return []
    lines = ["scaling lag, seconds since the load started:"]
    before: float | None = None
    for step in STEPS:
        seconds, entry = lag.seconds(step), lag.steps[step]
        if seconds is None:
            lines.append(f"  {STEP_NAMES[step]:<18}      ?  {entry.note}".rstrip())
            continue
        since = "" if before is None else f"+{seconds - before:.1f}"
        lines.append(f"  {STEP_NAMES[step]:<18} {seconds:6.1f}  {since:>6}  {entry.note}".rstrip())
        before = seconds
    return [*lines, *_prediction(state, lag)]


def _prediction(state: LoadState, lag: LagBudget) -> list[str]:
    prediction = state.prediction
    if prediction is None or prediction.trigger_at is None:
        return [] if prediction is None else [prediction.text]
    foreseen = prediction.trigger_at - state.started_at
    decided = lag.seconds("decision")
    if decided is None:
        return [f"predicted decision at {offset(foreseen)}; there was none"]
    return [f"predicted decision at {offset(foreseen)}, real one at {offset(decided)} ({offset(decided - foreseen)})"]


def _gain(before: float | None, after: float | None, gain: float | None, note: str) -> str:
    def tokens(value: float | None) -> str:
        return "?" if value is None else f"{value:.1f}"

    times = "" if gain is None else f" ({gain:.2f} times)"
    why = f": {note}" if note else ""
    return f"tokens per second before and after the scale-up: {tokens(before)} and {tokens(after)}{times}{why}"
