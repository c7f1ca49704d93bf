"""A deploy goes step by step, stops at the first that is not done, and says what exists then."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from aios_top.bundle.registration import FIELDS
from aios_top.engine.deploy import Deploy
from aios_top.engine.restart import RESTART_WARNINGS
from aios_top.model.change import (
    BindPolicy,
    Change,
    Fate,
    Outcome,
    Plan,
    RegisterPolicy,
    RestartExecutor,
    UpdatePolicy,
    UploadArchive,
)
from aios_top.model.deploy import Bundle, DeployState, StepStatus
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.record import PolicyRecord
from aios_top.model.text import clean
from fakes.controls import BLOCK, POD, URI, World, pod, pushed, record, report

CONTENT = b"PK the archive"
DIGEST = sha256(CONTENT).hexdigest()
FILE = "tokens-2.0-0a1b2c3d.zip"
NEW = "tokens:2.0-stable"
SERVED = f"http://files.example:32555/{FILE}"
KUBECTL = "kubectl -n blocks rollout restart deployment/gemma-executor"
HINT = (
    "gemma goes on with the policy that runs now until its executor is restarted: "
    f"aios-top policy restart --block gemma; or {KUBECTL}"
)
RECORD: dict[str, Any] = {name: kind() for name, kind in FIELDS.items()} | {
    "name": "tokens",
    "version": "2.0",
    "release_tag": "stable",
}
BUNDLE = Bundle(FILE, CONTENT, DIGEST, ("code/function.py",), RECORD, ("installs numpy",), code_sha256="c0de" * 16)
REGISTERED = {**RECORD, "code": SERVED}


def registered(uri: str = NEW, code: str = "http://files.example:32555/old.zip") -> PolicyRecord:
    return PolicyRecord(clean(uri), clean("tokens"), clean("2.0"), clean("stable"), clean(code))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An AIOS that serves what is uploaded, keeps what is registered and bound, and restarts on request."""
    made = World(tmp_path)
    made.reads.reports[BLOCK] = report("in-aa01", boot_id="old")

    def carry_out(change: Change) -> None:
        match change:
            case UploadArchive(name, content):
                made.reads.files[name] = content
            case RegisterPolicy(given) | UpdatePolicy(record=given):
                made.reads.registered = (registered(code=given["code"]),)
            case BindPolicy(block_id, uri):
                kept = tuple(entry for entry in made.reads.block_records if entry.block_id != block_id)
                made.reads.block_records = (*kept, record(uri, block_id))
            case RestartExecutor():
                made.reads.reports[BLOCK] = PolicyReport(Voice.UNREACHABLE, problem=clean("refused"))

    made.mutations.on_send = carry_out
    return made


@pytest.fixture
def deploy(world: World) -> Deploy:
    return Deploy(world.actions, world.reads, world.clock, patience_seconds=60.0)


def steps(state: DeployState) -> dict[str, str]:
    return {step.name: step.status.value for step in state.steps}


def sent(world: World) -> list[str]:
    return [type(change).__name__ for change in world.mutations.sent]


async def run(deploy: Deploy, plan: Plan) -> DeployState:
    return await deploy.run(plan, BUNDLE, lambda _: None)


async def run_while_time_passes(
    world: World, deploy: Deploy, plan: Plan, script: dict[int, Callable[[], Any]]
) -> DeployState:
    """Run a deploy and let the script happen, keyed by whole seconds after the restart; time waits for each line."""
    task = asyncio.create_task(run(deploy, plan))
    seconds = 0
    async with asyncio.timeout(20):
        while not task.done():
            if "RestartExecutor" in sent(world):
                happening = script.get(seconds, lambda: None)()
                if happening is not None:
                    await happening
                seconds += 1
                await world.clock.advance(1)
            await asyncio.sleep(0.001)  # the audit file is written on a thread
    return task.result()


