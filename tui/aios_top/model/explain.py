"""Explains a decision from what is known of it: its own record where there is one, its numbers otherwise."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from aios_top.model.decision import NO_AUTOSCALER, Action, Decision, InstanceInput, Origin
from aios_top.model.explanation import (
    Candidate,
    Comparison,
    Condition,
    Explanation,
    Margin,
    Reevaluation,
    Stage,
    StageName,
)
from aios_top.model.outlook import outlook
from aios_top.model.rule import number
from aios_top.model.state import BlockState
from aios_top.model.text import clean

SIZE = "tokens/request"
RATE = "tokens/min"
_DECIDES = {
    "ScaleUp": StageName.UP,
    "ScaleDown": StageName.DOWN,
    "CooldownActive": StageName.COOLDOWN,
    "TooFewReplicas": StageName.MINIMUM,
    "TooManyReplicas": StageName.MAXIMUM,
    "NoVictim": StageName.VICTIM,
    "NoCollector": StageName.METRICS,
    "NoInstances": StageName.METRICS,
    "NoMetrics": StageName.METRICS,
    "NoUsableMetrics": StageName.METRICS,
    "StaleMetrics": StageName.METRICS,
}
"""Where each code is decided; the codes that are missing here have a step of their own in the record."""
_TOLD_BY_NUMBERS = frozenset({"collect", "match", "signal", "rule", "cooldown", "limits", "victim", "emit"})
"""Steps of a record that the stages tell with their figures."""
_SENTENCE = 200


def explain(
    decision: Decision,
    block: BlockState,
    now: float,
    reevaluation: Reevaluation | None = None,
    *,
    newest: bool = False,
) -> Explanation:
    """Return the explanation of one of a block's decisions; that of the newest one tells what follows."""
    if decision.code == NO_AUTOSCALER:
        return Explanation(decision, ())
    following = block if newest else None
    next_at = None if following is None else following.next_evaluation_at
    return Explanation(
        decision=decision,
        stages=tuple(_decided(decision, _stages(decision))),
        margins=_margins(decision),
        instances=decision.instances,
        candidate=candidate(decision),
        conditions=tuple(_conditions(decision.record)),
        reevaluation=reevaluation,
        file_name=None if block.verification is None else block.verification.file_name,
        file_problem=None if block.verification is None else block.verification.problem,
        outlook=None if following is None else outlook(following, now),
        next_evaluation_seconds=None if next_at is None else max(0.0, next_at - now),
    )


def told(record: Any, *path: str) -> Any:
    """Follow a path of keys through a record, None where it ends early."""
    for key in path:
        if not isinstance(record, Mapping):
            return None
        record = record.get(key)
    return record


def unit_of(decision: Decision) -> str:
    """Return the unit of a decision's averages and limits."""
    return RATE if told(decision.record, "averages", "signal") == "counter_rate" else SIZE


def _stages(decision: Decision) -> list[Stage]:
    return [
        _metrics(decision),
        _up(decision),
        _down(decision),
        _cooldown(decision),
        *_limits(decision),
        *_victim(decision),
        *_others(decision),
    ]


def _metrics(decision: Decision) -> Stage:
    listed = "" if decision.current is None else f"{decision.current} listed, "
    note = f"instances: {listed}{'?' if decision.reporting is None else decision.reporting} with metrics"
    failed = _DECIDES.get(decision.code) is StageName.METRICS
    stale = number(told(decision.record, "replicas", "stale"))
    return Stage(StageName.METRICS, not failed, note=note + (f", {stale:.0f} stale" if stale else ""))


def _up(decision: Decision) -> Stage:
    limits, unit = decision.thresholds, unit_of(decision)
    pairs = [
        Comparison("input", decision.input_average, ">", limits.input_up, unit, "input_tokens_up_threshold"),
        Comparison("output", decision.output_average, ">", limits.output_up, unit, "output_tokens_up_threshold"),
    ]
    queue_limit = number(told(decision.record, "thresholds", "queue_up"))
    if queue_limit is not None:
        queue = number(told(decision.record, "averages", "queue"))
        pairs.append(Comparison("queue", queue, ">", queue_limit, "requests", "queue_length_up_threshold"))
    return Stage(StageName.UP, _any(pairs), tuple(pairs), "any")


def _down(decision: Decision) -> Stage:
    limits, unit = decision.thresholds, unit_of(decision)
    judged = told(decision.record, "averages", "down")
    cautious = isinstance(judged, Mapping)
    given_in = number(judged.get("input")) if cautious else decision.input_average
    given_out = number(judged.get("output")) if cautious else decision.output_average
    pairs = (
        Comparison("input", given_in, "<", limits.input_down, unit, "input_tokens_down_threshold"),
        Comparison("output", given_out, "<", limits.output_down, unit, "output_tokens_down_threshold"),
    )
    note = "missing metrics counted as high" if cautious else ""
    met = None if any(pair.met is None for pair in pairs) else all(pair.met for pair in pairs)
    return Stage(StageName.DOWN, met, pairs, note=note)


