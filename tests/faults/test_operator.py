"""What an operator can do wrong, and what the network does to a change: one request or none, and the truth about it."""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from aios_top.aios.address import Addresses
from aios_top.aios.limits import Limits
from aios_top.aios.mutator import AiosMutator
from aios_top.aios.read_list import ReadOnlyError, check_read
from aios_top.cli.main import main
from aios_top.cli.parser import build_parser
from aios_top.console.app import ConsoleApp
from aios_top.console.keys import KEYS
from aios_top.engine.actions import Actions
from aios_top.load.child import ProcessGenerator
from aios_top.model.audit import unresolved
from aios_top.model.change import (
    BindPolicy,
    Fate,
    Manage,
    Outcome,
    RegisterPolicy,
    ResetCooldown,
    RestartExecutor,
    ScaleDown,
    ScaleUp,
    UpdatePolicy,
    UploadArchive,
)
from aios_top.model.errors import ActionRefusedError
from aios_top.store.audit import AuditLog
from console import states
from console.cockpit import FakeCockpit
from fakes.controls import BLOCK, CLUSTER, World, a_block, pod
from fakes.loopback import Loopback, in_turn, reply, reset, silence
from fakes.recording_aios import BLOCK as RECORDED
from fakes.recording_aios import CLUSTER as RECORDED_CLUSTER
from fakes.recording_aios import RecordingAios
from fakes.terminal import TerminalProcess

OK = reply(200, {"success": True, "data": {"success": True, "data": "scaled"}})
LOST = {"mutate_then_reset": reset, "mutate_then_hang": silence, "mutate_then_500": reply(500, b"")}
CHANGES = [
    ResetCooldown("gemma"),
    Manage("gemma", "pause", {"seconds": 5}),
    ScaleUp("gemma", "c", 1),
    ScaleDown("gemma", "c", ("in-a",)),
    UploadArchive("p.zip", b"PK"),
    RegisterPolicy({"name": "p"}),
    UpdatePolicy("p:1-s", {"name": "p"}),
    BindPolicy("gemma", "p:1-s"),
    RestartExecutor("gemma", "pod"),
]


def mutator(url: str, *, seconds: float = 20.0, read_only: bool = False) -> AiosMutator:
    names = ("gateway", "controller", "upload", "policies", "blocks")
    return AiosMutator(Addresses(dict.fromkeys(names, url)), Limits(change_seconds=seconds), read_only=read_only)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
async def test_o_01_a_lost_reply_is_unknown_and_never_sent_again(fault: str, change: object) -> None:
    async with Loopback(in_turn(LOST[fault], OK)) as server:
        outcome = await mutator(server.url, seconds=0.3).send(change)  # type: ignore[arg-type]
        assert len(server.requests) == 1
    assert outcome.fate is Fate.UNKNOWN
    assert outcome.sent_at is not None


async def test_o_01_the_screen_says_when_it_was_sent_and_looks_again() -> None:
    engine = FakeCockpit(states.fleet(), outcome=Outcome(Fate.UNKNOWN, "no answer within 30s", sent_at=states.NOW))
    app, said = ConsoleApp(engine), []
    async with app.run_test(size=(120, 40)) as pilot:
        app.toast = lambda message, *rest: said.append(message)  # type: ignore[method-assign, assignment]
        await pilot.press("C")
        await pilot.pause()
        await pilot.press("y")
        for _ in range(5):
            await pilot.pause()
    assert said[-1].startswith("UNKNOWN: sent 14:53:25, ")
    assert [name for name, _ in engine.calls].count("execute") == 1


async def test_o_02_nothing_anywhere_repeats_a_change() -> None:
    """A second attempt would have succeeded; and the connection of a change is its own."""
    async with Loopback(in_turn(reset, OK, OK)) as server:
        sender = mutator(server.url)
        for count in range(1, 11):
            outcome = await sender.send(ScaleUp("gemma", "c", 1))
            assert len(server.requests) == server.connections == count
            assert outcome.fate is (Fate.UNKNOWN if count == 1 else Fate.DONE)


async def test_o_03_a_count_that_changed_while_the_dialog_was_open_refuses(tmp_path: Path) -> None:
    world = World(tmp_path)
    plan = await world.actions.plan_scale(BLOCK, replicas=4)
    world.reads.pod_lists[BLOCK] += (pod("in-aa03"),)
    outcome = await world.actions.execute(plan)
    assert outcome.fate is Fate.REFUSED
    assert "was 2, is 3" in outcome.message
    assert world.mutations.sent == []
    assert world.kinds() == ["refused"]


