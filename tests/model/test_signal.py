"""What a policy compares: sizes of requests, or rates; a verdict must not compare the one with limits of the other."""

import pytest
from msgspec.structs import replace

from aios_top.model.decision import Origin, Thresholds
from aios_top.model.judge import judge_block
from aios_top.model.outlook import outlook
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.reading import ExecutorReading
from aios_top.model.signal import Signal, signal_of
from aios_top.model.state import Averages, BlockState, InstanceState, Phase, Replicas
from aios_top.model.text import clean
from aios_top.model.window import Window
from aios_top.render.block import block_rows
from aios_top.render.document import block_document
from aios_top.render.fleet import block_row, table_columns
from model.lint_states import decision


def replica(name: str, input_rate: float | None, phase: Phase = Phase.SERVING) -> InstanceState:
    output_rate = None if input_rate is None else input_rate / 10
    return InstanceState(clean(name), phase, None, 1.0, 0.0, input_rate=input_rate, output_rate=output_rate)


SIZES = Averages(676.0, 288.0, Window.ONE_MINUTE, Origin.MEASURED, 2)
BY_SIZE = BlockState(
    clean("b"),
    policy=PolicyReport(Voice.FULL, interval_seconds=30.0),
    thresholds=Thresholds(6000.0, 2000.0, 2500.0, 1000.0),
    averages={Window.ONE_MINUTE: SIZES},
    instances=(replica("in-a", 9000.0), replica("in-b", 5000.0), replica("in-gone", 1.0, Phase.GHOST)),
    executor=ExecutorReading(10.0),
    replicas=Replicas(current=2, reporting=2, minimum=1, maximum=9),
    input_rate=14_000.0,
)
BY_RATE = replace(BY_SIZE, in_force={"signal": "counter_rate"})


@pytest.mark.parametrize(
    ("parameters", "signal"),
    [
        ({}, Signal.SIZE),
        ({"signal": "rolling"}, Signal.SIZE),
        ({"signal": "counter_rate"}, Signal.RATE),
        ({"signal": 1}, Signal.SIZE),
    ],
)
def test_the_parameter_says_what_is_compared(parameters: dict[str, object], signal: Signal) -> None:
    assert signal_of(parameters) is signal


def test_screen_and_document_name_the_same_unit() -> None:
    assert [(signal.unit, signal.long_unit) for signal in Signal] == [
        ("tok/request", "tokens per request"), ("tok/min", "tokens per minute and instance"),
    ]  # fmt: skip
    assert block_document(BY_RATE, 1.0)["thresholds"]["unit"] == "tokens per minute and instance"
    assert block_document(BY_SIZE, 1.0)["thresholds"]["unit"] == "tokens per request"


def test_sizes_are_compared_as_they_are() -> None:
    assert BY_SIZE.compared == SIZES
    assert BY_SIZE.size_limits == BY_SIZE.thresholds
    assert replace(BY_SIZE, averages={}).compared == Averages(window=Window.ONE_MINUTE)


def test_rates_are_means_over_the_instances_that_report() -> None:
    assert BY_RATE.compared == Averages(7000.0, 700.0, Window.ONE_MINUTE, Origin.MEASURED, 2)
    assert BY_RATE.size_limits == Thresholds()


def test_before_two_pushes_the_policys_own_word_stands_in() -> None:
    unmeasured = replace(BY_RATE, instances=(replica("in-a", None),))
    assert unmeasured.compared == Averages(None, None, Window.ONE_MINUTE, Origin.UNKNOWN, 0)
    last = replace(decision(1.0), input_average=5100.0, output_average=400.0, reporting=2)
    told = replace(unmeasured, policy=replace(BY_RATE.policy, last_decision=last))
    assert told.compared == Averages(5100.0, 400.0, Window.ONE_MINUTE, Origin.REPORTED, 2)


def test_the_verdict_compares_like_with_like() -> None:
    assert (
        judge_block(BY_SIZE, 1.0).sentence
        == "input 676, output 288 tok/request below 2500/1000: next evaluation may remove one"
    )
    assert judge_block(BY_RATE, 1.0).sentence == "input 7000 > 6000 tok/min: next evaluation may add one"


def test_the_outlook_compares_like_with_like_and_claims_no_trend() -> None:
    found = outlook(BY_RATE, 1.0)
    assert found is not None
    assert (found.action.value, found.input_now, found.input_trend) == ("upscale", 7000.0, None)


@pytest.mark.parametrize("columns", [60, 100])
def test_the_block_page_names_the_unit(columns: int) -> None:
    shown = " ".join(" ".join(row.text for row in block_rows(BY_RATE, Window.ONE_MINUTE, 1.0, columns)).split())
    assert "per instance" in shown
    assert "tok/request" not in shown
    assert "7000 " in shown
    assert "117%▲" in shown
    sized = " ".join(row.text for row in block_rows(BY_SIZE, Window.ONE_MINUTE, 1.0, columns))
    assert "per instance" not in sized


def test_the_fleet_measures_no_size_by_a_limit_of_rates() -> None:
    columns = table_columns(120, ["b"], Window.ONE_MINUTE)
    shown = block_row(BY_RATE, columns, Window.ONE_MINUTE, 1.0, selected=False, marked=False).text
    assert "676" in shown
    assert "%" not in shown
    assert "%" in block_row(BY_SIZE, columns, Window.ONE_MINUTE, 1.0, selected=False, marked=False).text
