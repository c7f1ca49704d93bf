"""Policies loaded by path, as AIOS loads them, and the few values their tests need."""

import importlib.util
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
EXPLAINED = CHECKOUT / "policy" / "code" / "function.py"
PLAIN = CHECKOUT / "tui/aios_top/testbed/policies/tokenautoscaler/code/function.py"
INPUT = "llm_input_tokens_per_minute_rolling"
OUTPUT = "llm_output_tokens_per_minute_rolling"
START = 1_795_445_000.0


def load(path):
    """A fresh module from a file, not entered in sys.modules: a policy must not need that."""
    spec = importlib.util.spec_from_file_location(f"policy_under_test_{path.parts[-3]}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class WallClock:
    """A wall clock that stands still until told otherwise."""

    def __init__(self, now=START):
        self.now = now

    def time(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


class SystemLikeClock(WallClock):
    """A wall clock that can be set, beside a monotonic one that cannot."""

    def __init__(self, now=START):
        super().__init__(now)
        self.elapsed = 7.0

    def monotonic(self):
        return self.elapsed

    def advance(self, seconds):
        self.now += seconds
        self.elapsed += seconds

    def set_back(self, seconds):
        self.now -= seconds


def document(instance_id, tokens_in=0.0, tokens_out=0.0, period="average_1m", **more):
    """The part of an instance's metric document that the rule reads."""
    return {"instanceId": instance_id, INPUT: {period: tokens_in}, OUTPUT: {period: tokens_out}, **more}


class Block:
    """What AIOS hands to a policy, changeable between evaluations."""

    def __init__(self, *documents, current=None):
        self.documents = list(documents)
        self.current = [d["instanceId"] for d in documents] if current is None else current
        self.collections = 0

    def get_metrics(self):
        self.collections += 1
        return {"block_metrics": self.documents, "cluster_metrics": {"cluster_metrics": {}, "node_metrics": []}}

    def input_data(self):
        return {
            "block_data": {
                "id": "block-a",
                "policies": {"autoscaler": {"policyRuleURI": "tokenautoscaler-explained:1.0-stable"}},
                "minInstances": 1,
                "maxInstances": 3,
            },
            "cluster_data": {"id": "cluster-1"},
            "current_instances": self.current,
        }


explained = load(EXPLAINED)
plain = load(PLAIN)


def new_explained(settings, parameters, clock):
    """The shipped policy on a given clock."""
    return explained.AIOSv1PolicyRule("", {**settings, "clock": clock}, parameters)


def new_plain(settings, parameters, clock):
    """The tutorial's policy; its module's `time` becomes the clock, since it has no other way to be told."""
    plain.time = clock
    return plain.AIOSv1PolicyRule("", settings, parameters)
