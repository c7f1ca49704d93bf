"""A block under load, as the poller would describe it, in few words."""

from aios_top.model.decision import Action, Decision, Origin, Thresholds
from aios_top.model.policy_state import ParameterReport, PolicyReport, Voice
from aios_top.model.reading import InstanceReading, Mean
from aios_top.model.state import Averages, BlockState, Cooldown, CooldownPhase, InstanceState, Phase, Replicas
from aios_top.model.text import clean
from aios_top.model.window import Window

BLOCK = "gemma"


def replica(
    name: str, *, requests: float = 0.0, tokens: float = 0.0, out: float = 0.0, age: float = 1.0, seen: float = 0.0
) -> InstanceState:
    """A replica that has served so much since it started."""
    reading = InstanceReading(
        clean(name),
        prompts_total=requests,
        prompt_tokens_total=tokens,
        generated_tokens_total=out,
        inference=Mean(tokens / 500 + out / 25, requests),
        first_token=Mean(tokens / 500, requests),
        per_output_token=Mean(requests * 0.04, requests),
    )
    return InstanceState(clean(name), Phase.SERVING, reading, age, seen)


def starting(name: str, seen: float) -> InstanceState:
    """A replica that exists and has not reported."""
    return InstanceState(clean(name), Phase.STARTING, None, None, seen)


def decided(at: float, action: Action = Action.UP, would: str | None = None) -> Decision:
    """One evaluation."""
    code = {Action.UP: "ScaleUp", Action.DOWN: "ScaleDown"}.get(action, "WithinRange")
    return Decision(
        at,
        action,
        clean(code),
        clean(f"it said {action}"),
        Origin.REPORTED,
        would=clean(would) if would else None,
        current=1,
    )


def block(
    *instances: InstanceState,
    size: float = 0.0,
    decisions: tuple[Decision, ...] = (),
    seen_at: float | None = None,
    next_evaluation_at: float | None = None,
    cooldown_ends_at: float | None = None,
    request_rate: float = 0.0,
    parameters: dict[str, object] | None = None,
    push_seconds: float | None = 30.0,
    up: float | None = 500.0,
) -> BlockState:
    """The block; `decisions` oldest first."""
    count = sum(entry.phase is Phase.SERVING for entry in instances)
    waiting = sum(entry.phase is Phase.STARTING for entry in instances)
    cooling = CooldownPhase.READY if cooldown_ends_at is None else CooldownPhase.COOLING
    effective = {"cooldown_seconds": 120} | (parameters or {})
    return BlockState(
        clean(BLOCK),
        policy=PolicyReport(Voice.FULL, interval_seconds=30.0),
        parameters=ParameterReport(effective, {}, {}, {}, (), (), 1),
        thresholds=Thresholds(up, 300.0, 100.0, 50.0),
        instances=instances,
        replicas=Replicas(current=count + waiting, reporting=count, starting=waiting),
        averages={Window.ONE_MINUTE: Averages(size, 0.0, Window.ONE_MINUTE, Origin.MEASURED, count)},
        request_rates=(request_rate,),
        cooldown=Cooldown(cooling, Origin.REPORTED, cooldown_ends_at),
        next_evaluation_at=next_evaluation_at,
        push_seconds=push_seconds,
        decisions=tuple(reversed(decisions)),
        seen_at=seen_at,
    )
