"""What the next evaluation that may act will do at the present figures, and when."""

from msgspec.structs import replace

from aios_top.model.bounds import kept_maximum
from aios_top.model.decision import Action, Origin
from aios_top.model.explanation import Outlook
from aios_top.model.policy_state import Voice
from aios_top.model.rule import DEFAULT_INTERVAL_SECONDS, asks
from aios_top.model.series import SeriesView
from aios_top.model.signal import Signal
from aios_top.model.state import BlockState

TREND_SECONDS = 120.0
"""A trend is the slope of the last two minutes, AIOS's four pushes."""
_LEAST_SECONDS = 15.0
_LEAST_SAMPLES = 4


def outlook(block: BlockState, now: float) -> Outlook | None:
    """Return what follows, None for a block without an autoscaler or without figures."""
    if block.policy.voice is Voice.ABSENT:
        return None
    means = block.compared
    limits = block.thresholds
    left = block.cooldown.remaining_seconds(now)
    forced = block.policy.forced
    wait, origin = _wait(block, now, 0.0 if forced is not None and forced.ignores_cooldown else left)
    rule = asks(means.input_size, means.output_size, limits) or ""
    wanted = {"upscale": "up", "downscale": "down"}.get(forced.operation, "") if forced is not None else rule
    found = Outlook(
        action={"up": Action.UP, "down": Action.DOWN}.get(wanted, Action.HOLD),
        forced=forced,
        in_seconds=wait,
        cooldown_seconds=left,
        origin=origin,
        input_now=means.input_size,
        output_now=means.output_size,
        input_trend=_trend(block, "input", now),
        output_trend=_trend(block, "output", now),
        input_up=limits.input_up,
        output_up=limits.output_up,
        input_down=limits.input_down,
        output_down=limits.output_down,
    )
    return replace(found, blocked_by=_blocked(block, found.action, wait), at_most=_step(block, found.action))


def _trend(block: BlockState, side: str, now: float) -> float | None:
    """Return the slope of what the policy compares; the history holds sizes, and of rates only the block's sum."""
    if block.signal is not Signal.SIZE:
        return None
    return trend(block.history.get(f"{side}_{block.window.value}"), now)


def trend(view: SeriesView | None, now: float) -> float | None:
    """Return the slope per minute of a series by least squares over the last two minutes."""
    if view is None:
        return None
    points = [(at - now, value) for at, value in view.since(now - TREND_SECONDS) if value == value]  # noqa: PLR0124 - NaN
    if len(points) < _LEAST_SAMPLES or points[-1][0] - points[0][0] < _LEAST_SECONDS:
        return None
    middle_at = sum(at for at, _ in points) / len(points)
    middle = sum(value for _, value in points) / len(points)
    spread = sum((at - middle_at) ** 2 for at, _ in points)
    return 60.0 * sum((at - middle_at) * (value - middle) for at, value in points) / spread


def crosses_in(value: float | None, slope: float | None, limit: float | None) -> float | None:
    """Return the seconds until a figure reaches a limit at its present slope per minute; None when it does not."""
    if value is None or slope is None or limit is None or not slope:
        return None
    seconds = 60.0 * (limit - value) / slope
    return seconds if seconds > 0 else None


def _wait(block: BlockState, now: float, cooldown_left: float | None) -> tuple[float | None, Origin]:
    """Return the seconds to the first evaluation after the cooldown."""
    due, interval = block.next_evaluation_at, block.policy.interval_seconds or DEFAULT_INTERVAL_SECONDS
    if due is None:
        return cooldown_left, block.cooldown.origin if cooldown_left is not None else Origin.UNKNOWN
    seconds = max(0.0, due - now)
    if cooldown_left is not None and seconds <= cooldown_left:
        seconds += interval * (1 + (cooldown_left - seconds) // interval) if cooldown_left > 0 else 0.0
    return seconds, block.next_evaluation_origin


def _step(block: BlockState, action: Action) -> int:
    """Return how many replicas the policy adds or removes at most at once."""
    name = {Action.UP: "max_scale_up_step", Action.DOWN: "max_scale_down_step"}.get(action, "")
    step = block.in_force.get(name)
    return step if isinstance(step, int) and not isinstance(step, bool) and step > 1 else 1


def _blocked(block: BlockState, action: Action, wait: float | None) -> str:
    """Return why an action that the rule asks for will not follow; empty when it will."""
    least, most = block.replicas.minimum, kept_maximum(block)
    counted = min(block.replicas.reporting, block.replicas.best)  # a removed replica's document stays fresh for a while
    if action is Action.DOWN and least is not None and counted <= least:
        return f"min_replicas {least}"
    if action is Action.UP and most is not None and block.replicas.best >= most:
        return f"max_replicas {most}"
    if action is not Action.HOLD and block.policy.mode == "shadow":
        return "shadow mode"
    return "" if action is Action.HOLD else _paused(block, action, wait)


def _paused(block: BlockState, action: Action, wait: float | None) -> str:
    """Name a pause that still holds when the action is due."""
    paused = block.policy.paused
    direction = {Action.UP: "up", Action.DOWN: "down"}[action]
    if paused is None or paused.direction not in {"both", direction}:
        return ""
    left = paused.remaining_seconds
    return "" if left is not None and wait is not None and left < wait else "a pause"
