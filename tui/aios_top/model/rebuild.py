"""Rebuilds what a policy saw from a decision, so that a policy file can evaluate it again."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from aios_top.model.decision import Action, Decision, InstanceInput
from aios_top.model.rule_call import Construct, Evaluate, Restore, RuleCall
from aios_top.model.text import clean

INPUT_KEY = "llm_input_tokens_per_minute_rolling"
OUTPUT_KEY = "llm_output_tokens_per_minute_rolling"
_SENTENCE = 300


class NotVerifiableError(Exception):
    """A decision that cannot be evaluated again; the message says why."""


def recorded_calls(decision: Decision, changes: Mapping[str, Any] = MappingProxyType({})) -> list[RuleCall]:
    """Return the calls that repeat a recorded evaluation, perhaps with other parameters; raises NotVerifiableError.

    For policies without a function `reevaluate` of their own: they keep no state but `last_action_ts`.
    """
    record = decision.record
    if not record:
        raise NotVerifiableError("the policy keeps no record of it")
    if record.get("complete") is not True:
        raise NotVerifiableError("its record is not complete: not all that it saw could be kept")
    state = record.get("state_before")
    if not isinstance(state, Mapping):
        raise NotVerifiableError("its record has no state_before")
    beyond = [name for name in ("paused", "force") if state.get(name)]
    if beyond:
        raise NotVerifiableError(f"only the policy's own file can restore its {', '.join(beyond)}")
    entries = [entry for entry in record.get("instances") or () if isinstance(entry, Mapping)]
    calls = _calls(entries, {**recorded_parameters(record), **changes}, _period(record), decision.at)
    calls.insert(1, Restore({"last_action_ts": state.get("last_action_ts")}))
    return calls


def polled_calls(decision: Decision, parameters: Mapping[str, Any], period: str) -> list[RuleCall]:
    """Return the calls that evaluate what the console polled at a decision, as if no cooldown were running."""
    return _calls(map(_polled, decision.instances), parameters, period, decision.at)


def recorded_parameters(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a record was decided with, by their names in a block record."""
    told = record.get("parameters")
    if isinstance(told, Mapping):
        return dict(told)
    pairs = {
        "input_tokens_up_threshold": ("thresholds", "input_up"),
        "output_tokens_up_threshold": ("thresholds", "output_up"),
        "input_tokens_down_threshold": ("thresholds", "input_down"),
        "output_tokens_down_threshold": ("thresholds", "output_down"),
        "min_replicas": ("replicas", "min"),
        "averaging_period": ("averages", "period"),
        "cooldown_seconds": ("cooldown", "total_s"),
    }
    found = {}
    for name, (part, key) in pairs.items():
        values = record.get(part)
        if not isinstance(values, Mapping) or key not in values:
            raise NotVerifiableError(f"its record does not tell {name}")
        found[name] = values[key]
    return found


def result_text(result: Any) -> str:
    """Return what an evaluation returned, in a few words: `upscale 1: Token rate ...`."""
    if not isinstance(result, Mapping):
        return str(clean(repr(result), _SENTENCE))
    what = result.get("operation") if result.get("skip") is False else "hold"
    how = result.get("instances_count") if what == "upscale" else result.get("instances_list")
    number = "" if how is None else f" {how}"
    return str(clean(f"{what}{number}: {result.get('reason')}", _SENTENCE))


def result_action(result: Any) -> Action | None:
    """Return what an evaluation's result does, None when it is none."""
    if not isinstance(result, Mapping):
        return None
    if result.get("skip") is not False:
        failed = str(result.get("reason")).startswith("An error occurred:")
        return Action.ERROR if failed else Action.HOLD
    try:
        return Action(str(result.get("operation")))
    except ValueError:
        return None


def _calls(
    entries: Iterable[Mapping[str, Any]], parameters: Mapping[str, Any], period: str, at: float
) -> list[RuleCall]:
    seen = list(entries)
    documents = [_document(entry, period) for entry in seen if entry.get("status") != "missing"]
    input_data = {"current_instances": [entry.get("id") for entry in seen], "block_data": {}}
    return [Construct({}, parameters, at), Evaluate(input_data, {"block_metrics": documents}, at)]


def _document(entry: Mapping[str, Any], period: str) -> dict[str, Any]:
    """Return a metric document with the keys that the token policies read; what was absent stays absent."""
    windows = {INPUT_KEY: entry.get("input"), OUTPUT_KEY: entry.get("output"), "queue_length": entry.get("queue")}
    rolling = {key: {} if value is None else {period: value} for key, value in windows.items()}
    sessions = {} if entry.get("sessions") is None else {"llm_active_sessions": entry["sessions"]}
    return {"instanceId": entry.get("id"), **rolling, **sessions}


def _polled(entry: InstanceInput) -> dict[str, Any]:
    return {
        "id": str(entry.instance_id),
        "input": entry.input_size,
        "output": entry.output_size,
        "queue": entry.queue,
        "sessions": entry.sessions,
        "status": entry.status,
    }


def _period(record: Mapping[str, Any]) -> str:
    averages = record.get("averages")
    period = averages.get("period") if isinstance(averages, Mapping) else None
    if not isinstance(period, str):
        raise NotVerifiableError("its record does not tell averaging_period")
    return period
