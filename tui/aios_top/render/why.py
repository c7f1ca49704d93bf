"""Why a decision was taken and what follows, in sentences: the same on the screen, in text and in JSON."""

from aios_top.model.decision import NO_AUTOSCALER, Action, Decision, Origin
from aios_top.model.explanation import Candidate, Comparison, Explanation, Outlook, Stage, StageName
from aios_top.model.outlook import crosses_in
from aios_top.model.policy_state import ForcedScale
from aios_top.model.span import length, span
from aios_top.render.decisions import step_text
from aios_top.render.numbers import amount, known

_TOLERANCES = frozenset({"scale_up_tolerance", "scale_down_tolerance"})
_FAR_SECONDS = 3600.0
"""A trend says nothing about a time that is further away than this."""
_HELD = {
    "NoInstances": "AIOS lists no instances",
    "NoMetrics": "no listed instance has a metric document",
    "NoVictim": "the least loaded document has no instance id, so nothing can be removed",
    "ReplicasPending": "a listed replica has never reported yet",
    "UnsafeScaleDown": "with one replica fewer the means would be above an up limit",
    "WithinTolerance": "the means are within the tolerance of a limit",
    "Stabilizing": "the rule has not been met for its whole stabilization window",
    "Paused": "scaling is paused",
    "Superseded": "a management command came in the middle of the evaluation",
    "InvalidParameters": "a parameter cannot be used",
    "Shadow": "shadow mode only records",
}
_CHANGES = {
    "NoInstances": "A replica must be added by hand.",
    "NoMetrics": "The next push of an instance changes it.",
    "NoUsableMetrics": "The next push of an instance changes it.",
    "StaleMetrics": "The next push of an instance changes it.",
    "ReplicasPending": "It goes on when that replica reports, or after the pending timeout.",
    "Paused": "It goes on when the pause ends or is ended.",
    "InvalidParameters": "Its parameters must be mended.",
    NO_AUTOSCALER: "Deploy one (D, or aios-top policy deploy) or scale by hand (A, or aios-top scale).",
}


def sentence(explanation: Explanation) -> str:
    """Return the verdict, the binding cause and what would change it."""
    parts = [_verdict(explanation), _rule(explanation), _change(explanation), _next(explanation)]
    return " ".join(part for part in parts if part)


def origin_sentence(explanation: Explanation) -> str:
    """Return where the explanation comes from."""
    match explanation.origin:
        case Origin.REPORTED:
            return "the policy's own record"
        case Origin.REEVALUATED:
            return "the policy file at hand, run on what the console polled"
        case Origin.INFERRED:
            return "inferred by the console from what it polled: no record tells it"
        case Origin.DECLARED:
            return "the block's record, which binds no autoscaler policy"
    return str(explanation.origin)


def outlook_sentence(outlook: Outlook) -> str:
    """Return the countdown with its consequence."""
    when = _when(outlook)
    if outlook.forced is not None and outlook.action is not Action.HOLD:
        return _ordered(outlook.forced, outlook.blocked_by, when)
    if outlook.action is Action.HOLD:
        return _holding(outlook, when)
    number = "1" if outlook.at_most == 1 else f"up to {outlook.at_most}"
    what = f"{'add' if outlook.action is Action.UP else 'remove'} {number}"
    condition = _condition(outlook)
    if outlook.blocked_by:
        return f"{_capital(when)} it would {what} ({condition}), but {outlook.blocked_by} holds it."
    return f"{_capital(when)} it will {what} if {condition}."


def _ordered(order: ForcedScale, blocked_by: str, when: str) -> str:
    """Return what follows from an order that waits for the next evaluation."""
    what = f"add {order.count}" if order.count else f"remove {', '.join(order.instance_ids) or '?'}"
    cooldown = ", whatever the cooldown" if order.ignores_cooldown else ""
    held = f", but {blocked_by} holds it" if blocked_by else ""
    kept = "" if order.remaining_seconds is None else f"; it is forgotten after {span(order.remaining_seconds)}"
    return f"{_capital(when)} it will {what}, as an operator ordered{cooldown}{held}{kept}."


def comparison_text(pair: Comparison) -> str:
    """Return `input 812 > 500`, with the sign that is true."""
    sign = pair.sign if pair.met is not False else {">": "\u2264", "<": "\u2265"}[pair.sign]
    if pair.unit == "s":
        return f"{_passed(pair)} {pair.name} {sign} {length(pair.limit)}"
    return f"{pair.name} {exact(pair.value)} {sign if pair.met is not None else pair.sign} {exact(pair.limit)}"


