"""Answers what would have been decided with other parameters, from the decisions that are known of one block."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from aios_top.engine.offered_load import Offered, offered_load
from aios_top.engine.ports import Rule
from aios_top.engine.retake import retake
from aios_top.engine.simulation import Scene, parameter_warnings, simulate
from aios_top.model.decision import Decision
from aios_top.model.rebuild import NotVerifiableError, recorded_parameters
from aios_top.model.rule_call import RuleError
from aios_top.model.simulation import SimulationPlan, SimulationReport
from aios_top.model.span import length, span
from aios_top.model.startup import usual_start_seconds
from aios_top.model.what_if import Estimate, Question, WhatIf, figures, interval_seconds
from aios_top.sim.pace import REAL, Pace

SHORTEST_ESTIMATE_SECONDS = 300.0
"""Less than this after the divergence says nothing about what would have followed."""
Progress = Callable[[float], None]


def what_if(
    rule: Rule,
    decisions: Sequence[Decision],
    question: Question,
    progress: Progress = lambda _share: None,
    was: Rule | None = None,
) -> WhatIf:
    """Return the answer; `decisions` are one block's, oldest first.

    `was` is the policy that stands for the one that decided, where another one is asked about.

    Raises RuleError, also for changes that the policy does not use, and ValueError without decisions.
    """
    if not decisions:
        raise ValueError("there is no decision to take again")
    _check(rule, question)
    retaken, exact = retake(rule, decisions, lambda given: {**given, **question.changes}, question.in_force)
    place = len(retaken) - 1 if retaken[-1].diverges else len(decisions)
    answer = WhatIf(
        block_id=question.block_id,
        changes=question.changes,
        retaken=tuple(retaken),
        decisions=len(decisions),
        before=figures(decisions[:place]),
        exact=exact,
    )
    if all(entry.action is None for entry in retaken):
        place = 0
    elif answer.divergence is None:
        return answer
    return _estimated((was or rule, rule), answer, decisions[place:], question, progress)


def _check(rule: Rule, question: Question) -> None:
    """Refuse changes that the policy itself says it does not use; one that tells nothing is asked as it is."""
    try:
        rule.construct({}, {**question.in_force, **question.changes})
        told = rule.management("get_parameters")
    except RuleError as error:
        if error.ended:
            raise
        return
    found = parameter_warnings(told) if isinstance(told, Mapping) else ()
    wrong = [warning for warning in found if warning.partition(":")[0] in question.changes]
    if wrong:
        raise RuleError(f"cannot use {'; '.join(wrong)}")


def _estimated(
    rules: tuple[Rule, Rule], answer: WhatIf, after: Sequence[Decision], question: Question, progress: Progress
) -> WhatIf:
    """Add what the simulator makes of the time from the divergence on."""
    seconds = after[-1].at - after[0].at
    if seconds < SHORTEST_ESTIMATE_SECONDS:
        return replace(
            answer, no_estimate=f"only {span(seconds)} follow; an estimate needs {length(SHORTEST_ESTIMATE_SECONDS)}"
        )
    load = offered_load(after)
    if load is None:
        return replace(answer, no_estimate="no token counters are known, from which the load could be told")
    plan = _plan(after, question, load)
    scene = Scene(load.phases, max(1, after[0].current or after[0].reporting or 1), _pace(plan))
    was = _run(rules[0], replace(plan, name="as it was"), scene, lambda share: progress(share / 2))
    parameters = {**plan.parameters, **question.changes}
    changed = replace(plan, name="what if", parameters=parameters)
    then = _run(rules[1], changed, scene, lambda share: progress(0.5 + share / 2))
    estimate = Estimate(figures(after), was, then, plan.profile, load.requests_per_minute, rules[0] is not rules[1])
    return replace(answer, estimate=estimate)


def _run(rule: Rule, plan: SimulationPlan, scene: Scene, progress: Progress) -> SimulationReport:
    return simulate(plan, rule, progress, scene)


def _plan(after: Sequence[Decision], question: Question, load: Offered) -> SimulationPlan:
    """Return the simulation of a stretch of decisions with the parameters that were in force at its beginning."""
    limits = after[0].record.get("replicas") or {}
    seen = question.replica_start_seconds
    start = usual_start_seconds(after) if seen is None else seen
    try:
        parameters: Mapping[str, Any] = recorded_parameters(after[0].record) if after[0].record else question.in_force
    except NotVerifiableError:
        parameters = question.in_force
    return SimulationPlan(
        name="",
        profile=question.replica_profile or load.likeliest_profile,
        hours=(after[-1].at - after[0].at) / 3600.0,
        parameters=parameters,
        seed=question.seed,
        replica_start_seconds=start,
        interval_seconds=interval_seconds(after),
        min_instances=_whole(limits.get("block_min"), 1),
        max_instances=_whole(limits.get("block_max"), 8),
    )


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and value > 0 else otherwise


def _pace(plan: SimulationPlan) -> Pace:
    """Return AIOS's periods; where evaluations come faster than AIOS's own, so do pushes and pod lists."""
    faster = min(1.0, plan.interval_seconds / REAL.evaluation_seconds)
    return replace(
        REAL,
        push_seconds=REAL.push_seconds * faster,
        executor_push_seconds=REAL.executor_push_seconds * faster,
        pod_list_seconds=REAL.pod_list_seconds * faster,
        executor_ready_seconds=0.0,
        first_evaluation_seconds=plan.interval_seconds,
        evaluation_seconds=plan.interval_seconds,
        replica_start_seconds=plan.replica_start_seconds,
    )
