"""What a policy says that it did, in one sentence; what it did not say is not claimed."""

from typing import Any

import pytest

from aios_top.aios.told import told

SET = {"status": "ok", "changed": {"cooldown_seconds": [120, 60], "mode": ["active", "shadow"]}, "generation": 4}
CHANGED = "cooldown_seconds 120 → 60, mode active → shadow"
CASES: list[tuple[str, dict[str, Any], str | None]] = [
    ("set_parameters", {**SET, "dry_run": True}, f"the policy would accept {CHANGED}"),
    (
        "set_parameters", SET,
        f"{CHANGED}, generation 4; from the next evaluation on, until the executor restarts",
    ),
    ("set_parameters", {"status": "ok", "changed": ["cooldown"]}, None),
    ("pause", {"paused": {"direction": "up", "remaining_s": 599.6}}, "scaling up is paused for 10m"),
    ("hold", {"paused": {"direction": "both", "remaining_s": None}}, "scaling up and down is paused"),
    ("resume", {"paused": None}, "scaling goes on"),
    ("resume", {"paused": {"direction": "down", "remaining_s": 5}}, "scaling down is paused for 5s"),
    ("force_scale", {"force": {"operation": "upscale", "instances_count": 2}}, "upscale of 2 is queued for the next evaluation"),
    (
        "force_scale", {"force": {"operation": "downscale", "instances_list": ["in-a", "in-b"]}},
        "downscale of in-a, in-b is queued for the next evaluation",
    ),
    ("force_scale", {"status": "ok", "force": None}, "no scaling is queued any more"),
    ("force_scale", {"status": "ok"}, None),
    ("pause", {"status": "ok"}, None),
    ("update_thresholds", {"status": "ok"}, None),
    ("pause", {"paused": {"direction": "\x1b[31m", "remaining_s": True}}, "scaling up and down is paused"),
    ("pause", {"paused": {"direction": ["up"]}}, "scaling up and down is paused"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "said", "sentence"), CASES)
def test_a_sentence(action: str, said: dict[str, Any], sentence: str | None) -> None:
    assert told(action, said) == sentence


def test_text_of_a_policy_cannot_act_on_the_terminal() -> None:
    assert "\x1b" not in str(told("force_scale", {"force": {"operation": "\x1b[2J", "instances_count": "\x07"}}))
