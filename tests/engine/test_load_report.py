"""The files of a load test: a report that keeps its schema, a line per request, a log that another tool reads."""

import json
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import replace

import aios_top
from aios_top.engine.hdr import encoded, log_text
from aios_top.engine.load_counts import LoadCounts
from aios_top.engine.load_report import REPORT, files, report
from aios_top.engine.load_watch import LoadWatch
from aios_top.model.load import Cause, LoadLimits, LoadPhase, LoadPlan, LoadState, Prediction, Shape, Stage, Until
from aios_top.model.load_job import LoadJob, LoadNews, RequestEnd
from aios_top.model.spread import Distribution
from engine.blocks import block, decided, replica

START = 1_000_000.0
SCHEMA = json.loads((Path(aios_top.__file__).parent / "guide" / "load-report.schema.json").read_text())
PLAN = LoadPlan("gemma", 20, shape=Shape.POISSON, stages=(Stage(60, 1), Stage(60, 2, 4)), until=Until.UPSCALE)
JOB = LoadJob(PLAN, "http://127.0.0.1:1", "127.0.0.1", LoadLimits())


def end(number: int, planned: float, kind: str = "ok", took: float = 1.0, late: float = 0.0) -> RequestEnd:
    sent = planned + late
    return RequestEnd(
        number, f"s-{number}", number % 2, planned, sent, sent + took, 10, 5, kind, "" if kind == "ok" else "no"
    )


def finished(*ends: RequestEnd) -> tuple[LoadState, list[RequestEnd]]:
    counts = LoadCounts()
    counts.add(LoadNews(at=10.0, due=len(ends), sent=len(ends), ends=ends))
    watch = LoadWatch(PLAN, block(replica("in-1")), START)
    watch.observe(block(replica("in-1", requests=3, tokens=30), size=600.0, decisions=(decided(START + 5),)), START + 6)
    watch.end_notes()
    state = LoadState(
        PLAN,
        LoadPhase.FINISHED,
        START,
        JOB.url,
        JOB.address,
        due=len(ends),
        sent=len(ends),
        ok=counts.ok,
        failed=counts.failed,
        lost=counts.lost,
        expected=25,
        errors=tuple(counts.errors.most_common()),
        kinds=dict(counts.kinds),
        latencies=tuple(counts.latencies),
        latency=counts.latency.spread(),
        service=counts.service.spread(),
        lateness=counts.lateness.spread(),
        seconds=counts.seconds(),
        prediction=Prediction(START + 4, START + 3, "because"),
        lag=watch.lag,
        gains=watch.gains,
        server=watch.server,
        ended_at=START + 60,
        cause=Cause.GOAL,
        stop_reason="goal reached",
    )
    return state, counts.ends


ENDS = (end(0, 0.0), end(1, 1.0, "failed"), end(2, 2.0, "timeout"), end(3, 3.0, took=2.0, late=0.5))


def test_the_schema_is_a_schema_and_closed_everywhere():
    Draft202012Validator.check_schema(SCHEMA)
    state, ends = finished(*ENDS)
    document = report(state, JOB, ends)
    for path in (document, document["counts"], document["lag_budget"]["steps"]["decision"], document["plan"]):
        path["surprise"] = 1
        assert list(Draft202012Validator(SCHEMA).iter_errors(document))
        del path["surprise"]
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []


@pytest.mark.parametrize("changes", [{}, {"lag": None, "prediction": None, "server": None, "gains": (), "seconds": ()}])
def test_every_report_keeps_the_schema(changes):
    state, ends = finished(*ENDS)
    document = json.loads(json.dumps(report(replace(state, **changes), JOB, ends), allow_nan=False))
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)] == []
    empty = LoadState(PLAN, LoadPhase.STOPPED, START, **changes)
    document = json.loads(json.dumps(report(empty, JOB, []), allow_nan=False))
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)] == []


def test_the_report_tells_counts_times_and_how_good_the_prediction_was():
    state, ends = finished(*ENDS)
    document = report(state, JOB, ends)
    counts = document["counts"]
    assert (counts["sent"], counts["ok"], counts["failed"], counts["lost"], counts["not_sent"]) == (4, 2, 1, 1, 21)
    assert (counts["http_ok_but_failed"], counts["by_kind"]) == (1, {"failed": 1, "ok": 2, "timeout": 1})
    assert (document["latency_seconds"]["max"], document["service_seconds"]["max"]) == (2.5, 2.0)
    assert document["schedule"]["late"] == 1
    assert document["throughput"]["offered_per_second"] == pytest.approx(4 / 3)
    assert document["throughput"]["achieved_per_second"] == pytest.approx(4 / 3.5)
    assert document["prediction"]["error_seconds"] == 1.0
    assert document["stages"][1] | {"latency_seconds": None} == {
        "seconds": 60, "rate": 2, "end_rate": 4, "sent": 2, "ok": 1, "latency_seconds": None,
    }  # fmt: skip
    assert document["errors"] == [{"message": "no", "count": 2}]
    assert any("others waited here" in note for note in document["notes"])


def test_the_lines_of_the_requests_are_in_the_order_of_the_schedule():
    state, ends = finished(*reversed(ENDS))
    rows = [json.loads(line) for line in files(state, JOB, ends)["requests.jsonl"].splitlines()]
    assert [row["number"] for row in rows] == [0, 1, 2, 3]
    assert (rows[3]["latency_seconds"], rows[3]["service_seconds"], rows[3]["lateness_seconds"]) == (2.5, 2.0, 0.5)
    assert rows[3]["planned_at"] == START + 3
    assert json.loads(files(state, JOB, ends)[REPORT]) == json.loads(json.dumps(report(state, JOB, ends)))


def test_percentiles_are_exact_by_nearest_rank_and_only_with_enough_answers():
    found = Distribution()
    for number in range(100, 0, -1):
        found.add(float(number))
    spread = found.spread()
    assert (spread.n, spread.mean, spread.p50, spread.p90, spread.p95, spread.p99, spread.maximum) == (
        100, 50.5, 50.0, 90.0, 95.0, 99.0, 100.0,
    )  # fmt: skip
    few = Distribution()
    for value in (3.0, 1.0, 2.0):
        few.add(value)
    assert (few.spread().p50, few.spread().p90, few.spread().p99, few.spread().maximum) == (2.0, None, None, 3.0)
    assert (Distribution().spread().n, Distribution().spread().p50) == (0, None)


@settings(deadline=None)
@given(st.lists(st.integers(1, 3_600_000_000), min_size=1, max_size=200))
def test_another_implementation_reads_the_histogram(values):
    theirs = HdrHistogram.decode(encoded(values))
    mine = HdrHistogram(1, 3_600_000_000, 3)
    for value in values:
        mine.record_value(value)
    assert theirs.get_total_count() == len(values)
    for percentile in (1, 50, 90, 99, 100):
        assert theirs.get_value_at_percentile(percentile) == mine.get_value_at_percentile(percentile)


def test_another_implementation_reads_the_log(tmp_path):
    path = tmp_path / "latency.hlog"
    path.write_text(log_text([0.5, 1.0, 7.25], START, 60.0))
    reader = HistogramLogReader(str(path), HdrHistogram(1, 3_600_000_000, 3))
    histogram = reader.get_next_interval_histogram()
    assert histogram is not None
    assert histogram.get_total_count() == 3
    assert histogram.get_max_value() == pytest.approx(7_250_000, rel=0.001)
    assert (histogram.get_start_time_stamp(), reader.get_next_interval_histogram()) == (START * 1000, None)
    reader.close()
