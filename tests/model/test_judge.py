"""Every verdict names its culprit; the gravest one speaks for the fleet."""

import pytest
from msgspec.structs import replace

from aios_top.model.decision import Action, Decision, Origin, Thresholds
from aios_top.model.judge import judge_block, judge_fleet
from aios_top.model.policy_state import ForcedScale, Pause, PolicyReport, Voice
from aios_top.model.reading import ExecutorReading
from aios_top.model.state import (
    Averages,
    BlockState,
    Cooldown,
    CooldownPhase,
    InstanceState,
    Phase,
    Replicas,
)
from aios_top.model.text import clean
from aios_top.model.verdict import Severity
from aios_top.model.window import Window

NOW = 10_000.0


def decision(code: str = "WithinRange", at: float = NOW - 5, **more: object) -> Decision:
    return Decision(at, Action.HOLD, clean(code), clean("a reason"), Origin.REPORTED, **more)  # type: ignore[arg-type]


def means(input_size: float, output_size: float) -> dict[Window, Averages]:
    return {Window.ONE_MINUTE: Averages(input_size, output_size, Window.ONE_MINUTE, Origin.MEASURED, 1)}


CALM = BlockState(
    clean("b"),
    policy=PolicyReport(Voice.FULL, interval_seconds=30, last_decision=decision()),
    thresholds=Thresholds(500, 300, 100, 50),
    executor=ExecutorReading(10.0),
    replicas=Replicas(current=2, reporting=2, desired=2, minimum=1, maximum=4),
    averages=means(300, 100),
    cooldown=Cooldown(CooldownPhase.READY, Origin.REPORTED),
    seen_at=NOW - 1,
)
COOLING = Cooldown(CooldownPhase.COOLING, Origin.REPORTED, ends_at=NOW + 41, total_seconds=120)
UP_PAUSE = Pause(clean("up"), 90.0, clean("release"))


def orders(**changes: object) -> PolicyReport:
    return replace(CALM.policy, **changes)  # type: ignore[arg-type]


def telling(most: int) -> PolicyReport:
    return orders(last_decision=replace(decision(), record={"replicas": {"max": most}}))


TIMED_OUT = replace(decision(), action=Action.UP, proposed=3, confirmation=clean("timed_out"))


def test_a_metrics_service_that_never_answered_is_named_at_the_first_poll_already() -> None:
    bare = replace(CALM, executor=None, seen_at=None, problem=clean("404: is this its address?"), missed_polls=1)
    verdict = judge_block(bare, NOW)
    assert (verdict.code, verdict.sentence) == ("StaleData", "no data: 404: is this its address?")
    assert judge_block(replace(bare, seen_at=NOW - 3, executor=CALM.executor), NOW).code != "StaleData"


def row(phase: Phase, age: float | None = 100.0) -> InstanceState:
    return InstanceState(clean("in-x"), phase, None, age, first_seen=NOW - 22)


