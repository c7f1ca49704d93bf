"""What a policy file makes of recorded decisions, shown with the moments that they belong to."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from msgspec.structs import replace

from aios_top.cli.past import FilePast
from aios_top.cli.wiring import RuleProcesses
from aios_top.engine.past_verifier import PastVerifier
from aios_top.engine.ports import Rule
from aios_top.model.decision import Decision, Origin
from aios_top.model.explanation import Match
from aios_top.model.rule_call import RuleError
from aios_top.model.state import BlockState, FleetState
from aios_top.model.text import clean
from aios_top.model.verification import PolicyFile
from aios_top.store.recording_reader import Recording, open_recording
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock
from policy.harness import EXPLAINED, PLAIN

OURS = EXPLAINED.read_bytes()
OTHER = OURS.replace(b'"Token rate"', b'"Token rates"')


def file(source: bytes, name: str | None = "tokenautoscaler-explained", *, chosen: bool = False) -> PolicyFile:
    return PolicyFile(clean("function.py"), source, "0" * 64, name, chosen)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of two minutes in which two blocks scale up, and one whose policy does not tell."""
    found = tmp_path_factory.mktemp("verified") / "story.aiosrec"

    async def record() -> None:
        clock, reads = simulated(
            SimulatedBlock("told", rate=0.9, parameters={"cooldown_seconds": 20}),
            SimulatedBlock("beside", rate=0.6),
            SimulatedBlock("silent", policy="plain", rate=0.6),
            push=6.0,
            interval=6.0,
        )
        story = Story(found, clock, reads)
        await story.poll(60)
        story.writer.close()

    asyncio.run(record())
    return found


@pytest.fixture
def recording(path: Path) -> Iterator[Recording]:
    with open_recording(path) as found:
        yield found


class Counting(RuleProcesses):
    """Counts the decisions that a file is asked about, and the processes; `before` is called before each question."""

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.started = 0
        self.asked: list[str] = []
        self._before = before

    def start(self, source: bytes) -> AbstractContextManager[Rule]:
        self.started += 1
        return self._counting(super().start(source))

    @contextmanager
    def _counting(self, started: AbstractContextManager[Rule]) -> Iterator[Rule]:
        with started as rule:
            batch = rule.batch

            def counted(calls: Any) -> Any:
                listed = list(calls)
                self.asked += [
                    call.arguments[0]["seq"] for call in listed if getattr(call, "arguments", ({},))[0].get("seq")
                ]
                self._before()
                return batch(listed)

            rule.batch = counted  # type: ignore[method-assign]
            yield rule


