"""Inputs an autoscaler could be handed: mostly the shapes AIOS sends, often broken somewhere."""

import math

from hypothesis import strategies as st

from policy.harness import INPUT, OUTPUT

PERIODS = ["average_1m", "average_5m", "current"]
IDS = ["in-a", "in-b", "in-c", "in-d", "executor"]

ODD = [None, True, False, "600", "", [], {}, [1], -5, 10**400, -(10**400), 2**70, math.nan, math.inf, -math.inf]
NUMBERS = [0, 0.0, 0, 1, 20, 49.5, 50, 99.99, 100, 250, 300, 300.5, 450.25, 500, 500.25, 600, 999, 12_345.678]

odd_value = st.one_of(
    st.sampled_from(ODD), st.floats(), st.text(max_size=3), st.dictionaries(st.text(max_size=2), st.none())
)


def mostly(usual, odd, share):
    """The usual value, and once in `share` times something odd; `one_of` would drop repeated branches."""
    return st.sampled_from([usual] * (share - 1) + [odd]).flatmap(lambda strategy: strategy)


# One draw per number keeps thousands of examples cheap; about one in seventy is odd.
number = st.sampled_from(NUMBERS * 60 + ODD)
window = mostly(
    number.map(lambda n: {"average_1m": n}),
    st.one_of(odd_value, st.dictionaries(st.sampled_from(PERIODS), number)),
    20,
)
instance_id = st.sampled_from(IDS * 10 + ["", "", None, 0, 7, "in-a\n", *ODD])
counters = st.tuples(number, number, number, window, number)


def with_counters(parts):
    """Add what the record, but not the rule, reads."""
    document, (timestamp, prompt_tokens, generated_tokens, queue_length, sessions) = parts
    return {
        **document,
        "timestamp": timestamp,
        "llm_prompt_tokens_total": prompt_tokens,
        "llm_tokens_generated_total": generated_tokens,
        "queue_length": queue_length,
        "llm_active_sessions": sessions,
    }


rule_document = st.fixed_dictionaries({"instanceId": instance_id, INPUT: window, OUTPUT: window})
document = mostly(
    rule_document,
    st.one_of(
        odd_value,
        st.tuples(rule_document, counters).map(with_counters),
        st.fixed_dictionaries({"instanceId": instance_id}, optional={INPUT: window, OUTPUT: window}),
    ),
    6,
)
documents = st.lists(document, min_size=1, max_size=4)
metrics = mostly(
    documents.map(lambda d: {"block_metrics": d}),
    st.one_of(odd_value, st.fixed_dictionaries({"block_metrics": odd_value}), st.just({"block_metrics": []})),
    20,
)
current_instances = mostly(
    st.sampled_from([IDS, IDS[:3], IDS[:2], IDS[1:4], ["in-a"], ["", None, 0, "in-a", "in-b"]]),
    st.one_of(st.just([]), odd_value, st.lists(instance_id, max_size=4), st.sampled_from(["in-a,in-b", ("in-a",)])),
    8,
)
input_data = mostly(
    st.fixed_dictionaries({"current_instances": current_instances}),
    st.one_of(odd_value, st.fixed_dictionaries({"block_data": odd_value})),
    30,
)
threshold = mostly(st.sampled_from([0, 50, 100, 300, 500, 500.25]), odd_value, 15)
parameters = mostly(
    st.fixed_dictionaries(
        {},
        optional={
            "input_tokens_up_threshold": threshold,
            "output_tokens_up_threshold": threshold,
            "input_tokens_down_threshold": threshold,
            "output_tokens_down_threshold": threshold,
            "min_replicas": mostly(st.integers(0, 3), odd_value, 15),
            "averaging_period": mostly(st.sampled_from(PERIODS), odd_value, 15),
            "cooldown_seconds": mostly(st.sampled_from([0, 1, 30, 60, 120]), odd_value, 15),
            "scale_up_cooldown": st.integers(),
        },
    ),
    odd_value,
    60,
)
CLOCK_STEPS = [0, 0.25, 1, 29.75, 30, 30.25, 60, 119.75, 120, 120.25, 121, 150, 500, 3600, -0.25, -60, -3600]
collectors = mostly(st.just("returns"), st.sampled_from(["raises", "absent", "not callable"]), 25)
scenario = st.fixed_dictionaries(
    {
        "parameters": parameters,
        "metrics": st.lists(metrics, min_size=3, max_size=3),
        "input_data": st.lists(input_data, min_size=2, max_size=2),
        "collectors": st.lists(collectors, min_size=2, max_size=2),
        "walk": st.lists(st.integers(0, 3 * 2 * 2 * len(CLOCK_STEPS) * 8 - 1), min_size=10, max_size=12),
    }
)
"""A policy's parameters, some inputs, and in which order it meets them: one number per step keeps drawing cheap."""


def steps_of(drawn):
    """The evaluations of a scenario: every step pairs some metrics with some input data after some time."""
    for number in drawn["walk"]:
        rest, metrics_index = divmod(number, 3)
        rest, input_index = divmod(rest, 2)
        rest, collector_index = divmod(rest, 2)
        eighth, clock_index = divmod(rest, len(CLOCK_STEPS))
        yield {
            "metrics": drawn["metrics"][metrics_index],
            "input_data": drawn["input_data"][input_index],
            "collector": drawn["collectors"][collector_index],
            "advance": CLOCK_STEPS[clock_index],
            "reset": eighth == 7,
        }
