"""Evaluates decisions again with a policy file, in a child process."""

from collections.abc import Sequence

from aios_top.engine.ports import Rule
from aios_top.model.decision import Decision
from aios_top.model.explanation import Match, Reevaluation
from aios_top.model.rebuild import NotVerifiableError, recorded_calls, result_text
from aios_top.model.rule_call import Call, RuleAnswer
from aios_top.model.text import Clean, clean

OWN_FUNCTION = "reevaluate"
"""A policy module's own way: takes a complete record and returns the result; ValueError where it cannot."""
_NOTE = 300


def reevaluate(rule: Rule, decisions: Sequence[Decision]) -> list[Reevaluation]:
    """Return what the file makes of each recorded decision; raises RuleError only when its process is gone."""
    if has_function(rule, OWN_FUNCTION):
        return _by_own_way(rule, decisions)
    return [_by_evaluation(rule, decision) for decision in decisions]


def has_function(rule: Rule, name: str) -> bool:
    """Return whether the policy's module has a function of this name."""
    return not (rule.batch([Call(name, ({},))])[0].error or "").startswith("AttributeError: module")


def _by_own_way(rule: Rule, decisions: Sequence[Decision]) -> list[Reevaluation]:
    recorded = [decision for decision in decisions if decision.record]
    answers = iter(rule.batch(Call(OWN_FUNCTION, (decision.record,), decision.at) for decision in recorded))
    found = []
    for decision in decisions:
        if not decision.record:
            found.append(_not_verifiable("the policy keeps no record of it"))
            continue
        judged = _judged(decision, next(answers))
        # A whole record of another schema, as an older version of the policy keeps it: what it holds may do.
        other = judged.match is Match.NOT_VERIFIABLE and decision.record.get("complete") is True
        found.append(_by_evaluation(rule, decision) if other else judged)
    return found


def _by_evaluation(rule: Rule, decision: Decision) -> Reevaluation:
    try:
        calls = recorded_calls(decision)
    except NotVerifiableError as error:
        return _not_verifiable(str(error))
    answers = rule.batch(calls)
    return _judged(decision, next((answer for answer in answers if answer.error is not None), answers[-1]))


def _judged(decision: Decision, answer: RuleAnswer) -> Reevaluation:
    """Compare a file's answer with the record's result."""
    if answer.error is not None and answer.error.startswith("ValueError: "):
        return _not_verifiable(answer.error.removeprefix("ValueError: "))
    if answer.error is not None:
        return Reevaluation(Match.DIFFERS, clean(f"the file raises {answer.error}", _NOTE))
    if answer.value == decision.record.get("result"):
        return Reevaluation(Match.SAME, Clean())
    return Reevaluation(Match.DIFFERS, clean(f"the file returns {result_text(answer.value)}", _NOTE))


def _not_verifiable(why: str) -> Reevaluation:
    return Reevaluation(Match.NOT_VERIFIABLE, clean(why, _NOTE))
