"""A fleet in a moment full of incident, built as the engine would: one block per thing that can be the case."""

import math
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from aios_top.model.audit import AuditEntry
from aios_top.model.decision import Action, Decision, Origin, Thresholds
from aios_top.model.judge import judge_block, judge_fleet
from aios_top.model.policy_state import ParameterReport, PolicyReport, Voice
from aios_top.model.reading import ExecutorReading, InstanceReading
from aios_top.model.record import BlockRecord, PolicyRecord, PolicyReference
from aios_top.model.series import SeriesView, Track
from aios_top.model.state import (
    Averages,
    BlockState,
    Cooldown,
    CooldownPhase,
    EndpointState,
    FleetState,
    InstanceState,
    Link,
    Phase,
    Replicas,
)
from aios_top.model.text import clean
from aios_top.model.window import Rolling, Window

NOW = 1_795_445_605.0
"""2026-11-23 14:53:25 UTC."""
LIMITS = Thresholds(500.0, 300.0, 100.0, 50.0)
EXPLAINED = "tokenautoscaler-explained:2.0-stable"
PLAIN = "tokenautoscaler:2.0-stable"
MINUTES = 5
STEP_SECONDS = 3.0

_INSTANCE_COLUMNS = (
    *(f"{side}_{window.value}" for window in Window for side in ("input", "output")),
    "input_rate",
    "output_rate",
    "queue",
)
_BLOCK_COLUMNS = (
    *(f"{side}_{window.value}" for window in Window for side in ("input", "output")),
    "input_rate",
    "output_rate",
    "replicas",
    "reporting",
    "requests",
    "latency",
    "cooldown",
)


def history(
    columns: tuple[str, ...], shape: Callable[[float], Mapping[str, float | None]], seconds: float = MINUTES * 60
) -> Mapping[str, SeriesView]:
    """Return `seconds` of history up to NOW; `shape` gives the columns of a moment, 0 the oldest and 1 the newest."""
    track = Track(columns)
    samples = int(seconds / STEP_SECONDS)
    for number in range(samples + 1):
        values = shape(number / samples)
        track.append(NOW - seconds + number * STEP_SECONDS, [values.get(column) for column in columns])
    return track.views()


def sizes(input_size: float | None, output_size: float | None) -> dict[str, float | None]:
    """Return one moment's token sizes for every window, the longer ones smoother."""
    moment: dict[str, float | None] = {}
    for window, share in zip(Window, (1.0, 0.8, 0.6), strict=True):
        moment[f"input_{window.value}"] = None if input_size is None else input_size * share
        moment[f"output_{window.value}"] = None if output_size is None else output_size * share
    return moment


def instance(
    name: str,
    input_size: float | None = None,
    output_size: float | None = None,
    *,
    phase: Phase = Phase.SERVING,
    age: float | None = 1.2,
    queue: float = 3.0,
    born: float = 0.0,
    errors: float = 0.0,
) -> InstanceState:
    """An instance whose sizes rose to the given ones; `born` is the share of the history before it first reported."""

    def shape(at: float) -> Mapping[str, float | None]:
        if at < born or input_size is None or output_size is None:
            return {}
        swing = 0.45 + 0.55 * (at - born) / (1.001 - born) + 0.08 * math.sin(at * 19 + len(name))
        return {
            **sizes(input_size * swing, output_size * swing),
            "input_rate": 8_000 * swing,
            "output_rate": 4_000 * swing,
            "queue": queue * swing,
        }

    reading = None
    if phase is not Phase.STARTING:
        reading = InstanceReading(
            clean(name),
            NOW - (age or 0.0),
            input_size=None
            if input_size is None
            else Rolling(input_size, input_size, input_size * 0.8, input_size * 0.6),
            output_size=None
            if output_size is None
            else Rolling(output_size, output_size, output_size * 0.8, output_size * 0.6),
            prompt_tokens_total=120_000.0,
            generated_tokens_total=60_000.0,
            errors_total=errors,
            active_sessions=2.0,
            queue_length=Rolling(queue, queue, queue, queue),
        )
    serving = phase is Phase.SERVING
    return InstanceState(
        clean(name),
        phase,
        reading,
        None if phase is Phase.STARTING else age,
        NOW - 22 if phase is Phase.STARTING else NOW - 600,
        input_rate=8_120.0 if serving else None,
        output_rate=4_030.0 if serving else None,
        history=history(_INSTANCE_COLUMNS, shape) if phase is not Phase.STARTING else {},
    )


