"""Blocks for the lints: one with nothing wrong, and ways to make one thing wrong."""

from typing import Any

from msgspec.structs import replace

from aios_top.model.decision import Action, Decision, InstanceInput, Origin
from aios_top.model.deploy import PolicyCode
from aios_top.model.lint_facts import TUTORIAL, Facts, Served
from aios_top.model.policy_state import ParameterReport, PolicyReport, Voice
from aios_top.model.reading import InstanceReading
from aios_top.model.record import BlockRecord, PolicyRecord, PolicyReference
from aios_top.model.state import BlockState, InstanceState, Phase, Replicas
from aios_top.model.text import clean
from aios_top.model.window import Rolling

URI = "tokens:2.0-stable"
CODE = PolicyCode("a1" * 32, "c0de" * 16, "class AIOSv1PolicyRule: ...")
OTHER = PolicyCode("b2" * 32, "0dd0" * 16, "class AIOSv1PolicyRule: pass")
SOUND: dict[str, Any] = {
    **TUTORIAL,
    "max_replicas": 4, "use_block_limits": True, "replica_basis": "current", "signal": "counter_rate",
    "max_metric_age_seconds": 90, "missing_metrics": "conservative", "scale_up_cooldown_seconds": None,
    "scale_down_cooldown_seconds": None, "scale_up_stabilization_window_seconds": 0,
    "scale_down_stabilization_window_seconds": 300, "scale_up_tolerance": 0, "scale_down_tolerance": 0,
    "scale_down_safety_check": False, "block_while_pending": False, "scale_down_selection": "least_active",
    "mode": "active",
}  # fmt: skip
"""Parameters that no lint objects to."""


def told(values: dict[str, Any], **changes: Any) -> ParameterReport:
    """What the policy says is in force."""
    fields: dict[str, Any] = {
        "effective": values, "defaults": dict(SOUND), "source": {}, "errors": {}, "unknown": (),
        "unused_settings": (), "generation": 1,
    }  # fmt: skip
    return ParameterReport(**(fields | changes))


def instance(name: str = "in-aa01", *, sessions: float = 1.0, served: bool = True, **sizes: Any) -> InstanceState:
    """An instance that has served requests; `size` None stands for a library without rolling metrics."""
    size = sizes.get("size", Rolling(90.0, 90.0, 90.0, 90.0))
    reading = InstanceReading(
        clean(name), 1.0, size, size, prompt_tokens_total=100.0 if served else 0.0, active_sessions=sessions
    )
    return InstanceState(clean(name), sizes.get("phase", Phase.SERVING), reading, 1.0, 0.0)


def registered(**changes: Any) -> PolicyRecord:
    """The record that the block's uri leads to."""
    record = PolicyRecord(
        clean(URI), clean("tokens"), clean("2.0"), clean("stable"), clean("http://files:32555/tokens.zip")
    )
    return replace(record, **changes)


def facts(values: dict[str, Any] | None = None, **changes: Any) -> Facts:
    """A sound block; `values` changes parameters in force, `changes` the rest by the name of its place."""
    in_force = {**SOUND, **(values or {})}
    given = {name: changes.pop(name, default) for name, default in _PARTS.items()}
    speaks = given["speaks"]
    report = PolicyReport(
        Voice.FULL if speaks else Voice.SILENT,
        policy_name=clean("tokens") if speaks else None,
        policy_version=clean(given["version"]) if speaks else None,
        code_sha256=clean(CODE.code_sha256) if speaks else None,
        interval_seconds=30.0,
        paused=given["paused"],
    )
    reference = PolicyReference(clean(URI), given["own"], given["own_settings"]) if given["bound"] else None
    record = BlockRecord(
        clean("gemma"), None, *given["limits"], policies={} if reference is None else {"autoscaler": reference}
    )
    block = BlockState(
        clean("gemma"),
        record,
        report,
        told(in_force, **given["told"]) if speaks else None,
        instances=given["instances"],
        replicas=Replicas(current=len(given["instances"])),
        push_seconds=30.0,
        decisions=given["decisions"],
    )
    found: dict[str, Any] = {
        "policies": (registered(),), "served": Served("http://files:32555/tokens.zip", CODE), "local": CODE,
        "local_name": "policy/", "startup_seconds": (90.0, 95.0, 100.0),
    }  # fmt: skip
    return Facts(block, **(found | changes))


_PARTS: dict[str, Any] = {
    "speaks": True, "version": "2.0", "paused": None, "own": {}, "own_settings": {}, "bound": True, "limits": (1, 4),
    "told": {}, "instances": (instance(),), "decisions": (),
}  # fmt: skip


def decision(at: float, *rows: tuple[str, str], action: Action = Action.HOLD) -> Decision:
    """A reported decision that saw these instances, each with its status."""
    inputs = tuple(InstanceInput(clean(name), status=clean(status)) for name, status in rows)
    return Decision(at, action, clean("X"), clean("x"), Origin.REPORTED, instances=inputs)
