"""Blocks as AIOS could show them, for policies with any valid parameters: one number describes one instance."""

import math

from hypothesis import strategies as st

from policy.harness import INPUT, OUTPUT

IDS = ("in-a", "in-b", "in-c", "in-d", "in-e")
INPUTS = (0, 0, 10, 49, 60, 99, 120, 250, 400, 501, 700, 1500, 5000)
OUTPUTS = (0, 0, 5, 20, 49, 80, 150, 301, 900)
QUEUES = (None, 0, 1, 4, 30)
SESSIONS = (None, 0, 1, 3)
AGES = (5, 5, 60, None, 200)
PRESENCE = (*["reporting"] * 9, "silent", "gone", "unlisted")
SHAPES = (
    (*INPUTS * 3, None, math.nan, "600"),
    (*OUTPUTS * 4, None, math.inf),
    QUEUES,
    SESSIONS,
    AGES,
    PRESENCE,
)
instance = st.integers(0, math.prod(map(len, SHAPES)) - 1)


def numbered(*choices):
    """The number that stands for these choices."""
    number = 0
    for shape, choice in reversed(list(zip(SHAPES, choices, strict=True))):
        number = number * len(shape) + shape.index(choice)
    return number


GONE, SILENT = numbered(0, 0, 0, 0, 5, "gone"), numbered(0, 0, 0, 0, 5, "silent")
OLD, IDLE = numbered(0, 0, 0, 0, 200, "reporting"), numbered(10, 5, 0, 0, 5, "reporting")
BUSY, NEARLY_IDLE = numbered(5000, 900, 4, 3, 5, "reporting"), numbered(60, 20, 1, 1, 5, "reporting")
UNIFORM = [[kind] * 5 for kind in (GONE, SILENT, OLD, IDLE, BUSY, NEARLY_IDLE)]
CHANGING = [[IDLE, IDLE, IDLE, GONE, GONE], [BUSY, BUSY, GONE, GONE, GONE], [BUSY, BUSY, SILENT, GONE, GONE]]
instances = st.one_of(
    st.lists(instance, min_size=len(IDS), max_size=len(IDS)), st.sampled_from(UNIFORM), st.sampled_from(CHANGING)
)
"""One number per name in IDS."""
sane_instances = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 8), st.integers(0, 4)), min_size=1, max_size=5)
"""Positions in INPUTS, OUTPUTS and QUEUES, without odd values; all of them report."""


def described(number):
    """The choices that a number stands for."""
    choices = []
    for shape in SHAPES:
        number, index = divmod(number, len(shape))
        choices.append(shape[index])
    return choices


def document(name, tokens_in, tokens_out, queue=None, sessions=None, timestamp=None, totals=(None, None)):
    """A metric document without the keys whose value is None."""
    parts = {
        INPUT: None if tokens_in is None else {"average_1m": tokens_in},
        OUTPUT: None if tokens_out is None else {"average_1m": tokens_out},
        "queue_length": None if queue is None else {"average_1m": queue},
        "llm_active_sessions": sessions,
        "timestamp": timestamp,
        "llm_prompt_tokens_total": totals[0],
        "llm_tokens_generated_total": totals[1],
    }
    return {"instanceId": name} | {key: value for key, value in parts.items() if value is not None}


def shown(numbers, now, totals):
    """The metric documents and the listed ids of a block; `totals` are counters that grow from call to call."""
    documents, listed = [], []
    for name, number in zip(IDS, numbers, strict=True):
        tokens_in, tokens_out, queue, sessions, age, presence = described(number)
        if presence not in {"gone", "unlisted"}:
            listed.append(name)
        if presence in {"reporting", "unlisted"}:
            grown = [max(0, value) if isinstance(value, int) else 0 for value in (tokens_in, tokens_out)]
            totals[name] = [a + b for a, b in zip(totals.get(name, [0, 0]), grown, strict=True)]
            stamp = None if age is None else now - age
            documents.append(document(name, tokens_in, tokens_out, queue, sessions, stamp, totals[name]))
    return documents, listed


up_first = st.sampled_from([(500, 300, 100, 50), (400, 100, 60, 40), (100, 50, 99, 49), (3000, 900, 1000, 400)])
valid_parameters = st.fixed_dictionaries(
    {"thresholds": up_first},
    optional={
        "min_replicas": st.integers(1, 3),
        "cooldown_seconds": st.sampled_from([0, 30, 120]),
        "max_replicas": st.sampled_from([None, 3, 4, 6]),
        "use_block_limits": st.booleans(),
        "replica_basis": st.sampled_from(["reporting", "current"]),
        "signal": st.sampled_from(["rolling", "counter_rate"]),
        "queue_length_up_threshold": st.sampled_from([None, 0, 5]),
        "max_metric_age_seconds": st.sampled_from([None, 60, 100]),
        "missing_metrics": st.sampled_from(["zero", "zero", "conservative", "conservative", "skip"]),
        "min_reporting_fraction": st.sampled_from([0, 0, 0.5, 1]),
        "scale_up_cooldown_seconds": st.sampled_from([None, 0, 60, 200]),
        "scale_down_cooldown_seconds": st.sampled_from([None, 0, 300]),
        "scale_up_stabilization_window_seconds": st.sampled_from([0, 45]),
        "scale_down_stabilization_window_seconds": st.sampled_from([0, 60, 300]),
        "scale_up_tolerance": st.sampled_from([0, 0.1]),
        "scale_down_tolerance": st.sampled_from([0, 0.2, 1]),
        "scale_down_safety_check": st.just(True),
        "max_scale_up_step": st.sampled_from([1, 2, 10]),
        "max_scale_down_step": st.sampled_from([1, 2, 10]),
        "block_while_pending": st.just(True),
        "pending_timeout_seconds": st.sampled_from([0, 100, 600]),
        "scale_down_selection": st.sampled_from(["lowest_tokens", "least_active", "newest"]),
        "protected_instances": st.sampled_from([[], ["in-a"], ["in-a", "in-b", "in-z"]]),
        "mode": st.sampled_from(["active", "active", "active", "shadow"]),
        "decision_history_size": st.sampled_from([1, 3, 512]),
    },
).map(lambda drawn: _named(**drawn))


def _named(thresholds, **more):
    names = ("input_tokens_up", "output_tokens_up", "input_tokens_down", "output_tokens_down")
    return {f"{name}_threshold": value for name, value in zip(names, thresholds, strict=True)} | more


clock_steps = st.sampled_from([0.25, 1, 30, 30, 30, 45, 61, 121, 200, 301, 700])
