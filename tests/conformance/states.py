"""States equal to those that AIOS was in when each exchange was recorded."""

import copy
import io
import time
import zipfile
from typing import Any

from msgspec.structs import replace

from aios_top.sim.pace import QUICK, Pace
from aios_top.testbed.creation import Component
from aios_top.testbed.state import BlockState, State
from conformance.exchanges import body_of, load

INSTANT = replace(QUICK, first_evaluation_seconds=3600.0, replica_start_seconds=0.0)
"""Nothing evaluates during a test, replicas start at once."""

PROBE_CODE = """
class AIOSv1PolicyRule:
    def __init__(self, rule_id, settings, parameters):
        self.evals = 0

    def eval(self, parameters, input_data, context):
        self.evals += 1
        return {"skip": True}

    def management(self, action, data):
        if action == "echo":
            return {"echo": [action, data], "evals": self.evals}
        if action == "raise":
            raise RuntimeError("mgmt boom")
        if action == "unserializable":
            return {1, 2}
        if action == "reset_cooldown":
            return {"status": "ok", "message": "Cooldown timer reset successfully"}
        return None
"""


def archive(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("code/function.py", source)
    return buffer.getvalue()


def policy(**changes: Any) -> dict[str, Any]:
    """The recorded policy record, perhaps with other fields."""
    record = copy.deepcopy(load("policy_create")["request"]["body"])
    return {**record, **changes}


def fresh(documents: list[dict[str, Any]], ages: dict[str, float | None] | None = None) -> tuple[dict[str, Any], ...]:
    """Recorded metric documents with stamps as old as wanted (2 s unless told; None: without a stamp)."""
    result = []
    for document in copy.deepcopy(documents):
        if "timestamp" in document:
            age = (ages or {}).get(document["instanceId"], 2.0)
            del document["timestamp"]
            if age is not None:
                document["timestamp"] = time.time() - age
        result.append(document)
    return tuple(result)


def recorded_state(name: str) -> State:
    """The state in which the exchange `name` was recorded."""
    state = State(
        clusters=(body_of("clusters_get"),),
        blocks=(BlockState(body_of("blocks_get"), "vllm-chat", ("in-aa01", "in-w3yr", "in-04pd")),),
        policies=(policy(),),
        files={"tokenautoscaler.zip": archive(PROBE_CODE)},
        documents=fresh(body_of("lmetrics_block")["data"]),
        global_blocks=(
            {"blockId": "llm-demo", "instances": list(fresh(body_of("gmetrics_block")["data"][0]["instances"]))},
        ),
        nodes=tuple(body_of("lmetrics_node")["data"]),
        components=(Component("model.demo:1.0.0-stable", "vllm-chat"),),
    )
    change = _CHANGES.get(name)
    return state if change is None else change(state)


def _global(state: State, *instances: dict[str, Any]) -> State:
    return replace(state, global_blocks=({"blockId": "llm-demo", "instances": list(instances)},))


def _health(state: State, ages: dict[str, float | None], recording: str = "gmetrics_block") -> State:
    return _global(state, *fresh(body_of(recording)["data"][0]["instances"], ages))


def _without_policy(state: State) -> State:
    record = {**state.blocks[0].record, "policies": {}}
    return replace(state, policies=(), blocks=(replace(state.blocks[0], record=record),))


_RENAMED = policy(version="2.1")
_SECOND = policy(description="second copy")

_CHANGES = {
    "gmetrics_before_executor": lambda state: replace(state, global_blocks=()),
    "gmetrics_block_first_push": lambda state: _global(
        state, *body_of("gmetrics_block_first_push")["data"][0]["instances"]
    ),
    "gmetrics_delete_again": lambda state: replace(state, global_blocks=()),
    "gmetrics_health_stale": lambda state: _health(state, {"in-cd34": 75.0}),
    "gmetrics_health_missing_ts": lambda state: _health(state, {"in-cd34": 76.0}, "gmetrics_query"),
    "gmetrics_aggregate": lambda state: _health(state, {}, "gmetrics_query"),
    "gmetrics_query": lambda state: _health(state, {}, "gmetrics_query"),
    "gmetrics_query_all": lambda state: _health(state, {}, "gmetrics_query"),
    "lmetrics_block_after_delete": lambda state: replace(
        state, documents=tuple(body_of("lmetrics_block_after_delete")["data"])
    ),
    "lmetrics_cluster_empty": lambda state: replace(state, nodes=()),
    "lmetrics_restarted_instance_keeps_old_keys": lambda state: replace(state, documents=_merged_pushes()),
    "parser_mgmt_ok": lambda state: replace(
        state, files={"tokenautoscaler.zip": archive(PROBE_CODE.replace("reset successfully", "reset v2"))}
    ),
    "policy_create": _without_policy,
    "policy_delete": lambda state: replace(state, policies=(_RENAMED, _SECOND)),
    "policy_delete_extra": lambda state: replace(state, policies=(*state.policies, policy(name="extra"))),
    "policy_get_extra": lambda state: replace(state, policies=(*state.policies, policy(name="extra"))),
    "policy_get_after_duplicate": lambda state: replace(state, policies=(*state.policies, _SECOND)),
    "policy_query_duplicates": lambda state: replace(state, policies=(*state.policies, _SECOND)),
    "policy_query_after_rename": lambda state: replace(state, policies=(_RENAMED, _SECOND)),
    "policy_query_empty": lambda state: replace(state, policies=(_SECOND,)),
    "policy_query_regex": lambda state: replace(state, policies=(_SECOND,)),
}


def _merged_pushes() -> tuple[dict[str, Any], ...]:
    """A busy instance that restarted: its idle document is pushed over the busy one."""
    pushes = (load("node_metrics_instance_busy")["document"], load("node_metrics_instance_idle")["document"])
    return tuple({**push, "blockId": "blk-merge", "instanceId": "in-merge"} for push in pushes)


def pace() -> Pace:
    return INSTANT
