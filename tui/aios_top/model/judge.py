"""Names the culprit: one verdict per block, the worst one for the fleet."""

from collections.abc import Callable, Iterable

from aios_top.model.bounds import kept_maximum
from aios_top.model.decision import ACTS, Action, Decision, newest
from aios_top.model.policy_state import Voice
from aios_top.model.rule import DEFAULT_INTERVAL_SECONDS, asks
from aios_top.model.span import span
from aios_top.model.state import BlockState, CooldownPhase, Phase
from aios_top.model.verdict import Severity, Verdict

STALLED_AFTER_SECONDS = 90.0
"""An autoscaler that has not evaluated for this long, or for three intervals, has stopped."""
STUCK_AFTER_SECONDS = 600.0
"""A replica that has not reported this long after it was listed will not start by itself."""


def judge_block(block: BlockState, now: float) -> Verdict:
    """Return the first finding that applies, the gravest questions asked first."""
    for rule in _RULES:
        verdict = rule(block, now)
        if verdict is not None:
            return verdict
    return _verdict(block, Severity.HEALTHY, "WithinRange", f"within thresholds ({_means(block)})")


def judge_fleet(blocks: Iterable[BlockState]) -> Verdict:
    """Return the gravest block's verdict with its name, and how many more need a look."""
    verdicts = sorted((block.verdict for block in blocks if block.verdict), key=lambda verdict: -verdict.severity)
    if not verdicts:
        return Verdict(Severity.DEGRADED, "no blocks: the blocks database lists none", code="NoBlocks")
    worst = verdicts[0]
    more = sum(1 for verdict in verdicts[1:] if verdict.severity >= Severity.DEGRADED)
    tail = (
        f"; {more} more need{'s' if more == 1 else ''} a look" if more and worst.severity >= Severity.DEGRADED else ""
    )
    if worst.severity is Severity.HEALTHY:
        return Verdict(Severity.HEALTHY, f"all {len(verdicts)} blocks within thresholds", code="Healthy")
    return Verdict(worst.severity, f"{worst.block_id}: {worst.sentence}{tail}", worst.block_id, worst.code)


def _verdict(block: BlockState, severity: Severity, code: str, sentence: str) -> Verdict:
    return Verdict(severity, sentence, block.block_id, code)


def _stale(block: BlockState, now: float) -> Verdict | None:
    never = block.problem is not None and block.seen_at is None and not block.counted
    if not block.stale and not never:
        return None
    since = "" if block.seen_at is None else f" for {span(now - block.seen_at)}"
    return _verdict(block, Severity.BROKEN, "StaleData", f"no data{since}: {block.problem or 'polls fail'}")


def _unreachable(block: BlockState, _now: float) -> Verdict | None:
    if block.policy.voice is not Voice.UNREACHABLE:
        return None
    return _verdict(
        block,
        Severity.BROKEN,
        "AutoscalerUnreachable",
        f"its autoscaler does not answer: {block.policy.problem or 'no reason given'}",
    )


def _stalled(block: BlockState, now: float) -> Verdict | None:
    last = block.policy.last_decision
    if block.policy.voice is not Voice.FULL or last is None:
        return None
    interval = block.policy.interval_seconds or DEFAULT_INTERVAL_SECONDS
    silent = now - last.at
    if silent <= max(3 * interval, STALLED_AFTER_SECONDS):
        return None
    return _verdict(block, Severity.BROKEN, "AutoscalerStalled", f"its autoscaler has not evaluated for {span(silent)}")


def _erring(block: BlockState, _now: float) -> Verdict | None:
    last = block.policy.last_decision
    if last is None or last.code not in {"EvalError", "NoCollector"}:
        return None
    return _verdict(block, Severity.BROKEN, str(last.code), f"its policy fails: {last.reason}")


def _wiped(block: BlockState, _now: float) -> Verdict | None:
    if not block.replicas.wiped:
        return None
    return _verdict(
        block,
        Severity.BUSY,
        "MetricsWiped",
        "AIOS wiped its metric store (every 30 minutes): counts return within a push",
    )


