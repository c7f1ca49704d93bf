"""A policy that runs for weeks does not grow: records, counters, instances and texts are bounded."""

import json
import tracemalloc

from policy.harness import WallClock, explained, new_explained


def push(instance_id, timestamp, total):
    """A small metric document with counters."""
    return {
        "instanceId": instance_id,
        "timestamp": timestamp,
        "llm_prompt_tokens_total": total,
        "llm_tokens_generated_total": total,
    }


def test_memory_stays_bounded():
    clock, long_text = WallClock(), "x" * 10_000
    fresh = iter(range(10**9))

    def metrics():
        documents = [push(f"in-{next(fresh)}-{long_text}", clock.now, 1.0) for _ in range(3)]
        policy_input["current_instances"] = [d["instanceId"] for d in documents]
        if clock.now % 2:
            raise RuntimeError(long_text)
        return {"block_metrics": documents}

    policy_input = {}
    policy = new_explained({"get_metrics": metrics}, {}, clock)

    def run(evaluations):
        for _ in range(evaluations):
            clock.advance(1)
            policy.eval({}, policy_input, None)

    tracemalloc.start()
    try:
        run(2 * explained.MAX_RECORDS)
        full_bytes = tracemalloc.get_traced_memory()[0]
        run(2 * explained.MAX_RECORDS)
        assert tracemalloc.get_traced_memory()[0] < 1.25 * full_bytes  # unbounded, it would have doubled
    finally:
        tracemalloc.stop()
    page = policy.management("get_decisions", {"since": 0})
    assert page["latest_seq"] - page["oldest_seq"] == explained.MAX_RECORDS - 1
    assert len(json.dumps(policy.management("get_state", None))) < 10_000


def test_100_000_evaluations_leave_as_much_behind_as_a_few():
    clock, fresh = WallClock(), iter(range(10**9))
    inputs = {"current_instances": []}

    def metrics():
        clock.now += 30
        if clock.now % 5 == 0:
            raise ConnectionError("no metrics")
        name = f"in-{next(fresh) // 3}"
        inputs["current_instances"] = [name, "in-silent"]
        return {"block_metrics": [push(name, clock.now, clock.now)]}

    parameters = {"decision_history_size": 16, "max_replicas": 3, "min_reporting_fraction": 0.5}
    policy = new_explained({"get_metrics": metrics}, parameters, clock)

    def run(evaluations):
        for number in range(evaluations):
            policy.eval({}, inputs, None)
            if number % 1000 == 0:
                policy.management("pause", {"seconds": 60})
                policy.management("force_scale", {"operation": "upscale", "instances_count": 1})
        return reachable(policy)

    few = run(2_000)
    many = run(98_000)
    assert policy.management("get_state", None)["seq"] == 100_000
    assert many <= few + 50


def reachable(policy):
    """How many values hang on a policy."""
    seen, waiting = set(), [vars(policy)]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set | frozenset) or type(value).__name__ == "deque":
            waiting += value
        elif hasattr(value, "__dict__") and type(value).__module__.startswith("policy"):
            waiting.append(vars(value))
        elif hasattr(value, "__slots__") and type(value).__module__.startswith("policy"):
            waiting += [getattr(value, name) for name in value.__slots__]
    return len(seen)
