"""Decisions are evaluated again with a file in a child, and code that is not that file is found."""

import random
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.bundle.rule_process import RuleProcess
from aios_top.cli.wiring import RuleProcesses
from aios_top.engine.polled import replay
from aios_top.engine.reevaluate import reevaluate
from aios_top.engine.verify import RETRY_SECONDS, Verifier
from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.explanation import Match
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.present import at_present
from aios_top.model.reading import InstanceReading
from aios_top.model.state import Averages, BlockState, FleetState, InstanceState, Phase, Replicas
from aios_top.model.text import clean
from aios_top.model.verdict import Severity
from aios_top.model.verification import PolicyFile, Verification
from aios_top.model.verified import with_verifications
from aios_top.model.window import Rolling, Window
from aios_top.render.verification import verification_sentence
from fakes.recorded import START, Recorder
from policy.harness import EXPLAINED, PLAIN

OURS, TUTORIAL = EXPLAINED.read_bytes(), PLAIN.read_bytes()
NAME = "tokenautoscaler-explained"


def altered() -> bytes:
    """Return the tutorial's policy as a colleague changed it: it never removes anything."""
    changed = TUTORIAL.replace(b"if below and len", b"if False and len")
    assert changed != TUTORIAL
    return changed


@pytest.fixture(scope="module")
def decisions() -> tuple[Decision, ...]:
    """Return a life of the shipped policy, oldest first: every kind of exit that it can record, and random ones."""
    recorder, chance = Recorder({"cooldown_seconds": 75, "min_replicas": 2}), random.Random(7)
    recorder.fails = ConnectionError("boom")
    life = [recorder.evaluate({"in-a": (1, 1)})]
    recorder.fails = None
    life += [
        recorder.evaluate({}),
        recorder.evaluate({}, starting=["in-a"]),
        recorder.evaluate({"in-a": (1e308, 1e308), "in-b": (1e308, 0)}),
    ]
    for _ in range(60):
        names = [f"in-{number}" for number in range(chance.randint(0, 5))]
        sizes = {name: (chance.choice([0, 0.1, 20, 480.5, 900]), chance.choice([0, 10, 49.99, 350])) for name in names}
        starting = ["in-new"] if chance.random() < 0.3 else []
        life.append(recorder.evaluate(sizes, after=chance.choice([10.0, 30.0, 75.0, 76.5]), starting=starting))
    assert {entry.action for entry in life} == set(Action)
    return tuple(life)


@pytest.mark.parametrize("source", [OURS, TUTORIAL], ids=["ours", "tutorial"])
def test_every_complete_record_evaluates_to_its_own_result(source: bytes, decisions: tuple[Decision, ...]) -> None:
    with RuleProcess(source) as rule:
        found = reevaluate(rule, decisions)

    complete = [entry.record["complete"] for entry in decisions]
    assert sum(complete) > 50
    assert [result.match for result in found] == [Match.SAME if whole else Match.NOT_VERIFIABLE for whole in complete]
    assert all(result.note for result, whole in zip(found, complete, strict=True) if not whole)


def test_whole_records_of_an_older_schema_are_evaluated_by_what_they_hold(decisions: tuple[Decision, ...]) -> None:
    """As the first version of the explained policy kept them: no parameters, no ages in the state before."""
    dropped = {"parameters"}
    older = [
        replace(
            entry,
            record={
                **{name: value for name, value in entry.record.items() if name not in dropped},
                "state_before": {"last_action_ts": entry.record["state_before"]["last_action_ts"]},
            },
        )
        for entry in decisions
    ]
    with RuleProcess(OURS) as rule:
        found = reevaluate(rule, older)

    assert [result.match is Match.SAME for result in found] == [entry.record["complete"] for entry in decisions]


def test_other_code_differs_where_it_decides_otherwise_and_says_how(decisions: tuple[Decision, ...]) -> None:
    with RuleProcess(altered()) as rule:
        found = reevaluate(rule, decisions)

    differing = [entry.action for entry, result in zip(decisions, found, strict=True) if result.match is Match.DIFFERS]
    assert set(differing) == {Action.DOWN}
    assert len(differing) == sum(entry.action is Action.DOWN for entry in decisions)
    notes = {result.note for result in found if result.match is Match.DIFFERS}
    assert notes == {"the file returns hold: No scaling action required."}


