"""How much load makes a policy decide, and when it will: computed from the policy's own parameters and signal."""

import math

from msgspec import Struct
from msgspec.structs import replace

from aios_top.model.load import LoadPlan, Prediction, Shape, Stage, Until
from aios_top.model.reading import AnyReading
from aios_top.model.span import span
from aios_top.model.state import BlockState, CooldownPhase

LARGEST_PROMPT = 8_000
"""Tokens; longer ones do not fit into the context of many models."""
FEWEST_EACH = 2
"""Requests that every replica should have served when its mean is judged."""
SECONDS_TO_MOVE = 10.0
"""Shortest time in which those requests are sent."""
UNSEEN_REQUESTS = 10
"""Requests of other clients that a replica's mean is taken to hold where fewer were seen to come."""
DEFAULT_INTERVAL_SECONDS, DEFAULT_PUSH_SECONDS = 30.0, 30.0
"""AIOS's own periods, where the block has not shown others."""
GUESSED_TOKENS_PER_SECOND = (1_000.0, 30.0)
"""Prefill and decode of an unknown model, for the service time of a request."""


class _Now(Struct, frozen=True):
    """What the block looks like before the load."""

    replicas: int
    mean: float
    """The policy's value of the input side: tokens per request."""
    requests_each: float
    """Requests of other clients per replica within the policy's window."""
    rate: float
    """Prompt tokens per minute and replica."""


def crossing_plan(block: BlockState, percent: float, duration_seconds: float, seed: int = 1) -> LoadPlan | str:
    """Return the load that lifts the policy's value `percent` above its up threshold, or why there is none."""
    threshold = block.thresholds.input_up
    if threshold is None:
        return "the policy's input threshold is not known, so nothing can be computed: give the requests yourself"
    goal = threshold * (1 + percent / 100)
    now = _now(block)
    if _signal(block) == "counter_rate":
        return _by_rate(block, goal, now, duration_seconds, seed)
    seconds = max(SECONDS_TO_MOVE, block.push_seconds or DEFAULT_PUSH_SECONDS)
    each = float(FEWEST_EACH)
    size = goal
    if now.mean < goal and now.requests_each > 0:
        room = LARGEST_PROMPT - goal
        if room > 0:
            each = max(each, now.requests_each * (goal - now.mean) / room)
        size = goal + now.requests_each / each * (goal - now.mean)
    if size > LARGEST_PROMPT:
        return f"it would take prompts of {size:.0f} tokens, more than {LARGEST_PROMPT}: give the requests yourself"
    rate = now.replicas * each / seconds
    return _plan(block, math.ceil(size), rate, duration_seconds, seed)


def _by_rate(block: BlockState, goal: float, now: _Now, duration: float, seed: int) -> LoadPlan | str:
    size = max(100, min(LARGEST_PROMPT, round(now.mean) or 500))
    missing = goal - now.rate
    if missing <= 0:
        return "the policy's value is above its threshold already"
    return _plan(block, size, now.replicas * missing / 60.0 / size, duration, seed)


def _plan(block: BlockState, size: int, rate: float, duration: float, seed: int) -> LoadPlan:
    return LoadPlan(
        str(block.block_id),
        requests=max(1, math.ceil(rate * duration) + 1),
        input_tokens=size,
        max_output_tokens=16,
        seed=seed,
        shape=Shape.CONSTANT,
        stages=(Stage(duration, rate),),
        until=Until.UPSCALE,
    )


def within(plan: LoadPlan, requests: int) -> LoadPlan:
    """Return a computed plan with no more requests than are allowed: it stops by itself long before."""
    return replace(plan, requests=min(plan.requests, requests))


def predicted(plan: LoadPlan, block: BlockState, start: float) -> Prediction:
    """Return when the policy should decide to scale up under a plan that starts now."""
    threshold = block.thresholds.input_up
    if threshold is None:
        return Prediction(None, None, "no prediction: the policy's input threshold is not known")
    if _signal(block) == "counter_rate":
        crossing = _rate_crossing(plan, block, threshold)
    else:
        crossing = _size_crossing(plan, block, threshold)
    if isinstance(crossing, str):
        return Prediction(None, None, f"no upscale predicted: {crossing}")
    seen_at = _push_after(block, start + crossing)
    trigger = _evaluation_after(block, seen_at, start)
    text = (
        f"value above {threshold:g} after {span(crossing)}, pushed at +{span(seen_at - start)}, "
        f"decided at +{span(trigger - start)}"
    )
    return Prediction(trigger, start + crossing, text)


