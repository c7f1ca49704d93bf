"""The console's cockpit over a real session on the engine's own thread."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.cli.wiring import RuleProcesses
from aios_top.cli.workbench import PolicyWorkbench
from aios_top.console.bridge import LINT_SECONDS, EngineCockpit
from aios_top.console.ports import Cockpit
from aios_top.engine.clock import SystemClock
from aios_top.engine.session import Session
from aios_top.engine.session_options import SessionOptions
from aios_top.engine.session_ports import Ports
from aios_top.engine.thread import EngineThread
from aios_top.model.change import Fate
from aios_top.model.deploy import Bundle, PolicyCode
from aios_top.model.errors import ActionRefusedError
from aios_top.model.load import Cause, LoadPhase, LoadPlan
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.reading import BlockReading
from aios_top.model.record import PolicyRecord
from aios_top.model.text import clean
from aios_top.store.audit import AuditLog
from aios_top.store.load_runs import LoadRunFolder
from fakes.controls import BLOCK, FakeMutations, record
from fakes.generator import FakeGenerator, FakeSender
from fakes.readings import instance
from fakes.reads import FakeReads

OLDER = "tokens:0.9-stable"


class NoBundles:
    def load(self, path: str) -> Bundle:
        raise ActionRefusedError(f"{path}: no code/function.py")

    def read(self, content: bytes) -> PolicyCode:
        return PolicyCode("0", problems=("no archive",))

    def at_hand(self, uri: str) -> Bundle | None:
        return None


class Engine:
    """A session over an AIOS in memory, on its thread."""

    def __init__(self, folder: Path) -> None:
        clock = SystemClock()
        self.reads = FakeReads(clock)  # type: ignore[arg-type]
        self.reads.blocks = {BLOCK: BlockReading(clean(BLOCK), (instance("in-aa01", clock.now()),))}
        self.reads.block_records = (record(),)
        self.reads.reports[BLOCK] = PolicyReport(Voice.SILENT)
        self.reads.registered = (
            PolicyRecord(clean(OLDER), clean("tokens"), clean("0.9"), clean("stable"), clean("http://files/a.zip")),
        )
        self.mutations = FakeMutations()
        self.sender = FakeSender(clock, replies=[None] * 10)
        audit = AuditLog(folder / "audit.jsonl", clock.now)
        generator, runs = FakeGenerator(self.sender, clock), LoadRunFolder(folder / "load")
        ports = Ports(
            self.reads,
            self.mutations,
            audit,
            generator,
            runs,
            NoBundles(),
            clock,
            RuleProcesses(),
            PolicyWorkbench(None),
        )
        session = Session(ports, SessionOptions(context="lab", poll_seconds=0.25, who="ann@desk"))

        @asynccontextmanager
        async def opened() -> AsyncIterator[Session]:
            yield session

        self.thread = EngineThread(opened)
        self.cockpit = EngineCockpit(self.thread)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path)
    yield engine
    assert engine.thread.close(1)


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_is_a_cockpit_and_its_states_come_on_the_engines_thread(engine: Engine) -> None:
    cockpit: Cockpit = engine.cockpit
    names: list[str] = []
    stop = cockpit.subscribe(lambda _state: names.append(threading.current_thread().name))
    eventually(lambda: bool(names) and BLOCK in cockpit.latest().blocks)
    stop()
    assert set(names) == {"aios-top-engine"}
    assert cockpit.latest().context == "lab"
    assert abs(cockpit.now() - time.time()) < 5
    assert (cockpit.gate.writable, cockpit.gate.read_only, cockpit.production) == (True, False, False)


def test_a_plan_is_executed_and_stands_in_the_record_at_once(engine: Engine) -> None:
    cockpit = engine.cockpit
    eventually(lambda: BLOCK in cockpit.latest().blocks)
    assert cockpit.audit_entries() == ()
    plan = cockpit.submit(cockpit.plan_bind, BLOCK, OLDER).result(10)
    assert cockpit.submit(cockpit.execute, plan).result(10).fate is Fate.DONE
    assert [entry.kind for entry in cockpit.audit_entries()] == ["intent", "outcome"]
    assert len(engine.mutations.sent) == 1


def test_a_refusal_comes_back_as_the_engines_own_error(engine: Engine) -> None:
    cockpit = engine.cockpit
    with pytest.raises(ActionRefusedError, match="there is no block nobody"):
        cockpit.submit(cockpit.plan_reset, "nobody").result(10)
    with pytest.raises(ActionRefusedError, match="no code/function"):
        cockpit.submit(cockpit.plan_deploy, "/nowhere", (BLOCK,), False).result(10)


def test_a_closed_gate_stops_what_was_planned_while_it_was_open(engine: Engine) -> None:
    cockpit = engine.cockpit
    eventually(lambda: BLOCK in cockpit.latest().blocks)
    plan = cockpit.submit(cockpit.plan_bind, BLOCK, OLDER).result(10)
    assert not cockpit.gate.toggle()
    assert cockpit.submit(cockpit.execute, plan).result(10).fate is Fate.REFUSED
    assert engine.mutations.sent == []


def test_lints_are_looked_for_in_the_background_and_again_when_they_are_old(engine: Engine) -> None:
    cockpit = engine.cockpit
    eventually(lambda: BLOCK in cockpit.latest().blocks)
    assert cockpit.lint_report(BLOCK) is None
    eventually(lambda: cockpit.lint_report(BLOCK) is not None)
    first = cockpit.lint_report(BLOCK)
    assert first is not None
    assert "NoMaximum" in {finding.code for finding in first.findings}
    cockpit._reports[BLOCK] = replace(first, at=first.at - LINT_SECONDS - 1)
    eventually(lambda: (report := cockpit.lint_report(BLOCK)) is not None and report.at > first.at)


def test_a_block_that_is_gone_has_no_lints_and_is_asked_for_again(engine: Engine) -> None:
    cockpit = engine.cockpit
    assert cockpit.lint_report("nobody") is None
    eventually(lambda: not cockpit._looking)
    assert cockpit.lint_report("nobody") is None


@pytest.mark.parametrize(
    ("plan", "arguments"),
    [
        ("plan_set", (BLOCK, {"cooldown_seconds": 60})), ("plan_pause", (BLOCK, 60.0, "up", "why")),
        ("plan_resume", (BLOCK,)), ("plan_force", (BLOCK, 1, True, "why")), ("plan_cancel", (BLOCK,)),
    ],
)  # fmt: skip
def test_what_is_told_to_the_policy_crosses_to_the_engine(
    engine: Engine, plan: str, arguments: tuple[Any, ...]
) -> None:
    cockpit = engine.cockpit
    eventually(lambda: BLOCK in cockpit.latest().blocks)
    made = cockpit.submit(getattr(cockpit, plan), *arguments).result(10)
    assert cockpit.submit(cockpit.execute, made).result(10).fate is Fate.DONE
    assert engine.mutations.sent == [request.change for request in made.requests]


def test_a_screen_that_stands_still_stops_the_load_test(engine: Engine) -> None:
    cockpit = engine.cockpit
    cockpit.screen_stalled()  # nothing runs, nothing happens
    cockpit.submit(cockpit.start_load, LoadPlan(BLOCK, requests=3)).result(10)
    eventually(lambda: engine.sender.in_flight == 3)
    cockpit.screen_stalled()
    eventually(lambda: (state := cockpit.load_state()) is not None and state.phase is LoadPhase.DRAINING)
    cockpit.submit(cockpit.stop_load).result(10)
    eventually(lambda: (state := cockpit.load_state()) is not None and state.phase is LoadPhase.STOPPED)
    assert (cockpit.load_state() or pytest.fail("no state")).cause is Cause.UI_LOST


def test_closing_ends_a_load_test_that_still_waits(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    cockpit = engine.cockpit
    cockpit.submit(cockpit.start_load, LoadPlan(BLOCK, requests=2)).result(10)
    eventually(lambda: engine.sender.in_flight == 2)
    assert engine.thread.close(0.5)
    assert (engine.sender.in_flight, len(engine.sender.requests)) == (0, 2)


def test_what_another_console_does_comes_into_the_record_by_itself(engine: Engine, tmp_path: Path) -> None:
    cockpit = engine.cockpit
    eventually(lambda: BLOCK in cockpit.latest().blocks)
    assert cockpit.audit_entries() == ()
    other = AuditLog(tmp_path / "audit.jsonl")
    other.outcome(other.intent({"title": "Scale it"}), {"fate": "done"})
    eventually(lambda: [entry.kind for entry in cockpit.audit_entries()] == ["intent", "outcome"])