class Looking:
    """Somebody who looks at a recording with a file at hand."""

    def __init__(
        self,
        recording: Recording,
        known: PolicyFile,
        rules: RuleProcesses | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.told = 0
        self.times = recording.times
        self.verifier = PastVerifier(
            rules or RuleProcesses(), known, self._tell, quiet_seconds=0.0, monotonic=monotonic
        )
        self.past = FilePast(recording, beside=self.verifier)

    def _tell(self) -> None:
        self.told += 1

    def at(self, at: float, block_id: str = "told") -> BlockState:
        """Look at a block of a moment until nothing more becomes known of it."""
        moment = self.past.moment(at)
        self.past.regard(block_id)
        assert self.verifier.wait(60.0)
        return self.verifier.complete(moment.state).blocks[clean(block_id)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.verifier.close()


def matches(block: BlockState) -> list[Match | None]:
    """What the file makes of each decision of a block, newest first."""
    results = {} if block.verification is None else block.verification.results
    return [results[entry.key].match if entry.key in results else None for entry in block.decisions]


def test_every_decision_of_the_block_that_is_looked_at_is_evaluated_again(recording: Recording) -> None:
    with Looking(recording, file(OURS)) as looking:
        for at in [*recording.times[10::10], *recording.times[50:9:-20]]:
            block = looking.at(at)
            assert set(matches(block)) == {Match.SAME}
            assert block.verification is not None
            assert block.verification.first_difference is None
            assert set(block.verification.results) == {entry.key for entry in block.decisions}
        assert looking.told > 0


def test_before_a_moment_is_looked_into_nothing_is_said_of_what_came_after_it(recording: Recording) -> None:
    with Looking(recording, file(OTHER)) as looking:
        looking.at(recording.times[-1])
        for at in recording.times[10::10]:
            block = looking.past.moment(at).state.blocks[clean("told")]
            assert block.verification is not None
            assert {result.at for result in block.verification.results.values()} <= {
                entry.at for entry in block.decisions
            }
            assert matches(block) == matches(looking.at(at))
            looking.at(recording.times[-1])


def test_of_every_other_block_it_is_the_newest_until_it_is_looked_at(recording: Recording) -> None:
    rules = Counting()
    with Looking(recording, file(OURS), rules) as looking:
        last = recording.times[-1]
        for at in recording.times[10:50:10]:
            looking.at(at)
        rules.asked.clear()
        evaluated = len(looking.at(recording.times[49]).decisions) + 1
        rules.asked.clear()
        told = looking.at(last)
        beside = looking.verifier.complete(looking.past.moment(last).state).blocks[clean("beside")]
        assert len(beside.decisions) > 5
        assert matches(beside) == [Match.SAME] + [None] * (len(beside.decisions) - 1)
        assert looking.verifier.wait(60.0)
        asked = len(rules.asked)
        assert asked == len(told.decisions) + 2 - evaluated
        assert set(matches(looking.at(last, "beside"))) == {Match.SAME}
        assert len(rules.asked) == asked + len(beside.decisions) - 1
        news = looking.told
        looking.at(last, "told")
        assert len(rules.asked) == asked + len(beside.decisions) - 1  # nothing twice
        assert looking.told == news


def test_code_that_is_not_the_file_is_a_finding_from_its_first_decision_on(recording: Recording) -> None:
    assert OTHER != OURS
    with Looking(recording, file(OTHER)) as looking:
        last = looking.at(recording.times[-1])
        ups = [entry.at for entry in last.decisions if entry.code == "ScaleUp"]
        assert len(ups) > 1
        assert last.verification is not None
        assert last.verification.first_difference is not None
        assert last.verification.first_difference.at == min(ups)
        before, after = (looking.at(min(ups) + step) for step in (-0.1, 4.0))
    assert before.verification is not None
    assert before.verification.first_difference is None
    assert after.verification is not None
    assert after.verification.first_difference is not None
    assert after.verification.first_difference.at == min(ups)
    assert after.verdict != replace(before, verdict=None).verdict


def test_code_that_is_not_the_file_is_found_in_a_block_that_nobody_looks_at(recording: Recording) -> None:
    with Looking(recording, file(OTHER)) as looking:
        last = looking.at(recording.times[-1])
        ups = [entry.at for entry in last.decisions if entry.code == "ScaleUp"]
    with Looking(recording, file(OTHER)) as looking:
        at = next(at for at in recording.times if at > min(ups))
        beside = looking.at(at, "silent"), looking.past.moment(at).state.blocks[clean("told")]
    assert [entry.code for entry in beside[1].decisions[:1]] == ["ScaleUp"]
    assert beside[1].verification is not None
    assert beside[1].verification.first_difference is not None


def test_a_file_of_another_policy_says_nothing_and_one_that_cannot_run_says_why_once(recording: Recording) -> None:
    rules = Counting()
    with Looking(recording, file(OURS, "another"), rules) as looking:
        assert looking.at(recording.times[-1]).verification is None
        assert not rules.started
    with Looking(recording, file(b"import nothing_like_this"), rules) as looking:
        for at in recording.times[-1], recording.times[30]:
            told = looking.at(at).verification
            assert told is not None
            assert told.problem
            assert "nothing_like_this" in told.problem
        assert rules.started == 1
        assert looking.told == 1


def test_a_process_that_did_not_start_is_tried_again_after_a_minute_and_hides_nothing(recording: Recording) -> None:
    class Failing(RuleProcesses):
        fails = False

        def start(self, source: bytes) -> AbstractContextManager[Rule]:
            if self.fails:
                raise RuleError("no room for another process")
            return super().start(source)

    now, rules = [1000.0], Failing()
    with Looking(recording, file(OURS), rules, lambda: now[0]) as looking:
        known = looking.at(recording.times[30])
        rules.fails = True
        failed = looking.at(recording.times[-1])
        assert failed.verification is not None
        assert failed.verification.problem == "no room for another process"
        assert Match.SAME in matches(failed)
        assert set(matches(looking.at(recording.times[30]))) == set(matches(known)) == {Match.SAME}
        rules.fails = False
        assert None in matches(looking.at(recording.times[-1]))
        now[0] += 60.0
        healed = looking.at(recording.times[-1])
        assert healed.verification is not None
        assert healed.verification.problem is None
        assert set(matches(healed)) == {Match.SAME}


def test_a_file_that_was_named_for_it_is_asked_about_decisions_that_nobody_recorded(recording: Recording) -> None:
    shipped, named = file(PLAIN.read_bytes(), None), file(PLAIN.read_bytes(), None, chosen=True)
    with Looking(recording, shipped) as looking:
        assert looking.at(recording.times[-1], "silent").verification is None
    with Looking(recording, named) as looking:
        block = looking.at(recording.times[-1], "silent")
    assert block.verification is not None
    inferred = [entry for entry in block.decisions if entry.origin is Origin.INFERRED]
    assert inferred
    assert set(block.verification.replays) == {entry.key for entry in inferred}


def test_it_stands_aside_for_a_jump_and_goes_on_after_it(recording: Recording) -> None:
    """While a jump lasts, not one decision more is evaluated than the few that are under way."""
    asked, jumping = threading.Event(), threading.Event()

    def before() -> None:
        asked.set()
        assert jumping.wait(20.0)

    rules = Counting(before)
    with Looking(recording, file(OURS), rules) as looking:
        state = looking.past.moment(recording.times[-1]).state
        looking.past.regard("told")
        assert asked.wait(20.0)
        with looking.verifier.standing_aside():
            jumping.set()
            under_way = len(rules.asked)
            assert not looking.verifier.wait(0.3)
            assert len(rules.asked) <= under_way + 8
            assert len(rules.asked) < len(state.blocks[clean("told")].decisions)
        assert looking.verifier.wait(60.0)
        assert set(matches(looking.verifier.complete(state).blocks[clean("told")])) == {Match.SAME}


def test_a_moment_that_does_not_stand_for_a_while_is_not_looked_into(recording: Recording) -> None:
    rules = Counting()
    verifier = PastVerifier(rules, file(OURS), quiet_seconds=3600.0)
    past = FilePast(recording, beside=verifier)
    for at in recording.times[::10]:
        past.moment(at)
        past.regard("told")
    assert not verifier.wait(0.2)
    verifier.close()
    assert not rules.started


def test_damage_is_said_of_its_block_and_the_others_are_evaluated(recording: Recording) -> None:
    def broken(_start: int) -> Sequence[Decision]:
        raise ValueError("half a decision")

    with Looking(recording, file(OURS)) as looking:
        state = looking.past.moment(recording.times[-1]).state
        damaged = state.blocks[clean("told")]
        blocks = {**state.blocks, damaged.block_id: replace(damaged, decisions=_Raising(broken))}
        shown: FleetState = looking.verifier.complete(replace(state, blocks=blocks))
        looking.past.regard("told")
        assert looking.verifier.wait(60.0)
        shown = looking.verifier.complete(shown)
        assert looking.verifier.wait(60.0)
    told, beside = (shown.blocks[clean(name)].verification for name in ("told", "beside"))
    assert told is not None
    assert told.problem == "half a decision"
    assert beside is not None
    assert beside.problem is None
    assert {result.match for result in beside.results.values()} == {Match.SAME}


class _Raising(Sequence[Decision]):
    """Decisions that cannot be read."""

    def __init__(self, read: Callable[[int], Sequence[Decision]]) -> None:
        self._read = read

    def __len__(self) -> int:
        return len(self._read(0))

    def __getitem__(self, place: Any) -> Any:
        return self._read(0)[place]
