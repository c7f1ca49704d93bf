"""What a policy would see of a block at this moment, as a decision that nobody has taken yet."""

from collections.abc import Iterable

from aios_top.model.decision import NO_AUTOSCALER, Action, Decision, InstanceInput, Origin
from aios_top.model.policy_state import Voice
from aios_top.model.rule import asks
from aios_top.model.state import Averages, BlockState, InstanceState, Phase
from aios_top.model.text import clean
from aios_top.model.window import AnyRolling, Window

_WORDS = {
    "up": "above an up threshold: asks +1",
    "down": "below both down thresholds: asks -1",
    None: "within the thresholds",
}


def at_present(block: BlockState, now: float) -> Decision:
    """Return what the token rule makes of the newest documents; inferred. Without a policy: that there is none."""
    if block.policy.voice is Voice.ABSENT:
        return Decision(now, Action.HOLD, NO_AUTOSCALER, clean("the block has no autoscaler policy"), Origin.DECLARED)
    means = block.averages.get(block.window, Averages())
    rule = asks(means.input_size, means.output_size, block.thresholds)
    code, reason = "RuleMet" if rule else "WithinRange", _WORDS[rule]
    if means.input_size is None or means.output_size is None:
        code, reason = "NoMetrics", "no instance reports token metrics"
    return Decision(
        at=now,
        action=Action.HOLD,
        code=clean(code),
        reason=clean(reason),
        origin=Origin.INFERRED,
        would=None if rule is None else clean(rule),
        input_average=means.input_size,
        output_average=means.output_size,
        thresholds=block.thresholds,
        current=block.replicas.current,
        reporting=block.replicas.reporting if block.counted else None,
        cooldown_remaining_seconds=block.cooldown.remaining_seconds(now),
        instances=inputs_of(block.instances, block.window),
    )


def inputs_of(rows: Iterable[InstanceState], window: Window) -> tuple[InstanceInput, ...]:
    """Return what a decision over `window` would see of the instances that report."""
    return tuple(_input(row, window) for row in rows if row.phase in {Phase.SERVING, Phase.IDLE} and row.reading)


def _input(row: InstanceState, window: Window) -> InstanceInput:
    reading = row.reading
    sizes = [_over(rolling, window) for rolling in (reading.input_size, reading.output_size)] if reading else [None] * 2
    return InstanceInput(
        row.instance_id,
        input_size=sizes[0],
        output_size=sizes[1],
        input_rate=row.input_rate,
        output_rate=row.output_rate,
        queue=_over(reading.queue_length, window) if reading else None,
        sessions=reading.active_sessions if reading else None,
        age_seconds=row.age_seconds,
        status=clean("partial" if None in sizes else "ok"),
    )


def _over(rolling: AnyRolling | None, window: Window) -> float | None:
    return None if rolling is None else rolling.over(window)
