"""The rate of a load test over time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios_top.model.load import LoadPlan, Shape, Stage
from aios_top.sim.schedule import estimate, schedule
from aios_top.sim.tempo import Tempo

STAGES = st.lists(
    st.builds(Stage, st.floats(0.1, 100), st.floats(0, 50), st.none() | st.floats(0, 50)), min_size=1, max_size=5
)


@settings(deadline=None)
@given(STAGES, st.floats(0.01, 200), st.floats(0.1, 10))
def test_the_time_of_a_gap_is_the_time_in_which_it_passes(stages, gap, factor):
    asked, passing = Tempo(stages), Tempo(stages)
    asked.factor = passing.factor = factor
    seconds = asked.seconds_for(gap)
    if seconds is None:
        assert passing.advance(1e6) < gap * (1 + 1e-9)
    else:
        assert passing.advance(seconds) == pytest.approx(gap, rel=1e-6, abs=1e-6)


@settings(deadline=None)
@given(STAGES, st.lists(st.floats(0.01, 30), max_size=20))
def test_time_passes_the_same_in_one_step_and_in_many(stages, steps):
    at_once, bit_by_bit = Tempo(stages), Tempo(stages)
    assert at_once.advance(sum(steps)) == pytest.approx(sum(map(bit_by_bit.advance, steps)), rel=1e-6, abs=1e-6)
    assert at_once.seconds_left == pytest.approx(bit_by_bit.seconds_left, abs=1e-6)


def test_a_ramp_is_even():
    tempo = Tempo([Stage(10, 1, 3)])
    assert [round(tempo.rate, 3) for _ in range(3) if tempo.advance(2.5) is not None] == [1.5, 2.0, 2.5]
    assert tempo.advance(100) == pytest.approx(20 - 1.25 * 2.5 - 1.75 * 2.5 - 2.25 * 2.5)
    assert tempo.over


def test_a_held_stage_has_no_end_and_the_next_one_starts_at_its_beginning():
    tempo = Tempo([Stage(10, 1), Stage(5, 4)])
    tempo.advance(3)
    tempo.held = True
    assert (tempo.advance(1000), tempo.seconds_for(50), tempo.stage) == (1000, 50, 0)
    tempo.next_stage()
    assert (tempo.rate, tempo.held, tempo.seconds_left) == (4, False, 5)


@pytest.mark.parametrize(("shape", "cv"), [(Shape.CONSTANT, 0.0), (Shape.POISSON, 1.0), (Shape.GAMMA, 2.5)])
def test_gaps_have_the_mean_of_the_rate_and_the_spread_that_was_asked_for(shape, cv):
    plan = LoadPlan("b", 20_000, shape=shape, cv=2.5, stages=(Stage(900, 50),))
    gaps = [asked.gap for asked in schedule(plan)][1:]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(1.0, abs=0.08)
    assert spread / mean == pytest.approx(cv, abs=0.15)


def test_lengths_have_the_mean_and_the_spread_that_were_asked_for():
    plan = LoadPlan("b", 5000, input_tokens=1000, input_cv=0.6, max_output_tokens=200)
    lengths = [asked.input_tokens for asked in schedule(plan)]
    mean = sum(lengths) / len(lengths)
    spread = (sum((length - mean) ** 2 for length in lengths) / len(lengths)) ** 0.5
    assert mean == pytest.approx(1000, rel=0.05)
    assert spread / mean == pytest.approx(0.6, abs=0.06)
    assert {asked.max_output_tokens for asked in schedule(plan)} == {200}


def test_the_estimate_is_what_the_schedule_comes_to():
    found = estimate(LoadPlan("b", 100, shape=Shape.CONSTANT, stages=(Stage(10, 2), Stage(10, 5))))
    assert (found.requests, found.peak_rate) == (71, 5.1)
    assert found.seconds == pytest.approx(20.0)
    assert (found.input_tokens, found.max_output_tokens, found.longest) == (7100, 7100, 100)
