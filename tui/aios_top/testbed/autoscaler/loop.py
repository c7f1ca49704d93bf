"""The autoscaler of one block: its own thread, one load, then evaluate, act, sleep, for as long as its pod lives."""

import json
import threading
from collections import deque
from pathlib import Path
from typing import Any

from msgspec import Struct

from aios_top.testbed.autoscaler.fetch import get_json, post_json
from aios_top.testbed.autoscaler.rule import LoadError, Rule, load
from aios_top.testbed.document import Document

LOG_LINES = 500
RETRY_DOUBLINGS = 5
"""Kubernetes' back-off grows from 10 to 300 s; here from a third of an evaluation interval to 32 times that."""
SHORTEST_INTERVAL_SECONDS = 0.05
"""AIOS would spin at full speed on an interval of 0; a demo must leave the machine usable."""


class ManagementError(Exception):
    """A management command that the policy, or its absence, made fail; the text is what AIOS answers."""


class AutoscalerPlan(Struct, frozen=True):
    """What an autoscaler needs to know when its container starts."""

    block_id: str
    urls: dict[str, str]
    folder: Path
    first_evaluation_seconds: float
    evaluation_seconds: float
    """Used when the settings have no `intervalSeconds`."""
    evaluates: bool = True


class Autoscaler:
    """Loads the block's policy and runs it; every error is only logged, as in AIOS."""

    def __init__(self, plan: AutoscalerPlan) -> None:
        self._plan = plan
        self._stopped = threading.Event()
        self._loaded = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"autoscaler-{plan.block_id}", daemon=True)
        self._rule: Rule | None = None
        self._block: Document = {}
        self._cluster: Document = {}
        self._instances: list[str] | None = None
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self.evaluations = 0

    def start(self) -> None:
        """Start the container's process."""
        self._thread.start()

    def stop(self) -> None:
        """End it; a policy that hangs in a call keeps its thread, which no longer matters to anybody."""
        self._stopped.set()

    @property
    def ended(self) -> bool:
        """Tell whether its thread has come to its end after `stop`."""
        return not self._thread.is_alive()

    @property
    def listens(self) -> bool:
        """Tell whether the management server is up: only after the policy is loaded."""
        return self._loaded.is_set() and not self._stopped.is_set()

    def set_instances(self, instances: list[str]) -> None:
        """Take a pod list in; before the first one every evaluation fails."""
        self._instances = instances

    def manage(self, action: Any, data: Any) -> str:
        """Run a management command in the caller's thread; returns JSON, raises ManagementError."""
        if self._rule is None:
            raise ManagementError("'NoneType' object has no attribute 'execute_mgmt_command'")
        try:
            return json.dumps(self._rule.manage(action, data), sort_keys=True)
        except (Exception, SystemExit) as error:
            raise ManagementError(str(error)) from error

    def _run(self) -> None:
        if not self._load_until_it_works():
            return
        self._loaded.set()
        self.log.append("policy loaded, management server up" if self._rule else "the block has no autoscaler policy")
        if not self._plan.evaluates or self._rule is None:
            return
        interval = self._interval_seconds()
        pause = self._plan.first_evaluation_seconds
        while not self._stopped.wait(pause):
            self._evaluate(self._rule)
            pause = interval
        self._rule.forget()

    def _load_until_it_works(self) -> bool:
        """Start over with growing pauses, as Kubernetes does with a process that ends; False when stopped."""
        pause = self._plan.evaluation_seconds / 3
        longest = pause * 2**RETRY_DOUBLINGS
        while not self._stopped.is_set():
            try:
                self._load()
            except (LoadError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                self.log.append(f"process ended: {type(error).__name__}: {error}")
                self._stopped.wait(pause)
                pause = min(pause * 2, longest)
            else:
                return not self._stopped.is_set()
        return False

    def _load(self) -> None:
        plan = self._plan
        self._block = get_json(f"{plan.urls['blocks']}/blocks/{plan.block_id}")
        self._cluster = get_json(f"{plan.urls['clusters']}/clusters/{self._block['cluster']['id']}")
        entry = self._block.get("policies", {}).get("autoscaler")
        if entry is None:
            return
        answer = get_json(f"{plan.urls['policies']}/policy/{entry['policyRuleURI']}")
        if not answer.get("success"):
            raise LoadError(f"{entry['policyRuleURI']}: {answer.get('message')}")
        self._rule = load(answer["data"], entry, self._get_metrics, plan.folder)
        self.log.append("requirements.txt not installed: the embedded AIOS takes nothing from the network")

    def _get_metrics(self) -> Document:
        """Read what the policy sees, from the cluster's metrics service, without a time limit."""
        base = self._plan.urls["cluster_metrics"]
        return {
            "block_metrics": get_json(f"{base}/block/{self._plan.block_id}")["data"],
            "cluster_metrics": get_json(f"{base}/cluster")["data"],
        }

    def _interval_seconds(self) -> float:
        default = self._plan.evaluation_seconds
        given = default if self._rule is None else self._rule.settings.get("intervalSeconds", default)
        if isinstance(given, bool) or not isinstance(given, int | float):
            self.log.append(f"intervalSeconds {given!r} is not a number: {default:g} s instead")
            given = default
        return max(float(given), SHORTEST_INTERVAL_SECONDS)

    def _evaluate(self, rule: Rule) -> None:
        self.evaluations += 1
        if self._instances is None:
            self.log.append("evaluation failed: no pod list yet, 'current_instances' does not exist")
            return
        try:
            decision = rule.evaluate(
                {
                    "block_data": self._block,
                    "cluster_data": self._cluster,
                    "current_instances": list(self._instances),
                }
            )
            self.log.append(f"decision: {decision!r:.500}")
            if not self._stopped.is_set():
                self._act(decision)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a policy raises, AIOS logs and goes on
            self.log.append(f"evaluation failed: {type(error).__name__}: {error}")

    def _act(self, decision: Any) -> None:
        """Turn a decision into the controller's action; what is no decision raises and is logged."""
        if decision["skip"]:
            return
        action = self._action(decision)
        if action is None:
            return
        scope = {"action": "scale", "cluster_id": self._cluster["id"], "block_id": self._plan.block_id}
        answer = post_json(f"{self._plan.urls['controller']}/executeAction", {**scope, **action})
        self.log.append(f"controller: {answer}")

    @staticmethod
    def _action(decision: Document) -> Document | None:
        operation = decision["operation"]
        if operation == "upscale":
            count = decision.get("instances_count", 0)
            if not count:
                return None
            action: Document = {"operation": "scale", "instances_count": count}
            if "allocation_data" in decision:
                action["allocation_data"] = decision["allocation_data"]
            return action
        if operation == "downscale":
            return {"operation": "downscale", "instances_list": decision["instances_list"]}
        raise ValueError(f"unknown operation: {operation}")