def _cooldown(decision: Decision) -> Stage:
    """Compare the seconds since the last action before this decision with the cooldown."""
    record = decision.record
    direction = decision.would or "up"
    total = number(told(record, "cooldown", direction, "total_s"))
    total = number(told(record, "cooldown", "total_s")) if total is None else total
    before = number(told(record, "state_before", "last_action_ts"))
    since = number(told(record, "state_before", "cooldown", direction))
    since = decision.at - before if since is None and before is not None else since
    if decision.code == "CooldownActive" and total is not None and decision.cooldown_remaining_seconds is not None:
        since = total - decision.cooldown_remaining_seconds
    over = _step(record, "cooldown")
    met = None if over is None and decision.code != "CooldownActive" else over == "over"
    if since is None:
        return Stage(StageName.COOLDOWN, met, note="no action before" if record else "not told")
    pair = Comparison("since the last action", since, ">", total, "s", "cooldown_seconds")
    return Stage(StageName.COOLDOWN, met, (pair,))


def _limits(decision: Decision) -> list[Stage]:
    record = decision.record
    by_current = told(record, "parameters", "replica_basis") == "current"
    counted = decision.current if by_current else decision.reporting
    noun = "listed instances" if by_current else "reporting instances"
    stages = []
    least = number(told(record, "replicas", "min"))
    if least is not None:
        pair = Comparison(noun, counted, ">", least, "", "min_replicas")
        stages.append(Stage(StageName.MINIMUM, pair.met, (pair,), note="asked before removing one"))
    most = number(told(record, "replicas", "max"))
    if most is not None:
        pair = Comparison(noun, counted, "<", most, "", "max_replicas")
        stages.append(Stage(StageName.MAXIMUM, pair.met, (pair,), note="asked before adding one"))
    return stages


def _victim(decision: Decision) -> list[Stage]:
    if decision.code != "NoVictim":
        return []
    return [Stage(StageName.VICTIM, met=False, note="the least loaded document has no instance id")]


def _others(decision: Decision) -> Iterable[Stage]:
    """Tell the record's steps that have no stage of their own here, in the policy's words."""
    steps = told(decision.record, "steps")
    for step in steps if isinstance(steps, list) else ():
        name, result, detail = (told(step, key) for key in ("stage", "result", "detail"))
        if isinstance(name, str) and name not in _TOLD_BY_NUMBERS:
            words = [str(word) for word in (result, detail) if isinstance(word, str) and word]
            yield Stage(StageName.OTHER, None, note=clean(f"{name}: {', '.join(words)}", _SENTENCE))


def _decided(decision: Decision, stages: list[Stage]) -> list[Stage]:
    """Mark the stage that the decision was taken at."""
    if decision.code in {"WithinRange", "RuleMet"}:
        wanted = {StageName.UP, StageName.DOWN}
        return [replace(stage, decided=stage.name in wanted) for stage in stages]
    name = _DECIDES.get(decision.code)
    if name is not None:
        return [replace(stage, decided=stage.name is name) for stage in stages]
    others = [place for place, stage in enumerate(stages) if stage.name is StageName.OTHER]
    if not others:
        return [*stages, Stage(StageName.OTHER, None, note=decision.reason, decided=True)]
    return [replace(stage, decided=place == others[-1]) for place, stage in enumerate(stages)]


def _margins(decision: Decision) -> tuple[Margin, ...]:
    limits = decision.thresholds
    return (
        Margin("input", decision.input_average, limits.input_up, limits.input_down),
        Margin("output", decision.output_average, limits.output_up, limits.output_down),
    )


def candidate(decision: Decision) -> Candidate | None:
    """Return who was removed, or whom the down rule would remove; None when that cannot be told."""
    reporting = [entry for entry in decision.instances if entry.status != "missing"]
    by_load = told(decision.record, "parameters", "scale_down_selection") in {None, "lowest_tokens"}
    named = told(decision.record, "result", "instances_list") if decision.action is Action.DOWN else None
    named = named or told(decision.record, "would", "victims")
    names = [clean(name) for name in named if isinstance(name, str)] if isinstance(named, list) else []
    if names:
        chosen = next((entry for entry in reporting if entry.instance_id == names[0]), None)
        if chosen is None:
            return None
        return replace(_candidate(chosen, reporting, decision, Origin.REPORTED), more=tuple(names[1:]))
    if not reporting or not by_load or unit_of(decision) == RATE:
        return None
    return _candidate(min(reporting, key=_load), reporting, decision, Origin.INFERRED)


def _candidate(chosen: InstanceInput, reporting: list[InstanceInput], decision: Decision, origin: Origin) -> Candidate:
    load = _load(chosen)
    return Candidate(
        instance_id=chosen.instance_id,
        load=load,
        among=len(reporting),
        ties=sum(1 for entry in reporting if entry is not chosen and _load(entry) == load),
        removed=decision.action is Action.DOWN,
        origin=origin,
    )


def _load(entry: InstanceInput) -> float:
    """Return what the token policies rank by; what is missing counts as 0."""
    return (entry.input_size or 0.0) + (entry.output_size or 0.0)


def _conditions(record: Mapping[str, Any]) -> Iterable[Condition]:
    found = told(record, "conditions")
    for entry in found if isinstance(found, list) else ():
        kind, status, reason = (told(entry, key) for key in ("type", "status", "reason"))
        if isinstance(kind, str) and isinstance(status, str):
            yield Condition(clean(kind), clean(status), clean(str(reason or "")), number(told(entry, "since")))


def _step(record: Mapping[str, Any], name: str) -> str | None:
    """Return the result of a step of the record, None when it was not taken."""
    steps = told(record, "steps")
    results = [told(step, "result") for step in steps if told(step, "stage") == name] if isinstance(steps, list) else []
    return results[-1] if results and isinstance(results[-1], str) else None


def _any(pairs: Iterable[Comparison]) -> bool | None:
    answers = [pair.met for pair in pairs]
    if any(answers):
        return True
    return None if None in answers else False