async def test_o_04_two_consoles_that_confirm_together_send_one_each_at_most(tmp_path: Path) -> None:
    both = 0
    for attempt in range(100):
        first, second = (World(tmp_path / str(attempt)) for _ in range(2))
        second.reads = first.reads
        second.actions = Actions(
            first.reads, second.mutations, second.audit, second.clock, lambda fleet=second.fleet: fleet, second.gate,
            who="bob@desk", context="lab",
        )  # fmt: skip
        plans = [await world.actions.plan_scale(BLOCK, replicas=3) for world in (first, second)]
        ends = await asyncio.gather(first.actions.execute(plans[0]), second.actions.execute(plans[1]))
        sent = [len(world.mutations.sent) for world in (first, second)]
        assert max(sent) <= 1
        assert sent == [int(end.fate is Fate.DONE) for end in ends]
        entries = AuditLog(tmp_path / str(attempt) / "state" / "audit.jsonl").entries()
        assert {entry.fields["by"] for entry in entries if entry.kind in {"intent", "refused"}} == {
            "ann@desk",
            "bob@desk",
        }
        assert first.audit.verify().problems == ()
        both += sum(sent) == 2
        later = await second.actions.plan_scale(BLOCK, replicas=4)
        assert any("scaled by hand" in warning for warning in later.warnings)
    assert both < 100  # the record of the first is what the second looks at


async def test_o_05_a_key_that_is_held_down_is_one_request() -> None:
    engine = FakeCockpit(states.fleet())
    app = ConsoleApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(*(["C"] * 20))
        await pilot.pause()
        await pilot.press(*(["y"] * 20), *(["enter"] * 20))
        await pilot.pause()
    assert len(engine.executed) == 1


@pytest.mark.parametrize("key", [key.keys[0] for key in KEYS if key.writes and key.group == "Change"])
async def test_o_06_on_old_figures_nothing_is_changed(key: str) -> None:
    state = states.fleet()
    name, block = next(iter(state.blocks.items()))
    old = replace(state, blocks={**state.blocks, name: replace(block, missed_polls=3, problem=block.block_id)})
    engine, said = FakeCockpit(old), []
    app = ConsoleApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        app.toast = lambda message, *rest: said.append(message)  # type: ignore[method-assign, assignment]
        await pilot.press(key)
        for _ in range(3):
            await pilot.pause()
    assert [name for name, _ in engine.calls] == []
    assert "3 polls failed" in said[-1]


@pytest.mark.parametrize("plan", ["reset", "scale", "restart", "manage"])
async def test_o_06_and_the_engine_refuses_too(plan: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.show(replace(a_block(world.clock.now()), missed_polls=2))
    make: dict[str, Callable[[], object]] = {
        "reset": lambda: world.actions.plan_reset(BLOCK),
        "scale": lambda: world.actions.plan_scale(BLOCK, replicas=3),
        "restart": lambda: world.actions.plan_restart(BLOCK),
        "manage": lambda: world.actions.plan_manage(BLOCK, "pause", {}),
    }
    with pytest.raises(ActionRefusedError, match="old"):
        await make[plan]()  # type: ignore[misc]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
async def test_o_07_a_read_only_sender_opens_no_connection(change: object) -> None:
    async with Loopback(OK) as server:
        outcome = await mutator(server.url, read_only=True).send(change)  # type: ignore[arg-type]
        assert server.connections == 0
    assert outcome.fate is Fate.REFUSED
    assert "read-only" in outcome.message


async def test_o_07_nor_does_read_only_load() -> None:
    async with Loopback(OK) as server:
        generator = ProcessGenerator(Addresses({"inference": server.url}), read_only=True)
        with pytest.raises(ReadOnlyError):
            await generator.start(None)  # type: ignore[arg-type] # the lock comes before the job
        assert server.connections == 0


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("POST", "/policy", {}), ("PUT", "/blocks/b", {}), ("DELETE", "/block/b", None), ("PATCH", "/x", {}),
        ("POST", "/block/aggregate", [{"$out": "x"}]), ("POST", "/mgmt", {"mgmt_action": "reset_cooldown"}),
        ("POST", "/mgmt", {"service": "executor", "mgmt_action": "get_state"}), ("POST", "/v1/infer", {}),
        ("POST", "/blocks/mgmt", {"service": "autoscaler", "action": "get_state", "mgmt_action": "pause"}),
        ("POST", "/upload", None), ("POST", "/executeAction", {}), ("GET", "/x", {"body": 1}),
    ],
)  # fmt: skip
def test_o_07_the_read_list_lets_nothing_else_out(method: str, path: str, document: object) -> None:
    with pytest.raises(ReadOnlyError):
        check_read(method, f"http://a{path}", document)


