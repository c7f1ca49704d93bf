"""One tryout at a time, in the background: progress, result, stop, and what it is refused for."""

import io
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.bundle.rule_process import RuleProcess
from aios_top.cli.workbench import PolicyWorkbench
from aios_top.engine.tryouts import Tryouts
from aios_top.engine.what_if import what_if
from aios_top.model.decision import Decision
from aios_top.model.errors import ActionRefusedError
from aios_top.model.rule_call import RuleError
from aios_top.model.simulation import SimulationPlan, SimulationReport
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.model.tryout import SimulationWish, TryoutPhase
from aios_top.model.what_if import Question, WhatIf
from fakes.decided import BUSY, SHIPPED, decided

WISH = SimulationWish("aios-gemma3", 0.2, 8.0, 30.0, "tutorial", "conservative", {"cooldown_seconds": 30})


class Bench:
    """Works at once, or waits until it is told to go on."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.plans: list[SimulationPlan] = []
        self.go_on = threading.Event()
        self.began = threading.Event()

    def parameters(self, named: str) -> Mapping[str, Any]:
        return {"name": named}

    def simulate(self, plans: Sequence[SimulationPlan], progress: Callable[[float], None]) -> list[SimulationReport]:
        self.plans = list(plans)
        progress(0.25)
        self.began.set()
        while not self.go_on.wait(0.01):
            progress(0.5)
        if self.failure is not None:
            raise self.failure
        return []

    def what_if(self, decisions: Sequence[Decision], question: Question, progress: Callable[[float], None]) -> WhatIf:
        with RuleProcess(SHIPPED) as rule:
            return what_if(rule, decisions, question, progress)


def block(**changes: Any) -> BlockState:
    return BlockState(clean("block"), in_force={"cooldown_seconds": 120, "min_replicas": 2}, **changes)


async def test_plans_are_made_of_the_wish_and_the_block() -> None:
    bench = Bench()
    tryouts = Tryouts(bench)
    await tryouts.simulate(replace(WISH, parameters="running"), block())
    assert tryouts.state is not None
    assert tryouts.state.running
    bench.go_on.set()
    ended = await tryouts.ended()
    assert ended is not None
    assert ended.phase is TryoutPhase.DONE
    assert ended.title == "Simulation: aios-gemma3, 12m, running changed against conservative"
    running, against = bench.plans
    assert running.parameters == {"cooldown_seconds": 30, "min_replicas": 2}
    assert against.parameters == {"name": "conservative"}
    assert (running.hours, running.requests_per_minute, running.replica_start_seconds) == (0.2, 8.0, 30.0)


async def test_only_one_runs_and_it_can_be_stopped() -> None:
    bench = Bench()
    tryouts = Tryouts(bench)
    await tryouts.simulate(WISH, None)
    with pytest.raises(ActionRefusedError, match="is running: stop it first"):
        await tryouts.simulate(WISH, None)
    await tryouts.stop()
    ended = await tryouts.ended()
    assert ended is not None
    assert ended.phase is TryoutPhase.STOPPED
    bench.go_on.set()
    await tryouts.simulate(WISH, None)
    ended = await tryouts.ended()
    assert ended is not None
    assert ended.phase is TryoutPhase.DONE


async def test_a_policy_that_cannot_be_run_is_told() -> None:
    bench = Bench(RuleError("cannot be imported: line 1", ended=True))
    bench.go_on.set()
    tryouts = Tryouts(bench)
    await tryouts.simulate(WISH, None)
    ended = await tryouts.ended()
    assert ended is not None
    assert (ended.phase, ended.problem) == (TryoutPhase.FAILED, "the policy cannot be imported: line 1")


async def test_what_there_is_nothing_to_take_from_is_refused() -> None:
    tryouts = Tryouts(Bench())
    with pytest.raises(ActionRefusedError, match="no block is selected"):
        await tryouts.simulate(replace(WISH, parameters="running"), None)
    with pytest.raises(ActionRefusedError, match="has no decision yet"):
        await tryouts.what_if(block(), Question(clean("block"), {}, {}))
    assert tryouts.state is None


async def test_a_blocks_decisions_are_taken_again_newest_first_or_not() -> None:
    decisions = decided({}, replace(BUSY, hours=0.3))
    tryouts = Tryouts(Bench())
    await tryouts.what_if(block(decisions=tuple(reversed(decisions))), Question(clean("block"), {}, {}))
    ended = await tryouts.ended()
    assert ended is not None
    assert ended.answer is not None
    assert ended.answer.divergence is None
    assert [entry.was for entry in ended.answer.retaken] == decisions


def test_the_workbench_runs_in_processes_of_its_own() -> None:
    bench = PolicyWorkbench(None)
    shares: list[float] = []
    plans = [
        replace(BUSY, name=name, parameters=bench.parameters(name), hours=0.2) for name in ("tutorial", "throughput")
    ]
    first, second = bench.simulate(plans, shares.append)
    assert (first.plan.name, second.plan.name) == ("tutorial", "throughput")
    assert shares[-1] <= 1.0
    with pytest.raises(ActionRefusedError, match="conservative"):
        bench.parameters("nonsense")


def test_what_progress_raises_ends_the_processes() -> None:
    def stop(_share: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        PolicyWorkbench(None).simulate([replace(BUSY, hours=200.0)], stop)


def test_a_screen_that_has_no_standard_error_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal application captures it, and gives no number for it."""

    class Captured(io.StringIO):
        def fileno(self) -> int:
            return -1

    monkeypatch.setattr(sys, "stderr", Captured())
    (report,) = PolicyWorkbench(None).simulate([replace(BUSY, hours=0.1)], lambda _share: None)
    assert report.evaluations > 0


def test_a_process_that_just_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(RuleError, match="ended unexpectedly"):
        PolicyWorkbench(None).simulate([replace(BUSY, hours=0.1)], lambda _share: None)