def decision(
    seconds_ago: float,
    action: Action,
    code: str,
    reason: str,
    *,
    averages: tuple[float, float] | None = None,
    current: int = 3,
    proposed: int | None = None,
    origin: Origin = Origin.REPORTED,
    cooldown: float | None = None,
    would: str | None = None,
    seq: int | None = None,
) -> Decision:
    """One evaluation before NOW."""
    return Decision(
        at=NOW - seconds_ago,
        action=action,
        code=clean(code),
        reason=clean(reason),
        origin=origin,
        seq=seq,
        boot_id=None if origin is Origin.INFERRED else clean("b7"),
        would=None if would is None else clean(would),
        input_average=averages[0] if averages else None,
        output_average=averages[1] if averages else None,
        thresholds=LIMITS,
        current=current,
        reporting=current,
        proposed=proposed,
        cooldown_remaining_seconds=cooldown,
        confirmation=clean("confirmed") if proposed else None,
    )


def averages_of(instances: tuple[InstanceState, ...], origin: Origin) -> Mapping[Window, Averages]:
    """Return the mean sizes per window of the instances that report them."""
    result = {}
    for window in Window:
        pairs = [
            (row.reading.input_size.over(window), row.reading.output_size.over(window))
            for row in instances
            if row.phase is Phase.SERVING and row.reading and row.reading.input_size and row.reading.output_size
        ]
        inputs = [pair[0] for pair in pairs if pair[0] is not None]
        outputs = [pair[1] for pair in pairs if pair[1] is not None]
        result[window] = Averages(
            sum(inputs) / len(inputs) if inputs else None,
            sum(outputs) / len(outputs) if outputs else None,
            window,
            origin,
            len(inputs),
        )
    return result


def block(
    block_id: str,
    instances: tuple[InstanceState, ...],
    *,
    limits: tuple[int, int] = (1, 8),
    uri: str | None = EXPLAINED,
    voice: Voice = Voice.FULL,
    desired: int | None = None,
    cooldown: Cooldown = Cooldown(CooldownPhase.READY, Origin.REPORTED, total_seconds=120.0),
    decisions: tuple[Decision, ...] = (),
    problem: str | None = None,
    missed: int = 0,
    seen_ago: float = 1.2,
    load: float = 1.0,
    policy_problem: str | None = None,
) -> BlockState:
    """A block around its instances; its verdict is what the rules say of it."""
    alive = sum(1 for row in instances if row.phase in {Phase.SERVING, Phase.IDLE})
    starting = sum(1 for row in instances if row.phase is Phase.STARTING)
    means = averages_of(instances, Origin.MEASURED)
    now_means = means[Window.ONE_MINUTE]
    full = voice is Voice.FULL

    def shape(at: float) -> Mapping[str, float | None]:
        swing = (0.45 + 0.55 * at + 0.06 * math.sin(at * 23)) * load
        replicas = max(1, round(alive * (0.4 + 0.6 * at)))
        return {
            **sizes(
                None if now_means.input_size is None else now_means.input_size * swing,
                None if now_means.output_size is None else now_means.output_size * swing,
            ),
            "input_rate": 24_000 * swing,
            "output_rate": 12_000 * swing,
            "replicas": replicas if full else None,
            "reporting": replicas,
            "requests": 40 * swing,
            "latency": 0.8 + swing,
            "cooldown": 1.0 if 0.35 < at < 0.6 or (at > 0.9 and cooldown.phase is CooldownPhase.COOLING) else 0.0,
        }

    state = BlockState(
        block_id=clean(block_id),
        record=BlockRecord(
            clean(block_id),
            clean("cluster-1"),
            *limits,
            clean("node.algorithm.llm:gemma3-27b-0.0.1-stable"),
            {} if uri is None else {"autoscaler": PolicyReference(clean(uri), {"averaging_period": "average_1m"})},
        ),
        policy=PolicyReport(
            voice,
            problem=None if policy_problem is None else clean(policy_problem),
            boot_id=clean("b7") if full else None,
            policy_name=clean("tokenautoscaler-explained") if full else None,
            policy_version=clean("2.0-stable") if full else None,
            code_sha256=clean("9f31" * 16) if full else None,
            mode=clean("active") if full else None,
            cooldown_total_seconds=120.0 if full else None,
            next_evaluation_seconds=4.0 if full else None,
            interval_seconds=30.0 if full else None,
            last_decision=decisions[0] if full and decisions else None,
            counts={"upscale": 3, "downscale": 1, "hold": 40} if full else {},
        ),
        parameters=ParameterReport(
            effective={
                "input_tokens_up_threshold": 500,
                "output_tokens_up_threshold": 300,
                "input_tokens_down_threshold": 100,
                "output_tokens_down_threshold": 50,
                "min_replicas": limits[0],
                "cooldown_seconds": 120,
                "averaging_period": "average_1m",
            },
            defaults={"cooldown_seconds": 120},
            source={"input_tokens_up_threshold": "block", "cooldown_seconds": "default"},
            errors={},
            unknown=(),
            unused_settings=(),
            generation=1,
        )
        if full
        else None,
        thresholds=LIMITS if uri else Thresholds(),
        thresholds_origin=Origin.REPORTED if full else Origin.DECLARED if uri else Origin.UNKNOWN,
        instances=instances,
        executor=ExecutorReading(5_400.0, 41_200.0),
        replicas=Replicas(
            current=alive + starting if full else None,
            reporting=alive,
            starting=starting,
            stale=sum(1 for row in instances if row.phase is Phase.STALE),
            ghosts=sum(1 for row in instances if row.phase is Phase.GHOST),
            desired=desired,
            minimum=limits[0],
            maximum=limits[1],
        ),
        averages=means,
        input_rate=24_360.0 if alive else None,
        output_rate=12_090.0 if alive else None,
        request_rates=(41.2 if alive else None,),
        server_means=(1.84, 0.31),
        cooldown=cooldown,
        next_evaluation_at=NOW + 4.0 if full else None,
        next_evaluation_origin=Origin.REPORTED if full else Origin.UNKNOWN,
        push_seconds=3.0,
        decisions=decisions,
        history=history(_BLOCK_COLUMNS, shape),
        seen_at=NOW - seen_ago,
        missed_polls=missed,
        problem=None if problem is None else clean(problem),
    )
    return replace(state, verdict=judge_block(state, NOW))


