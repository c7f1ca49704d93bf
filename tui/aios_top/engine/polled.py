"""Runs a policy file on what the console polled, where the running policy records nothing itself."""

from collections.abc import Sequence

from msgspec.structs import replace

from aios_top.engine.ports import Rule
from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.rebuild import polled_calls, result_action
from aios_top.model.rule_call import RuleAnswer
from aios_top.model.state import BlockState
from aios_top.model.text import clean

_CODES = {
    "Metrics collector not configured.": "NoCollector",
    "No current instances provided.": "NoInstances",
    "No metrics found for the specified instances.": "NoMetrics",
    "Cooldown active.": "CooldownActive",
    "No scaling action required.": "WithinRange",
}
"""Exits of the token policies by their sentences, which are all that a plain policy returns."""
_REASON = 300


def replay(rule: Rule, block: BlockState, decisions: Sequence[Decision]) -> dict[tuple[object, ...], Decision]:
    """Return what the file decides at each of these moments, by key; raises RuleError when its process is gone.

    The cooldown is taken as over: only the policy itself knows its timer, so the rule's verdict is what is compared.
    """
    found = {}
    for decision in decisions:
        if decision.instances:
            answers = rule.batch(polled_calls(decision, block.in_force, block.window.value))
            failed = next((answer for answer in answers if answer.error is not None), None)
            found[decision.key] = replayed(decision, failed or answers[-1])
    return found


def replayed(decision: Decision, answer: RuleAnswer) -> Decision:
    """Return the decision that a file's answer is, with the figures that it was given."""
    result = answer.value
    action = result_action(result)
    if answer.error is not None or action is None:
        said = answer.error or f"an answer that is no decision: {result!r}"
        return replace(
            decision,
            origin=Origin.REEVALUATED,
            action=Action.ERROR,
            code=clean("EvalError"),
            reason=clean(said, _REASON),
        )
    reason = str(result.get("reason"))
    code = {Action.UP: "ScaleUp", Action.DOWN: "ScaleDown", Action.ERROR: "EvalError"}.get(action)
    before = decision.reporting
    change = result.get("instances_count", 1) if action is Action.UP else -len(result.get("instances_list") or ())
    moves = isinstance(change, int) and action in {Action.UP, Action.DOWN}
    return replace(
        decision,
        origin=Origin.REEVALUATED,
        action=action,
        code=clean(code or _CODES.get(reason, "Held")),
        reason=clean(reason, _REASON),
        proposed=before + change if moves and before is not None else None,
        record={"result": result},
    )