def _passed(pair: Comparison) -> str:
    """Return a time in whole seconds; to the hundredth where these are the limit's own, for 12s > 12s is no reason."""
    whole = span(pair.value)
    return f"{pair.value:.2f}s" if pair.value is not None and whole == length(pair.limit) else whole


def exact(value: float | None) -> str:
    """Return a figure to two decimals, as the policies' own reasons do; whole ones without."""
    if value is None or not known(value):
        return "?"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"


def candidate_text(candidate: Candidate) -> str:
    """Return who goes and why this one."""
    verb = "was removed" if candidate.removed else "would go first"
    load = f"lowest input + output ({exact(candidate.load)}) of {candidate.among}"
    tie = f", first of {candidate.ties + 1} equals" if candidate.ties else ""
    more = f" and with it {', '.join(candidate.more)}" if candidate.more else ""
    return f"{candidate.instance_id} {verb}{more}: {load}{tie}"


def _verdict(explanation: Explanation) -> str:
    decision = explanation.decision
    if decision.action in {Action.UP, Action.DOWN}:
        return _acted(explanation)
    if decision.action is Action.ERROR:
        return f"Failed: {decision.reason.rstrip('.')}."
    if decision.code == NO_AUTOSCALER:
        return "Nobody decides: the block has no autoscaler policy. Its replicas stay until somebody changes them."
    match decision.code:
        case "CooldownActive":
            left = decision.cooldown_remaining_seconds
            return "Held: cooldown." if left is None else f"Held: cooldown {span(left)} left."
        case "TooFewReplicas":
            return f"Held: at the minimum{_bound(explanation, StageName.MINIMUM)}."
        case "TooManyReplicas":
            return f"Held: at the maximum{_bound(explanation, StageName.MAXIMUM)}."
        case "WithinRange":
            return "Held: no rule is met."
    said = str(decision.reason).rstrip(".")
    cause = _HELD.get(decision.code, said[:1].lower() + said[1:])
    detail = next((stage.note for stage in explanation.stages if stage.decided and stage.name is StageName.OTHER), "")
    return f"Held: {cause}{f' ({detail})' if detail and detail != decision.reason else ''}."


def _acted(explanation: Explanation) -> str:
    decision = explanation.decision
    before = decision.current if decision.current is not None else decision.reporting
    size = None if decision.proposed is None or before is None else abs(decision.proposed - before)
    verb = "Added" if decision.action is Action.UP else "Removed"
    gone = explanation.candidate
    names = [gone.instance_id, *gone.more] if gone is not None and gone.removed else []
    number = f" {' and '.join(names)}" if names else f" {size or 'one'}"
    step = step_text(decision)
    forced = ", forced by an operator" if decision.code == "ForcedScale" else ""
    inferred = f" ({decision.reason})" if decision.origin is Origin.INFERRED else ""
    return f"{verb}{number}{f' ({step})' if step else ''}{forced}{inferred}."


def _bound(explanation: Explanation, name: StageName) -> str:
    stage = explanation.stage(name)
    if stage is None or not stage.comparisons:
        return ""
    pair = stage.comparisons[0]
    return f" ({pair.name} {exact(pair.value)}, {pair.parameter} {exact(pair.limit)})"


def _rule(explanation: Explanation) -> str:
    decision = explanation.decision
    up, down = explanation.stage(StageName.UP), explanation.stage(StageName.DOWN)
    if decision.input_average is None or up is None or down is None:
        return ""
    if up.met:
        return f"Up rule is met ({' and '.join(comparison_text(pair) for pair in up.comparisons if pair.met)})."
    if down.met:
        return f"Down rule is met ({' and '.join(comparison_text(pair) for pair in down.comparisons)})."
    if decision.code == "WithinRange":
        return f"{_capital(_distances(up))}."
    return f"No rule is met ({_distances(up)})."


def _distances(up: Stage) -> str:
    """Return how far below each up limit the figures are, e.g. `input 480 is 20 below 500`."""
    return ", ".join(
        f"{pair.name} {exact(pair.value)} is {exact(pair.limit - pair.value)} below {exact(pair.limit)}"
        for pair in up.comparisons
        if pair.value is not None and pair.limit is not None
    )


def _change(explanation: Explanation) -> str:
    """Return what would have led to another decision; nothing where a tolerance blurs the limits."""
    decision = explanation.decision
    parameters = decision.record.get("parameters")
    blurred = isinstance(parameters, dict) and not _TOLERANCES.isdisjoint(parameters)
    match decision.code:
        case "ScaleUp" | "ScaleDown" | "WithinRange" if blurred or (
            decision.origin is Origin.INFERRED and (decision.code != "WithinRange")
        ):
            return ""
        case "ScaleUp":
            return f"At or below {_limits(explanation, StageName.UP, ' and ')} it would have held."
        case "ScaleDown":
            return f"At or above {_limits(explanation, StageName.DOWN, ' or ')} it would have held."
        case "WithinRange":
            above = _limits(explanation, StageName.UP, " or ", " >")
            below = _limits(explanation, StageName.DOWN, " and ", " <")
            return f"It scales up at {above}, down at {below}."
        case "CooldownActive":
            return _after_cooldown(explanation)
        case "TooFewReplicas":
            return "It removes one only from more than that."
        case "TooManyReplicas":
            return "It adds one only to fewer than that."
    return _CHANGES.get(decision.code, "")


