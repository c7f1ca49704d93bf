"""The requests of a load test in order: how long after each other, and how long each is; the same for the same seed."""

from collections.abc import Callable, Iterator
from random import Random

from msgspec import Struct

from aios_top.model.load import Estimate, LoadPlan, Shape, Stage
from aios_top.sim.arrivals import gaps
from aios_top.sim.lengths import TRAFFIC, token_lengths
from aios_top.sim.tempo import Tempo

PEAK_SECONDS = 10.0
"""The stretch of time whose busiest one is the peak of a schedule."""


class Asked(Struct, frozen=True):
    """One request before it is sent."""

    number: int
    gap: float
    """Distance from the request before, in mean intervals of the present rate."""
    input_tokens: int
    max_output_tokens: int


def stages_of(plan: LoadPlan) -> tuple[Stage, ...]:
    """Return the rates over time; a trace runs at its own times, which are gaps at one per second."""
    if plan.shape is not Shape.REPLAY:
        return plan.stages
    length = plan.trace[-1].at / plan.speed if plan.trace else 0.0
    return (Stage(length + 1.0, plan.speed),)


def schedule(plan: LoadPlan) -> Iterator[Asked]:
    """Yield the requests of a plan, at most as many as it allows."""
    if plan.shape is Shape.REPLAY:
        yield from _replayed(plan)
        return
    gap = _gap(plan)
    inputs = _lengths(plan.input_tokens, plan.input_cv, Random(f"{plan.seed}/input"))
    outputs = _lengths(plan.max_output_tokens, plan.output_cv, Random(f"{plan.seed}/output"))
    for number in range(plan.requests):
        # Evenly spaced requests begin with the load; at random, it begins between two.
        first = number == 0 and plan.shape is Shape.CONSTANT
        yield Asked(number, 0.0 if first else gap(), inputs(), outputs())


def _replayed(plan: LoadPlan) -> Iterator[Asked]:
    before = 0.0
    for number, row in enumerate(plan.trace[: plan.requests]):
        yield Asked(number, row.at - before, row.input_tokens, row.output_tokens)
        before = row.at


def _gap(plan: LoadPlan) -> Callable[[], float]:
    match plan.shape:
        case Shape.CONSTANT:
            return gaps("constant", 1.0, plan.cv, Random())
        case Shape.POISSON:
            return gaps("poisson", 1.0, plan.cv, Random(f"{plan.seed}/gaps"))
        case Shape.GAMMA:
            return gaps("gamma", 1.0, plan.cv, Random(f"{plan.seed}/gaps"))
    return lambda: 0.0


def _lengths(mean: int, cv: float, random: Random) -> Callable[[], int]:
    if cv == 0:
        return lambda: mean
    lengths = token_lengths(mean, cv)
    return lambda: lengths[int(random.random() * len(lengths))]


def estimate(plan: LoadPlan) -> Estimate:
    """Go through the schedule without sending."""
    rated = plan.shape.open_loop
    tempo = Tempo(stages_of(plan))
    times: list[float] = []
    inputs = outputs = longest = 0
    at = 0.0
    limit = plan.duration_seconds
    for asked in schedule(plan):
        if rated:
            wait = tempo.seconds_for(asked.gap)
            if wait is None or (limit is not None and at + wait > limit):
                break
            tempo.advance(wait)
            at += wait
        times.append(at)
        inputs += asked.input_tokens
        outputs += asked.max_output_tokens
        longest = max(longest, asked.input_tokens, asked.max_output_tokens)
    seconds = None if plan.shape is Shape.CLOSED else at
    return Estimate(len(times), seconds, inputs, outputs, _peak(times) if rated else None, longest)


def _peak(times: list[float]) -> float:
    """Return the requests per second of the busiest ten seconds."""
    most = start = 0
    for end, at in enumerate(times):
        while times[start] < at - PEAK_SECONDS:
            start += 1
        most = max(most, end - start + 1)
    return most / PEAK_SECONDS


def profile_lengths(name: str) -> tuple[int, float, int, float]:
    """Return mean and coefficient of variation of a profile's prompts, then of its answers."""
    traffic = TRAFFIC[name]
    return round(traffic.input_tokens), traffic.input_cv, round(traffic.output_tokens), traffic.output_cv
