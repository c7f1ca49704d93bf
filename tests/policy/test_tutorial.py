"""The tutorial's own three unit tests, on the shipped policy with the system's clock."""

from policy.harness import document, explained


def policy_for(*documents):
    return explained.AIOSv1PolicyRule("rule", {"get_metrics": lambda: {"block_metrics": list(documents)}}, {})


def test_scales_up_on_high_tokens():
    policy = policy_for(document("in-1", 600, 350), document("in-2", 700, 400))
    result = policy.eval({}, {"current_instances": ["in-1", "in-2"]}, {})
    assert (result["skip"], result["operation"], result["instances_count"]) == (False, "upscale", 1)


def test_scales_down_on_low_tokens():
    policy = policy_for(document("in-1", 20, 10), document("in-2", 10, 5))
    policy.min_replicas = 1
    result = policy.eval({}, {"current_instances": ["in-1", "in-2"]}, {})
    assert (result["skip"], result["operation"], result["instances_list"]) == (False, "downscale", ["in-2"])


def test_cooldown_skips_until_it_is_reset():
    policy = policy_for(document("in-1", 600, 350))
    inputs = {"current_instances": ["in-1"]}
    assert policy.eval({}, inputs, {})["operation"] == "upscale"
    assert policy.eval({}, inputs, {}) == {"skip": True, "reason": "Cooldown active."}
    assert policy.management("reset_cooldown", {})["status"] == "ok"
    assert policy.eval({}, inputs, {})["operation"] == "upscale"
