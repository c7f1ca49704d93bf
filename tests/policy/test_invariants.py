"""Properties of every decision with any valid parameters, and how decisions change when their inputs do."""

import math
from collections import Counter

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from policy.harness import INPUT, OUTPUT, START, SystemLikeClock, new_explained
from policy.invariants import Observer
from policy.worlds import IDS, INPUTS, OUTPUTS, QUEUES, clock_steps, document, instances, shown, valid_parameters
from policy.worlds import sane_instances as sane

fixed = settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def test_every_decision_keeps_its_promises():
    codes = Counter()

    @fixed
    @given(valid_parameters, st.lists(st.tuples(instances, clock_steps, st.integers(1, 3)), min_size=3, max_size=6))
    def walk(parameters, steps):
        clock, totals, shelf = SystemLikeClock(), {}, {}
        policy = new_explained({"get_metrics": lambda: {"block_metrics": shelf["documents"]}}, parameters, clock)
        observer = Observer(policy, clock)
        assert policy.management("get_parameters", None)["parameter_errors"] in ({}, _contradiction(parameters))
        walked = [(numbers, seconds) for numbers, seconds, times in steps for _ in range(times)]
        for numbers, seconds in walked:
            clock.advance(seconds)
            shelf["documents"], listed = shown(numbers, clock.now, totals)
            observer.evaluate({"current_instances": listed, "block_data": {"minInstances": 1, "maxInstances": 4}})
        page = policy.management("get_decisions", {"since": 0})
        assert len(page["decisions"]) == min(len(walked), parameters.get("decision_history_size", 512))
        codes.update(observer.codes)

    walk()
    often = {code for code, times in codes.items() if times >= 5}
    assert often >= {"ScaleUp", "ScaleDown", "CooldownActive", "TooManyReplicas", "Stabilizing", "NoUsableMetrics"}
    assert len(often) > 12


def _contradiction(parameters):
    minimum, maximum = parameters.get("min_replicas", 1), parameters.get("max_replicas")
    return {"max_replicas": f"{maximum} is below min_replicas {minimum}"} if maximum and maximum < minimum else {}


def decided(parameters, documents, listed=None):
    """The record of a fresh policy's decision on these documents; rates are those of a minute ago."""
    clock, shelf = SystemLikeClock(), {}
    policy = new_explained({"get_metrics": lambda: {"block_metrics": shelf["documents"]}}, parameters, clock)
    input_data = {"current_instances": listed or [d["instanceId"] for d in documents]}
    if parameters.get("signal") == "counter_rate":
        shelf["documents"] = [document(d["instanceId"], 0, 0, timestamp=START, totals=(0, 0)) for d in documents]
        policy.eval({}, input_data, None)
        policy.management("reset_cooldown", None)
    clock.advance(60)
    shelf["documents"] = documents
    policy.eval({}, input_data, None)
    return policy.management("get_state", None)["last_decision"]


def drawn_documents(chosen):
    """Documents whose window values and rates are the same."""
    return [
        document(
            name, INPUTS[i], OUTPUTS[o], QUEUES[q], timestamp=START + 60, totals=(INPUTS[i], OUTPUTS[o])
        )
        for name, (i, o, q) in zip(IDS, chosen, strict=False)
    ]  # fmt: skip


@fixed
@given(valid_parameters, sane)
def test_an_idle_instance_more_never_makes_it_scale_up(parameters, chosen):
    parameters = parameters | {"min_reporting_fraction": 0}  # below it, one more report is what was missing
    documents = drawn_documents(chosen)
    extra = document("in-idle", 0, 0, 0, timestamp=START + 60, totals=(0, 0))
    if decided(parameters, documents)["outcome"] == "hold":
        assert decided(parameters, [*documents, extra])["outcome"] != "upscale"


@fixed
@given(valid_parameters, sane, st.sampled_from([1.5, 3, 100]))
def test_more_load_never_turns_up_into_down(parameters, chosen, factor):
    documents = drawn_documents(chosen)
    record = decided(parameters, documents)
    assume(record["would"] is not None and record["would"]["rule"] == "up")
    raised = [
        document(
            d["instanceId"],
            d[INPUT]["average_1m"] * factor,
            d[OUTPUT]["average_1m"] * factor,
            d.get("queue_length", {}).get("average_1m"),
            timestamp=START + 60,
            totals=(d["llm_prompt_tokens_total"] * factor, d["llm_tokens_generated_total"] * factor),
        )
        for d in documents
    ]
    assert decided(parameters, raised)["would"]["rule"] == "up"


@fixed
@given(valid_parameters, sane, st.randoms(use_true_random=False))
def test_the_order_of_documents_decides_only_between_equals(parameters, chosen, random):
    documents = drawn_documents(chosen)
    shuffled = random.sample(documents, len(documents))
    record, other = decided(parameters, documents), decided(parameters, shuffled)
    assert (record["code"], record["averages"]) == (other["code"], other["averages"])
    if record["outcome"] == "downscale" and parameters.get("scale_down_selection") != "newest":
        by_id = {d["instanceId"]: (d.get("queue_length", {}).get("average_1m", math.inf), _load(d)) for d in documents}
        first = slice(0 if parameters.get("scale_down_selection") == "least_active" else 1, None)
        loads = [sorted(by_id[v][first] for v in r["result"]["instances_list"]) for r in (record, other)]
        assert loads[0] == loads[1]
    else:
        assert record["result"].keys() == other["result"].keys()
        assert record["result"].get("instances_count") == other["result"].get("instances_count")


def _load(doc):
    return doc[INPUT]["average_1m"] + doc[OUTPUT]["average_1m"]


@pytest.mark.parametrize("harm", ["absent", "nan", "no document", "old"])
def test_what_is_missing_never_causes_a_downscale_when_conservative(harm):
    harmed_downs = 0

    @fixed
    @given(valid_parameters, sane, st.integers(0, 4))
    def check(parameters, chosen, which):
        nonlocal harmed_downs
        parameters = parameters | {"missing_metrics": "conservative", "max_metric_age_seconds": 90}
        documents = drawn_documents(chosen)
        hurt = documents[which % len(documents)]
        assume(hurt[INPUT]["average_1m"] <= parameters["input_tokens_up_threshold"])
        assume(hurt[OUTPUT]["average_1m"] <= parameters["output_tokens_up_threshold"])
        listed = [d["instanceId"] for d in documents]
        record = decided(parameters, _harmed(documents, hurt, harm), listed)
        if record["outcome"] == "downscale":
            harmed_downs += 1
            assert hurt["instanceId"] not in record["result"]["instances_list"]
            assert decided(parameters, documents, listed)["would"]["rule"] == "down"

    check()
    assert harmed_downs > 0


def _harmed(documents, hurt, harm):
    if harm == "no document":
        return [d for d in documents if d is not hurt]
    changes = {
        "absent": {INPUT: {}, OUTPUT: {}, "llm_prompt_tokens_total": None},
        "nan": {INPUT: {"average_1m": math.nan}, "llm_prompt_tokens_total": math.nan},
        "old": {"timestamp": START - 60},
    }
    return [d | changes[harm] if d is hurt else d for d in documents]