def _no_replicas(block: BlockState, _now: float) -> Verdict | None:
    """Find a block that nothing serves; the token policies never add a first instance by themselves."""
    replicas = block.replicas
    if replicas.best or replicas.starting:
        return None
    least = "" if replicas.minimum is None else f" (min {replicas.minimum} is enforced by nothing)"
    if replicas.current is not None:
        return _verdict(block, Severity.BROKEN, "NoReplicas", f"no replicas: nothing serves its requests{least}")
    return _verdict(
        block, Severity.BROKEN, "NoReplicas", f"no replica reports: removed, hung, or its executor is down{least}"
    )


def _beyond_maximum(block: BlockState, _now: float) -> Verdict | None:
    replicas = block.replicas
    if replicas.maximum is None or replicas.best < replicas.maximum:
        return None
    keeper = "kept by the policy" if kept_maximum(block) == replicas.maximum else "enforced by nothing"
    count = f"{replicas.best}/{replicas.maximum} ({keeper})"
    asked = _asks(block) == "up"
    if replicas.best > replicas.maximum:
        why = f" and {_crossing(block)}" if asked else ""
        return _verdict(block, Severity.DEGRADED, "BeyondMaximum", f"beyond max {count}{why}")
    if not asked:
        return None
    return _verdict(block, Severity.DEGRADED, "AtMaximum", f"at max {count} and {_crossing(block)}")


def _paused(block: BlockState, _now: float) -> Verdict | None:
    """Find scaling that somebody paused; it matters most while the rule asks for just that."""
    paused = block.policy.paused
    if paused is None:
        return None
    where = {"up": "scaling up", "down": "scaling down"}.get(paused.direction, "scaling")
    left = "" if paused.remaining_seconds is None else f" for {span(paused.remaining_seconds)} more"
    reason = f" ({paused.reason})" if paused.reason else ""
    asked = _asks(block)
    if asked is not None and paused.direction in {"both", asked}:
        severity = Severity.DEGRADED if asked == "up" else Severity.BUSY
        return _verdict(block, severity, "Paused", f"{where} is paused{left}{reason} and {_crossing(block)}")
    return _verdict(block, Severity.BUSY, "Paused", f"{where} is paused{left}{reason}")


def _shadowed(block: BlockState, _now: float) -> Verdict | None:
    if block.policy.mode != "shadow":
        return None
    asked = f"; it would scale {_asks(block)}" if _asks(block) else ""
    return _verdict(block, Severity.BUSY, "Shadow", f"shadow mode: its policy decides and carries out nothing{asked}")


def _forced(block: BlockState, _now: float) -> Verdict | None:
    forced = block.policy.forced
    if forced is None:
        return None
    what = f"+{forced.count}" if forced.count else f"-{len(forced.instance_ids)}"
    sentence = f"{what} by an operator's order at the next evaluation"
    return _verdict(block, Severity.BUSY, "ForcedScale", sentence)


def _unconfirmed(block: BlockState, now: float) -> Verdict | None:
    action = _last_action(block)
    if action is None or action.confirmation != "timed_out":
        return None
    return _verdict(
        block,
        Severity.DEGRADED,
        "Unconfirmed",
        f"asked for {action.proposed} replicas {span(now - action.at)} ago, but has {block.replicas.best}: "
        "the scale call failed or the pod cannot start",
    )


def _other_code(block: BlockState, _now: float) -> Verdict | None:
    """Find that the code which decides is not the policy file at hand."""
    known = block.verification
    if known is None or known.first_difference is None:
        return None
    first = known.first_difference
    number = "" if first.seq is None else f" {first.seq}"
    return _verdict(
        block,
        Severity.DEGRADED,
        "OtherCode",
        f"the deployed code is not {known.file_name}: at decision{number} {known.results[first.key].note}",
    )


