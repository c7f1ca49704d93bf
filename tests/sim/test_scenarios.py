"""Each scenario tells its story when the real policies scale its blocks with AIOS's timing at quick pace."""

from itertools import pairwise

import pytest

from aios_top.sim.pace import QUICK, REAL
from aios_top.sim.scenario import DEFAULT_SEED, DEMO_BLOCKS, scenario
from sim.closed_loop import ScenarioLoop, closed_loop

GEMMA, CHAT, CODE = "gemma3-27b-block", "llama3-8b-chat", "qwen2-7b-code"
SEEDS = (DEFAULT_SEED, 1, 2, 3)


def peak(loop: ScenarioLoop, until: float = float("inf")) -> int:
    return max((event.replicas for event in loop.changes if event.at <= until), default=1)


@pytest.mark.parametrize("seed", SEEDS)
def test_spike_goes_up_to_three_and_back_to_one_within_four_minutes(seed: int) -> None:
    loop = closed_loop(scenario("spike", seed), GEMMA).run(240.0)
    assert loop.moments("up")[0] < 25.0
    assert 3 <= peak(loop) <= 6
    assert loop.replicas_at(240.0) == 1
    assert loop.moments("down")[0] > loop.moments("up")[-1]
    assert all(later - earlier > QUICK.cooldown_seconds for earlier, later in pairwise(e.at for e in loop.changes))


@pytest.mark.parametrize("seed", SEEDS)
def test_spike_repeats_so_that_a_demo_left_alone_stays_alive(seed: int) -> None:
    loop = closed_loop(scenario("spike", seed), GEMMA).run(1200.0)
    for begin in (300.0, 600.0, 900.0):
        ups = [event for event in loop.changes if begin <= event.at < begin + 300.0 and event.kind == "up"]
        assert max(event.replicas for event in ups) >= 3
        assert loop.replicas_at(begin + 240.0) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_ramp_climbs_step_by_step(seed: int) -> None:
    loop = closed_loop(scenario("ramp", seed), GEMMA).run(250.0)
    assert {event.kind for event in loop.changes} == {"up"}
    assert loop.replicas_at(60.0) < loop.replicas_at(160.0) < loop.replicas_at(250.0)
    assert 4 <= loop.replicas_at(250.0) <= 8


def test_diurnal_swells_and_fades_each_day() -> None:
    loop = closed_loop(scenario("diurnal"), GEMMA).run(3 * 360.0)
    for day in range(2):
        noon, night = 360.0 * day + 240.0, 360.0 * (day + 1) + 70.0
        assert loop.replicas_at(noon) >= 3
        assert loop.replicas_at(night) < loop.replicas_at(noon)


@pytest.mark.parametrize("seed", SEEDS)
def test_flap_goes_up_and_down_again_and_again(seed: int) -> None:
    loop = closed_loop(scenario("flap", seed), GEMMA).run(600.0)
    turns = [kind for kind, following in pairwise([e.kind for e in loop.changes] + ["end"]) if kind != following]
    assert turns[:8] == ["up", "down"] * 4


def test_overload_keeps_asking_beyond_the_maximum() -> None:
    loop = closed_loop(scenario("overload"), GEMMA).run(220.0)
    most = next(spec.max_instances for spec in DEMO_BLOCKS if spec.block_id == GEMMA)
    assert peak(loop) > most
    assert len(loop.moments("up")) > 10
    assert not loop.moments("down")


def test_overload_of_small_requests_is_invisible_to_the_policy() -> None:
    loop = closed_loop(scenario("overload"), CHAT).run(150.0)
    assert peak(loop) <= 2
    assert loop.block.queued > 100


def test_overload_ends_and_the_replicas_go() -> None:
    loop = closed_loop(scenario("overload"), GEMMA).run(540.0)
    assert loop.replicas_at(540.0) == 1
    assert loop.block.queued <= 1


@pytest.mark.parametrize("spec", DEMO_BLOCKS, ids=lambda spec: spec.block_id)
@pytest.mark.parametrize("seed", SEEDS)
def test_quiet_gives_no_reason_to_act(seed: int, spec: object) -> None:
    loop = closed_loop(scenario("quiet", seed), spec.block_id).run(900.0)
    assert loop.changes == []
    assert len(loop.latencies) > 0


def test_incident_refuses_hangs_and_forgets() -> None:
    loop = closed_loop(scenario("incident"), GEMMA).run(420.0)
    assert loop.moments("failed")
    assert loop.moments("failed")[-1] < loop.moments("up")[0]
    told = [event.reason for event in loop.changes if event.kind == "fault"]
    for fault in ("scale_fails begins", "instance_hangs begins", "instance_hangs ends", "metrics_wiped begins"):
        assert fault in told
    hung, recovered = (
        next(e.at for e in loop.changes if e.reason == f"instance_hangs {edge}") for edge in ("begins", "ends")
    )
    # The hung instance's last document lingers and keeps asking for more.
    assert [at for at in loop.moments("up") if hung < at < recovered]
    assert loop.replicas_at(420.0) == 1


@pytest.mark.parametrize("name", ["spike", "ramp", "diurnal"])
def test_the_chat_block_scales_under_the_tutorials_policy_too(name: str) -> None:
    loop = closed_loop(scenario(name), CHAT).run(420.0)
    assert 2 <= peak(loop) <= 5
    assert loop.moments("down")


def test_code_comes_in_bursts_that_move_its_replicas() -> None:
    loop = closed_loop(scenario("spike"), CODE).run(600.0)
    assert loop.moments("up")
    assert loop.moments("down")
    # Its policy's minimum is two.
    assert min(event.replicas for event in loop.changes if event.kind == "down") == 2


def test_embeddings_are_served_and_never_scaled() -> None:
    loop = closed_loop(scenario("spike"), "bge-embedding").run(300.0)
    assert loop.changes == []
    assert len(loop.latencies) > 300


def test_at_real_pace_the_spike_tells_the_same_story_slower() -> None:
    loop = closed_loop(scenario("spike", pace=REAL), GEMMA, REAL).run(2400.0)
    assert loop.moments("up")[0] < 250.0
    assert peak(loop) >= 3
    assert loop.replicas_at(2400.0) == 1


def test_the_loop_feeds_the_policy_what_aios_would() -> None:
    loop = closed_loop(scenario("spike"), GEMMA).run(12.0)
    moments = [at for at, _ in loop.results]
    assert moments == pytest.approx([7.0, 10.0], abs=0.05)
    assert loop.results[-1][1]["reason"].startswith("Token rate exceeded threshold (Input: ")
