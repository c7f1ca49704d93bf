"""The plain token autoscaler of the AIOS tutorial: it decides, and tells nothing about itself."""

import logging
import time
from typing import Any

INPUT_KEY = "llm_input_tokens_per_minute_rolling"
OUTPUT_KEY = "llm_output_tokens_per_minute_rolling"


class AIOSv1PolicyRule:
    """Scales a block by the mean tokens of its reporting instances, one instance at a time."""

    def __init__(self, rule_id: str, settings: Any, parameters: Any) -> None:
        self.rule_id = rule_id
        self.settings = settings
        self.parameters = parameters
        self.logger = logging.getLogger(f"TokensAutoscalerPolicy-{rule_id}")
        self.input_up_threshold = parameters.get("input_tokens_up_threshold", 500)
        self.output_up_threshold = parameters.get("output_tokens_up_threshold", 300)
        self.input_down_threshold = parameters.get("input_tokens_down_threshold", 100)
        self.output_down_threshold = parameters.get("output_tokens_down_threshold", 50)
        self.min_replicas = parameters.get("min_replicas", 1)
        self.averaging_period = parameters.get("averaging_period", "average_1m")
        self.cooldown_seconds = parameters.get("cooldown_seconds", 120)
        self.last_action_ts: Any = None

    def _cooldown_ok(self, now: float) -> bool:
        return self.last_action_ts is None or now - self.last_action_ts > self.cooldown_seconds

    def _input(self, document: Any) -> Any:
        return document.get(INPUT_KEY, {}).get(self.averaging_period, 0)

    def _output(self, document: Any) -> Any:
        return document.get(OUTPUT_KEY, {}).get(self.averaging_period, 0)

    def eval(self, parameters: Any, input_data: Any, context: Any) -> dict[str, Any]:  # noqa: ARG002 (AIOS's contract)
        """Decide on this block once; an exception becomes a skip."""
        try:
            return self._decide(input_data)
        except Exception as error:  # noqa: BLE001 (the tutorial's policy answers every failure this way)
            return {"skip": True, "reason": f"An error occurred: {error}"}

    def _decide(self, input_data: Any) -> dict[str, Any]:
        collect = self.settings.get("get_metrics")
        if not callable(collect):
            return {"skip": True, "reason": "Metrics collector not configured."}
        metrics = collect()
        current = input_data.get("current_instances")
        if not current:
            return {"skip": True, "reason": "No current instances provided."}
        documents = [d for d in metrics.get("block_metrics", []) if d.get("instanceId") in current]
        if not documents:
            return {"skip": True, "reason": "No metrics found for the specified instances."}
        return self._scale(documents, time.time())

    def _scale(self, documents: list[Any], now: float) -> dict[str, Any]:
        total_input: Any = 0
        total_output: Any = 0
        for document in documents:
            total_input += self._input(document)
            total_output += self._output(document)
        mean_input, mean_output = total_input / len(documents), total_output / len(documents)
        rates = f"(Input: {mean_input:.2f}, Output: {mean_output:.2f})"

        if not self._cooldown_ok(now):
            return {"skip": True, "reason": "Cooldown active."}
        if mean_input > self.input_up_threshold or mean_output > self.output_up_threshold:
            self.last_action_ts = now
            reason = f"Token rate exceeded threshold {rates}"
            return {"skip": False, "operation": "upscale", "instances_count": 1, "reason": reason}
        below = mean_input < self.input_down_threshold and mean_output < self.output_down_threshold
        if below and len(documents) > self.min_replicas:
            documents.sort(key=lambda document: self._input(document) + self._output(document))
            self.last_action_ts = now
            victim = documents[0].get("instanceId")
            if victim:
                reason = f"Token rate below threshold {rates}"
                return {"skip": False, "operation": "downscale", "instances_list": [victim], "reason": reason}
        return {"skip": True, "reason": "No scaling action required."}

    def management(self, action: str, data: Any) -> dict[str, Any] | None:  # noqa: ARG002 (AIOS's contract)
        """Reset the cooldown; every other action answers None, which AIOS reports as a success."""
        try:
            if action == "reset_cooldown":
                self.last_action_ts = None
                return {"status": "ok", "message": "Cooldown timer reset successfully"}
        except Exception as error:  # noqa: BLE001 (kept as the tutorial has it)
            return {"status": "error", "reason": f"Management action failed:{error} "}
        return None