async def test_the_plan_shows_every_request_and_what_it_was_made_from(world: World, deploy: Deploy) -> None:
    plan = await deploy.plan(BUNDLE, [BLOCK, BLOCK], restart=True)
    assert [(request.change, request.method, request.url) for request in plan.requests] == [
        (UploadArchive(FILE, CONTENT), "POST", "http://aios.example:30186/upload"),
        (RegisterPolicy(REGISTERED), "POST", "http://aios.example:30102/policy"),
        (BindPolicy(BLOCK, NEW), "PUT", "http://aios.example:30100/blocks/gemma"),
        (RestartExecutor(BLOCK, POD), "POST", "http://aios.example:32300/cluster-actions/k8s-objects/remove"),
    ]
    assert plan.requests[1].body == REGISTERED
    assert plan.title == "Deploy tokens:2.0-stable to gemma in lab"
    assert plan.seen == (
        f"{FILE}, 14 bytes, 1 files, sha256 {DIGEST}; tokens:2.0-stable is not registered yet; gemma names {URI}"
    )
    assert plan.effect == "gemma restarts and evaluates with it after AIOS's start-up wait (usually 60s)"
    assert plan.undo == f"aios-top policy rollback --restart --block {BLOCK} --to {URI}"
    assert plan.precondition == {"registered": None, "bound": {BLOCK: URI}, "pods": {BLOCK: POD}}
    assert plan.warnings == ("installs numpy", *RESTART_WARNINGS)
    assert world.mutations.sent == []


async def test_without_a_restart_it_says_plainly_that_one_is_needed_and_how(world: World, deploy: Deploy) -> None:
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=False)
    assert plan.effect == f"{HINT}; AIOS loads a policy only when the executor starts"
    state = await run(deploy, plan)
    assert state.outcome is not None
    assert (state.outcome.fate, state.outcome.message) == (Fate.DONE, f"{NEW} is registered; {HINT}")
    assert sent(world) == ["UploadArchive", "RegisterPolicy", "BindPolicy"]
    assert steps(state) == {
        "inspect": "done",
        "upload": "done",
        "verify served bytes": "done",
        "register": "done",
        "bind": "done",
        "restart": "skipped",
        "first decision": "skipped",
    }


async def test_each_step_is_recorded_and_told_as_it_happens(world: World, deploy: Deploy) -> None:
    told: list[DeployState] = []
    await deploy.run(await deploy.plan(BUNDLE, [BLOCK], restart=False), BUNDLE, told.append)
    assert [kind for kind, _ in world.lines()] == [
        "intent", "outcome", "note", "intent", "outcome", "intent", "outcome",
    ]  # fmt: skip
    upload = world.lines()[0][1]["request"]
    assert (upload["change"], upload["sha256"]) == ("UploadArchive", DIGEST)
    assert world.lines()[2][1]["step"] == "verify served bytes"
    running = [step.name for state in told for step in state.steps if step.status is StepStatus.RUNNING]
    assert running == ["upload", "verify served bytes", "register", "bind"]
    assert [state.outcome for state in told[:-1]] == [None] * (len(told) - 1)
    assert told[-1].outcome is not None


async def test_a_registered_uri_is_updated_and_a_bound_block_stays_bound(world: World, deploy: Deploy) -> None:
    world.reads.registered = (registered(), registered())
    world.reads.block_records = (record(NEW), record(NEW, "other"), record(None, "bare"))
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=False)
    assert [type(request.change).__name__ for request in plan.requests] == ["UploadArchive", "UpdatePolicy"]
    assert plan.requests[1].change == UpdatePolicy(NEW, REGISTERED)
    assert plan.warnings == (
        "installs numpy",
        "tokens:2.0-stable is registered 2 times; AIOS reads and changes one of them",
        "other uses it too and loads the new code at its next restart",
    )
    assert plan.undo == "deploy the previous archive again; it stays at http://files.example:32555/old.zip"
    state = await run(deploy, plan)
    assert steps(state)["bind"] == "skipped"


async def test_without_a_block_it_only_registers(world: World, deploy: Deploy) -> None:
    state = await run(deploy, await deploy.plan(BUNDLE, [], restart=True))
    assert sent(world) == ["UploadArchive", "RegisterPolicy"]
    assert state.outcome is not None
    assert state.outcome.message == f"{NEW} is registered"


