"""The recommended parameter sets: valid, said what they are for, and behaving as that says."""

import json

import pytest

from policy.bench import Bench
from policy.harness import EXPLAINED, START, WallClock, document, explained, new_explained

FOLDER = EXPLAINED.parents[1] / "parameters"
SETS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
DEFAULTS = {f.name: f.default for f in explained.PARAMETERS}


def test_the_sets_are_these():
    assert list(SETS) == ["conservative", "throughput", "tutorial"]


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_valid_and_says_what_it_is_for(name):
    chosen = SETS[name]
    assert sorted(chosen) == ["parameters", "purpose"]
    assert chosen["purpose"].endswith(".")
    assert len(chosen["purpose"].split()) >= 10
    answer = new_explained({}, chosen["parameters"], WallClock()).management("get_parameters", None)
    assert (answer["parameter_errors"], answer["unknown_parameters"]) == ({}, [])
    assert Bench().ask("set_parameters", {"parameters": chosen["parameters"]})["status"] == "ok"


def test_the_tutorials_set_names_the_tutorials_values():
    tutorials = [f.name for f in explained.TUTORIAL_PARAMETERS]
    assert SETS["tutorial"]["parameters"] == {name: DEFAULTS[name] for name in tutorials}


def pushed(name, now, per_minute, **more):
    """A document whose counters have grown by this many output tokens per minute since the start."""
    grown = {"llm_prompt_tokens_total": 0.0, "llm_tokens_generated_total": per_minute * (now - START) / 60}
    return document(name, 60, 40, timestamp=now, **grown, **more)


def run(bench, minutes, per_minute, names, current=None, **more):
    """Evaluate every 30 seconds; return the codes."""
    codes = []
    for _ in range(int(minutes * 2)):
        bench.clock.advance(30)
        documents = [pushed(name, bench.clock.now, per_minute, **more) for name in names]
        codes.append(bench.code(*documents, current=current or list(names)))
    return codes


CAREFUL = ["conservative", "throughput"]


@pytest.mark.parametrize("name", CAREFUL)
def test_many_small_requests_scale_up_which_the_tutorials_set_never_does(name):
    names = ["in-a", "in-b"]
    assert "ScaleUp" in run(Bench(**SETS[name]["parameters"]), 15, 1650, names)
    assert set(run(Bench(**SETS["tutorial"]["parameters"]), 15, 1650, names)) <= {
        "WithinRange",
        "ScaleDown",
        "CooldownActive",
    }


@pytest.mark.parametrize("name", CAREFUL)
def test_nothing_is_removed_on_missing_metrics(name):
    bench = Bench(**SETS[name]["parameters"])
    names = [f"in-{n}" for n in range(4)]
    run(bench, 2, 1200, names)
    for documents in ([], [{"instanceId": n} for n in names], [document(n, timestamp=START) for n in names]):
        for _ in range(80):
            assert bench.evaluate(*(documents or [document("executor")]), current=names, after=30)["outcome"] == "hold"


@pytest.mark.parametrize("name", CAREFUL)
@pytest.mark.parametrize("block_maximum", [3, 100])
def test_the_limits_hold_under_any_load(name, block_maximum):
    parameters = SETS[name]["parameters"]
    bench = Bench(limits={"maxInstances": block_maximum}, **parameters)
    names = ["in-0"]
    for _ in range(400):
        bench.clock.advance(30)
        now = bench.clock.now
        record = bench.evaluate(
            *(pushed(n, now, 3000, queue_length={"average_5m": 50, "average_1m": 50}) for n in names)
        )
        names += [f"in-{len(names) + n}" for n in range(record["result"].get("instances_count", 0))]
    assert len(names) == min(block_maximum, parameters["max_replicas"])


@pytest.mark.parametrize("name", CAREFUL)
def test_quiet_instances_go_down_to_the_minimum_and_no_further(name):
    parameters = SETS[name]["parameters"]
    bench = Bench(limits={"minInstances": 1}, **parameters)
    names = [f"in-{n}" for n in range(5)]
    for _ in range(800):
        bench.clock.advance(30)
        record = bench.evaluate(*(pushed(n, bench.clock.now, 10) for n in names))
        names = [n for n in names if n not in record["result"].get("instances_list", ())]
    assert len(names) == parameters["min_replicas"]


@pytest.mark.parametrize("name", CAREFUL)
def test_one_slow_instance_is_waited_for(name):
    bench = Bench(**SETS[name]["parameters"])
    codes = run(bench, 9, 3000, ["in-a"], current=["in-a", "in-starting"])
    assert set(codes) <= {"NoUsableMetrics", "ReplicasPending", "Stabilizing", "WithinRange", "TooFewReplicas"}
    assert "ReplicasPending" in codes or name == "conservative"


def test_throughput_adds_several_at_once():
    bench = Bench(limits={"maxInstances": 10}, **SETS["throughput"]["parameters"])
    for _ in range(6):
        bench.clock.advance(30)
        documents = [pushed(n, bench.clock.now, 4200) for n in ("in-a", "in-b")]
        record = bench.evaluate(*documents)
        if record["outcome"] == "upscale":
            break
    assert record["result"]["instances_count"] == 2