def scaling() -> BlockState:
    """A block on its way from three to four replicas, cooling, with a policy that explains itself."""
    return block(
        "gemma3-27b-block",
        (
            instance("in-gemma-a1", 610.0, 310.0, queue=9),
            instance("in-gemma-b2", 545.0, 287.0, queue=7, born=0.3),
            instance("in-gemma-c3", 465.0, 273.0, queue=6, born=0.5),
            instance("in-gemma-d4", phase=Phase.STARTING),
        ),
        desired=4,
        cooldown=Cooldown(CooldownPhase.COOLING, Origin.REPORTED, NOW + 76, 120.0),
        decisions=(
            decision(
                8, Action.HOLD, "CooldownActive", "Cooldown active.", averages=(540, 290), cooldown=84, would="up",
                current=4, seq=44,
            ),
            decision(
                44, Action.UP, "ScaleUp", "Token rate exceeded (Input: 540.20, Output: 290.10).",
                averages=(540.2, 290.1), current=3, proposed=4, seq=43,
            ),
            decision(74, Action.HOLD, "WithinRange", "No scaling action required.", averages=(480, 270), seq=42),
            decision(
                200, Action.UP, "ScaleUp", "Token rate exceeded (Input: 520.00, Output: 250.00).",
                averages=(520, 250), current=2, proposed=3, seq=38,
            ),
            decision(
                280, Action.DOWN, "ScaleDown", "Token rate below (Input: 12.10, Output: 4.00).",
                averages=(12.1, 4.0), current=3, proposed=2, seq=36,
            ),
            decision(290, Action.ERROR, "EvalError", "KeyError: 'averages'", seq=35),
        ),
    )  # fmt: skip


def saturated() -> BlockState:
    """A block at its declared maximum that still asks for more."""
    return block(
        "llama3-8b-block",
        tuple(instance(f"in-llama-{number}", 612.0, 214.0) for number in range(8)),
        desired=8,
        decisions=(
            decision(20, Action.UP, "ScaleUp", "Token rate exceeded (Input: 612.00).", averages=(612, 214), current=8),
        ),
    )


