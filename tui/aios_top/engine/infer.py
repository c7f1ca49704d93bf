"""Decisions and cooldown of a policy that says nothing, concluded from what can be seen and marked as such.

AIOS publishes neither. What can be seen is the set of reporting instances, up to a push, an evaluation and a pod
scan late (30 s + 30 s + 20 to 100 s at AIOS's own timings), and which rule the measured means would meet.
"""

from collections.abc import Set as AbstractSet

from aios_top.engine.memory import BlockMemory
from aios_top.model.decision import MAX_DECISIONS, Action, Decision, InstanceInput, Origin, Thresholds
from aios_top.model.present import inputs_of
from aios_top.model.rule import DEFAULT_INTERVAL_SECONDS, DEFAULT_PUSH_SECONDS, asks
from aios_top.model.state import Averages, Cooldown, CooldownPhase, InstanceState, Phase
from aios_top.model.text import Clean, clean

FOLLOWS_SECONDS = 600.0
"""How long after a decision that was told its effect may show: the model is loaded first."""
_ALIVE = frozenset({Phase.SERVING, Phase.IDLE})


def infer_decisions(
    memory: BlockMemory, rows: tuple[InstanceState, ...], averages: Averages, limits: Thresholds, now: float
) -> None:
    """Add what changed since the last poll to `memory.inferred`: instances that came or went, a rule newly met."""
    members = frozenset(row.instance_id for row in rows if row.phase in _ALIVE)
    before = memory.inferred_members
    memory.inferred_members = members
    if before is None:
        memory.watched_since = now
        memory.inferred_rule = asks(averages.input_size, averages.output_size, limits)
        return
    came, went = members - before, before - members
    rule = asks(averages.input_size, averages.output_size, limits)
    inputs = inputs_of(rows, averages.window)
    rules = {rule, memory.inferred_rule}  # an action shows late: the rule that led to it may be the one before
    came = frozenset() if _is_told(memory, Action.UP, members, now) else came
    went = frozenset() if _is_told(memory, Action.DOWN, members, now) else went
    if came:
        _add(memory, _membership(Action.UP, came, before, members, rules, averages, limits, inputs, now))
    if went:
        _add(memory, _membership(Action.DOWN, went, before, members, rules, averages, limits, inputs, now))
    if came or went:
        memory.inferred_action_at = now
        memory.cooldown_reset_at = None
    if rule != memory.inferred_rule:
        memory.inferred_rule = rule
        _add(memory, _rule_change(rule, averages, limits, inputs, now))


def watch(memory: BlockMemory, rows: tuple[InstanceState, ...], averages: Averages, limits: Thresholds) -> None:
    """Keep up with a policy that tells its decisions: what it told is not to be concluded from a later silence."""
    memory.inferred_members = frozenset(row.instance_id for row in rows if row.phase in _ALIVE)
    memory.inferred_rule = asks(averages.input_size, averages.output_size, limits)


def _is_told(memory: BlockMemory, action: Action, members: frozenset[Clean], now: float) -> bool:
    """Whether the replicas follow what the policy told before it fell silent: a start takes its time."""
    last = memory.acts[0] if memory.acts else None
    if last is None or last.action is not action or last.proposed is None or now - last.at > FOLLOWS_SECONDS:
        return False
    return len(members) <= last.proposed if action is Action.UP else len(members) >= last.proposed


def infer_cooldown(memory: BlockMemory, total_seconds: float, now: float) -> Cooldown:
    """Estimate the timer: it runs from an action that was noticed late, hence the uncertainty."""
    doubt = (memory.push_seconds or DEFAULT_PUSH_SECONDS) + DEFAULT_INTERVAL_SECONDS
    if memory.cooldown_reset_at is not None:
        return Cooldown(CooldownPhase.READY, Origin.INFERRED, total_seconds=total_seconds)
    started = memory.inferred_action_at
    if started is None:
        watched = now - (memory.watched_since or now)
        phase = CooldownPhase.READY if watched > total_seconds + doubt else CooldownPhase.UNKNOWN
        return Cooldown(phase, Origin.INFERRED, total_seconds=total_seconds, uncertainty_seconds=doubt)
    ends_at = started + total_seconds
    phase = CooldownPhase.COOLING if now < ends_at + doubt else CooldownPhase.READY
    return Cooldown(phase, Origin.INFERRED, ends_at, total_seconds, doubt)


def _add(memory: BlockMemory, decision: Decision) -> None:
    memory.inferred = (decision, *memory.inferred)[:MAX_DECISIONS]


def _membership(
    action: Action,
    ids: frozenset[Clean],
    before: frozenset[Clean],
    after: frozenset[Clean],
    rules: AbstractSet[str | None],
    averages: Averages,
    limits: Thresholds,
    inputs: tuple[InstanceInput, ...],
    now: float,
) -> Decision:
    """Conclude a scaling from instances that came or went; `would` says that the rule had asked for it."""
    names = ", ".join(sorted(ids)[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
    rule = "up" if action is Action.UP else "down"
    asked = rule in rules
    told = (
        "began to report" if action is Action.UP else f"stopped reporting: {'removed' if asked else 'hung, or removed'}"
    )
    return Decision(
        at=now,
        action=action,
        code=clean("ScaleUp" if action is Action.UP else "ScaleDown"),
        reason=clean(f"{names} {told}{'' if asked else ' (the rule had not asked)'}"),
        origin=Origin.INFERRED,
        would=clean(rule) if asked else None,
        input_average=averages.input_size,
        output_average=averages.output_size,
        thresholds=limits,
        reporting=len(before),
        proposed=len(after),
        instances=inputs,
    )


def _rule_change(
    rule: str | None, averages: Averages, limits: Thresholds, inputs: tuple[InstanceInput, ...], now: float
) -> Decision:
    sentence = {
        "up": "above an up threshold: asks +1",
        "down": "below both down thresholds: asks -1",
        None: "within the thresholds",
    }[rule]
    return Decision(
        at=now,
        action=Action.HOLD,
        code=clean("WithinRange" if rule is None else "RuleMet"),
        reason=clean(sentence),
        origin=Origin.INFERRED,
        would=None if rule is None else clean(rule),
        input_average=averages.input_size,
        output_average=averages.output_size,
        thresholds=limits,
        reporting=len(inputs),
        instances=inputs,
    )
