"""The tutorial's token autoscaler, transcribed row by row from its behaviour table and frozen.

It shares nothing with the policies under test. Change it only where the table itself was wrong.
"""

from types import SimpleNamespace

DEFAULTS = {
    "input_tokens_up_threshold": 500,
    "output_tokens_up_threshold": 300,
    "input_tokens_down_threshold": 100,
    "output_tokens_down_threshold": 50,
    "min_replicas": 1,
    "averaging_period": "average_1m",
    "cooldown_seconds": 120,
}


def new_seed(settings, parameters):
    """The seed's state: its settings, its seven parameters and the time of its last action."""
    values = {name: parameters.get(name, default) for name, default in DEFAULTS.items()}
    return SimpleNamespace(settings=settings, last_action_ts=None, **values)


def seed_eval(seed, input_data, clock):
    """Rows 1 to 11."""
    try:
        return _rows_1_to_10(seed, input_data, clock)
    except Exception as error:  # noqa: BLE001 (row 11 says any)
        return {"skip": True, "reason": "An error occurred: " + str(error)}  # row 11


def _rows_1_to_10(seed, input_data, clock):
    get_metrics = seed.settings.get("get_metrics")
    if not callable(get_metrics):  # row 1
        return {"skip": True, "reason": "Metrics collector not configured."}
    metrics = get_metrics()  # row 2
    ids = input_data.get("current_instances")
    if not ids:  # row 3
        return {"skip": True, "reason": "No current instances provided."}
    now = clock()
    matching = [doc for doc in metrics.get("block_metrics", []) if doc.get("instanceId") in ids]
    if not matching:  # row 4
        return {"skip": True, "reason": "No metrics found for the specified instances."}
    input_sum = 0  # row 5
    output_sum = 0
    for doc in matching:
        input_sum += doc.get("llm_input_tokens_per_minute_rolling", {}).get(seed.averaging_period, 0)
        output_sum += doc.get("llm_output_tokens_per_minute_rolling", {}).get(seed.averaging_period, 0)
    avg_in = input_sum / len(matching)
    avg_out = output_sum / len(matching)
    if seed.last_action_ts is not None and not now - seed.last_action_ts > seed.cooldown_seconds:  # row 6
        return {"skip": True, "reason": "Cooldown active."}
    if avg_in > seed.input_tokens_up_threshold or avg_out > seed.output_tokens_up_threshold:  # row 7
        seed.last_action_ts = now
        return {
            "skip": False,
            "operation": "upscale",
            "instances_count": 1,
            "reason": "Token rate exceeded threshold (Input: %.2f, Output: %.2f)" % (avg_in, avg_out),  # noqa: UP031 (the table's words)
        }
    if (
        avg_in < seed.input_tokens_down_threshold
        and avg_out < seed.output_tokens_down_threshold
        and len(matching) > seed.min_replicas
    ):
        load = [
            doc.get("llm_input_tokens_per_minute_rolling", {}).get(seed.averaging_period, 0)
            + doc.get("llm_output_tokens_per_minute_rolling", {}).get(seed.averaging_period, 0)
            for doc in matching
        ]
        order = sorted(range(len(matching)), key=lambda i: load[i])
        seed.last_action_ts = now  # row 10: also without a victim
        victim = matching[order[0]].get("instanceId")
        if victim:  # row 8
            return {
                "skip": False,
                "operation": "downscale",
                "instances_list": [victim],
                "reason": "Token rate below threshold (Input: %.2f, Output: %.2f)" % (avg_in, avg_out),  # noqa: UP031 (the table's words)
            }
    return {"skip": True, "reason": "No scaling action required."}  # row 9


def seed_management(seed, action):
    """The tutorial's base policy knows one action; anything else is None."""
    if action == "reset_cooldown":
        seed.last_action_ts = None
        return {"status": "ok", "message": "Cooldown timer reset successfully"}
    return None
