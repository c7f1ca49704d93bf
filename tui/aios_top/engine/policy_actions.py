"""What an operator tells a running policy: other parameters, a pause, a scaling by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from aios_top.engine.census import choose_victims, count_replicas
from aios_top.engine.lint import Linter
from aios_top.engine.ports import Clock, Reads
from aios_top.engine.predict import cooldown_sentence, next_evaluation, rule_sentence
from aios_top.engine.sending import Sender
from aios_top.model.change import Manage, Plan
from aios_top.model.draft import assignment, changes, check_draft
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.lint_facts import Facts
from aios_top.model.policy_state import ParameterReport, Voice
from aios_top.model.schema import shown
from aios_top.model.span import length
from aios_top.model.state import BlockState

LONGEST_PAUSE_SECONDS = 86_400.0
MOST_INSTANCES = 10
"""The most instances that a policy adds in one scaling by hand."""
LAST = "it lasts until the executor restarts, also when somebody else restarts it; then the block's record counts again"
_DIRECTIONS = {"both": "in either direction", "up": "up", "down": "down"}
_UNDRAINED = ("nothing is drained: requests in flight on a removed instance are never answered",)


class PolicyActions:
    """Plans management actions; each plan is sent by `Actions.execute` like every other change."""

    def __init__(self, reads: Reads, sender: Sender, linter: Linter, clock: Clock, place: str) -> None:
        self._reads = reads
        self._sender = sender
        self._linter = linter
        self._clock = clock
        self._place = place

    async def plan_set(self, block: BlockState, values: Mapping[str, Any]) -> Plan:
        """Prepare other parameters: refused when they cannot work, tried by the policy before they are set."""
        _check_has_policy(block)
        told = await self._parameters(block)
        facts = await self._linter.facts(str(block.block_id), archive=False)
        wanted = changes(facts, values)
        if not wanted:
            raise ActionRefusedError(f"{_names(values)} {'are' if len(values) > 1 else 'is'} in force already")
        check = check_draft(facts, wanted)
        if check.problems:
            listed = "; ".join(f"{shown(name)}: {problem}" for name, problem in check.problems.items())
            raise ActionRefusedError(f"{listed}; nothing was sent")
        foreseen = await self._foresee(block, wanted)
        data: dict[str, Any] = {"parameters": dict(wanted)}
        if told is not None:
            data["expect_generation"] = told.generation
        tried = Manage(str(block.block_id), "set_parameters", {**data, "dry_run": True})
        return Plan(
            title=f"Set {_names(wanted)} of {block.block_id}{self._place}",
            requests=(
                self._sender.prepare(tried),
                self._sender.prepare(Manage(str(block.block_id), "set_parameters", data)),
            ),
            seen=_seen(facts, told, wanted),
            effect=f"the first request only tries it, and what the policy refuses ends there; {foreseen}",
            undo=f"{self._sender.command(*_undo(facts, block, wanted))}; or restart the executor",
            precondition={} if told is None else {"generation": told.generation},
            warnings=(LAST, *(f"{entry.sentence}: {entry.why}" for entry in check.cautions)),
        )

    async def plan_pause(self, block: BlockState, seconds: float, direction: str, reason: str) -> Plan:
        """Prepare a pause, which always ends by itself."""
        _check_has_policy(block)
        if direction not in _DIRECTIONS:
            raise ActionRefusedError(f"a pause is of {', '.join(_DIRECTIONS)}, not {shown(direction)}")
        if not 0 < seconds <= LONGEST_PAUSE_SECONDS:
            raise ActionRefusedError(f"a pause lasts up to {length(LONGEST_PAUSE_SECONDS)}; not {length(seconds)}")
        data: dict[str, Any] = {"seconds": seconds, "direction": direction}
        if reason:
            data["reason"] = reason
        rule = rule_sentence(block)
        return Plan(
            title=f"Pause scaling {_DIRECTIONS[direction]} of {block.block_id} for {length(seconds)}{self._place}",
            requests=(self._sender.prepare(Manage(str(block.block_id), "pause", data)),),
            seen=f"{_mode(block)}; {rule}",
            effect=f"for {length(seconds)} the policy goes on measuring and does not scale {_DIRECTIONS[direction]}; "
            "then it resumes by itself",
            undo=self._sender.command("policy", "resume", "--block", block.block_id),
            warnings=("a restart of the executor ends the pause", *_held(rule, direction), *_unheard(block)),
        )

    async def plan_resume(self, block: BlockState, direction: str = "both") -> Plan:
        """Prepare the end of a pause."""
        _check_has_policy(block)
        if direction not in _DIRECTIONS:
            raise ActionRefusedError(f"a pause is of {', '.join(_DIRECTIONS)}, not {shown(direction)}")
        if block.policy.voice is Voice.FULL and block.policy.paused is None:
            raise ActionRefusedError(f"scaling of {block.block_id} is not paused")
        data = {} if direction == "both" else {"direction": direction}
        now = self._clock.now()
        return Plan(
            title=f"Resume scaling of {block.block_id}{self._place}",
            requests=(self._sender.prepare(Manage(str(block.block_id), "resume", data)),),
            seen=_mode(block),
            effect=f"{next_evaluation(block, now)} may act again: {rule_sentence(block)}",
            undo=self._sender.command("policy", "pause", "--block", block.block_id),
        )

    async def plan_force(
        self,
        block: BlockState,
        change: int,
        victims: Sequence[str] = (),
        *,
        expires_seconds: float = 120.0,
        ignore_cooldown: bool = False,
        reason: str = "",
    ) -> Plan:
        """Prepare a scaling that the policy carries out itself at its next evaluation, within its own limits.

        A positive `change` adds instances; a negative one removes the `victims`, without any the least loaded.
        """
        _check_has_policy(block)
        if not change or change > MOST_INSTANCES:
            raise ActionRefusedError(f"a policy adds 1 to {MOST_INSTANCES} instances at a time, or removes some")
        removed = tuple(victims)
        if change < 0 and not removed:
            removed = choose_victims(block, await count_replicas(self._reads, block), -change)
        data: dict[str, Any] = (
            {"operation": "upscale", "instances_count": change}
            if change > 0
            else {"operation": "downscale", "instances_list": list(removed)}
        )
        data |= {"expires_s": expires_seconds, "ignore_cooldown": ignore_cooldown}
        if reason:
            data["reason"] = reason
        now = self._clock.now()
        what = f"adds {change}" if change > 0 else f"removes {', '.join(removed)}"
        cooling = (
            "whatever the cooldown" if ignore_cooldown else f"if its cooldown is over ({cooldown_sentence(block, now)})"
        )
        return Plan(
            title=f"Let the policy of {block.block_id} scale by {change:+d}{self._place}",
            requests=(self._sender.prepare(Manage(str(block.block_id), "force_scale", data)),),
            seen=f"replicas {block.replicas.best}, {_limits(block)}; {_mode(block)}",
            effect=f"queued: {next_evaluation(block, now)} {what} {cooling} and its limits allow it; "
            f"after {length(expires_seconds)} it is forgotten",
            undo=f"until then {self._sender.command('policy', 'force', '--block', block.block_id, '--cancel')}; "
            "afterwards scale back",
            warnings=(*(_UNDRAINED if change < 0 else ()), *_unheard(block)),
        )

    async def plan_cancel(self, block: BlockState) -> Plan:
        """Prepare to take back a scaling by hand that is still queued."""
        _check_has_policy(block)
        if block.policy.voice is Voice.FULL and block.policy.forced is None:
            raise ActionRefusedError(f"no scaling by hand is queued at the policy of {block.block_id}")
        return Plan(
            title=f"Take back the queued scaling of {block.block_id}{self._place}",
            requests=(self._sender.prepare(Manage(str(block.block_id), "force_scale", {"operation": "cancel"})),),
            seen=f"replicas {block.replicas.best}; {_mode(block)}",
            effect="the next evaluation decides by its rule alone",
            undo="queue it again",
        )

    async def _parameters(self, block: BlockState) -> ParameterReport | None:
        """Read the parameters anew, for their generation; None where the policy does not tell them."""
        if block.policy.voice is not Voice.FULL:
            return None
        try:
            return await self._reads.parameters(str(block.block_id))
        except ReadError as error:
            raise ActionRefusedError(
                f"the parameters in force cannot be read now: {error}; nothing was sent"
            ) from error

    async def _foresee(self, block: BlockState, wanted: Mapping[str, Any]) -> str:
        """Say what the policy would have decided with these values, by its own dry run."""
        try:
            decision = await self._reads.dry_run(str(block.block_id), wanted)
        except ReadError:
            decision = None
        if decision is None:
            return "what it would have decided with them is unknown: it tells no dry run"
        last = block.policy.last_decision
        now = f"{decision.code} ({decision.reason})" if decision.reason else str(decision.code)
        if last is not None and last.code == decision.code:
            return f"its last evaluation would have decided the same: {now}"
        return f"its last evaluation would have decided {now}{f' instead of {last.code}' if last else ''}"


def _unheard(block: BlockState) -> tuple[str, ...]:
    """Warn of an order to a policy that tells nothing, as the tutorial's: it most likely knows none."""
    if block.policy.voice is not Voice.SILENT:
        return ()
    return ("the policy tells nothing of itself: most likely it does not know this order, and nothing happens",)


