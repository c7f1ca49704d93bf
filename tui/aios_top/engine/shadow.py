"""Evaluates a draft on each new decision of a running policy, off the engine's loop."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from aios_top.engine.polled import replayed
from aios_top.engine.ports import Rule, Rules
from aios_top.engine.reevaluate import has_function
from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.rebuild import NotVerifiableError, polled_calls, recorded_calls
from aios_top.model.rule_call import Call, RuleAnswer, RuleError
from aios_top.model.shadow import ShadowPlan, ShadowRow, ShadowState
from aios_top.model.state import BlockState
from aios_top.model.text import clean

OWN_FUNCTION = "decide_again"
"""A policy module's own way: takes a record and parameters, returns the record that they would have made."""
AT_ONCE = 128
_NOTE = 300
_RULES = {"up": Action.UP, "down": Action.DOWN, None: Action.HOLD}


class Shadow:
    """One draft beside one block's policy; every pass runs it in a child that ends with the pass.

    Each decision is judged on the running policy's own inputs and state, so the rows do not depend on each other: what
    a draft that had really acted would have seen later is for a simulation to say.
    """

    def __init__(self, rules: Rules, plan: ShadowPlan, now: Callable[[], float]) -> None:
        self.state = ShadowState(plan, now())
        self._rules = rules
        self._seen: set[tuple[object, ...]] = set()
        self._task: asyncio.Task[None] | None = None

    def offer(self, blocks: Mapping[str, BlockState]) -> None:
        """Begin a pass when there is something new and none is under way."""
        if self.state.running and (self._task is None or self._task.done()):
            block = blocks.get(self.state.plan.block_id)
            fresh = () if block is None else self._fresh(block)
            if block is not None and fresh:
                self._task = asyncio.create_task(self._pass(block, fresh))

    async def finish(self, blocks: Mapping[str, BlockState]) -> None:
        """Evaluate everything that is new."""
        if self._task is not None:
            await self._task
        block = blocks.get(self.state.plan.block_id)
        while block is not None and self.state.problem is None and (fresh := self._fresh(block)):
            await self._pass(block, fresh)

    async def stop(self) -> None:
        """Compare nothing more; wait for the pass under way."""
        self.state = replace(self.state, running=False)
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _fresh(self, block: BlockState) -> tuple[Decision, ...]:
        """Return decisions that were not compared yet, oldest first."""
        return tuple(entry for entry in reversed(block.decisions) if entry.key not in self._seen)[:AT_ONCE]

    async def _pass(self, block: BlockState, fresh: tuple[Decision, ...]) -> None:
        try:
            rows = await asyncio.to_thread(self._compare, block, fresh)
        except RuleError as error:
            self.state = replace(self.state, problem=clean(str(error), _NOTE), running=False)
            return
        self._seen = {entry.key for entry in block.decisions} & (self._seen | {entry.key for entry in fresh})
        self.state = self.state.with_rows(rows)

    def _compare(self, block: BlockState, fresh: tuple[Decision, ...]) -> tuple[ShadowRow, ...]:
        """Run in a worker thread."""
        plan = self.state.plan
        with self._rules.start(plan.file.source) as rule:
            rows = compare(rule, block, fresh, plan.changes)
        return tuple(replace(row, live=row.running.at >= self.state.started_at) for row in rows)


def compare(
    rule: Rule, block: BlockState, decisions: Sequence[Decision], changes: Mapping[str, Any]
) -> list[ShadowRow]:
    """Return a row for each decision; raises RuleError when the draft's process is gone."""
    own = has_function(rule, OWN_FUNCTION)
    rows = []
    for decision in decisions:
        try:
            draft = _draft(rule, block, decision, changes, own=own)
        except NotVerifiableError as error:
            rows.append(ShadowRow(decision, None, None, clean(str(error), _NOTE)))
        else:
            rows.append(ShadowRow(decision, draft, _agree(decision, draft)))
    return rows


def _draft(rule: Rule, block: BlockState, decision: Decision, changes: Mapping[str, Any], *, own: bool) -> Decision:
    _check_window(block, decision, changes)
    if decision.origin is Origin.INFERRED:
        if decision.action is not Action.HOLD or not decision.instances:
            raise NotVerifiableError("its effect was noticed late; only rules that are newly met can be compared")
        return replayed(
            decision, _last(rule, polled_calls(decision, {**block.in_force, **changes}, block.window.value))
        )
    if own and decision.record.get("complete") is True:
        parameters = decision.record.get("parameters")
        overlaid = {**(parameters if isinstance(parameters, Mapping) else {}), **changes}
        answer = rule.batch([Call(OWN_FUNCTION, (decision.record, overlaid), decision.at)])[0]
        if answer.error is None and isinstance(answer.value, Mapping):
            return _recorded(decision, answer.value)
    return replayed(decision, _last(rule, recorded_calls(decision, changes)))


def _check_window(block: BlockState, decision: Decision, changes: Mapping[str, Any]) -> None:
    """Refuse another window than the one whose values are known."""
    averages = decision.record.get("averages")
    known = averages.get("period") if isinstance(averages, Mapping) else block.window.value
    if changes.get("averaging_period", known) != known:
        raise NotVerifiableError(f"only the values of {known} are known, not those of {changes['averaging_period']}")


def _last(rule: Rule, calls: Sequence[Any]) -> RuleAnswer:
    answers = rule.batch(calls)
    return next((answer for answer in answers if answer.error is not None), answers[-1])


def _recorded(decision: Decision, record: Mapping[str, Any]) -> Decision:
    """Return the decision of a record that the draft made, with its own code."""
    made = replayed(decision, RuleAnswer(record.get("result")))
    return replace(made, code=clean(str(record.get("code"))))


def _agree(running: Decision, draft: Decision) -> bool:
    """Compare what they do: operation, number and victims of recorded ones, the rule's verdict of inferred ones.

    A draft that fails agrees with nothing but a failure: AIOS holds then, but nobody has decided so.
    """
    if draft.action is Action.ERROR:
        return running.action is Action.ERROR
    if running.origin is Origin.INFERRED:
        return _RULES.get(running.would, Action.HOLD) is draft.action
    return _does(running.record.get("result")) == _does(draft.record.get("result"))


def _does(result: Any) -> tuple[Any, ...]:
    if not isinstance(result, Mapping) or result.get("skip") is not False:
        return ("hold",)
    return result.get("operation"), result.get("instances_count"), result.get("instances_list")