async def test_an_executor_that_cannot_be_found_is_a_warning_and_the_rest_is_done(world: World, deploy: Deploy) -> None:
    world.without_pods()
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=True)
    assert plan.warnings[-1].endswith(f"run: {KUBECTL}")
    state = await run(deploy, plan)
    assert state.outcome is not None
    assert state.outcome.fate is Fate.DONE
    assert HINT in state.outcome.message
    assert steps(state)["restart"] == "skipped"


# -- it stops


@pytest.mark.parametrize(
    ("failing", "sends", "message", "failed"),
    [
        (0, ["UploadArchive"], "no; nothing else was changed", "upload"),
        (1, ["UploadArchive", "RegisterPolicy"], "no; tokens-2.0-0a1b2c3d.zip is on the file server, but no record", "register"),
        (
            2,
            ["UploadArchive", "RegisterPolicy", "BindPolicy"],
            "no; tokens:2.0-stable is registered; gemma keeps its policy; bound before it: none",
            "bind",
        ),
        (
            3,
            ["UploadArchive", "RegisterPolicy", "BindPolicy", "RestartExecutor"],
            f"no; tokens:2.0-stable is registered and bound; {HINT}",
            "restart",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("fate", [Fate.FAILED, Fate.UNKNOWN])
async def test_the_first_request_that_is_not_done_ends_it(
    world: World, deploy: Deploy, failing: int, sends: list[str], message: str, failed: str, fate: Fate
) -> None:
    world.mutations.outcomes = [Outcome(Fate.DONE, "ok")] * failing + [Outcome(fate, "no")]
    state = await run(deploy, await deploy.plan(BUNDLE, [BLOCK], restart=True))
    assert sent(world) == sends
    assert state.outcome is not None
    assert state.outcome.fate is fate
    assert state.outcome.message.startswith(message)
    assert steps(state)[failed] == "failed"
    assert "running" not in steps(state).values()
    assert "waiting" not in steps(state).values()


async def test_other_served_bytes_stop_it_before_registering(world: World, deploy: Deploy) -> None:
    world.mutations.on_send = lambda _: world.reads.files.update({FILE: b"PK something else"})
    state = await run(deploy, await deploy.plan(BUNDLE, [BLOCK], restart=False))
    assert sent(world) == ["UploadArchive"]
    assert state.outcome is not None
    assert state.outcome.fate is Fate.FAILED
    assert f"uploaded digest {DIGEST[:12]} ≠ served digest" in state.outcome.message
    assert "nothing was registered and no block is affected" in state.outcome.message
    assert steps(state)["verify served bytes"] == "failed"
    assert world.lines()[-1][0] == "refused"


async def test_a_file_that_is_served_late_is_waited_for_and_one_that_never_is_stops_it(
    world: World, deploy: Deploy
) -> None:
    world.mutations.on_send = lambda _: None
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=False)
    for arrives in (True, False):
        task = asyncio.create_task(run(deploy, plan))
        looks = world.reads.calls["served"]
        async with asyncio.timeout(10):
            while not task.done():
                if arrives and world.reads.calls["served"] == looks + 3:
                    world.reads.files[FILE] = CONTENT
                await world.clock.advance(1)
                await asyncio.sleep(0.001)
        if arrives:
            assert steps(task.result())["verify served bytes"] == "done"
            world.reads.files.clear()
            world.reads.block_records = (record(),)
            continue
        outcome = task.result().outcome
        assert outcome is not None
        assert "does not serve tokens-2.0-0a1b2c3d.zip, so nothing was registered" in outcome.message
        assert sent(world)[-1] == "UploadArchive"


async def test_a_file_that_a_running_block_may_have_come_from_is_not_overwritten(world: World, deploy: Deploy) -> None:
    world.reads.files[FILE] = b"other"
    state = await run(deploy, await deploy.plan(BUNDLE, [BLOCK], restart=False))
    assert sent(world) == []
    assert state.outcome is not None
    assert state.outcome.fate is Fate.REFUSED
    assert "give the policy another version" in state.outcome.message


async def test_bytes_that_are_served_already_are_not_uploaded_again(world: World, deploy: Deploy) -> None:
    world.reads.files[FILE] = CONTENT
    state = await run(deploy, await deploy.plan(BUNDLE, [BLOCK], restart=False))
    assert sent(world) == ["RegisterPolicy", "BindPolicy"]
    assert steps(state)["upload"] == "skipped"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda reads: setattr(reads, "registered", (registered(),)),
            "the code of tokens:2.0-stable was none, is http",
        ),
        (
            lambda reads: setattr(reads, "block_records", (record("x:1-y"),)),
            "the policy of gemma was tokens:1.0-stable, is x:1-y",
        ),
        (
            lambda reads: reads.pod_lists.update({BLOCK: (pod("executor", "gemma-executor-z"),)}),
            f"the executor's pod of gemma was {POD}, is gemma-executor-z",
        ),
    ],
)
async def test_somebody_elses_change_since_the_plan_refuses_it(
    world: World, deploy: Deploy, change: Callable[[Any], None], message: str
) -> None:
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=True)
    change(world.reads)
    state = await run(deploy, plan)
    assert sent(world) == []
    assert state.outcome is not None
    assert state.outcome.fate is Fate.REFUSED
    assert message in state.outcome.message
    assert world.kinds() == ["refused"]