def _size_crossing(plan: LoadPlan, block: BlockState, threshold: float) -> float | str:
    """Return the seconds after which the mean size on every replica is above the threshold."""
    size = plan.input_tokens
    if size <= threshold:
        return f"prompts of {size} tokens never lift a mean of sizes above {threshold:g}, however many there are"
    now = _now(block)
    needed = 1.0 if now.mean >= threshold else max(1.0, now.requests_each * (threshold - now.mean) / (size - threshold))
    answered = service_seconds(block, size, plan.max_output_tokens)
    number = math.ceil(needed) * now.replicas
    if plan.shape in {Shape.BURST, Shape.CLOSED}:
        if plan.shape is Shape.BURST and number > plan.requests:
            return f"{plan.requests} requests are too few beside those of other clients: it takes {number}"
        return answered * math.ceil(needed)
    rate = max((stage.rate for stage in plan.stages), default=0.0)
    return answered + (number - 1) / rate if rate > 0 else "its rate is not known beforehand"


def _rate_crossing(plan: LoadPlan, block: BlockState, threshold: float) -> float | str:
    """Return the seconds after which the token rate per replica, a difference of two pushes, is above the threshold."""
    now = _now(block)
    rate = max((stage.rate for stage in plan.stages), default=0.0)
    offered = rate * plan.input_tokens * 60.0 / now.replicas
    if now.rate + offered <= threshold:
        return f"{now.rate + offered:.0f} tokens per minute and replica are not above {threshold:g}"
    return service_seconds(block, plan.input_tokens, plan.max_output_tokens) + (
        block.push_seconds or DEFAULT_PUSH_SECONDS
    )


def service_seconds(block: BlockState, input_tokens: int, output_tokens: int) -> float:
    """Estimate how long one request takes: as the block's own did, in proportion to their tokens."""
    readings = [entry.reading for entry in block.instances if entry.reading is not None]
    found = [speed for speed in map(_seconds_per_token, readings) if speed is not None]
    if found:
        return (input_tokens * found[0][0] + output_tokens * found[0][1]) or 1.0
    prefill, decode = GUESSED_TOKENS_PER_SECOND
    return input_tokens / prefill + output_tokens / decode


def _seconds_per_token(reading: AnyReading) -> tuple[float, float] | None:
    """Return seconds per prompt token and per generated token of what a replica has served so far."""
    total, per_output = reading.inference, reading.per_output_token
    inputs, outputs = reading.prompt_tokens_total, reading.generated_tokens_total
    if total is None or not total.count or not inputs:
        return None
    decode = per_output.total / per_output.count if per_output is not None and per_output.count else 0.0
    decode = min(decode, total.total / outputs) if outputs else 0.0
    prefill = max(0.0, total.total - decode * (outputs or 0.0)) / inputs
    return prefill, decode


def _push_after(block: BlockState, at: float) -> float:
    """Return when every replica has pushed after `at`: each does so in its own rhythm."""
    period = block.push_seconds or DEFAULT_PUSH_SECONDS
    seen = block.seen_at
    if seen is None:
        return at + period
    latest = at
    for entry in block.instances:
        if entry.reading is not None and entry.age_seconds is not None:
            last = seen - entry.age_seconds
            latest = max(latest, last + period * math.ceil(max(0.0, at - last) / period))
    return latest


def _evaluation_after(block: BlockState, at: float, start: float) -> float:
    """Return the first evaluation at or after `at` at which the cooldown is over."""
    interval = block.policy.interval_seconds or _declared_interval(block) or DEFAULT_INTERVAL_SECONDS
    following = block.next_evaluation_at
    if following is None or following < start - interval:
        following = start + interval
    ready = at
    if block.cooldown.phase in {CooldownPhase.COOLING, CooldownPhase.DUE} and block.cooldown.ends_at is not None:
        ready = max(ready, block.cooldown.ends_at)
    return following + interval * max(0, math.ceil((ready - following) / interval))


def _declared_interval(block: BlockState) -> float | None:
    """Return the setting `intervalSeconds` of the block's record, which the registry's may override."""
    settings = block.record.autoscaler.settings if block.record and block.record.autoscaler else {}
    declared = settings.get("intervalSeconds")
    valid = isinstance(declared, int | float) and not isinstance(declared, bool) and 0 < declared < math.inf
    return float(declared) if valid and declared is not None else None


def _signal(block: BlockState) -> str:
    return str(block.parameters.effective.get("signal", "rolling")) if block.parameters else "rolling"


def _now(block: BlockState) -> _Now:
    means = block.averages.get(block.window)
    mean = (means.input_size if means else None) or 0.0
    replicas = max(1, block.replicas.best)
    requests = _requests_each(block, replicas) if mean > 0 else 0.0
    return _Now(replicas, mean, requests, (block.input_rate or 0.0) / replicas)


def _requests_each(block: BlockState, replicas: int) -> float:
    """Estimate how many requests of other clients make up a replica's mean.

    The window reaches further back than this console may have watched, so a mean above 0 stands for some requests even
    where none came since; a replica has never served more than its counter says.
    """
    seen = (block.request_rate or 0.0) / replicas * block.window.seconds / 60.0
    served = [entry.reading.prompts_total for entry in block.instances if entry.reading and entry.reading.prompts_total]
    return min(max(seen, float(UNSEEN_REQUESTS)), max(served, default=math.inf))
