"""Whether a load test may be started, and what it will come to."""

import math
from typing import Any

from aios_top.model.errors import ActionRefusedError
from aios_top.model.load import Api, Estimate, LoadLimits, LoadPlan, Shape, Until
from aios_top.model.load_job import LoadJob
from aios_top.model.span import length
from aios_top.sim.schedule import estimate

BUILT_IN = LoadLimits()
UNASKED_RATE = 1.0
"""Requests per second to another machine above which its name has to be typed."""
UNASKED_REQUESTS = 100


def checked(plan: LoadPlan, limits: LoadLimits = BUILT_IN) -> Estimate:
    """Return what a plan comes to; raises ActionRefusedError with everything in it that is out of bounds."""
    problems = [*_shape_problems(plan, limits), *_number_problems(plan, limits)]
    if problems:
        raise ActionRefusedError(_refusal(problems))
    found = estimate(plan)
    problems = _sum_problems(plan, found, limits)
    if problems:
        raise ActionRefusedError(_refusal(problems))
    return found


def is_large(plan: LoadPlan, found: Estimate) -> bool:
    """Whether a load test to another machine is large enough that a plain yes is not enough."""
    return found.requests > UNASKED_REQUESTS or (found.peak_rate or 0.0) > UNASKED_RATE or plan.shape is Shape.CLOSED


def described(job: LoadJob, found: Estimate) -> dict[str, Any]:
    """Return a run as the audit file keeps it."""
    plan = job.plan
    call = "BlockInferenceService/infer" if plan.api is Api.GRPC else f"POST {plan.api}"
    return {
        "block_id": plan.block_id,
        "method": call,
        "url": job.url,
        "address": job.address,
        "shape": plan.shape,
        "requests": found.requests,
        "seconds": found.seconds,
        "input_tokens": plan.input_tokens,
        "max_output_tokens": plan.max_output_tokens,
        "tokens_at_most": found.input_tokens + found.max_output_tokens,
        "until": plan.until,
    }


def _refusal(problems: list[str]) -> str:
    return f"load test: {'; '.join(problems)}; these limits protect the block"


def _shape_problems(plan: LoadPlan, limits: LoadLimits) -> list[str]:
    problems = []
    if plan.shape is Shape.REPLAY:
        if not plan.trace:
            problems.append("the trace has no requests")
        if not (math.isfinite(plan.speed) and 0 < plan.speed <= 1_000):
            problems.append(f"a speed of {plan.speed:g} is not above 0 and at most 1000")
    elif plan.shape.open_loop and not any(max(stage.rate, stage.last_rate) > 0 for stage in plan.stages):
        problems.append("no stage has a rate above 0")
    if plan.shape is Shape.GAMMA and not 0.05 <= plan.cv <= 50:
        problems.append(f"a coefficient of variation of {plan.cv:g} is not between 0.05 and 50")
    for stage in plan.stages:
        if not (math.isfinite(stage.seconds) and stage.seconds > 0):
            problems.append(f"a stage of {length(stage.seconds)} is no stage")
        problems += [
            f"{rate:g} requests per second are not between 0 and {limits.rate:g}"
            for rate in (stage.rate, stage.last_rate)[: 1 if stage.end_rate is None else 2]
            if not (math.isfinite(rate) and 0 <= rate <= limits.rate)
        ]
    places = limits.places(plan.api)
    if plan.shape is Shape.CLOSED and not 1 <= plan.concurrency <= places:
        problems.append(f"{plan.concurrency} in flight are not between 1 and {places}")
    if plan.until is Until.REPLICAS and not 0 <= (plan.until_replicas or -1) <= 1000:
        problems.append(f"until replicas={plan.until_replicas} is no number of replicas")
    return problems


def _number_problems(plan: LoadPlan, limits: LoadLimits) -> list[str]:
    problems = []
    if not 1 <= plan.requests <= limits.requests:
        problems.append(f"{plan.requests} requests are not between 1 and {limits.requests}")
    if plan.shape is not Shape.REPLAY:
        for name, tokens in (("input", plan.input_tokens), ("output", plan.max_output_tokens)):
            if not 1 <= tokens <= limits.tokens_per_request:
                problems.append(f"{tokens} {name} tokens are not between 1 and {limits.tokens_per_request}")
    for row in plan.trace[: plan.requests]:
        if not (
            1 <= row.input_tokens <= limits.tokens_per_request and 1 <= row.output_tokens <= limits.tokens_per_request
        ):
            asked = f"{row.input_tokens} and {row.output_tokens} tokens"
            problems.append(f"the trace asks for {asked}, which are not between 1 and {limits.tokens_per_request}")
            break
    for name, cv in (("input", plan.input_cv), ("output", plan.output_cv)):
        if not 0 <= cv <= 5:
            problems.append(f"a coefficient of variation of {cv:g} for {name} lengths is not between 0 and 5")
    if not (math.isfinite(plan.timeout_seconds) and 0 < plan.timeout_seconds <= limits.timeout_seconds):
        problems.append(
            f"a timeout of {length(plan.timeout_seconds)} is not above 0 and at most {length(limits.timeout_seconds)}"
        )
    longest = plan.sends_for_seconds
    if longest is not None and not longest <= limits.seconds:
        problems.append(f"{length(longest)} of sending are more than {length(limits.seconds)}")
    if not 0 < plan.max_error_rate <= 1:
        problems.append(f"an error rate of {plan.max_error_rate:g} is not above 0 and at most 1")
    for what, seconds in (("draining", plan.drain_seconds), ("watching", plan.watch_seconds)):
        if not 0 <= seconds <= limits.seconds:
            problems.append(f"{length(seconds)} of {what} are not between 0s and {length(limits.seconds)}")
    return problems


def _sum_problems(plan: LoadPlan, found: Estimate, limits: LoadLimits) -> list[str]:
    problems = []
    total = found.input_tokens + found.max_output_tokens
    if total > limits.tokens_per_run:
        problems.append(f"{total} tokens in all are more than {limits.tokens_per_run}")
    most = limits.tokens_per_request
    if found.longest > most and max(plan.input_tokens, plan.max_output_tokens) <= most and not plan.trace:
        problems.append(f"the lengths reach {found.longest} tokens, more than {most}: choose a smaller spread")
    if plan.shape is Shape.REPLAY and (found.peak_rate or 0.0) > limits.rate:
        problems.append(f"the trace peaks at {found.peak_rate:g} requests per second, more than {limits.rate:g}")
    if plan.shape.open_loop and not found.requests:
        problems.append("no request falls into the time that it lasts")
    return problems