def _limits(explanation: Explanation, name: StageName, between: str, sign: str = "") -> str:
    """Return a rule's limits, e.g. `input > 500 or output > 300`."""
    stage = explanation.stage(name)
    pairs = stage.comparisons if stage is not None else ()
    return between.join(f"{pair.name}{sign} {amount(pair.limit)}" for pair in pairs)


def _after_cooldown(explanation: Explanation) -> str:
    match explanation.asked:
        case "up":
            return "Without the cooldown it would have scaled up."
        case "down":
            minimum = explanation.stage(StageName.MINIMUM)
            if minimum is not None and minimum.met is False:
                return "Without the cooldown it would have held at the minimum."
            return "Without the cooldown it would have scaled down."
    return "Without the cooldown it would have held as well."


def _next(explanation: Explanation) -> str:
    seconds = explanation.next_evaluation_seconds
    return "" if seconds is None else f"Next evaluation in ~{span(seconds)}."


def _when(outlook: Outlook) -> str:
    if outlook.in_seconds is None:
        return "once its cooldown is over, which is unknown,"
    about = "~" if outlook.origin is Origin.INFERRED else ""
    return f"in {about}{span(outlook.in_seconds)}"


def _condition(outlook: Outlook) -> str:
    """Return what must stay as it is, with the present figures and their trends."""
    if outlook.action is Action.UP:
        over = [
            f"{name} stays above {amount(limit)} ({_now(value, slope)})"
            for name, value, limit, slope in (
                ("input", outlook.input_now, outlook.input_up, outlook.input_trend),
                ("output", outlook.output_now, outlook.output_up, outlook.output_trend),
            )
            if value is not None and limit is not None and value > limit
        ]
        return " or ".join(over)
    return (
        f"input stays below {amount(outlook.input_down)} ({_now(outlook.input_now, outlook.input_trend)}) "
        f"and output below {amount(outlook.output_down)} ({_now(outlook.output_now, outlook.output_trend)})"
    )


def _holding(outlook: Outlook, when: str) -> str:
    if outlook.input_now is None or outlook.output_now is None:
        return f"{_capital(when)} it holds: there are no averages."
    figures = (
        f"input {_now(outlook.input_now, outlook.input_trend, '')}, "
        f"output {_now(outlook.output_now, outlook.output_trend, '')}"
    )
    crossing = _crossing(outlook)
    return f"{_capital(when)} it holds if nothing changes ({figures}){crossing}."


def _crossing(outlook: Outlook) -> str:
    """Return when a limit is reached at the present trends, the up limits first."""
    found = [
        (seconds, name, limit)
        for name, value, slope, limit in (
            ("input", outlook.input_now, outlook.input_trend, outlook.input_up),
            ("output", outlook.output_now, outlook.output_trend, outlook.output_up),
        )
        if limit is not None and (seconds := crosses_in(value, slope, limit)) is not None and (slope or 0) > 0
    ]
    if not found or min(found)[0] > _FAR_SECONDS:
        return ""
    seconds, name, limit = min(found)
    return f"; at this trend {name} passes {amount(limit)} in ~{span(seconds)}"


def _now(value: float | None, slope: float | None, word: str = "now ") -> str:
    trend = "" if slope is None or abs(slope) < 0.5 else f", trend {slope:+.0f}/min"
    return f"{word}{amount(value)}{trend}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def follow_up(decision: Decision) -> str:
    """Return whether the replicas followed an action, empty when that does not apply."""
    if decision.confirmation in {None, "n/a"}:
        return ""
    after = decision.record.get("confirm")
    seconds = after.get("after_s") if isinstance(after, dict) else None
    waited = f" after {span(seconds)}" if isinstance(seconds, int | float) else ""
    wanted = "" if decision.proposed is None else f" to {decision.proposed}"
    words = {
        "confirmed": f"the replicas followed{wanted}{waited}",
        "pending": f"AIOS has not listed the change{wanted} yet",
        "timed_out": f"the replicas did not follow{wanted}{waited}: the scale call failed or the pod cannot start",
    }
    return words.get(str(decision.confirmation), str(decision.confirmation))
