"""What holds for every decision, whatever the parameters, the metrics and the orders were."""

import json
from collections import Counter

from policy.harness import explained

SHAPES = {
    (True, None): ["skip", "reason"],
    (False, "upscale"): ["skip", "operation", "instances_count", "reason"],
    (False, "downscale"): ["skip", "operation", "instances_list", "reason"],
}


class Observer:
    """Evaluates a policy and checks each answer against what it saw before."""

    def __init__(self, policy, clock):
        self.policy = policy
        self.clock = clock
        self.last_seq = 0
        self.acted_at = None

        self.codes = Counter()

    def evaluate(self, input_data):
        """Evaluate once, check, and return the record."""
        policy, now = self.policy, self.clock.now
        stamp_before, rules = policy.last_action_ts, policy._rules()
        paused = policy.management("get_state", None)["paused"]
        result = policy.eval({}, input_data, None)
        state = policy.management("get_state", None)
        record = state["last_decision"]
        json.dumps(state, allow_nan=False)

        assert list(result) == SHAPES[result["skip"], result.get("operation")]
        assert record["result"] == result
        assert state["seq"] == record["seq"] == self.last_seq + 1
        self.last_seq += 1
        self.codes.update([record["code"]])
        if result["skip"]:
            assert policy.last_action_ts == stamp_before
        else:
            assert policy.last_action_ts == now
            self.check_action(record, rules, paused)
            self.acted_at = self.clock.elapsed
        if record["complete"]:
            assert explained.reevaluate(json.loads(json.dumps(record))) == result
        self.check_again(record)
        return record

    def check_action(self, record, rules, paused):
        """An action keeps to the limits, the cooldown, the pause and the mode that were in force."""
        result, forced = record["result"], record["force"] is not None and record["force"]["result"] == "done"
        direction = "up" if result["operation"] == "upscale" else "down"
        listed = {entry["id"] for entry in record["instances"] if entry["id"]}
        minimum, maximum = record["replicas"]["min"], record["replicas"]["max"]
        assert rules.mode == "active"
        assert paused is None or paused["direction"] not in {"both", direction}
        if not (forced and record["state_before"]["force"]["ignore_cooldown"]):
            reset = record["state_before"]["cooldown"][direction] is None
            assert reset or self.clock.elapsed - self.acted_at > rules.cooldown(direction)
        if direction == "up":
            assert result["instances_count"] >= 1
            assert forced or result["instances_count"] <= rules.max_scale_up_step
            on_its_way = record["state_before"]["unlisted"]
            assert maximum is None or record["replicas"]["current"] + on_its_way + result["instances_count"] <= maximum
        else:
            victims = result["instances_list"]
            assert 1 <= len(victims) == len(set(victims))
            assert forced or len(victims) <= rules.max_scale_down_step
            assert set(victims) <= listed - set(rules.protected_instances)
            assert record["replicas"]["current"] - len(victims) >= minimum
            if not forced:
                silent = {e["id"] for e in record["instances"] if e["status"] in {"missing", "stale"}}
                assert silent.isdisjoint(victims)

    def check_again(self, record):
        """A dry run comes to the same decision, and changes nothing."""
        if any(step["stage"] == "collect" and step["result"] == "ok" for step in record["steps"]):
            before = self.policy.management("get_state", None)
            again = self.policy.management("dry_run", None)
            assert again["status"] == "ok", again
            assert again["record"]["result"] == record["result"]
            assert self.policy.management("get_state", None) == before
