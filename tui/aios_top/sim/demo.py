"""The blocks that the demo runs, as their records declare them."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from aios_top.sim.pace import QUICK, Pace


class BlockSpec(Struct, frozen=True):
    """What a block's record says, and the profile of its replicas."""

    block_id: str
    profile: str
    """A name in `profile.PROFILES`."""
    component_uri: str
    policy_uri: str | None = None
    """The autoscaler policy as the registry knows it; None: the block does not scale by itself."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    min_instances: int = 1
    max_instances: int = 1
    cluster_id: str = "cluster-1"

    def at(self, pace: Pace) -> "BlockSpec":
        """Return the block with the periods of `pace` in its policy's parameters and settings."""
        if self.policy_uri is None:
            return self
        return replace(
            self,
            parameters={**self.parameters, "cooldown_seconds": _number(pace.cooldown_seconds)},
            settings={**self.settings, "intervalSeconds": _number(pace.evaluation_seconds)},
        )


def demo_blocks(pace: Pace) -> tuple[BlockSpec, ...]:
    """Return the demo's blocks with the periods of `pace`; the id gemma3-27b-block2 stays free."""
    return tuple(spec.at(pace) for spec in _BLOCKS)


def _number(seconds: float) -> float:
    """Return whole seconds as an integer, as a person would write them into a record."""
    return int(seconds) if seconds == int(seconds) else seconds


def _thresholds(input_up: int, output_up: int, input_down: int, output_down: int) -> dict[str, Any]:
    """Return the token policies' four limits, in tokens per request."""
    return {
        "input_tokens_up_threshold": input_up,
        "output_tokens_up_threshold": output_up,
        "input_tokens_down_threshold": input_down,
        "output_tokens_down_threshold": output_down,
        "averaging_period": "average_1m",
    }


_BLOCKS = (
    BlockSpec(
        block_id="gemma3-27b-block",
        profile="aios-gemma3",
        component_uri="model.gemma3-27b:1.0.0-stable",
        policy_uri="tokenautoscaler-explained:1.0-stable",
        parameters=_thresholds(500, 300, 100, 50) | {"min_replicas": 1},
        max_instances=6,
    ),
    # The tutorial's policy, which answers nothing but reset_cooldown: here the console has to infer.
    BlockSpec(
        block_id="llama3-8b-chat",
        profile="vllm-chat",
        component_uri="model.llama3-8b-instruct:1.0.0-stable",
        policy_uri="tokenautoscaler:2.0-stable",
        parameters=_thresholds(1500, 400, 500, 150) | {"min_replicas": 1},
        max_instances=4,
    ),
    BlockSpec(
        block_id="qwen2-7b-code",
        profile="vllm-code",
        component_uri="model.qwen2-7b-coder:1.0.0-stable",
        policy_uri="tokenautoscaler-explained:1.0-stable",
        parameters=_thresholds(2200, 200, 700, 15) | {"min_replicas": 2},
        min_instances=2,
        max_instances=8,
    ),
    BlockSpec(
        block_id="bge-embedding",
        profile="embedding",
        component_uri="model.bge-large-en:1.5.0-stable",
        max_instances=2,
    ),
)

DEMO_BLOCKS = demo_blocks(QUICK)
"""The demo's blocks at quick pace."""
