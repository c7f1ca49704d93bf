"""A block whose policy tells everything: its parameters, an override, ignored names, a pause, a queued scaling."""

import json

from msgspec.structs import replace

from aios_top.model.lint import LintReport
from aios_top.model.lint_facts import Facts
from aios_top.model.lints import lint
from aios_top.model.policy_state import ForcedScale, ParameterReport, Pause
from aios_top.model.record import PolicyRecord, PolicyReference
from aios_top.model.state import BlockState, FleetState
from aios_top.model.text import clean
from aios_top.shipped import shipped
from console import states


def outspoken() -> BlockState:
    """The block."""
    block = states.scaling()
    assert block.record is not None
    schemas = json.loads((shipped("policy") / "registration.json").read_text())["policy_parameters_schema"][
        "properties"
    ]
    defaults = {name: schema.get("default") for name, schema in schemas.items()}
    given = {"cooldown_seconds": 999, "max_replicas": 6, "missing_metrics": "conservative"}
    told = ParameterReport(
        effective={**defaults, **given, "input_tokens_up_threshold": 450},
        defaults=defaults,
        source={
            **dict.fromkeys(defaults, "default"),
            **dict.fromkeys(given, "given"),
            "input_tokens_up_threshold": "runtime",
        },
        errors={"queue_length_up_threshold": "'5' is not a number of at least 0"},
        unknown=("cooldown_secs",),
        unused_settings=("scale_up_cooldown",),
        generation=3,
        schemas=schemas,
    )
    own = {"cooldown_seconds": 60, "max_replicas": 6, "missing_metrics": "conservative", "cooldown_secs": 30}
    policies = {
        "autoscaler": PolicyReference(clean(states.EXPLAINED), own, {"scale_up_cooldown": 45}),
        "loadBalancer": PolicyReference(clean("token-based-lb:1.0-stable"), {"strategy": "least"}),
        "resourceAllocator": PolicyReference(clean("allocator:2.0-stable")),
    }
    report = replace(
        block.policy,
        paused=Pause(clean("down"), 754.0, clean("release 4.2 goes out")),
        forced=ForcedScale(clean("upscale"), 1, (), 96.0),
    )
    return replace(block, record=replace(block.record, policies=policies), parameters=told, policy=report)


def registry() -> tuple[PolicyRecord, ...]:
    """The registry, whose record of the block's policy overrides its cooldown."""
    plain, explained = states.fleet().policies
    balancer = replace(plain, uri=clean("token-based-lb:1.0-stable"), name=clean("token-based-lb"))
    return plain, replace(explained, parameters={"cooldown_seconds": 999}), balancer


def fleet() -> FleetState:
    """The fleet that begins with the block."""
    return states.fleet(outspoken(), *list(states.fleet().blocks.values())[1:], policies=registry())


def report() -> LintReport:
    """What is wrong with it."""
    return lint(Facts(outspoken(), registry()), states.NOW)
