"""Takes recorded decisions again with other parameters, one after the other, until one would do something else."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from aios_top.engine.ports import Rule
from aios_top.model.decision import Action, Decision
from aios_top.model.rebuild import NotVerifiableError, polled_calls, recorded_calls, recorded_parameters, result_action
from aios_top.model.rule_call import Call, Construct, Restore, RuleAnswer, RuleCall
from aios_top.model.text import Clean, clean
from aios_top.model.what_if import Retaken, effect_of, recorded_effect

OWN_FUNCTION = "decide_again"
"""A policy module's own way: takes a complete record and parameters, returns the record that would have been made."""
_REASON = 300

Parameters = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Makes the parameters that are asked about from those that were in force."""


def retake(
    rule: Rule, decisions: Sequence[Decision], asked: Parameters, in_force: Mapping[str, Any]
) -> tuple[list[Retaken], bool]:
    """Return what would have been decided, oldest first, up to the first other action; and whether it is exact.

    It is exact when the policy file takes its own complete records again. Otherwise the file runs through what was
    seen, with its own timers; `in_force` are the parameters of decisions without a record. Raises RuleError when the
    process is gone or the policy cannot be constructed.
    """
    recorded = [decision for decision in decisions if decision.record]
    exact = bool(recorded) and not _lacks_own_way(rule)
    retaken = _from_records(rule, decisions, asked) if exact else _from_sight(rule, decisions, asked, in_force)
    end = next((number for number, entry in enumerate(retaken) if entry.diverges), len(retaken))
    return retaken[: end + 1], exact


def _lacks_own_way(rule: Rule) -> bool:
    return (rule.batch([Call(OWN_FUNCTION, ({},))])[0].error or "").startswith("AttributeError: module")


# -- the policy's own records


def _from_records(rule: Rule, decisions: Sequence[Decision], asked: Parameters) -> list[Retaken]:
    """Decide every record again. How long a rule has been met is counted anew: other thresholds, other windows."""
    again = [_Again(decision, asked) for decision in decisions]
    askable = [entry for entry in again if not entry.problem]
    for entry, answer in zip(askable, rule.batch(entry.call for entry in askable), strict=True):
        entry.take(answer)
    _count_windows(askable)
    late = [entry for entry in askable if entry.windows is not None]
    for entry, answer in zip(late, rule.batch(entry.call for entry in late), strict=True):
        entry.take(answer)
    return [entry.retaken() for entry in again]


class _Again(Struct):
    """One decision on its way."""

    was: Decision
    asked: Parameters
    windows: dict[str, float | None] | None = None
    """Other windows than the record's own."""
    problem: str = ""
    made: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        record = self.was.record
        if not record or record.get("complete") is not True:
            self.problem = "its record is not complete" if record else "the policy kept no record of it"
            return
        period = (record.get("averages") or {}).get("period")
        wanted = self.parameters.get("averaging_period", period)
        if wanted != period:
            self.problem = f"its record holds {period} and nothing of {wanted}"

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self.asked(recorded_parameters(self.was.record)))

    @property
    def call(self) -> Call:
        record = dict(self.was.record)
        if self.windows is not None:
            record["state_before"] = {**record["state_before"], "windows": self.windows}
        return Call(OWN_FUNCTION, (record, self.parameters), self.was.at)

    @property
    def rule_met(self) -> str | None:
        """The rule that these parameters find met, whatever is decided."""
        would = None if self.made is None else self.made.get("would")
        return would.get("rule") if isinstance(would, Mapping) else None

    def take(self, answer: RuleAnswer) -> None:
        if answer.error is not None:
            self.problem, self.made = answer.error.removeprefix("ValueError: "), None
        elif isinstance(answer.value, Mapping):
            self.made = answer.value
        else:
            self.problem = "the file returned no record"

    def retaken(self) -> Retaken:
        if self.problem or self.made is None:
            return _untold(self.was, self.problem)
        return _retaken(self.was, self.made.get("result"), str(self.made.get("code")))


def _count_windows(again: Sequence[_Again]) -> None:
    """Give each decision the time for which its rules have been met before it, where the record's is another."""
    before: _Again | None = None
    since: dict[str, float | None] = {}
    for entry in again:
        at, told = entry.was.at, entry.was.record["state_before"].get("windows") or {}
        if before is None or before.was.boot_id != entry.was.boot_id:
            since = {way: None if told.get(way) is None else at - told[way] for way in ("up", "down")}
        counted = {way: None if first is None else at - first for way, first in since.items()}
        if any(_other(counted[way], told.get(way)) for way in counted):
            entry.windows = counted
        since = {way: (first or at) if entry.rule_met == way else None for way, first in since.items()}
        before = entry


def _other(one: float | None, two: float | None) -> bool:
    """Whether two lengths of time are not the same; wall and monotonic clocks differ a little."""
    if one is None or two is None:
        return one is not two
    return abs(one - two) > 0.5


# -- what could be seen


def _from_sight(
    rule: Rule, decisions: Sequence[Decision], asked: Parameters, in_force: Mapping[str, Any]
) -> list[Retaken]:
    """Let the file run through the decisions' inputs with its own timers; the record's words are not compared."""
    retaken = []
    calls: list[RuleCall] = []
    for decision in decisions:
        try:
            construct, *others = _calls(decision, asked, in_force)
        except NotVerifiableError as error:
            retaken.append(_untold(decision, str(error)))
            continue
        if not calls:
            calls = [construct, *(call for call in others if isinstance(call, Restore))]
            rule.batch(calls)
        answer = rule.batch([others[-1]])[0]
        if answer.error is not None:
            retaken.append(_untold(decision, answer.error))
            continue
        entry = _retaken(decision, answer.value, "")
        retaken.append(entry)
        if entry.diverges:
            break
    return retaken


def _calls(decision: Decision, asked: Parameters, in_force: Mapping[str, Any]) -> list[RuleCall]:
    if decision.record:
        construct, *others = recorded_calls(decision)
        given = recorded_parameters(decision.record)
    elif decision.instances:
        period = str(asked(in_force).get("averaging_period", "average_1m"))
        construct, *others = polled_calls(decision, in_force, period)
        given = dict(in_force)
    else:
        raise NotVerifiableError("nothing was seen of its instances")
    return [Construct({}, dict(asked(given)), construct.at if isinstance(construct, Construct) else 0.0), *others]


# -- one answer


def _retaken(was: Decision, result: Any, code: str) -> Retaken:
    action = result_action(result)
    if action is None:
        return _untold(was, f"the file returned {result!r}")
    effect, before = effect_of(result), recorded_effect(was)
    if not was.record and effect is not None:
        effect = (effect[0], 1, ())  # which one, and how many, could not be seen
    same = result == was.record.get("result") if was.record else effect == before
    named = code or {Action.UP: "ScaleUp", Action.DOWN: "ScaleDown"}.get(action, "Held")
    reason = clean(str(result.get("reason", "")), _REASON)
    return Retaken(was, action, clean(named), reason, effect, same=same, diverges=effect != before)


def _untold(was: Decision, why: str) -> Retaken:
    return Retaken(was, None, Clean(), clean(why, _REASON))