async def test_a_record_that_appears_during_the_upload_stops_the_registration(world: World, deploy: Deploy) -> None:
    """Posting a uri twice would store a duplicate."""

    def appear(_: Change) -> None:
        world.reads.files[FILE] = CONTENT
        world.reads.registered = (registered(),)

    plan = await deploy.plan(BUNDLE, [BLOCK], restart=False)
    world.mutations.on_send = appear
    state = await run(deploy, plan)
    assert sent(world) == ["UploadArchive"]
    assert state.outcome is not None
    assert "was none, is http" in state.outcome.message


async def test_a_shut_gate_and_a_busy_block_refuse_it(world: World, deploy: Deploy) -> None:
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=False)
    with world.actions.sender.holding([BLOCK]):
        busy = await run(deploy, plan)
    world.gate.toggle()
    shut = await run(deploy, plan)
    for state, word in ((busy, "another change of gemma"), (shut, "write mode is off")):
        assert state.outcome is not None
        assert (state.outcome.fate, word in state.outcome.message) == (Fate.REFUSED, True)
    assert sent(world) == []


async def test_other_bytes_than_those_inspected_are_refused(world: World, deploy: Deploy) -> None:
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=False)
    swapped = Bundle(FILE, b"swapped", sha256(b"swapped").hexdigest(), ("code/function.py",), RECORD)
    state = await deploy.run(plan, swapped, lambda _: None)
    assert sent(world) == []
    assert state.outcome is not None
    assert "not the one that was inspected" in state.outcome.message


@pytest.mark.parametrize("read", ["policy", "policies", "records"])
async def test_what_cannot_be_read_cannot_be_planned(world: World, deploy: Deploy, read: str) -> None:
    world.reads.fails[read] = ReadError("refused", "connection refused")
    with pytest.raises(ActionRefusedError, match="cannot read what is deployed now: connection refused"):
        await deploy.plan(BUNDLE, [BLOCK], restart=False)


async def test_an_unknown_block_and_a_missing_file_address_cannot_be_planned(
    world: World, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ActionRefusedError, match="there is no block x; known blocks: gemma"):
        await deploy.plan(BUNDLE, [BLOCK, "x"], restart=False)
    monkeypatch.setattr(world.reads, "has", lambda name: name != "files")
    with pytest.raises(ActionRefusedError, match="--url files=URL"):
        await deploy.plan(BUNDLE, [BLOCK], restart=False)


# -- after the restart


def awake(world: World, **values: Any) -> Callable[[], None]:
    return lambda: world.reads.reports.update({BLOCK: report(boot_id="new", **values)})


def decided(world: World, **values: Any) -> Callable[[], None]:
    return lambda: world.reads.reports.update({BLOCK: report("in-aa01", boot_id="new", **values)})


