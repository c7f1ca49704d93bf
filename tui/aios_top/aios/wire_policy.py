"""Schemas of what an explained policy answers to management reads; a plain one answers nothing."""

from typing import Annotated, Any

from msgspec import Meta, field

from aios_top.aios.lenient import Finite, Id, NotNegative, Wire, WireError, cleaned, read
from aios_top.model.decision import Action, Decision, InstanceInput, Origin, Thresholds
from aios_top.model.policy_state import DecisionPage, ForcedScale, ParameterReport, Pause, PolicyReport, Voice
from aios_top.model.text import Clean, clean

REASON_LIMIT = 300
MAX_DECISIONS = 1024
"""The policy keeps 512 and sends 256 at most."""


class WouldWire(Wire, frozen=True):
    """What the thresholds alone asked for."""

    rule: str | None = None


class ReplicasWire(Wire, frozen=True):
    """The replica counts of a decision."""

    current: int | None = None
    reporting: int | None = None
    proposed: int | None = None


class AveragesWire(Wire, frozen=True):
    """The means of a decision, tokens per request."""

    input: Finite | None = None
    output: Finite | None = None


class ThresholdsWire(Wire, frozen=True):
    """The limits of a decision, tokens per request."""

    input_up: Finite | None = None
    output_up: Finite | None = None
    input_down: Finite | None = None
    output_down: Finite | None = None


class TimerWire(Wire, frozen=True):
    """A cooldown's seconds; a negative or missing number is no timer."""

    remaining_s: NotNegative | None = None
    total_s: NotNegative | None = None


class ConfirmWire(Wire, frozen=True):
    """Whether the replicas followed."""

    state: str | None = None


class InputWire(Wire, frozen=True):
    """What a decision saw of one instance."""

    id: Id
    input: Finite | None = None
    output: Finite | None = None
    rate_in: NotNegative | None = None
    rate_out: NotNegative | None = None
    queue: NotNegative | None = None
    sessions: NotNegative | None = None
    age_s: Finite | None = None
    status: str | None = None

    def value(self) -> InstanceInput:
        """Return the model's value."""
        return InstanceInput(
            clean(self.id),
            input_size=self.input,
            output_size=self.output,
            input_rate=self.rate_in,
            output_rate=self.rate_out,
            queue=self.queue,
            sessions=self.sessions,
            age_seconds=self.age_s,
            status=cleaned(self.status),
        )


class DecisionWire(Wire, frozen=True):
    """One decision record; without its time, its outcome or its code it says nothing."""

    ts: NotNegative
    outcome: str
    code: Id
    reason: str | None = None
    seq: int | None = None
    boot_id: str | None = None
    would: WouldWire | None = None
    replicas: ReplicasWire | None = None
    averages: AveragesWire | None = None
    thresholds: ThresholdsWire | None = None
    cooldown: TimerWire | None = None
    confirm: ConfirmWire | None = None
    instances: list[Any] = field(default_factory=list)


class CooldownWire(Wire, frozen=True):
    """The cooldown timers of `get_state`, one per direction."""

    up: TimerWire | None = None
    down: TimerWire | None = None
    last_action_ts: NotNegative | None = None

    def timer(self) -> TimerWire:
        """Return the timer that ends last; unknown when either is, because the other then proves nothing."""
        if self.up is None or self.down is None or self.up.remaining_s is None or self.down.remaining_s is None:
            return TimerWire()
        return max(self.up, self.down, key=lambda timer: timer.remaining_s or 0.0)


class PauseWire(Wire, frozen=True):
    """A pause of `get_state`; without a direction it says nothing."""

    direction: Id
    remaining_s: NotNegative | None = None
    reason: str | None = None

    def value(self) -> Pause:
        """Return the model's value."""
        return Pause(clean(self.direction), self.remaining_s, cleaned(self.reason, REASON_LIMIT))


class ForceWire(Wire, frozen=True):
    """A scaling by hand of `get_state` that waits for the next evaluation."""

    operation: Id
    instances_count: int | None = None
    instances_list: list[Any] = field(default_factory=list)
    remaining_s: NotNegative | None = None
    ignore_cooldown: bool | None = None
    reason: str | None = None

    def value(self) -> ForcedScale:
        """Return the model's value."""
        return ForcedScale(
            clean(self.operation),
            self.instances_count,
            tuple(clean(name) for name in self.instances_list if isinstance(name, str)),
            self.remaining_s,
            ignores_cooldown=bool(self.ignore_cooldown),
            reason=cleaned(self.reason, REASON_LIMIT),
        )


class StateWire(Wire, frozen=True):
    """The answer to `get_state`; the boot id is what makes it one."""

    boot_id: Id
    policy_name: str | None = None
    policy_version: str | None = None
    code_sha256: str | None = None
    mode: str | None = None
    cooldown: CooldownWire | None = None
    next_eval_in_s: NotNegative | None = None
    interval_observed_s: NotNegative | None = None
    eval_in_progress_since: NotNegative | None = None
    last_decision: Any = None
    paused: PauseWire | None = None
    force: ForceWire | None = None
    counts: dict[str, int | None] | None = None


class PageWire(Wire, frozen=True):
    """The answer to `get_decisions`."""

    boot_id: Id
    next_since: Annotated[int, Meta(ge=0)]
    decisions: list[Any]
    gap: bool | None = None


