"""Everything an operator can change on a running block: planned, shown, checked again, sent once, recorded."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from aios_top.engine.census import Census, Source, choose_victims, count_replicas
from aios_top.engine.gate import WriteGate
from aios_top.engine.ports import Audit, Clock, Mutations, Reads
from aios_top.engine.predict import cooldown_sentence, next_evaluation, reset_sentence, rule_sentence
from aios_top.engine.restart import RESTART_WARNINGS, executor_pod
from aios_top.engine.sending import Sender, block_of
from aios_top.model.audit import AuditEntry
from aios_top.model.change import (
    Change,
    Fate,
    Manage,
    Outcome,
    Plan,
    ResetCooldown,
    RestartExecutor,
    ScaleDown,
    ScaleUp,
)
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.policy_state import Voice
from aios_top.model.span import span
from aios_top.model.state import BlockState, FleetState

PRECONDITION_SECONDS = 2.0
"""Longest time between the last look at what a plan counts on and the request."""
UNSEEN_SECONDS = 120.0
"""A scaling by hand may not show in any count for this long: pods start, lists and pushes lag."""
_SCALINGS = frozenset({ScaleUp.__name__, ScaleDown.__name__})
"""As the audit file names them."""
_ACTION_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Actions:
    """Plans and executes changes; what a plan shows is what `execute` sends, or nothing is sent."""

    def __init__(
        self,
        reads: Reads,
        mutations: Mutations,
        audit: Audit,
        clock: Clock,
        state: Callable[[], FleetState],
        gate: WriteGate,
        who: str,
        context: str,
        reach: str = "",
    ) -> None:
        self.sender = Sender(mutations, audit, clock, gate, who=who, context=context, reach=reach)
        self.gate = gate
        self._reads = reads
        self._audit = audit
        self._clock = clock
        self._state = state
        self.place = f" in {context}" if context else ""
        """The end of every title: where the change happens."""

    async def plan_reset(self, block_id: str) -> Plan:
        """Prepare a cooldown reset."""
        block = self.fresh_block(block_id)
        self._check_has_policy(block)
        now = self._clock.now()
        return Plan(
            title=f"Reset the cooldown of {block_id}{self.place}",
            requests=(self.sender.prepare(ResetCooldown(block_id)),),
            seen=cooldown_sentence(block, now),
            effect=reset_sentence(block, now),
            undo="none; the timer starts again with the autoscaler's next action",
        )

    async def plan_scale(self, block_id: str, *, replicas: int | None = None, change: int | None = None) -> Plan:
        """Prepare a scaling by hand, to a number of replicas or by a difference."""
        if (replicas is None) == (change is None):
            raise ActionRefusedError("give either the number of replicas or a difference")
        block = self.fresh_block(block_id)
        census = await count_replicas(self._reads, block)
        target = census.count + (change or 0) if replicas is None else replicas
        self._check_target(block_id, census, target, explicit=replicas is not None)
        if target > census.count:
            return self._plan_up(block, census, target)
        return self._plan_down(block, census, target)

    async def plan_restart(self, block_id: str) -> Plan:
        """Prepare a restart of the block's executor; refused with the kubectl line where its pod is not known."""
        block = self.fresh_block(block_id)
        self._check_has_policy(block)
        pod = await executor_pod(self._reads, block_id)
        restart = RestartExecutor(block_id, pod.name, pod.namespace or "blocks")
        record = await self._reads.record(block_id)  # a change just before may have bound another policy
        uri = record.autoscaler.uri if record and record.autoscaler else "none"
        return Plan(
            title=f"Restart the executor of {block_id}{self.place}",
            requests=(self.sender.prepare(restart),),
            seen=f"executor pod {pod.name}; the block names {uri}",
            effect="Kubernetes starts a new executor, whose autoscaler loads the policy that is registered now; "
            "it evaluates again after AIOS's start-up wait (usually 60s)",
            undo="none; the old policy comes back only by deploying it",
            precondition={"pod": pod.name},
            warnings=RESTART_WARNINGS,
        )

    async def plan_manage(self, block_id: str, action: str, data: Mapping[str, Any]) -> Plan:
        """Prepare any other management action of the block's policy."""
        block = self.fresh_block(block_id)
        self._check_has_policy(block)
        if not _ACTION_NAME.fullmatch(action):
            raise ActionRefusedError("a management action is named by up to 64 letters, digits, '_', '.' and '-'")
        if action == "reset_cooldown":
            return await self.plan_reset(block_id)
        given = ", ".join(f"{name}={value!r}" for name, value in data.items()) or "no data"
        return Plan(
            title=f"Send {action} to the policy of {block_id}{self.place}",
            requests=(self.sender.prepare(Manage(block_id, action, dict(data))),),
            seen=f"policy {block.policy.policy_name or 'of unknown name'} {block.policy.policy_version or ''}".rstrip(),
            effect=f"the policy carries out {action} with {given}, or answers that it does not know it",
            undo="send the previous values; what a policy was told lasts until its executor restarts",
        )

    async def execute(self, plan: Plan) -> Outcome:
        """Carry out a plan: gate, one change per block, precondition, then each request once until one fails."""
        facts = {"title": plan.title, "seen": dict(plan.precondition)}
        block_ids = sorted({block for request in plan.requests if (block := block_of(request.change)) is not None})
        try:
            self.gate.check()
            with self.sender.holding(block_ids):
                await self._check_precondition(plan)
                return await self._send_all(plan)
        except ActionRefusedError as error:
            return await self.sender.refuse(str(error), facts, next(iter(plan.requests), None))

    async def _send_all(self, plan: Plan) -> Outcome:
        not_after = self._clock.monotonic() + PRECONDITION_SECONDS
        outcome = Outcome(Fate.REFUSED, "the plan holds no request")
        for request in plan.requests:
            outcome = await self.sender.send(request, plan.title, plan.precondition, not_after=not_after)
            if outcome.fate is Fate.FAILED and _is_list(request.change):
                outcome = await self._halfway(plan, request.change, outcome)
            if outcome.fate is not Fate.DONE:
                break
            not_after = float("inf")  # the first request has changed what was compared
        return outcome

    async def _halfway(self, plan: Plan, change: Change, outcome: Outcome) -> Outcome:
        """Count what a scaling did before it failed: AIOS works through a list, stops at an error, undoes nothing."""
        seen, source = plan.precondition, Source(plan.precondition["source"])
        try:
            census = await count_replicas(self._reads, self._block(str(block_of(change))), source)
        except ActionRefusedError as error:
            found, nothing = f"how many of it were done is unknown: {error}", False
        else:
            found, nothing = _found_halfway(change, seen["replicas"], census)
        message = f"{outcome.message}; {found}"
        message += await self.sender.note({"title": f"{plan.title}: {found}", "message": message})
        return replace(outcome, fate=Fate.FAILED if nothing else Fate.UNKNOWN, message=message)

    async def _check_precondition(self, plan: Plan) -> None:
        """Look again at what the plan counted on; raises ActionRefusedError "was 2, is 3"."""
        for request in plan.requests[:1]:
            match request.change:
                case ScaleUp(block_id=block_id) | ScaleDown(block_id=block_id):
                    await self._check_count(block_id, plan.precondition)
                case Manage(block_id=block_id, action="set_parameters") if "generation" in plan.precondition:
                    await self._check_generation(block_id, plan.precondition["generation"])
                case RestartExecutor(block_id=block_id):
                    pod = await executor_pod(self._reads, block_id)
                    if pod.name != plan.precondition["pod"]:
                        raise ActionRefusedError(_differs("the executor's pod", plan.precondition["pod"], pod.name))

    async def _check_generation(self, block_id: str, seen: int) -> None:
        """Refuse when somebody else has changed the parameters since the plan was made."""
        try:
            told = await self._reads.parameters(block_id)
        except ReadError as error:
            raise ActionRefusedError(f"the parameters in force cannot be read now: {error}; plan it again") from error
        is_now = None if told is None else told.generation
        if is_now != seen:
            raise ActionRefusedError(_differs("the generation of the parameters", seen, is_now or "not told"))

    async def _check_count(self, block_id: str, seen: Mapping[str, Any]) -> None:
        last = self._last_scaling(block_id)
        if last is not None and last.seq > (seen["last_scaling"] or 0):
            raise ActionRefusedError(f"{block_id} was scaled by hand in between (audit line {last.seq}); plan it again")
        census = await count_replicas(self._reads, self._block(block_id), Source(seen["source"]))
        if census.count != seen["replicas"]:
            raise ActionRefusedError(_differs("the number of replicas", seen["replicas"], census.count))
        gone = [victim for victim in seen.get("victims", ()) if victim not in census.instance_ids]
        if gone:
            raise ActionRefusedError(f"{', '.join(gone)} no longer exists; plan it again")

    def _plan_up(self, block: BlockState, census: Census, target: int) -> Plan:
        count = target - census.count
        scale = ScaleUp(block.block_id, self._cluster(block), count)
        return Plan(
            title=f"Scale {block.block_id} from {census.count} to {target}{self.place}",
            requests=(self.sender.prepare(scale),),
            seen=self._seen(block, census),
            effect=f"AIOS starts {_instances(count)}, serving once the model is loaded; "
            f"the autoscaler is not told, and {self._afterwards(block, target)}",
            undo=f"{self._back(block, census)}; it loses requests in flight",
            precondition=self._counted(block, census),
            warnings=self._warnings(block, target),
        )

    def _plan_down(self, block: BlockState, census: Census, target: int) -> Plan:
        victims = choose_victims(block, census, census.count - target)
        scale = ScaleDown(block.block_id, self._cluster(block), victims)
        return Plan(
            title=f"Scale {block.block_id} from {census.count} to {target}{self.place}",
            requests=(self.sender.prepare(scale),),
            seen=self._seen(block, census),
            effect=f"AIOS removes {', '.join(victims)}, the least loaded and newest; "
            f"the autoscaler is not told, and {self._afterwards(block, target)}",
            undo=f"{self._back(block, census)}; the new instances have other ids and must load their model",
            precondition={**self._counted(block, census), "victims": victims},
            warnings=(
                *self._warnings(block, target),
                "nothing is drained: requests in flight on a removed instance are never answered",
            ),
        )

    def _back(self, block: BlockState, census: Census) -> str:
        return self.sender.command("scale", "--block", block.block_id, "--replicas", str(census.count))

    def _counted(self, block: BlockState, census: Census) -> dict[str, Any]:
        """Return what `execute` compares: the count, and the last scaling by hand that was recorded here."""
        last = self._last_scaling(block.block_id)
        seq = None if last is None else last.seq
        return {"source": census.source.value, "replicas": census.count, "last_scaling": seq}

    def _seen(self, block: BlockState, census: Census) -> str:
        age = "" if census.counted_at is None else f" {span(self._clock.now() - census.counted_at)} ago"
        least, most = block.replicas.minimum, block.replicas.maximum
        limits = f"; min {'?' if least is None else least}, max {'?' if most is None else most}"
        return f"replicas {census.count}, counted by {census.source}{age}{limits}"

    def _afterwards(self, block: BlockState, target: int) -> str:
        """Say what its policy will make of `target` replicas, as far as the present averages tell."""
        if block.policy.voice is Voice.ABSENT:
            return "the block has none: the count stays"
        if target == 0:
            return "a token policy without instances decides nothing: the block stays empty until you scale it up"
        rule = rule_sentence(block, replicas=target)
        return f"{next_evaluation(block, self._clock.now())} goes on from there: {rule}"

    def _warnings(self, block: BlockState, target: int) -> tuple[str, ...]:
        found = []
        least, most = block.replicas.minimum, block.replicas.maximum
        if most is not None and target > most:
            found.append(f"{target} is above the declared maximum {most}, which nothing in AIOS enforces")
        if least is not None and target < least:
            found.append(f"{target} is below the declared minimum {least}, which nothing in AIOS enforces")
        if target == 0:
            found.append("without an instance the block answers nothing, and requests wait for ever")
        last = self._last_scaling(block.block_id)
        if last is not None:
            ago = max(0.0, self._clock.now() - last.at)
            found.append(f"scaled by hand {span(ago)} ago, which the count may not show yet")
        return tuple(found)

    def _last_scaling(self, block_id: str) -> AuditEntry | None:
        """Return the latest scaling by hand, whichever process sent it, while it may be missing in the count."""
        now = self._clock.now()
        without_effect = set()
        for entry in reversed(self._audit.entries()):
            if now - entry.at > UNSEEN_SECONDS:
                break
            request = entry.fields.get("request")
            if entry.kind == "outcome" and entry.fields.get("fate") in {Fate.FAILED, Fate.REFUSED}:
                without_effect.add(entry.fields.get("intent"))
            elif entry.kind != "intent" or not isinstance(request, Mapping) or entry.seq in without_effect:
                continue
            elif request.get("block_id") == block_id and request.get("change") in _SCALINGS:
                return entry
        return None

    def _check_target(self, block_id: str, census: Census, target: int, *, explicit: bool) -> None:
        if target < 0:
            raise ActionRefusedError(f"{block_id} has {census.count} replicas; there is nothing below 0")
        if target == census.count:
            raise ActionRefusedError(f"{block_id} has {target} replicas already, counted by {census.source}")
        if target == 0 and not explicit:
            raise ActionRefusedError(
                f"that would leave {block_id} without an instance; ask for 0 replicas if you mean it"
            )

    def _block(self, block_id: str) -> BlockState:
        state = self._state()
        if block_id not in state.blocks:
            known = ", ".join(list(state.blocks)[:8]) or "none has been seen yet"
            raise ActionRefusedError(f"there is no block {block_id}; known blocks: {known}")
        return state.blocks[block_id]

    def fresh_block(self, block_id: str) -> BlockState:
        """Return a block whose figures an operator may act on."""
        block = self._block(block_id)
        if block.stale:
            cause = f": {block.problem}" if block.problem else ""
            raise ActionRefusedError(f"the figures of {block_id} are old ({block.missed_polls} polls failed{cause})")
        return block

    def _cluster(self, block: BlockState) -> str:
        if block.record is None or block.record.cluster_id is None:
            raise ActionRefusedError(
                f"the record of {block.block_id} names no cluster, so AIOS cannot be told where to scale it"
            )
        return block.record.cluster_id

    def _check_has_policy(self, block: BlockState) -> None:
        if block.policy.voice is Voice.ABSENT:
            raise ActionRefusedError(f"{block.block_id} has no autoscaler policy; deploy one first")