def silent() -> BlockState:
    """A block with the plain tutorial policy: decisions and cooldown are inferred."""
    return block(
        "qwen2-7b-block",
        (instance("in-qwen-1", 220.0, 120.0), instance("in-qwen-2", 210.0, 118.0)),
        limits=(2, 6),
        uri=PLAIN,
        voice=Voice.SILENT,
        cooldown=Cooldown(CooldownPhase.COOLING, Origin.INFERRED, NOW + 31, 120.0, 60.0),
        decisions=(
            decision(
                95, Action.UP, "ScaleUp", "in-qwen-2 began to report", averages=(540, 200), current=1, proposed=2,
                origin=Origin.INFERRED,
            ),
        ),
    )  # fmt: skip


def idle() -> BlockState:
    """A block at its minimum with an instance that has served nothing."""
    return block(
        "phi3-mini-block",
        (instance("in-phi-1", 12.0, 4.0), instance("in-phi-2", phase=Phase.IDLE)),
        limits=(1, 4),
        decisions=(
            decision(
                16,
                Action.HOLD,
                "TooFewReplicas",
                "No scaling action required.",
                averages=(6, 2),
                current=2,
                would="down",
            ),
        ),
    )


def stale() -> BlockState:
    """A block without news, with a ghost and a silent instance."""
    return block(
        "mistral-7b-block",
        (
            instance("in-mistral-1", 140.0, 60.0, phase=Phase.STALE, age=92.0),
            instance("in-mistral-2", 130.0, 55.0, phase=Phase.GHOST, age=310.0),
        ),
        voice=Voice.UNREACHABLE,
        policy_problem="no complete answer from autoscaler within 5s",
        problem="metrics answers 503 without saying why",
        missed=3,
        seen_ago=12.0,
        limits=(1, 4),
        cooldown=Cooldown(CooldownPhase.UNKNOWN, Origin.UNKNOWN),
    )


def bare() -> BlockState:
    """A block without an autoscaler and without metrics."""
    state = replace(
        block(
            "asr-whisper-block",
            (),
            uri=None,
            voice=Voice.ABSENT,
            cooldown=Cooldown(CooldownPhase.UNKNOWN, Origin.UNKNOWN),
        ),
        executor=None,
        history={},
        seen_at=None,
        server_means=(None, None),
        push_seconds=None,
    )
    return replace(state, verdict=judge_block(state, NOW))


def fleet(*blocks: BlockState, at: float = NOW, sequence: int = 300, **changes: object) -> FleetState:
    """A fleet of these blocks; without any, one block of every kind."""
    chosen = blocks or (scaling(), saturated(), silent(), idle(), stale(), bare())
    state = FleetState(
        at=at,
        sequence=sequence,
        blocks={entry.block_id: entry for entry in chosen},
        policies=(
            PolicyRecord(
                clean(PLAIN), clean("tokenautoscaler"), clean("2.0"), clean("stable"), clean("http://h/a.zip")
            ),
            PolicyRecord(
                clean(EXPLAINED),
                clean("tokenautoscaler-explained"),
                clean("2.0"),
                clean("stable"),
                clean("http://h/b.zip"),
            ),
        ),
        endpoints={
            "metrics": EndpointState("metrics", Link.UP, None, at - 0.2, 0.038, 600, 0),
            "blocks": EndpointState("blocks", Link.UP, None, at - 3.0, 0.012, 60, 0),
        },
        verdict=judge_fleet(chosen),
        poll_seconds=2.0,
        polls=600,
        failures=3,
        context="demo",
        origin_note="simulated, quick pace",
    )
    return replace(state, **changes)  # type: ignore[arg-type]


def empty() -> FleetState:
    """The state before the first poll."""
    return FleetState(at=NOW, sequence=0, context="demo")


def audit() -> list[AuditEntry]:
    """A short operator's record."""
    return [
        AuditEntry(
            1, NOW - 120, "intent", {"action": "ResetCooldown", "block_id": "phi3-mini-block", "who": "you@host"}
        ),
        AuditEntry(2, NOW - 119, "outcome", {"of": 1, "fate": "done", "message": "Cooldown reset.", "who": "you@host"}),
        AuditEntry(
            3, NOW - 60, "refused", {"action": "ScaleUp", "block_id": "llama3-8b-block", "message": "read-only"}
        ),
    ]
