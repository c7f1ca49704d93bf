"""A day of load against a policy file in seconds: what the tutorial's policy misses and the recommended set does not."""

from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from aios_top.bundle.parameter_set import read_parameter_set
from aios_top.bundle.rule_process import RuleProcess
from aios_top.engine.simulation import simulate
from aios_top.model.rule_call import RuleError
from aios_top.model.simulation import BY_TUTORIAL, SimulationPlan, SimulationReport
from aios_top.shipped import shipped
from sim.closed_loop import PLAIN

SHIPPED = (shipped("policy") / "code" / "function.py").read_bytes()
SHORT = SimulationPlan("", "aios-gemma3", 2.0, requests_per_minute=60, input_tokens=60, output_tokens=40)
"""60 short requests a minute: one replica serves 38 of them, so two are needed."""
SLOW = SimulationPlan("", "aios-gemma3", 3.0, requests_per_minute=12, replica_start_seconds=300.0)
"""12 requests a minute of 676/288 tokens: one replica serves 5.1, so three are needed, and they start slowly."""
SEEDS = (42, 1, 2)


def run(plan: SimulationPlan, named: str = "", source: bytes = SHIPPED, **changed: object) -> SimulationReport:
    parameters = read_parameter_set(named, shipped("policy") / "parameters").parameters if named else plan.parameters
    with RuleProcess(source) as rule:
        return simulate(replace(plan, name=named, parameters=parameters, **changed), rule)


def later_half(report: SimulationReport) -> set[int]:
    return {sample.replicas for sample in report.samples if sample.at > report.plan.seconds / 2}


def test_short_requests_never_scale_the_tutorials_policy_however_many_there_are() -> None:
    report = run(SHORT, "tutorial", hours=1.5)
    assert report.scalings == ()
    assert report.replicas_peak == 1
    assert report.over_threshold_minutes == 0.0
    assert report.latency.p95 > 1200
    assert report.unserved > 1000


@pytest.mark.parametrize("seed", SEEDS)
def test_the_recommended_set_settles_short_requests_at_the_replicas_they_need(seed: int) -> None:
    report = run(SHORT, "conservative", seed=seed)
    assert later_half(report) == {2}
    assert report.latency.p95 < 60
    assert report.unserved < 10
    assert report.flaps == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_slow_replicas_stay_within_the_maximum_and_overshoot_by_one_at_most(seed: int) -> None:
    report = run(SLOW, "conservative", seed=seed)
    assert report.plan.parameters["max_replicas"] == 5
    assert report.replicas_peak <= 4
    assert later_half(report) <= {3, 4}
    assert report.unserved < 10


def test_slow_replicas_run_away_with_the_tutorials_policy() -> None:
    report = run(SLOW, "tutorial", max_instances=5, hours=0.75)
    assert report.replicas_peak >= 12


def test_the_blocks_maximum_holds_a_policy_that_reads_it() -> None:
    report = run(SLOW, "conservative", max_instances=2, hours=0.5)
    assert report.replicas_peak == 2


def test_the_same_seed_is_the_same_run_and_another_is_not() -> None:
    first, again, other = (run(SLOW, "tutorial", hours=0.5, seed=seed) for seed in (7, 7, 8))
    assert first == again
    assert first.samples != other.samples


def test_a_policy_without_records_is_held_to_the_tutorials_rule() -> None:
    explained, plain = (run(SLOW, "tutorial", source=source, hours=0.5) for source in (SHIPPED, PLAIN.read_bytes()))
    assert plain.scalings == explained.scalings
    assert plain.ups > 3
    assert plain.over_threshold_minutes == explained.over_threshold_minutes > 5
    assert (plain.warnings, explained.warnings) == ((BY_TUTORIAL,), ())


def test_aioss_timings_are_kept() -> None:
    report = run(SLOW, "tutorial", hours=0.5)
    # 15 s until the executor is ready, 60 s to the first evaluation, then one each 30 s.
    assert report.evaluations == 58
    ups = [scaling.at for scaling in report.scalings if scaling.kind == "up"]
    assert ups[0] == pytest.approx(105.0, abs=0.1)
    assert all(later - earlier > 120.0 for earlier, later in pairwise(ups))