class ParametersWire(Wire, frozen=True):
    """The answer to `get_parameters`."""

    effective: dict[str, Any]
    generation: int
    defaults: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    parameter_errors: dict[str, Any] = field(default_factory=dict)
    unknown_parameters: list[Any] = field(default_factory=list)
    unused_settings: list[Any] = field(default_factory=list)
    schemas: dict[str, Any] = field(default_factory=dict)


class DryRunWire(Wire, frozen=True):
    """The answer to `dry_run`."""

    record: Any


def read_state(answer: Any) -> PolicyReport:
    """Read a policy's answer to `get_state`; anything else than a state is a policy that tells nothing."""
    try:
        wire = read(StateWire, answer)
    except WireError:
        return PolicyReport(Voice.SILENT, problem=_refusal(answer))
    timer = wire.cooldown.timer() if wire.cooldown else TimerWire()
    return PolicyReport(
        Voice.FULL,
        boot_id=clean(wire.boot_id),
        policy_name=cleaned(wire.policy_name),
        policy_version=cleaned(wire.policy_version),
        code_sha256=cleaned(wire.code_sha256),
        mode=cleaned(wire.mode),
        cooldown_remaining_seconds=_milliseconds(timer.remaining_s),
        cooldown_total_seconds=timer.total_s,
        last_action_at=wire.cooldown.last_action_ts if wire.cooldown else None,
        next_evaluation_seconds=_milliseconds(wire.next_eval_in_s),
        interval_seconds=wire.interval_observed_s,
        evaluating_since=wire.eval_in_progress_since,
        last_decision=read_decision(wire.last_decision),
        paused=wire.paused.value() if wire.paused else None,
        forced=wire.force.value() if wire.force else None,
        counts={clean(name): count for name, count in (wire.counts or {}).items() if count is not None},
        state=answer,
    )


def read_page(answer: Any) -> DecisionPage | None:
    """Read a policy's answer to `get_decisions`, None when it is none."""
    try:
        wire = read(PageWire, answer)
    except WireError:
        return None
    found = [read_decision(record) for record in wire.decisions[-MAX_DECISIONS:]]
    decisions = tuple(decision for decision in found if decision is not None)
    return DecisionPage(clean(wire.boot_id), decisions, wire.next_since, gap=bool(wire.gap))


def read_parameters(answer: Any) -> ParameterReport | None:
    """Read a policy's answer to `get_parameters`, None when it is none."""
    try:
        wire = read(ParametersWire, answer)
    except WireError:
        return None
    return ParameterReport(
        effective=wire.effective,
        defaults=wire.defaults,
        source={clean(name): clean(source) for name, source in wire.source.items() if isinstance(source, str)},
        errors={clean(name): clean(str(error), REASON_LIMIT) for name, error in wire.parameter_errors.items()},
        unknown=tuple(clean(name) for name in wire.unknown_parameters if isinstance(name, str)),
        unused_settings=tuple(clean(name) for name in wire.unused_settings if isinstance(name, str)),
        generation=wire.generation,
        schemas={clean(name): schema for name, schema in wire.schemas.items() if isinstance(schema, dict)},
    )


def read_dry_run(answer: Any) -> Decision | None:
    """Read a policy's answer to `dry_run`, None when it is none."""
    try:
        return read_decision(read(DryRunWire, answer).record)
    except WireError:
        return None


def read_decision(record: Any) -> Decision | None:
    """Read one decision record, None when it says nothing."""
    try:
        wire = read(DecisionWire, record)
        action = Action(wire.outcome)
    except ValueError:  # a WireError is one as well
        return None
    limits = wire.thresholds or ThresholdsWire()
    means = wire.averages or AveragesWire()
    replicas = wire.replicas or ReplicasWire()
    return Decision(
        at=wire.ts,
        action=action,
        code=clean(wire.code),
        reason=clean(wire.reason or "", REASON_LIMIT),
        origin=Origin.REPORTED,
        seq=wire.seq,
        boot_id=cleaned(wire.boot_id),
        would=cleaned(wire.would.rule) if wire.would else None,
        input_average=means.input,
        output_average=means.output,
        thresholds=Thresholds(limits.input_up, limits.output_up, limits.input_down, limits.output_down),
        current=replicas.current,
        reporting=replicas.reporting,
        proposed=replicas.proposed,
        cooldown_remaining_seconds=wire.cooldown.remaining_s if wire.cooldown else None,
        confirmation=cleaned(wire.confirm.state) if wire.confirm else None,
        instances=tuple(entry for entry in map(_read_input, wire.instances) if entry is not None),
        record=record,
    )


def _read_input(entry: Any) -> InstanceInput | None:
    try:
        return read(InputWire, entry).value()
    except WireError:
        return None


def _milliseconds(seconds: float | None) -> float | None:
    """Return a duration to the millisecond, which is finer than the way to here."""
    return None if seconds is None else round(seconds, 3)


def _refusal(answer: Any) -> Clean | None:
    """Return what a policy said instead of its state, if it gave a reason."""
    reason = answer.get("reason") if isinstance(answer, dict) else None
    return cleaned(reason, REASON_LIMIT) if isinstance(reason, str) else None
