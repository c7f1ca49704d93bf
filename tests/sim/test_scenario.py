"""Scenarios are looked up by name, repeat, and stretch with the pace; the demo's blocks fit together."""

import pytest

from aios_top.sim.fault import Fault
from aios_top.sim.pace import PACES, QUICK, REAL
from aios_top.sim.profile import PROFILES
from aios_top.sim.scenario import DEMO_BLOCKS, SCENARIOS, Scenario, demo_blocks, scenario
from aios_top.sim.stories import STORIES


def test_the_names_are_the_documented_ones() -> None:
    assert SCENARIOS == ("spike", "ramp", "diurnal", "flap", "overload", "quiet", "incident")


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no scenario 'spikes'; choose one of spike, ramp, diurnal"):
        scenario("spikes")


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_loads_every_demo_block(name: str) -> None:
    made = scenario(name)
    assert set(made.workloads) == {spec.block_id for spec in DEMO_BLOCKS}
    assert made.sentence.endswith(".")
    for factory in made.workloads.values():
        jobs = factory(5_000.0).jobs_until(5_000.0 + 2 * made.repeat_every)
        assert jobs
        assert jobs[0].arrived >= 5_000.0
        assert jobs[-1].arrived > 5_000.0 + made.repeat_every


def test_the_same_seed_is_the_same_load_and_another_is_not() -> None:
    def arrivals(seed: int) -> list[float]:
        return [job.arrived for job in scenario("spike", seed).workloads["llama3-8b-chat"](0.0).jobs_until(100.0)]

    assert arrivals(1) == arrivals(1) != arrivals(2)


def test_at_real_pace_the_same_rates_last_as_many_cooldowns() -> None:
    quick, real = scenario("spike"), scenario("spike", pace=REAL)
    assert real.repeat_every / REAL.cooldown_seconds == quick.repeat_every / QUICK.cooldown_seconds
    fast = quick.workloads["gemma3-27b-block"](0.0).jobs_until(36.0)
    slow = real.workloads["gemma3-27b-block"](0.0).jobs_until(360.0)
    assert len(slow) == pytest.approx(10 * len(fast), rel=0.1)
    assert scenario("incident", pace=REAL).faults[0].until == 10 * scenario("incident").faults[0].until


def test_faults_are_found_in_every_repetition() -> None:
    wipe, hang = Fault(30, None, "metrics_wiped"), Fault(90, 95, "instance_hangs", "blk")
    made = Scenario("s", "Sentence.", 1, {}, (wipe, hang), repeat_every=100.0)
    assert made.faults_between(-1.0, 30.0) == [wipe]
    assert made.faults_between(30.0, 89.0) == []
    assert [(fault.kind, fault.at, fault.until) for fault in made.faults_between(80.0, 240.0)] == [
        ("instance_hangs", 90, 95),
        ("metrics_wiped", 130, None),
        ("instance_hangs", 190, 195),
        ("metrics_wiped", 230, None),
    ]
    once = Scenario("s", "Sentence.", 1, {}, (wipe, hang))
    assert once.faults_between(50.0, 1_000.0) == [hang]


def test_asking_for_faults_piece_by_piece_finds_each_once() -> None:
    made = scenario("incident")
    pieces = [fault for second in range(900) for fault in made.faults_between(second - 1.0, float(second))]
    assert pieces == made.faults_between(-1.0, 899.0)
    assert len(pieces) > 2 * len(made.faults)


@pytest.mark.parametrize(
    ("at", "until", "kind", "message"),
    [
        (0, 10, "alien_invasion", "'alien_invasion' is unknown; choose one of scale_fails"),
        (-1, 10, "scale_fails", "must begin at 0 or later"),
        (10, 10, "scale_fails", "end after its beginning"),
    ],
)
def test_an_impossible_fault_is_refused(at: float, until: float, kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fault(at, until, kind)


def test_the_demo_blocks_are_what_the_documentation_says() -> None:
    by_id = {spec.block_id: spec for spec in DEMO_BLOCKS}
    assert set(by_id) == {"gemma3-27b-block", "llama3-8b-chat", "qwen2-7b-code", "bge-embedding"}
    gemma = by_id["gemma3-27b-block"]
    assert gemma.policy_uri == "tokenautoscaler-explained:1.0-stable"
    assert [
        gemma.parameters[f"{side}_tokens_{way}_threshold"] for way in ("up", "down") for side in ("input", "output")
    ] == [500, 300, 100, 50]
    assert gemma.parameters["cooldown_seconds"] == 12
    assert gemma.settings["intervalSeconds"] == 3
    assert by_id["llama3-8b-chat"].policy_uri == "tokenautoscaler:2.0-stable"
    assert by_id["bge-embedding"].policy_uri is None
    assert not by_id["bge-embedding"].parameters
    assert all(spec.profile in PROFILES and spec.min_instances <= spec.max_instances for spec in DEMO_BLOCKS)
    assert not PROFILES[by_id["bge-embedding"].profile].is_llm


def test_the_blocks_take_their_periods_from_the_pace() -> None:
    real = demo_blocks(REAL)[0]
    assert (real.parameters["cooldown_seconds"], real.settings["intervalSeconds"]) == (120, 30)
    assert set(PACES) == {"quick", "real"}


def test_no_story_names_a_replica_or_a_metric() -> None:
    for story in STORIES.values():
        assert {type(phase).__name__ for phases in story.load.values() for phase in phases} == {"Phase"}
        assert {type(fault).__name__ for fault in story.faults} <= {"Fault"}