def test_what_waits_at_the_end_counts_with_its_age() -> None:
    report = run(SHORT, "tutorial", hours=0.5)
    assert report.arrived == report.answered + report.unserved
    assert report.latency.number == report.arrived
    assert report.latency.highest > max(sample.latency_p95 or 0.0 for sample in report.samples) - 60


def test_a_removed_replica_loses_its_requests() -> None:
    eager = {"input_tokens_down_threshold": 400, "output_tokens_down_threshold": 200, "input_tokens_up_threshold": 450}
    report = run(replace(SLOW, parameters={**eager, "cooldown_seconds": 30}, requests_per_minute=4, hours=2.0))
    assert report.downs > 3
    assert report.lost > 0
    assert report.arrived == report.answered + report.unserved + report.lost
    assert report.flaps > 0


def test_a_full_cluster_fails_the_scaling_call() -> None:
    report = run(SLOW, "tutorial", room=3, hours=0.5)
    assert report.replicas_peak == 3
    assert report.failed > 0
    assert "room for 3" in next(scaling.reason for scaling in report.scalings if scaling.kind == "failed")


def test_replica_hours_are_the_time_under_the_replicas() -> None:
    report = run(SLOW, "tutorial", hours=1.0)
    moments = [0.0, *(s.at for s in report.scalings if s.kind in {"up", "down"}), 3600.0]
    counts = [1, *(s.replicas for s in report.scalings if s.kind in {"up", "down"})]
    spans = [later - earlier for earlier, later in pairwise(moments)]
    assert report.replica_hours == pytest.approx(sum(n * s for n, s in zip(counts, spans, strict=True)) / 3600)


def test_what_the_policy_raises_is_an_error_that_the_loop_survives() -> None:
    source = b"class AIOSv1PolicyRule:\n    def __init__(self, *a): pass\n    def eval(self, *a): raise OSError('no')\n"
    report = run(SHORT, source=source, hours=0.1)
    assert report.errors == report.evaluations > 5
    assert report.replicas_end == 1


def test_what_the_policy_ignores_is_told() -> None:
    report = run(replace(SHORT, parameters={"cooldown_secnds": 60, "min_replicas": -1}), hours=0.1)
    assert any(warning.startswith("cooldown_secnds") for warning in report.warnings)
    assert any(warning.startswith("min_replicas") for warning in report.warnings)


def test_a_policy_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(RuleError, match="boom"):
        run(SHORT, source=b"class AIOSv1PolicyRule:\n    def __init__(self, *a): raise OSError('boom')\n")


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="chat, code, aios-gemma3, bursty"):
        run(replace(SHORT, profile="nonsense"))


def test_progress_grows_and_what_it_raises_ends_the_run() -> None:
    shares: list[float] = []
    with RuleProcess(SHIPPED) as rule:
        simulate(replace(SHORT, hours=0.5), rule, shares.append)
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert 0.95 < shares[-1] <= 1.0

    def stop(share: float) -> None:
        if share > 0.5:
            raise InterruptedError

    with RuleProcess(SHIPPED) as rule, pytest.raises(InterruptedError):
        simulate(replace(SHORT, hours=0.5), rule, stop)


def test_the_shipped_sets_are_read_without_a_warning() -> None:
    for path in Path(str(shipped("policy") / "parameters")).glob("*.json"):
        assert run(SHORT, path.stem, hours=0.1).warnings == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_set_for_bursts_adds_more_than_it_needs_at_first_and_takes_it_back(seed: int) -> None:
    report = run(SHORT, "throughput", seed=seed)
    assert report.plan.parameters["max_replicas"] == 10
    assert report.replicas_peak <= 5
    assert later_half(report) <= {2, 3}
    assert report.latency.p95 < 10
    assert report.flaps <= 1
