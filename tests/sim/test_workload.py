"""Offered load is the same for the same seed, however often it is asked for."""

from itertools import pairwise
from math import log, sqrt
from statistics import mean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios_top.sim.workload import PROFILES, SLOWEST_RATE, Phase, Workload

phases = st.lists(
    st.builds(
        lambda at, length, rate, arrival: Phase(at, at + length, rate, 100, 20, 0.5, arrival, 3.0),
        st.floats(0, 100),
        st.floats(1, 100),
        st.one_of(st.just(0.0), st.floats(SLOWEST_RATE, 200)),
        st.sampled_from(["constant", "poisson", "gamma"]),
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(phases, st.integers(0, 2**32), st.lists(st.floats(0, 40), max_size=30), st.booleans())
def test_how_often_it_is_asked_changes_nothing(plan: list[Phase], seed: int, gaps: list[float], repeats: bool) -> None:
    repeat_every = 250.0 if repeats else None
    end = sum(gaps)
    at_once = Workload(plan, seed, repeat_every).jobs_until(end)
    asked, now, bit_by_bit = Workload(plan, seed, repeat_every), 0.0, []
    for gap in gaps:
        announced = asked.next_arrival()
        fresh = asked.jobs_until(now + gap)
        assert all(now <= job.arrived <= now + gap for job in fresh)
        if fresh:
            assert announced == fresh[0].arrived
        now += gap
        bit_by_bit += fresh
    bit_by_bit += asked.jobs_until(end)
    assert bit_by_bit == at_once
    assert [job.arrived for job in at_once] == sorted(job.arrived for job in at_once)
    assert len({job.session_id for job in at_once}) == len(at_once)


def test_another_seed_or_name_is_another_load() -> None:
    plan = [Phase(0, 100, 60, 500, 50, 0.5)]
    first = [job.arrived for job in Workload(plan, 1).jobs_until(100)]
    assert first != [job.arrived for job in Workload(plan, 2).jobs_until(100)]
    assert first != [job.arrived for job in Workload(plan, 1, name="other").jobs_until(100)]


def test_constant_arrivals_begin_with_the_phase_and_keep_their_distance() -> None:
    load = Workload([Phase(5, 25, 12, 2000, 60, arrival="constant")], seed=1, started=1000.0)
    jobs = load.jobs_until(2000.0)
    assert [job.arrived for job in jobs] == [1005.0, 1010.0, 1015.0, 1020.0]
    assert {(job.input_tokens, job.output_tokens) for job in jobs} == {(2000, 60)}
    assert load.next_arrival() is None


def test_a_repeated_phase_comes_again_and_again() -> None:
    load = Workload([Phase(5, 15, 12, 100, 10, arrival="constant")], seed=1, repeat_every=100.0)
    assert [job.arrived for job in load.jobs_until(210.0)] == [5.0, 10.0, 105.0, 110.0, 205.0, 210.0]


def test_a_rate_below_one_request_per_repetition_is_kept() -> None:
    load = Workload([Phase(0, 10, 0.5, 100, 10)], seed=3, repeat_every=1000.0)
    # A request per 120 s of phase time is one per twelve repetitions.
    assert 60 < len(load.jobs_until(1_000_000.0)) < 110


def test_overlapping_phases_add_up_in_order() -> None:
    load = Workload([Phase(0, 20, 6, 10, 1, arrival="constant"), Phase(5, 20, 6, 20, 1, arrival="constant")], seed=1)
    assert [(job.arrived, job.input_tokens) for job in load.jobs_until(50)] == [(0, 10), (5, 20), (10, 10), (15, 20)]


@pytest.mark.parametrize("kind", sorted(PROFILES))
def test_generated_traffic_has_the_published_statistics(kind: str) -> None:
    traffic = PROFILES[kind]
    count = 40_000
    load = Workload([Phase.of(kind, 0.0, 1e9)], seed=5)
    jobs = []
    while len(jobs) < count:
        jobs += load.jobs_until(load.next_arrival())
    inputs, outputs = [job.input_tokens for job in jobs], [job.output_tokens for job in jobs]
    assert mean(inputs) == pytest.approx(traffic.input_tokens, rel=0.05)
    assert mean(outputs) == pytest.approx(traffic.output_tokens, rel=0.05)
    # The spread of a lognormal distribution shows in its logarithm, where its long tail does not disturb.
    spread = pstdev([log(tokens) for tokens in inputs])
    assert spread == pytest.approx(sqrt(log(1 + traffic.input_cv**2)), rel=0.05)


def test_no_request_is_empty_or_longer_than_the_context() -> None:
    for mean_tokens in (1, 30_000):
        jobs = Workload([Phase(0, 6000, 60, mean_tokens, mean_tokens, 3.0)], seed=1).jobs_until(6000)
        lengths = {tokens for job in jobs for tokens in (job.input_tokens, job.output_tokens)}
        assert {min(lengths), max(lengths)} & {1, 32_768}
        assert all(1 <= tokens <= 32_768 for tokens in lengths)


@pytest.mark.parametrize(("arrival", "cv"), [("constant", 0.0), ("poisson", 1.0), ("gamma", 1.09), ("gamma", 5.2)])
def test_gaps_have_the_asked_rate_and_burstiness(arrival: str, cv: float) -> None:
    load = Workload([Phase(0, 1e7, 60, 10, 1, 0.0, arrival, cv)], seed=11)
    arrivals = [job.arrived for job in load.jobs_until(100_000.0)]
    assert len(arrivals) == pytest.approx(100_000, rel=0.08)
    gaps = [later - earlier for earlier, later in pairwise(arrivals)]
    assert pstdev(gaps) / mean(gaps) == pytest.approx(cv, rel=0.1, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"until": 0.0}, "must start at 0 or later and end after its start"),
        ({"at": -1.0}, "must start at 0 or later"),
        ({"requests_per_minute": -1.0}, "requests_per_minute is -1.0"),
        ({"requests_per_minute": 1e-309}, "it must be 0 or a number from 1e-06 up"),
        ({"requests_per_minute": float("inf")}, "requests_per_minute is inf"),
        ({"requests_per_minute": float("nan")}, "requests_per_minute is nan"),
        ({"input_tokens": 0}, "at least 1 each"),
        ({"output_tokens": float("nan")}, "at least 1 each"),
        ({"token_cv": -0.5}, "coefficient of variation of lengths is negative"),
        ({"arrival": "weekly"}, "'weekly' is unknown; choose one of constant, poisson, gamma"),
        ({"arrival": "gamma", "cv": 0.0}, "bursts need one above 0"),
    ],
)
def test_an_impossible_phase_is_refused(change: dict[str, object], message: str) -> None:
    good = {"at": 0.0, "until": 10.0, "requests_per_minute": 6.0, "input_tokens": 10, "output_tokens": 1}
    with pytest.raises(ValueError, match=message):
        Phase(**(good | change))


@pytest.mark.parametrize("repeat_every", [0.0, 9.0, -5.0, float("nan")])
def test_a_repetition_shorter_than_its_phases_is_refused(repeat_every: float) -> None:
    with pytest.raises(ValueError, match="lasts until 10"):
        Workload([Phase(0, 10, 6, 10, 1)], seed=1, repeat_every=repeat_every)


def test_no_phases_are_no_load() -> None:
    load = Workload([], seed=1, repeat_every=60.0)
    assert (load.jobs_until(1e6), load.next_arrival()) == ([], None)
