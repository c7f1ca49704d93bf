"""Says in one sentence what an autoscaler is about to do, with the numbers that decide it."""

from aios_top.model.rule import asks
from aios_top.model.span import span
from aios_top.model.state import BlockState, CooldownPhase


def rule_sentence(block: BlockState, *, replicas: int | None = None) -> str:
    """Return what the token rule asks for at the present averages, e.g. "input 812 > 500 asks for +1".

    `replicas` is the count to judge the minimum by, where a change is about to make it another one.
    """
    averages = block.compared
    if averages.input_size is None or averages.output_size is None:
        return "what its rule asks for is unknown, for there are no averages"
    given_in, given_out, limits = averages.input_size, averages.output_size, block.thresholds
    match asks(given_in, given_out, limits):
        case "up" if limits.input_up is not None and given_in > limits.input_up:
            return f"input {given_in:.0f} > {limits.input_up:.0f} asks for +1"
        case "up":
            return f"output {given_out:.0f} > {limits.output_up:.0f} asks for +1"
        case "down":
            below = (
                f"input {given_in:.0f} < {limits.input_down:.0f} and output {given_out:.0f} < {limits.output_down:.0f}"
            )
            least = block.replicas.minimum
            if least is not None and (block.replicas.best if replicas is None else replicas) <= least:
                return f"{below} ask for -1, but {least} is the minimum"
            return f"{below} ask for -1"
    return f"input {given_in:.0f} and output {given_out:.0f} ask for nothing"


def next_evaluation(block: BlockState, now: float) -> str:
    """Return "the next evaluation in ~4s", or without the time where it is unknown."""
    if block.next_evaluation_at is None:
        return "the next evaluation"
    return f"the next evaluation in ~{span(block.next_evaluation_at - now)}"


def reset_sentence(block: BlockState, now: float) -> str:
    """Return the effect of a cooldown reset."""
    left = block.cooldown.remaining_seconds(now)
    rule = rule_sentence(block)
    acts = f"{next_evaluation(block, now)} may act at once: {rule}"
    if "asks for +" in rule or rule.endswith("ask for -1"):
        follow = acts
    else:
        follow = f"{next_evaluation(block, now)} acts only if that changes: {rule}"
    if block.cooldown.at(now) is CooldownPhase.READY:
        return f"the cooldown is not running, so the reset changes nothing; {follow}"
    if left is None:
        return f"ends a cooldown if one is running, which is unknown; {follow}"
    return f"ends the cooldown {span(left)} early; {follow}"


def cooldown_sentence(block: BlockState, now: float) -> str:
    """Return what was seen of the timer, and how it is known."""
    left = block.cooldown.remaining_seconds(now)
    origin = block.cooldown.origin
    if left is None:
        return "cooldown unknown"
    if block.cooldown.at(now) is CooldownPhase.READY:
        return f"cooldown not running ({origin})"
    doubt = f" ±{span(block.cooldown.uncertainty_seconds)}" if block.cooldown.uncertainty_seconds else ""
    return f"cooldown {span(left)} left{doubt} ({origin})"