def test_a_file_that_raises_differs(decisions: tuple[Decision, ...]) -> None:
    broken = TUTORIAL.replace(b"return self._decide(input_data)", b"return {'skip': 1 / 0}")
    with RuleProcess(broken.replace(b"except Exception as error", b"except KeyError as error")) as rule:
        found = reevaluate(rule, decisions[4:6])
    assert {result.note for result in found} == {"the file raises ZeroDivisionError: division by zero"}


def test_what_was_not_recorded_cannot_be_verified() -> None:
    decision = Decision(START, Action.HOLD, clean("RuleMet"), clean("asks +1"), Origin.INFERRED)
    for source in (OURS, TUTORIAL):
        with RuleProcess(source) as rule:
            (found,) = reevaluate(rule, [decision])
        assert (found.match, found.note) == (Match.NOT_VERIFIABLE, "the policy keeps no record of it")


def state_of(decisions: tuple[Decision, ...], voice: Voice = Voice.FULL, name: str = NAME) -> FleetState:
    report = PolicyReport(voice, policy_name=clean(name), last_decision=decisions[-1] if decisions else None)
    block = replace(silent_block({"in-a": (300, 1)}), policy=report, decisions=tuple(reversed(decisions)))
    return FleetState(START, 1, {"b": block})


def file(source: bytes = OURS, *, chosen: bool = False) -> PolicyFile:
    return PolicyFile(clean("mine.py"), source, "00", NAME, chosen=chosen)


class Ticks:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def verified(verifier: Verifier, state: FleetState) -> Verification:
    await verifier.finish(state.blocks)
    known = verifier.of(clean("b"))
    assert known is not None
    return known


async def test_a_verifier_evaluates_all_of_it_and_new_ones_once(decisions: tuple[Decision, ...]) -> None:
    started: list[int] = []

    class Counting(RuleProcesses):
        def start(self, source: bytes) -> Any:
            started.append(1)
            return super().start(source)

    verifier = Verifier(Counting(), file(), Ticks())
    known = await verified(verifier, state_of(decisions[:40]))
    whole = sum(entry.record["complete"] for entry in decisions[:40])
    assert (known.count(Match.SAME), known.count(Match.NOT_VERIFIABLE)) == (whole, 40 - whole)
    assert (await verified(verifier, state_of(decisions[:40]))) is known
    assert len(started) == 1
    later = await verified(verifier, state_of(decisions[30:]))
    assert set(later.results) == {entry.key for entry in decisions[30:]}
    assert len(started) == 2


async def test_an_offer_returns_at_once_and_shows_later(decisions: tuple[Decision, ...]) -> None:
    verifier = Verifier(RuleProcesses(), file(), Ticks())
    verifier.offer(state_of(decisions).blocks)
    verifier.offer(state_of(decisions).blocks)
    assert verifier.of(clean("b")) is None
    await verifier.close()
    known = verifier.of(clean("b"))
    assert known is not None
    assert len(known.results) == len(decisions)


async def test_other_code_is_a_finding_in_the_verdict(decisions: tuple[Decision, ...]) -> None:
    verifier = Verifier(RuleProcesses(), file(altered()), Ticks())
    known = await verified(verifier, state_of(decisions))
    first = next(entry for entry in decisions if entry.action is Action.DOWN)
    state = with_verifications(state_of(decisions[-1:]), lambda _block_id: known)
    verdict = state.blocks["b"].verdict

    assert known.first_difference == first
    assert verdict is not None
    assert (verdict.severity, verdict.code) == (Severity.DEGRADED, "OtherCode")
    told = (
        f"the deployed code is not mine.py: at decision {first.seq} the file returns hold: No scaling action required."
    )
    assert verdict.sentence == told
    assert state.verdict is not None
    assert told in state.verdict.sentence
    assert "the deployed code is not mine.py: at decision" in verification_sentence(state.blocks["b"])


