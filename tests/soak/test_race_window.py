"""On demand: how long two consoles can race, from the last look at the replicas to the request that changes them.

    RACES=300 .venv/bin/pytest tests/soak/test_race_window.py -s

Real sockets to the embedded AIOS, the audit file on the disk, nothing faked: only the clock is read beside it.
"""

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aios_top.aios.address import NAMES, STAND_IN_PORTS, Addresses
from aios_top.aios.mutator import AiosMutator
from aios_top.aios.reader import AiosReader
from aios_top.cli.installation import Installation
from aios_top.cli.wiring import open_session
from aios_top.engine.session import Session
from aios_top.engine.session_options import SessionOptions
from aios_top.model.change import Change, Fate, Outcome
from aios_top.model.errors import ActionRefusedError
from aios_top.model.record import Pod
from aios_top.testbed.embedded import EmbeddedAios

RACES = int(os.environ.get("RACES", "300"))
BLOCK = "gemma3-27b-block"
MOST_MS = 50.0
"""What p99 of the window is to stay below."""


@dataclass
class Watch:
    """The moments of one change, monotonic seconds."""

    asked: float = 0.0
    """The last look was asked for: what the server answers cannot be older."""
    answered: float = 0.0
    sent: float = 0.0
    done: float = 0.0
    """The answer to the change: the server cannot have taken it later."""
    between: list[float] = field(default_factory=list)
    at_most: list[float] = field(default_factory=list)

    def keep(self) -> None:
        self.between.append((self.sent - self.answered) * 1000)
        self.at_most.append((self.done - self.asked) * 1000)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    kept, pods, send = Watch(), AiosReader.pods, AiosMutator.send

    async def watched_pods(reader: AiosReader, block_id: str) -> Sequence[Pod]:
        kept.asked = time.monotonic()
        found = await pods(reader, block_id)
        kept.answered = time.monotonic()
        return found

    async def watched_send(mutator: AiosMutator, change: Change) -> Outcome:
        kept.sent = time.monotonic()
        outcome = await send(mutator, change)
        kept.done = time.monotonic()
        return outcome

    monkeypatch.setattr(AiosReader, "pods", watched_pods)
    monkeypatch.setattr(AiosMutator, "send", watched_send)
    return kept


def addresses(aios: EmbeddedAios) -> Addresses:
    urls = {name: url + ("/{block}" if name in STAND_IN_PORTS else "") for name, url in aios.urls.items()}
    return Addresses({name: url for name, url in urls.items() if name in NAMES})


async def one_change(session: Session, number: int) -> Outcome:
    """Plan and carry out a scaling, up and down in turn; raises ActionRefusedError where there is none to plan."""
    await session.refresh()
    plan = await session.plan_scale(BLOCK, change=1 if number % 2 else -1)
    return await session.execute(plan)


async def test_the_window_between_the_last_look_and_the_request(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "state"))
    refused = 0
    with EmbeddedAios.start(seed=1) as aios:
        async with open_session(Installation(addresses(aios), SessionOptions())) as session:
            while len(watch.between) < RACES:
                assert refused < RACES, "more refused than sent"
                try:
                    outcome = await one_change(session, len(watch.between) + refused)
                except ActionRefusedError:  # one replica is left, or the policy was faster
                    refused += 1
                    continue
                if outcome.fate is Fate.REFUSED:
                    refused += 1
                    continue
                assert outcome.fate is Fate.DONE, outcome.message
                watch.keep()
    print(f"\n{RACES} changes, {refused} refused before they were sent")
    for name, values in (("last look answered to request begun", watch.between), ("at most", watch.at_most)):
        cuts = statistics.quantiles(values, n=100)
        print(f"{name}: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, most {max(values):.1f} ms", flush=True)
    assert statistics.quantiles(watch.between, n=100)[98] < MOST_MS