def _check_has_policy(block: BlockState) -> None:
    if block.policy.voice is Voice.ABSENT:
        raise ActionRefusedError(f"{block.block_id} has no autoscaler policy; deploy one first")


def _names(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{shown(name)}={shown(value)}" for name, value in values.items())


def _seen(facts: Facts, told: ParameterReport | None, wanted: Mapping[str, Any]) -> str:
    origin = "as the policy tells" if told is not None else "as declared; nothing proves it"
    generation = "" if told is None else f", generation {told.generation}"
    return f"{_names({name: facts.in_force.get(name) for name in wanted})} ({origin}{generation})"


def _undo(facts: Facts, block: BlockState, wanted: Mapping[str, Any]) -> list[str]:
    before = [assignment(name, facts.in_force.get(name)) for name in wanted]
    return ["policy", "set", "--block", block.block_id, *before]


def _mode(block: BlockState) -> str:
    report = block.policy
    if report.voice is not Voice.FULL:
        return "the policy tells nothing of itself"
    parts = [f"mode {report.mode or 'active'}"]
    if report.paused is not None:
        parts.append(f"paused {_DIRECTIONS.get(report.paused.direction, '')}".rstrip())
    if report.forced is not None:
        parts.append(f"{report.forced.operation} queued")
    return ", ".join(parts)


def _held(rule: str, direction: str) -> tuple[str, ...]:
    """Warn when the pause holds back what the rule asks for now."""
    up, down = "asks for +" in rule, rule.endswith("ask for -1")
    held = (up and direction in {"both", "up"}) or (down and direction in {"both", "down"})
    return (f"it holds back what the rule asks for now: {rule}",) if held else ()


def _limits(block: BlockState) -> str:
    least, most = block.replicas.minimum, block.replicas.maximum
    return f"min {'?' if least is None else least}, max {'?' if most is None else most}"