@pytest.mark.parametrize(
    ("block", "severity", "code", "sentence"),
    [
        (CALM, Severity.HEALTHY, "WithinRange", "within thresholds (input 300, output 100 tok/request)"),
        (
            replace(CALM, missed_polls=2, seen_at=NOW - 12, problem=clean("no answer")),
            Severity.BROKEN,
            "StaleData",
            "no data for 12s: no answer",
        ),
        (
            replace(CALM, policy=PolicyReport(Voice.UNREACHABLE, problem=clean("refused"))),
            Severity.BROKEN,
            "AutoscalerUnreachable",
            "its autoscaler does not answer: refused",
        ),
        (
            replace(CALM, policy=replace(CALM.policy, last_decision=decision(at=NOW - 91))),
            Severity.BROKEN,
            "AutoscalerStalled",
            "its autoscaler has not evaluated for 91s",
        ),
        (
            replace(CALM, policy=replace(CALM.policy, last_decision=decision("EvalError"))),
            Severity.BROKEN,
            "EvalError",
            "its policy fails: a reason",
        ),
        (replace(CALM, replicas=replace(CALM.replicas, wiped=True)), Severity.BUSY, "MetricsWiped", "30 minutes"),
        (replace(CALM, executor=None), Severity.DEGRADED, "NoMetrics", "no metric documents"),
        (
            replace(CALM, replicas=replace(CALM.replicas, current=4), averages=means(612, 0)),
            Severity.DEGRADED,
            "AtMaximum",
            "at max 4/4 (enforced by nothing) and input 612 > 500 tok/request",
        ),
        (
            replace(CALM, replicas=replace(CALM.replicas, current=5), averages=means(0, 301)),
            Severity.DEGRADED,
            "BeyondMaximum",
            "beyond max 5/4 (enforced by nothing) and output 301 > 300 tok/request",
        ),
        (
            replace(CALM, replicas=replace(CALM.replicas, current=4), averages=means(612, 0), policy=telling(4)),
            Severity.DEGRADED,
            "AtMaximum",
            "at max 4/4 (kept by the policy) and input 612 > 500 tok/request",
        ),
        (
            replace(CALM, policy=orders(paused=UP_PAUSE)),
            Severity.BUSY,
            "Paused",
            "scaling up is paused for 90s more (release)",
        ),
        (
            replace(CALM, policy=orders(paused=UP_PAUSE), averages=means(812, 0)),
            Severity.DEGRADED,
            "Paused",
            "scaling up is paused for 90s more (release) and input 812 > 500 tok/request",
        ),
        (
            replace(CALM, policy=orders(paused=Pause(clean("both"))), averages=means(9, 4)),
            Severity.BUSY,
            "Paused",
            "scaling is paused and input 9, output 4 tok/request below 100/50",
        ),
        (
            replace(CALM, policy=orders(mode=clean("shadow")), averages=means(812, 0)),
            Severity.BUSY,
            "Shadow",
            "carries out nothing; it would scale up",
        ),
        (
            replace(CALM, policy=orders(forced=ForcedScale(clean("upscale"), 2))),
            Severity.BUSY,
            "ForcedScale",
            "+2 by an operator's order at the next evaluation",
        ),
        (
            replace(CALM, policy=orders(forced=ForcedScale(clean("downscale"), None, (clean("in-x"),)))),
            Severity.BUSY,
            "ForcedScale",
            "-1 by an operator's order",
        ),
        (
            replace(CALM, replicas=replace(CALM.replicas, current=28, maximum=4)),
            Severity.DEGRADED,
            "BeyondMaximum",
            "beyond max 28/4 (enforced by nothing)",
        ),
        (
            replace(CALM, replicas=Replicas(current=0, minimum=1), averages={}),
            Severity.BROKEN,
            "NoReplicas",
            "no replicas: nothing serves its requests (min 1 is enforced by nothing)",
        ),
        (
            replace(CALM, replicas=Replicas(stale=2), policy=PolicyReport(Voice.SILENT), instances=(row(Phase.STALE),)),
            Severity.BROKEN,
            "NoReplicas",
            "no replica reports",
        ),
        (
            replace(CALM, replicas=Replicas(), policy=PolicyReport(Voice.ABSENT), averages={}),
            Severity.BROKEN,
            "NoReplicas",
            "no replica reports: removed, hung, or its executor is down",
        ),
        (
            replace(CALM, decisions=(decision(), TIMED_OUT)),
            Severity.DEGRADED,
            "Unconfirmed",
            "asked for 3 replicas 5s ago, but has 2",
        ),
        (
            replace(CALM, instances=(row(Phase.STALE),)),
            Severity.DEGRADED,
            "InstanceSilent",
            "in-x silent for 100s: hung",  # the policy lists it, so that it was not removed
        ),
        (
            replace(CALM, instances=(row(Phase.STALE),), replicas=replace(CALM.replicas, current=None)),
            Severity.DEGRADED,
            "InstanceSilent",
            "removed or hung",
        ),
        (
            replace(CALM, instances=(row(Phase.STARTING),), replicas=replace(CALM.replicas, desired=3)),
            Severity.BUSY,
            "Starting",
            "scaling to 3: in-x starting for 22s",
        ),
        (
            replace(CALM, instances=(replace(row(Phase.STARTING), first_seen=NOW - 601),)),
            Severity.DEGRADED,
            "Starting",
            "starting for 10m01s",
        ),
        (replace(CALM, policy=PolicyReport(Voice.ABSENT)), Severity.HEALTHY, "NoAutoscaler", "no autoscaler policy"),
        (
            replace(CALM, averages=means(812, 0), cooldown=COOLING),
            Severity.BUSY,
            "CooldownActive",
            "input 812 > 500 tok/request; held by cooldown, 41s left",
        ),
        (
            replace(CALM, averages=means(812, 0), cooldown=COOLING, policy=PolicyReport(Voice.SILENT)),
            Severity.BUSY,
            "CooldownActive",
            "held by cooldown, ~41s left",
        ),
        (replace(CALM, averages=means(812, 0)), Severity.BUSY, "ScaleUp", "next evaluation may add one"),
        (
            replace(CALM, averages=means(9, 4)),
            Severity.BUSY,
            "ScaleDown",
            "below 100/50: next evaluation may remove one",
        ),
        (
            replace(CALM, averages=means(9, 4), replicas=replace(CALM.replicas, current=1)),
            Severity.HEALTHY,
            "WithinRange",
            "input 9, output 4",
        ),
    ],
)
def test_a_blocks_verdict(block: BlockState, severity: Severity, code: str, sentence: str) -> None:
    verdict = judge_block(block, NOW)
    assert (verdict.severity, verdict.code, verdict.block_id) == (severity, code, "b")
    assert sentence in verdict.sentence


def judged(block: BlockState, name: str) -> BlockState:
    named = replace(block, block_id=clean(name))
    return replace(named, verdict=judge_block(named, NOW))


def test_the_gravest_block_speaks_for_the_fleet() -> None:
    stale = replace(CALM, missed_polls=2, problem=clean("timeout"))
    hung = replace(CALM, instances=(row(Phase.STALE),))
    verdict = judge_fleet([judged(CALM, "a"), judged(hung, "h"), judged(stale, "s")])
    assert (verdict.severity, verdict.block_id) == (Severity.BROKEN, "s")
    assert verdict.sentence.startswith("s: no data")
    assert verdict.sentence.endswith("; 1 more needs a look")


def test_a_calm_fleet_says_so_and_an_empty_one_does_not() -> None:
    assert judge_fleet([judged(CALM, "a"), judged(CALM, "b")]).sentence == "all 2 blocks within thresholds"
    assert judge_fleet([]).code == "NoBlocks"