async def test_the_shipped_file_concerns_only_policies_of_its_name(decisions: tuple[Decision, ...]) -> None:
    shipped, chosen = (Verifier(RuleProcesses(), file(altered(), chosen=named), Ticks()) for named in (False, True))
    foreign = state_of(decisions, name="somebody-elses")
    for verifier in (shipped, chosen):
        await verifier.finish(foreign.blocks)

    assert shipped.of(clean("b")) is None
    assert chosen.of(clean("b")) is not None
    assert with_verifications(foreign, shipped.of) is foreign


async def test_a_file_that_cannot_run_is_told_and_tried_again_later(decisions: tuple[Decision, ...]) -> None:
    ticks = Ticks()
    verifier = Verifier(RuleProcesses(), file(b"import requests\n" + OURS), ticks)
    state = state_of(decisions)
    known = await verified(verifier, state)
    told = with_verifications(state, verifier.of)

    assert known.problem is not None
    assert known.problem.startswith("cannot be imported: ModuleNotFoundError")
    assert verification_sentence(told.blocks["b"]).startswith("mine.py cannot be run beside the console: cannot be")
    verifier.file = file()
    assert (await verified(verifier, state)).problem is not None
    ticks.now += RETRY_SECONDS
    assert (await verified(verifier, state)).problem is None


def silent_block(sizes: Mapping[str, tuple[float, float]]) -> BlockState:
    rows = tuple(
        InstanceState(
            clean(name),
            Phase.SERVING,
            InstanceReading(clean(name), START, Rolling(average_1m=given), Rolling(average_1m=made)),
            1.0,
            START,
        )
        for name, (given, made) in sizes.items()
    )
    means = [sum(pair[side] for pair in sizes.values()) / len(sizes) for side in (0, 1)]
    return BlockState(
        clean("b"),
        policy=PolicyReport(Voice.SILENT),
        in_force={"input_tokens_up_threshold": 1500},
        instances=rows,
        averages={Window.ONE_MINUTE: Averages(*means, origin=Origin.MEASURED)},
        replicas=Replicas(reporting=len(rows)),
    )


@pytest.mark.parametrize(
    ("sizes", "action", "code", "reason"),
    [
        ({"in-a": (1600, 1)}, Action.UP, "ScaleUp", "Token rate exceeded threshold (Input: 1600.00, Output: 1.00)"),
        ({"in-a": (812, 1)}, Action.HOLD, "WithinRange", "No scaling action required."),
        (
            {"in-a": (1, 1), "in-b": (0, 1)},
            Action.DOWN,
            "ScaleDown",
            "Token rate below threshold (Input: 0.50, Output: 1.00)",
        ),
    ],
)
def test_a_file_replays_what_was_polled_of_a_policy_that_tells_nothing(
    sizes: Mapping[str, tuple[float, float]], action: Action, code: str, reason: str
) -> None:
    block = silent_block(sizes)
    seen = at_present(block, START)
    with RuleProcess(TUTORIAL) as rule:
        (found,) = replay(rule, block, [seen]).values()

    assert (found.origin, found.action, found.code, found.reason) == (Origin.REEVALUATED, action, code, reason)
    assert found.proposed == {Action.UP: 2, Action.DOWN: 1}.get(action)
    assert found.instances == seen.instances


async def test_only_a_file_that_was_named_replays_inferred_decisions() -> None:
    block = silent_block({"in-a": (1600, 1)})
    block = replace(block, decisions=(at_present(block, START),))
    shipped, chosen = (Verifier(RuleProcesses(), file(TUTORIAL, chosen=named), Ticks()) for named in (False, True))
    for verifier in (shipped, chosen):
        await verifier.finish({"b": block})

    assert shipped.of(clean("b")) is None
    known = chosen.of(clean("b"))
    assert known is not None
    assert [entry.action for entry in known.replays.values()] == [Action.UP]
    assert known.count(Match.NOT_VERIFIABLE) == 1