def writing_commands() -> list[list[str]]:
    """Every command of the command line that asks for consent, with the least that it needs."""
    found: list[list[str]] = []

    def walk(parser: argparse.ArgumentParser, words: list[str]) -> None:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, child in action.choices.items():
                    walk(child, [*words, name])
        if any("--yes" in action.option_strings for action in parser._actions):
            found.append([*words, *least(parser)])

    walk(build_parser(), [])
    return found


def least(parser: argparse.ArgumentParser) -> list[str]:
    """Return the arguments without which a command is not accepted."""
    words = []
    wanted = [action for action in parser._actions if action.required]
    wanted += [group._group_actions[0] for group in parser._mutually_exclusive_groups if group.required]
    for action in wanted:
        value = {"block": RECORDED, "replicas": "3"}.get(action.dest, "1")
        if action.nargs == 0:
            value = ""
        if action.choices:
            value = str(next(iter(action.choices)))
        words += [action.option_strings[0]] if action.option_strings else []
        words += [value] if value else []
    return words


COMMANDS = writing_commands()


@pytest.fixture
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIOS_TOP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "state"))
    return tmp_path


@pytest.mark.parametrize("lock", ["flag", "environment"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_o_07_every_command_refuses_when_it_is_read_only(
    command: list[str], lock: str, own_files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with RecordingAios() as aios:
        aios.evaluate()
        flag = ["--read-only"] if lock == "flag" else []
        if lock == "environment":
            monkeypatch.setenv("AIOS_TOP_READ_ONLY", "1")
        code = main([*command, "--yes", *flag, *aios.options])
        assert aios.changes == []
    assert code in {1, 2}, command
    assert "read-only" in capsys.readouterr().err or code == 2


def test_o_07_a_context_can_be_read_only(own_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RecordingAios() as aios:
        urls = "\n".join(f'{word.partition("=")[0]} = "{word.partition("=")[2]}"' for word in aios.options[1::2])
        (own_files / "config.toml").write_text(f"[contexts.p]\nread_only = true\n[contexts.p.urls]\n{urls}\n")
        assert main(["cooldown", "reset", "--block", RECORDED, "--context", "p", "--yes"]) == 1
        assert aios.changes == []
    assert "read-only" in capsys.readouterr().err


def test_o_07_no_key_and_no_word_changes_anything_when_it_is_read_only(own_files: Path) -> None:
    """The real console on a real terminal: every key of the table, every command, yes to every question."""
    words = ["reset", "scale +1", "scale 5", "load", "deploy", "restart", "pause", "resume", "force", "bind", "write"]
    with RecordingAios() as aios:
        aios.evaluate()
        command = [sys.executable, "-m", "aios_top", "--read-only", *aios.options]
        with TerminalProcess(command, columns=120, lines=40, environment=dict(os.environ)) as terminal:
            terminal.wait_for("READ-ONLY", 30)
            terminal.wait_for(RECORDED, 30)
            terminal.send("W")
            terminal.rest(0.3)
            for key in [key for entry in KEYS for key in entry.keys if len(key) == 1 and key not in "qp"]:
                terminal.send(key)
                terminal.rest(0.05)
                terminal.send("y")
                terminal.send("\r")
                terminal.rest(0.05)
                terminal.send("\x1b")
                terminal.rest(0.15)
            for word in words:
                terminal.send(f":{word}\r")
                terminal.rest(0.15)
                terminal.send("y\r")
                terminal.rest(0.05)
                terminal.send("\x1b")
                terminal.rest(0.15)
            for _ in range(40):  # what a key began in the background opens when it is ready
                terminal.send("\x1b")
                terminal.rest(0.5)
                if "READ-ONLY" in terminal.screen:
                    break
            assert "READ-ONLY" in terminal.screen
            assert terminal.process.poll() is None
        assert aios.changes == []
        assert len(aios.requests) > 3


async def test_o_08_the_block_of_the_dialog_is_the_block_that_is_changed() -> None:
    state = states.fleet()
    names = list(state.blocks)
    engine = FakeCockpit(state)
    app = ConsoleApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("j", "C")
        await pilot.pause()
        backwards = {name: state.blocks[name] for name in reversed(names) if name != names[0]}
        engine.publish(replace(state, blocks=backwards, sequence=state.sequence + 1))
        await pilot.pause()
        await pilot.press("y")
        await pilot.pause()
    (plan,) = engine.executed
    assert names[1] in plan.title
    assert plan.requests[0].change == ResetCooldown(names[1])


async def test_o_12_an_interrupt_waits_for_the_answer_and_records_that_none_came(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.mutations.hold = asyncio.Event()
    world.mutations.outcomes.append(Outcome(Fate.UNKNOWN, "no answer within 30s"))
    plan = await world.actions.plan_reset(BLOCK)
    sending = asyncio.create_task(world.actions.execute(plan))
    await world.mutations.arrived.acquire()
    sending.cancel()
    await asyncio.sleep(0.01)
    assert not sending.done()
    world.mutations.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert world.kinds() == ["intent", "outcome"]
    assert world.lines()[-1][1]["fate"] == "unknown"


def test_o_12_two_interrupts_end_the_command_with_the_truth_in_the_record(own_files: Path) -> None:
    with RecordingAios() as aios:
        aios.evaluate()
        aios.hold.add(("gateway", f"/controller/block-scaling/{RECORDED_CLUSTER}"))
        command = [sys.executable, "-m", "aios_top", "scale", "--block", RECORDED, "--by", "1", "--yes", *aios.options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            until(lambda: aios.changes)
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        assert len(aios.changes) == 1
    entries = AuditLog(own_files / "state" / "audit.jsonl").entries()
    assert [entry.kind for entry in entries] == ["intent", "outcome"]
    assert entries[-1].fields["fate"] == "unknown"
    assert unresolved(entries) == ()


def until(fact: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "no answer"),
        ({"status": "error", "reason": "no such thing"}, "no such thing"),
        ({"success": False, "message": "not me"}, "not me"),
        ({"status": "not_implemented"}, "does not know"),
    ],
)
def test_o_14_a_policy_that_did_nothing_is_a_failure(
    answer: object, words: str, own_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RecordingAios() as aios:
        aios.answers["gateway", "/blocks/mgmt"] = (200, {"success": True, "data": answer})
        assert main(["cooldown", "reset", "--block", RECORDED, "--yes", *aios.options]) == 1
        assert len(aios.changes) == 1
    assert words in capsys.readouterr().err


def test_p_12_an_inner_failure_is_a_failure_whatever_the_status_says(
    own_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RecordingAios() as aios:
        aios.evaluate()
        inner = {"success": False, "data": "block not found in cluster"}
        aios.answers["gateway", f"/controller/block-scaling/{RECORDED_CLUSTER}"] = (
            200,
            {"success": True, "data": inner},
        )
        assert main(["scale", "--block", RECORDED, "--by", "1", "--yes", *aios.options]) == 1
    assert "block not found in cluster" in capsys.readouterr().err


def test_production_asks_for_the_blocks_name(own_files: Path) -> None:
    """Without a terminal to type it on, and without --yes, nothing is sent."""
    with RecordingAios() as aios:
        urls = "\n".join(f'{word.partition("=")[0]} = "{word.partition("=")[2]}"' for word in aios.options[1::2])
        (own_files / "config.toml").write_text(f"[contexts.p]\nproduction = true\n[contexts.p.urls]\n{urls}\n")
        command = [sys.executable, "-m", "aios_top", "cooldown", "reset", "--block", RECORDED, "--context", "p"]
        with TerminalProcess(command, environment=dict(os.environ)) as terminal:
            terminal.wait_for(f"[type {RECORDED}]", 30)
            terminal.send("y\n")
            assert terminal.wait_exit(20) == 1
        assert aios.changes == []
        with TerminalProcess(command, environment=dict(os.environ)) as terminal:
            terminal.wait_for(f"[type {RECORDED}]", 30)
            terminal.send(f"{RECORDED}\n")
            assert terminal.wait_exit(20) == 0
        assert len(aios.changes) == 1
    assert json.loads((own_files / "state" / "audit.jsonl").read_text().splitlines()[0])["kind"] == "intent"
    assert CLUSTER