def _hung(block: BlockState, _now: float) -> Verdict | None:
    silent = [row for row in block.instances if row.phase is Phase.STALE]
    if not silent or _was_asked_to_shrink(block):
        return None
    age = silent[0].age_seconds or 0.0
    cause = "removed or hung" if block.replicas.current is None else "hung"
    more = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
    return _verdict(
        block, Severity.DEGRADED, "InstanceSilent", f"{silent[0].instance_id}{more} silent for {span(age)}: {cause}"
    )


def _was_asked_to_shrink(block: BlockState) -> bool:
    """Return whether the silence is what a policy that tells nothing was expected to cause: its rule asked for it."""
    if block.policy.voice is Voice.FULL:
        return False
    last_down = newest(block.decisions, {Action.DOWN})
    return last_down is not None and last_down.would == "down"


def _starting(block: BlockState, now: float) -> Verdict | None:
    starting = [row for row in block.instances if row.phase is Phase.STARTING]
    if not starting:
        return None
    waited = now - min(row.first_seen for row in starting)
    severity = Severity.DEGRADED if waited > STUCK_AFTER_SECONDS else Severity.BUSY
    wanted = block.replicas.desired or block.replicas.best
    return _verdict(
        block,
        severity,
        "Starting",
        f"scaling to {wanted}: {starting[0].instance_id} starting for {span(waited)}",
    )


def _held(block: BlockState, now: float) -> Verdict | None:
    rule = _asks(block)
    if rule is None or block.cooldown.at(now) is not CooldownPhase.COOLING:
        return None
    left = block.cooldown.remaining_seconds(now) or 0.0
    about = "" if block.policy.voice is Voice.FULL else "~"
    return _verdict(
        block, Severity.BUSY, "CooldownActive", f"{_crossing(block)}; held by cooldown, {about}{span(left)} left"
    )


def _acting(block: BlockState, _now: float) -> Verdict | None:
    rule = _asks(block)
    replicas = block.replicas
    if rule is None or (rule == "down" and replicas.best <= (replicas.minimum or 1)):
        return None
    step = "add" if rule == "up" else "remove"
    return _verdict(
        block, Severity.BUSY, f"Scale{rule.capitalize()}", f"{_crossing(block)}: next evaluation may {step} one"
    )


def _no_policy(block: BlockState, _now: float) -> Verdict | None:
    if block.policy.voice is not Voice.ABSENT:
        return None
    return _verdict(block, Severity.HEALTHY, "NoAutoscaler", "no autoscaler policy: its replicas stay as they are")


def _no_data(block: BlockState, _now: float) -> Verdict | None:
    if block.instances or block.executor is not None:
        return None
    return _verdict(
        block, Severity.DEGRADED, "NoMetrics", "no metric documents: nothing has reported, or its executor is down"
    )


_RULES: tuple[Callable[[BlockState, float], Verdict | None], ...] = (
    _stale,
    _unreachable,
    _stalled,
    _erring,
    _wiped,
    _no_data,
    _no_replicas,
    _beyond_maximum,
    _unconfirmed,
    _other_code,
    _hung,
    _paused,
    _shadowed,
    _forced,
    _starting,
    _no_policy,
    _held,
    _acting,
)


def _asks(block: BlockState) -> str | None:
    if block.policy.voice is Voice.ABSENT:
        return None
    averages = block.compared
    return asks(averages.input_size, averages.output_size, block.thresholds)


def _crossing(block: BlockState) -> str:
    """Say which comparison fired: `input 812 > 500`."""
    averages, limits = block.compared, block.thresholds
    pairs = (("input", averages.input_size, limits.input_up), ("output", averages.output_size, limits.output_up))
    for name, value, limit in pairs:
        if value is not None and limit is not None and value > limit:
            return f"{name} {value:.0f} > {limit:.0f} {block.signal.unit}"
    return f"{_means(block)} below {limits.input_down or 0:.0f}/{limits.output_down or 0:.0f}"


def _means(block: BlockState) -> str:
    averages = block.compared
    if averages.input_size is None or averages.output_size is None:
        return "no token metrics"
    return f"input {averages.input_size:.0f}, output {averages.output_size:.0f} {block.signal.unit}"


def _last_action(block: BlockState) -> Decision | None:
    return newest(block.decisions, ACTS)
