"""What a policy file makes of recorded decisions, shown with the moments that they belong to."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from aios_top.cli.past import FilePast
from aios_top.cli.wiring import RuleProcesses
from aios_top.engine.past_verifier import PastVerifier
from aios_top.model.decision import Decision
from aios_top.model.explanation import Match
from aios_top.model.text import clean
from aios_top.model.verification import PolicyFile
from aios_top.store.recording_reader import Recording, open_recording
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock
from policy.harness import EXPLAINED

OURS = EXPLAINED.read_bytes()
OTHER = OURS.replace(b'"Token rate"', b'"Token rates"')


def file(source: bytes, name: str | None = "tokenautoscaler-explained") -> PolicyFile:
    return PolicyFile(clean("function.py"), source, "0" * 64, name)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of two minutes with a scale-up."""
    found = tmp_path_factory.mktemp("verified") / "story.aiosrec"

    async def record() -> None:
        clock, reads = simulated(SimulatedBlock("told", rate=0.6), push=6.0, interval=6.0)
        story = Story(found, clock, reads)
        await story.poll(60)
        story.writer.close()

    asyncio.run(record())
    return found


@pytest.fixture
def recording(path: Path) -> Iterator[Recording]:
    with open_recording(path) as found:
        yield found


def verified(recording: Recording, known: PolicyFile) -> FilePast:
    verifier = PastVerifier(RuleProcesses(), known, quiet_seconds=0.0)
    past = FilePast(recording, beside=verifier)
    past.moment(recording.times[-1])
    past.regard("told")
    assert verifier.wait(60.0)
    verifier.close()
    return past


def test_every_decision_of_every_moment_is_evaluated_again(recording: Recording) -> None:
    past = verified(recording, file(OURS))
    for at in recording.times[10::10]:
        block = past.moment(at).state.blocks["told"]
        assert block.verification is not None
        assert {block.verification.results[entry.key].match for entry in block.decisions} == {Match.SAME}
        assert block.verification.first_difference is None


def test_code_that_is_not_the_file_is_a_finding_from_its_first_decision_on(recording: Recording) -> None:
    assert OTHER != OURS
    past = verified(recording, file(OTHER))
    ups = [entry.at for entry in past.moment(recording.times[-1]).state.blocks["told"].decisions if _is_up(entry)]
    before, after = (past.moment(min(ups) + step).state.blocks["told"] for step in (-0.1, 4.0))
    assert before.verification is not None
    assert before.verification.first_difference is None
    assert after.verification is not None
    assert after.verification.first_difference is not None
    assert after.verification.first_difference.at == min(ups)
    assert after.verdict != replace(before, verdict=None).verdict


def _is_up(decision: Decision) -> bool:
    return decision.code == "ScaleUp"


def test_a_file_of_another_policy_says_nothing_and_one_that_cannot_run_says_why(recording: Recording) -> None:
    assert (
        verified(recording, file(OURS, "another")).moment(recording.times[-1]).state.blocks["told"].verification is None
    )
    broken = verified(recording, file(b"import nothing_like_this"))
    told = broken.moment(recording.times[-1]).state.blocks["told"].verification
    assert told is not None
    assert told.problem