async def test_it_waits_for_the_new_boot_and_its_first_decision(world: World, deploy: Deploy) -> None:
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=True)
    script = {10: awake(world), 20: decided(world, code_sha256=BUNDLE.code_sha256)}
    state = await run_while_time_passes(world, deploy, plan, script)
    assert state.outcome is not None
    assert state.outcome.fate is Fate.DONE
    assert state.outcome.message.startswith(f"{NEW} runs: gemma made its first decision of version 1.0 after 2")
    assert "WithinRange (No scaling action required.)" in state.outcome.message
    assert set(steps(state).values()) == {"done"}
    kind, fields = world.lines()[-1]
    assert (kind, fields["step"], fields["block_id"]) == ("note", "first decision", BLOCK)


async def test_the_old_process_that_still_answers_is_not_taken_for_the_new_one(world: World, deploy: Deploy) -> None:
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=True)
    old = report("in-aa01", boot_id="old", seq=99)
    state = await run_while_time_passes(world, deploy, plan, {0: lambda: world.reads.reports.update({BLOCK: old})})
    assert state.outcome is not None
    assert state.outcome.fate is Fate.UNKNOWN
    assert "within 60s it does not run yet" in state.outcome.message
    assert steps(state)["first decision"] == "failed"
    assert world.lines()[-1][1]["fate"] == "unknown"


async def test_a_policy_that_starts_but_never_decides_is_unknown(world: World, deploy: Deploy) -> None:
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=True)
    state = await run_while_time_passes(world, deploy, plan, {5: awake(world)})
    assert state.outcome is not None
    assert state.outcome.exit_code == 3
    assert "it runs, but made no decision" in state.outcome.message


async def test_other_running_code_than_was_deployed_is_a_failure(world: World, deploy: Deploy) -> None:
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=True)
    state = await run_while_time_passes(world, deploy, plan, {5: decided(world, code_sha256="f" * 64)})
    assert state.outcome is not None
    assert state.outcome.fate is Fate.FAILED
    assert "gemma runs other code (ffffffffffff) than was deployed (c0dec0dec0de)" in state.outcome.message


@pytest.mark.parametrize("before", ["full", "silent"])
async def test_a_silent_policy_is_there_when_it_answers_after_an_outage(
    world: World, deploy: Deploy, before: str
) -> None:
    if before == "silent":
        world.reads.reports[BLOCK] = PolicyReport(Voice.SILENT)
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=True)
    silent = PolicyReport(Voice.SILENT)
    state = await run_while_time_passes(world, deploy, plan, {6: lambda: world.reads.reports.update({BLOCK: silent})})
    assert state.outcome is not None
    assert state.outcome.fate is Fate.DONE
    assert "its policy tells no decisions" in state.outcome.message
    assert "is loaded" in state.outcome.message
    decision = state.steps[-1]
    assert decision.status is StepStatus.SKIPPED  # nothing was seen of it, so nothing is called done
    assert "whether it evaluates without an error is not known" in decision.detail


@pytest.mark.parametrize(("uptime", "fate"), [(3.0, Fate.DONE), (5000.0, Fate.UNKNOWN)])
async def test_a_silent_policy_that_never_seemed_away_is_judged_by_its_executors_age(
    world: World, deploy: Deploy, uptime: float, fate: Fate
) -> None:
    world.reads.reports[BLOCK] = PolicyReport(Voice.SILENT)
    carry_out = world.mutations.on_send

    def keep_answering(change: Change) -> None:
        carry_out(change)
        world.reads.reports[BLOCK] = PolicyReport(Voice.SILENT)

    world.mutations.on_send = keep_answering
    world.reads.blocks[BLOCK] = pushed("in-aa01", uptime=uptime)
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=True)
    state = await run_while_time_passes(world, deploy, plan, {})
    assert state.outcome is not None
    assert state.outcome.fate is fate


async def test_the_block_is_free_for_other_changes_while_it_waits(world: World, deploy: Deploy) -> None:
    plan = await deploy.plan(BUNDLE, [BLOCK], restart=True)
    fates: list[Fate] = []

    async def meddle() -> None:
        fates.append((await world.actions.execute(await world.actions.plan_reset(BLOCK))).fate)

    await run_while_time_passes(world, deploy, plan, {4: meddle, 20: decided(world)})
    assert fates == [Fate.DONE]
