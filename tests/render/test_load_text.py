"""A load test in plain words."""

from msgspec.structs import replace

from aios_top.model import lag
from aios_top.model.decision import Origin
from aios_top.model.lag import ScaleUpGain
from aios_top.model.load import Cause, Estimate, LoadPhase, LoadPlan, LoadState, Prediction, Shape, Stage, Until
from aios_top.model.load_job import RequestEnd
from aios_top.model.spread import Spread
from aios_top.render.load_text import ending_lines, estimate_lines, session_line

NOW = 1_000_000.0
STOPPED = LoadState(
    LoadPlan("gemma", 5), LoadPhase.STOPPED, NOW, sent=5, ok=2, failed=1, lost=1, errors=(("no such block", 1),),
    latency=Spread(2, 0.75, 0.5, None, None, None, 1.0), service=Spread(2, 0.5, 0.25, None, None, None, 0.75),
    lateness=Spread(4, 0.0, 0.0, None, None, None, 0.25), stop_reason="more than 3 were lost", cause=Cause.LOST,
    saved_as="/state/load/x",
)  # fmt: skip


def test_the_summary_of_a_load_test_counts_everything():
    assert ending_lines(STOPPED) == [
        "5 sent: 2 ok, 1 failed, 1 without an answer, 1 given up",
        "latency from planned send time: p50 500ms, max 1.00s (n 2)",
        "service time: p50 250ms, max 750ms (n 2); sent late: max 250ms",
        "1 x no such block",
        "stopped: more than 3 were lost",
        "calibration: unknown (not pushed yet, or mixed with other requests); --watch 35s waits for the counters",
        "report: /state/load/x",
    ]


def test_the_lag_budget_stands_in_the_summary_with_the_prediction_beside_the_real_decision():
    budget = lag.begun(NOW, None)
    for step, at in (("threshold_crossed", 31.0), ("evaluation", 52.0), ("decision", 52.5), ("replica_requested", 60)):
        budget = budget.noted(step, NOW + at, Origin.MEASURED)
    budget = budget.noted("p95_recovered", None, Origin.UNKNOWN, "not reached")
    state = replace(
        STOPPED, plan=LoadPlan("gemma", until=Until.UPSCALE), lag=budget, calibration=1.02,
        prediction=Prediction(NOW + 50.0), gains=(ScaleUpGain(NOW + 52, 1, 2, 100.0, 190.0),),
    )  # fmt: skip
    lines = ending_lines(state)
    assert lines[5:] == [
        "calibration: the block counted 1.020 prompt tokens per word sent",
        "scaling lag, seconds since the load started:",
        "  load start            0.0",
        "  threshold crossed    31.0   +31.0",
        "  evaluation           52.0   +21.0",
        "  decision             52.5    +0.5",
        "  replica requested    60.0    +7.5",
        "  replica reporting       ?",
        "  p95 recovered           ?  not reached",
        "predicted decision at +50.0s, real one at +52.5s (+2.50s)",
        "tokens per second before and after the scale-up: 100.0 and 190.0 (1.90 times)",
        "report: /state/load/x",
    ]


def test_an_answer_is_told_as_the_tutorials_client_tells_it():
    end = RequestEnd(0, "s-1", 0, 0.0, 1.0, 3.345, 10, 10, "ok")
    assert session_line(end) == "Session s-1: Latency: 2.35s"
    assert session_line(replace(end, kind="failed", message="no")) == "Session s-1: Latency: 2.35s (failed: no)"
    assert session_line(replace(end, kind="timeout")) == "Session s-1: no answer within 2.35s, given up"


def test_an_estimate_says_what_it_comes_to_and_where_it_goes():
    plan = LoadPlan("gemma", 99, shape=Shape.GAMMA, cv=2.5, stages=(Stage(60, 1), Stage(90, 1, 3)), seed=7)
    assert estimate_lines(plan, Estimate(240, 149.218, 24_000, 24_000, 3.4), "http://h:1 (10.0.0.1)") == [
        "gamma (cv 2.5): 1 requests/s for 60s, then 1 to 3 requests/s for 90s to block gemma",
        "target: http://h:1 (10.0.0.1)",
        (
            "at most 240 requests over 2m29s, at most 3.4 a second over ten seconds; "
            "in all 24.0k input tokens, answers of up to 24.0k tokens; seed 7"
        ),
    ]
