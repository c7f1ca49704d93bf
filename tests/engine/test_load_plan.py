"""What a load test may be: every bound, told before anything is sent."""

from typing import Any

import pytest

from aios_top.engine.load_plan import checked, is_large
from aios_top.model.errors import ActionRefusedError
from aios_top.model.load import Api, LoadLimits, LoadPlan, Shape, Stage, TraceRow, Until


def plan(requests: int = 3, **values: Any) -> LoadPlan:
    return LoadPlan("gemma", requests, **values)


def rated(*stages: Stage, **values: Any) -> LoadPlan:
    return plan(2000, shape=Shape.POISSON, stages=stages, **values)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (plan(0), "0 requests are not between 1 and 2000"),
        (plan(2001), "2001 requests are not between 1 and 2000"),
        (plan(1, input_tokens=0), "0 input tokens are not between 1 and 32000"),
        (plan(1, input_tokens=32_001), "32001 input tokens are not between 1 and 32000"),
        (plan(1, max_output_tokens=0), "0 output tokens are not between 1 and 32000"),
        (plan(1, max_output_tokens=32_001), "32001 output tokens are not between 1 and 32000"),
        (plan(2000, input_tokens=9_901, max_output_tokens=100), "20002000 tokens in all are more than 20000000"),
        (plan(1, timeout_seconds=0), "a timeout of 0s is not above 0 and at most 15m"),
        (plan(1, timeout_seconds=901), "a timeout of 15m01s"),
        (plan(1, timeout_seconds=float("inf")), "a timeout of inf is"),
        (plan(1, timeout_seconds=float("nan")), "a timeout of nan is"),
        (rated(Stage(10, 51)), "51 requests per second are not between 0 and 50"),
        (rated(Stage(10, 1, 60)), "60 requests per second are not between 0 and 50"),
        (rated(Stage(10, float("nan"))), "nan requests per second are not between 0 and 50"),
        (rated(Stage(0, 1)), "a stage of 0s is no stage"),
        (rated(Stage(600, 1), Stage(301, 1)), "15m01s of sending are more than 15m"),
        (rated(Stage(10, 0)), "no stage has a rate above 0"),
        (rated(), "no stage has a rate above 0"),
        (rated(Stage(1, 0.01), seed=3), "no request falls into the time that it lasts"),
        (plan(1, shape=Shape.GAMMA, stages=(Stage(9, 1),), cv=51), "a coefficient of variation of 51 is not"),
        (plan(1, input_cv=6), "a coefficient of variation of 6 for input lengths is not between 0 and 5"),
        (plan(1, shape=Shape.CLOSED, concurrency=65), "65 in flight are not between 1 and 64"),
        (plan(1, shape=Shape.CLOSED, concurrency=11, api=Api.GRPC), "11 in flight are not between 1 and 10"),
        (plan(1, shape=Shape.CLOSED, duration_seconds=901), "15m01s of sending are more than 15m"),
        (plan(1, shape=Shape.REPLAY), "the trace has no requests"),
        (plan(1, shape=Shape.REPLAY, trace=(TraceRow(0, 1, 32_001),)), "the trace asks for 1 and 32001 tokens"),
        (plan(1, shape=Shape.REPLAY, trace=(TraceRow(0, 1, 1),), speed=0), "a speed of 0 is not above 0"),
        (
            plan(600, shape=Shape.REPLAY, trace=tuple(TraceRow(n / 60, 1, 1) for n in range(600))),
            "the trace peaks at 60 requests per second, more than 50",
        ),
        (plan(1, max_error_rate=0), "an error rate of 0 is not above 0 and at most 1"),
        (plan(1, drain_seconds=901), "15m01s of draining are not between 0s and 15m"),
        (plan(1, watch_seconds=-1), "-1s of watching are not between 0s and 15m"),
        (plan(1, until=Until.REPLICAS), "until replicas=None is no number of replicas"),
    ],
)
def test_the_caps_hold_whatever_is_asked_for(given: LoadPlan, problem: str) -> None:
    with pytest.raises(ActionRefusedError) as caught:
        checked(given)
    assert problem in str(caught.value)
    assert "these limits protect the block" in str(caught.value)


def test_all_that_is_out_of_bounds_is_told_at_once_and_limits_can_be_lowered() -> None:
    with pytest.raises(ActionRefusedError, match=r"11 requests.*60 input.*60 output"):
        checked(plan(11, input_tokens=60, max_output_tokens=60), LoadLimits(requests=10, tokens_per_request=50))
    assert checked(plan(2000, input_tokens=5000, max_output_tokens=5000)).requests == 2000


def test_what_is_allowed_is_told_what_it_comes_to() -> None:
    found = checked(rated(Stage(100, 5)))
    assert 400 < found.requests < 600
    assert found.seconds is not None
    assert 90 < found.seconds <= 100
    assert (found.input_tokens, found.max_output_tokens) == (100 * found.requests, 100 * found.requests)
    assert found.peak_rate is not None
    assert 5 < found.peak_rate < 10


def test_a_limit_of_grpc_is_its_threads_and_no_configuration_raises_it() -> None:
    assert LoadLimits(in_flight=640).places(Api.GRPC) == 10
    assert LoadLimits(in_flight=4).places(Api.GRPC) == 4
    assert LoadLimits(in_flight=640).places(Api.INFER) == 640


@pytest.mark.parametrize(
    ("given", "large"),
    [
        (plan(100), False),
        (plan(101), True),
        (rated(Stage(60, 0.5), seed=5), False),
        (rated(Stage(60, 3)), True),
        (plan(5, shape=Shape.CLOSED), True),
    ],
)
def test_a_large_test_wants_more_than_a_yes(given: LoadPlan, large: bool) -> None:
    assert is_large(given, checked(given)) is large