def _instances(count: int) -> str:
    return "1 instance" if count == 1 else f"{count} instances"


def _differs(what: str, was: object, is_now: object) -> str:
    return f"{what} was {was}, is {is_now}; nothing was sent; plan it again"


def _is_list(change: Change) -> bool:
    """Whether AIOS carries a change out one instance after the other, so that it can stop halfway."""
    match change:
        case ScaleUp():
            return change.count > 1
        case ScaleDown():
            return len(change.instance_ids) > 1
    return False


def _found_halfway(change: Change, before: int, census: Census) -> tuple[str, bool]:
    """Return how much of a scaling is done by a count, and whether that proves that none of it is."""
    if isinstance(change, ScaleDown):
        gone = [name for name in change.instance_ids if name not in census.instance_ids]
        left = [name for name in change.instance_ids if name in census.instance_ids]
        words = [f"gone: {', '.join(gone) or 'none'}", f"still there, or ending: {', '.join(left) or 'none'}"]
        return f"{', '.join(words)} (counted by {census.source})", False
    asked = change.count if isinstance(change, ScaleUp) else 0
    done = min(asked, max(0, census.count - before))
    if census.source is not Source.PODS:
        return f"{done} of {asked} were started so far, the others perhaps (counted by {census.source})", False
    if not done:
        return f"none of {asked} was started (counted by pods)", True
    return f"{done} of {asked} were started, the others were not (counted by pods)", False
