"""Plans say what will be sent; execute sends exactly that, once, and records it first."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aios_top.engine.actions import Actions
from aios_top.model.change import Fate, Manage, Outcome, Plan, ResetCooldown, RestartExecutor, ScaleDown, ScaleUp
from aios_top.model.decision import Origin
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.state import Averages, BlockState, Phase, Replicas
from aios_top.model.window import Window
from fakes.controls import BLOCK, CLUSTER, DONE, POD, World, a_block, pod, pushed, record, report, row

GATEWAY = "http://aios.example:30600"
KUBECTL = "kubectl -n blocks rollout restart deployment/gemma-executor"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def planned(actions: Actions, name: str) -> Plan:
    plans = {
        "reset": lambda: actions.plan_reset(BLOCK),
        "up": lambda: actions.plan_scale(BLOCK, replicas=4),
        "down": lambda: actions.plan_scale(BLOCK, change=-1),
        "restart": lambda: actions.plan_restart(BLOCK),
        "manage": lambda: actions.plan_manage(BLOCK, "update_thresholds", {"min_replicas": 2}),
    }
    return await plans[name]()


def mgmt(action: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"block_id": BLOCK, "service": "autoscaler", "action": action, "payload": payload, "instance_id": ""}


REQUESTS: dict[str, tuple[Any, str, Any]] = {
    "reset": (ResetCooldown(BLOCK), f"{GATEWAY}/blocks/mgmt", mgmt("reset_cooldown", {})),
    "up": (
        ScaleUp(BLOCK, CLUSTER, 2),
        f"{GATEWAY}/controller/block-scaling/{CLUSTER}",
        {"block_id": BLOCK, "operation": "scale", "instances_count": 2},
    ),
    "down": (
        ScaleDown(BLOCK, CLUSTER, ("in-aa02",)),
        f"{GATEWAY}/controller/block-scaling/{CLUSTER}",
        {"block_id": BLOCK, "operation": "downscale", "instances_list": ["in-aa02"]},
    ),
    "restart": (
        RestartExecutor(BLOCK, POD),
        "http://aios.example:32300/cluster-actions/k8s-objects/remove",
        {"objects": [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD, "namespace": "blocks"}}]},
    ),
    "manage": (
        Manage(BLOCK, "update_thresholds", {"min_replicas": 2}),
        f"{GATEWAY}/blocks/mgmt",
        mgmt("update_thresholds", {"min_replicas": 2}),
    ),
}

SENTENCES = {
    "reset": {
        "title": "Reset the cooldown of gemma in lab",
        "seen": "cooldown 41s left (reported)",
        "effect": "ends the cooldown 41s early; the next evaluation in ~4s may act at once: input 812 > 500 asks for +1",
        "undo": "none; the timer starts again with the autoscaler's next action",
        "warnings": (),
    },
    "up": {
        "title": "Scale gemma from 2 to 4 in lab",
        "seen": "replicas 2, counted by pods; min 1, max 3",
        "effect": "AIOS starts 2 instances, serving once the model is loaded; the autoscaler is not told, "
        "and the next evaluation in ~4s goes on from there: input 812 > 500 asks for +1",
        "undo": "aios-top scale --block gemma --replicas 2; it loses requests in flight",
        "warnings": ("4 is above the declared maximum 3, which nothing in AIOS enforces",),
    },
    "down": {
        "title": "Scale gemma from 2 to 1 in lab",
        "seen": "replicas 2, counted by pods; min 1, max 3",
        "effect": "AIOS removes in-aa02, the least loaded and newest; the autoscaler is not told, "
        "and the next evaluation in ~4s goes on from there: input 812 > 500 asks for +1",
        "undo": "aios-top scale --block gemma --replicas 2; the new instances have other ids and must load their model",
        "warnings": ("nothing is drained: requests in flight on a removed instance are never answered",),
    },
    "restart": {
        "title": "Restart the executor of gemma in lab",
        "seen": f"executor pod {POD}; the block names tokens:1.0-stable",
        "effect": "Kubernetes starts a new executor, whose autoscaler loads the policy that is registered now; "
        "it evaluates again after AIOS's start-up wait (usually 60s)",
        "undo": "none; the old policy comes back only by deploying it",
        "warnings": (
            "queued requests are lost: the restart takes the block's queue, load balancer and health checker along",
            "the cooldown and the policy's decision history start anew",
        ),
    },
    "manage": {
        "title": "Send update_thresholds to the policy of gemma in lab",
        "seen": "policy tokens 1.0",
        "effect": "the policy carries out update_thresholds with min_replicas=2, or answers that it does not know it",
        "undo": "send the previous values; what a policy was told lasts until its executor restarts",
        "warnings": (),
    },
}

PRECONDITIONS: dict[str, dict[str, Any]] = {
    "reset": {},
    "up": {"source": "pods", "replicas": 2, "last_scaling": None},
    "down": {"source": "pods", "replicas": 2, "last_scaling": None, "victims": ("in-aa02",)},
    "restart": {"pod": POD},
    "manage": {},
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_plan_shows_exactly_what_is_then_sent_and_recorded(world: World, name: str) -> None:
    plan = await planned(world.actions, name)
    change, url, body = REQUESTS[name]
    assert [(request.change, request.method, request.url, request.body) for request in plan.requests] == [
        (change, "POST", url, body)
    ]
    shown = {key: getattr(plan, key) for key in SENTENCES[name]}
    assert shown == SENTENCES[name]
    assert plan.precondition == PRECONDITIONS[name]
    assert world.mutations.sent == []
    assert world.lines() == []

    outcome = await world.actions.execute(plan)

    assert outcome.fate is Fate.DONE
    assert world.mutations.sent == [change]
    seen = {key: list(value) if isinstance(value, tuple) else value for key, value in plan.precondition.items()}
    assert world.lines() == [
        (
            "intent",
            {
                "by": "ann@desk",
                "context": "lab",
                "title": plan.title,
                "request": {
                    "change": type(change).__name__,
                    "block_id": BLOCK,
                    "method": "POST",
                    "url": url,
                    "body": body,
                },
                "seen": seen,
            },
        ),
        ("outcome", {"intent": 1, "fate": "done", "message": "accepted", "seconds": 0.0, "answer": None}),
    ]
    assert world.audit.verify().problems == ()


@pytest.mark.parametrize("name", REQUESTS)
async def test_read_only_refuses_everything_with_that_word(tmp_path: Path, name: str) -> None:
    world = World(tmp_path, read_only=True)
    plan = await planned(world.actions, name)
    outcome = await world.actions.execute(plan)
    assert outcome.fate is Fate.REFUSED
    assert "read-only" in outcome.message
    assert world.mutations.sent == []
    assert world.kinds() == ["refused"]


async def test_a_gate_that_shuts_after_the_dialog_refuses(world: World) -> None:
    plan = await planned(world.actions, "reset")
    world.gate.toggle()
    outcome = await world.actions.execute(plan)
    assert (outcome.fate, world.mutations.sent) == (Fate.REFUSED, [])


async def test_a_shut_gate_is_not_even_worth_a_look_at_aios(world: World) -> None:
    plan = await planned(world.actions, "up")
    world.gate.toggle()
    looks = world.reads.calls.total()
    await world.actions.execute(plan)
    assert world.reads.calls.total() == looks


async def test_a_gate_that_shuts_during_the_last_look_refuses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = await planned(world.actions, "up")
    pods = world.reads.pods

    async def shut_meanwhile(block_id: str) -> Any:
        world.gate.toggle()
        return await pods(block_id)

    monkeypatch.setattr(world.reads, "pods", shut_meanwhile)
    outcome = await world.actions.execute(plan)
    assert (outcome.fate, world.mutations.sent) == (Fate.REFUSED, [])


@pytest.mark.parametrize("name", ["up", "down"])
async def test_a_count_that_changed_after_the_dialog_refuses(world: World, name: str) -> None:
    plan = await planned(world.actions, name)
    world.reads.pod_lists[BLOCK] += (pod("in-aa03"),)
    outcome = await world.actions.execute(plan)
    assert outcome.fate is Fate.REFUSED
    assert "the number of replicas was 2, is 3; nothing was sent" in outcome.message
    assert world.mutations.sent == []
    kind, fields = world.lines()[0]
    assert (kind, fields["reason"]) == ("refused", outcome.message)
    assert (fields["request"]["block_id"], fields["request"]["url"]) == (BLOCK, plan.requests[0].url)


async def test_a_victim_that_is_gone_refuses_though_the_count_is_the_same(world: World) -> None:
    plan = await planned(world.actions, "down")
    world.reads.pod_lists[BLOCK] = (pod("executor", POD), pod("in-aa01"), pod("in-bb09"))
    outcome = await world.actions.execute(plan)
    assert (outcome.fate, world.mutations.sent) == (Fate.REFUSED, [])
    assert "in-aa02 no longer exists" in outcome.message


async def test_another_executor_pod_refuses_the_restart(world: World) -> None:
    plan = await planned(world.actions, "restart")
    world.reads.pod_lists[BLOCK] = (pod("executor", "gemma-executor-new"),)
    outcome = await world.actions.execute(plan)
    assert (outcome.fate, world.mutations.sent) == (Fate.REFUSED, [])
    assert f"the executor's pod was {POD}, is gemma-executor-new" in outcome.message


async def test_what_cannot_be_read_again_is_not_sent(world: World) -> None:
    plan = await planned(world.actions, "up")
    world.reads.fails["pods"] = ReadError("timeout", "no answer in 4s")
    outcome = await world.actions.execute(plan)
    assert (outcome.fate, world.mutations.sent) == (Fate.REFUSED, [])
    assert "cannot be counted now: no answer in 4s" in outcome.message


async def test_an_intent_that_cannot_be_recorded_sends_nothing(world: World) -> None:
    plan = await planned(world.actions, "reset")
    world.audit.path.mkdir(parents=True)
    outcome = await world.actions.execute(plan)
    assert (outcome.fate, outcome.exit_code) == (Fate.REFUSED, 1)
    assert outcome.message.startswith("cannot record: ")
    assert world.mutations.sent == []


async def test_the_intent_is_on_disk_before_the_request_leaves(world: World) -> None:
    kinds: list[list[str]] = []
    world.mutations.on_send = lambda _: kinds.append(world.kinds())
    await world.actions.execute(await planned(world.actions, "reset"))
    assert kinds == [["intent"]]


async def test_a_slow_disk_makes_the_look_too_old_to_act_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = await planned(world.actions, "up")
    intent = world.audit.intent

    def slow(fields: Any) -> int:
        world.clock._now += 2.1
        return intent(fields)

    monkeypatch.setattr(world.audit, "intent", slow)
    outcome = await world.actions.execute(plan)
    assert (outcome.fate, world.mutations.sent) == (Fate.REFUSED, [])
    assert world.kinds() == ["intent", "outcome"]


async def test_an_outcome_that_cannot_be_recorded_is_said_but_stays(world: World) -> None:
    plan = await planned(world.actions, "reset")

    def break_the_file(_: Any) -> None:
        world.audit.path.unlink()
        world.audit.path.mkdir()

    world.mutations.on_send = break_the_file
    outcome = await world.actions.execute(plan)
    assert outcome.fate is Fate.DONE
    assert "the outcome could not be recorded" in outcome.message


@pytest.mark.parametrize("fate", [Fate.FAILED, Fate.UNKNOWN])
async def test_nothing_is_sent_twice_whatever_became_of_it(world: World, fate: Fate) -> None:
    world.mutations.outcomes = [Outcome(fate, "no answer came")]
    outcome = await world.actions.execute(await planned(world.actions, "up"))
    assert outcome.fate is fate
    assert len(world.mutations.sent) == 1
    assert world.lines()[1][1]["fate"] == fate.value


async def test_the_first_request_that_fails_ends_the_plan(world: World) -> None:
    plans = [await planned(world.actions, name) for name in ("manage", "reset", "manage")]
    together = Plan("Three", tuple(plan.requests[0] for plan in plans), "", "", "")
    world.mutations.outcomes = [DONE, Outcome(Fate.FAILED, "the policy says no")]
    outcome = await world.actions.execute(together)
    assert outcome.message == "the policy says no"
    assert len(world.mutations.sent) == 2


async def test_a_second_change_of_a_block_is_refused_while_one_is_in_flight(world: World) -> None:
    world.show(a_block(world.clock.now()), a_block(world.clock.now(), block_id="other"))
    world.mutations.hold = asyncio.Event()
    plans = [await planned(world.actions, "reset"), await planned(world.actions, "reset")]
    elsewhere = await world.actions.plan_reset("other")
    first = asyncio.create_task(world.actions.execute(plans[0]))
    await world.mutations.arrived.acquire()
    second = await asyncio.wait_for(world.actions.execute(plans[1]), 5)
    assert second.fate is Fate.REFUSED
    assert "another change of gemma is under way" in second.message
    third = asyncio.create_task(world.actions.execute(elsewhere))
    await world.mutations.arrived.acquire()
    world.mutations.hold.set()
    assert [(await first).fate, (await third).fate] == [Fate.DONE, Fate.DONE]
    assert len(world.mutations.sent) == 2
    assert (await world.actions.execute(plans[1])).fate is Fate.DONE


async def test_an_interrupt_waits_for_the_answer_and_records_it(world: World) -> None:
    world.mutations.hold = asyncio.Event()
    task = asyncio.create_task(world.actions.execute(await planned(world.actions, "reset")))
    await world.mutations.arrived.acquire()
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    world.mutations.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.lines()[1][1]["fate"] == "done"


async def test_a_second_interrupt_records_that_the_outcome_is_unknown(world: World) -> None:
    world.mutations.hold = asyncio.Event()
    task = asyncio.create_task(world.actions.execute(await planned(world.actions, "reset")))
    await world.mutations.arrived.acquire()
    task.cancel()
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.lines()[1][1]["fate"] == "unknown"


async def test_a_request_that_would_now_go_elsewhere_is_refused(world: World) -> None:
    plan = await planned(world.actions, "reset")
    world.mutations.addresses = type(world.mutations.addresses).build("other.example")
    outcome = await world.actions.execute(plan)
    assert (outcome.fate, world.mutations.sent) == (Fate.REFUSED, [])
    assert "no longer the one that was shown" in outcome.message


# -- what cannot be planned


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"missed_polls": 2, "problem": "no answer"}, "the figures of gemma are old (2 polls failed: no answer"),
        ({"record": record(cluster_id=None)}, "names no cluster"),
        ({"record": None}, "names no cluster"),
    ],
)
async def test_scaling_refuses_what_it_cannot_know(world: World, block: dict[str, Any], message: str) -> None:
    world.show(a_block(world.clock.now(), **block))
    with pytest.raises(ActionRefusedError) as caught:
        await world.actions.plan_scale(BLOCK, replicas=4)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"replicas": 2}, "gemma has 2 replicas already, counted by pods"),
        ({"change": 0}, "gemma has 2 replicas already"),
        ({"change": -2}, "would leave gemma without an instance; ask for 0 replicas if you mean it"),
        ({"change": -3}, "there is nothing below 0"),
        ({"replicas": -1}, "there is nothing below 0"),
        ({}, "give either the number of replicas or a difference"),
        ({"replicas": 1, "change": 1}, "give either the number of replicas or a difference"),
    ],
)
async def test_scaling_refuses_targets_that_make_no_sense(world: World, wanted: dict[str, int], message: str) -> None:
    with pytest.raises(ActionRefusedError) as caught:
        await world.actions.plan_scale(BLOCK, **wanted)
    assert message in str(caught.value)


async def test_zero_replicas_are_possible_when_asked_for_and_come_with_a_warning(world: World) -> None:
    plan = await world.actions.plan_scale(BLOCK, replicas=0)
    assert plan.requests[0].change == ScaleDown(BLOCK, CLUSTER, ("in-aa02", "in-aa01"))
    assert "0 is below the declared minimum 1, which nothing in AIOS enforces" in plan.warnings
    assert "without an instance the block answers nothing, and requests wait for ever" in plan.warnings


async def test_an_unknown_block_is_named_with_those_that_are_known(world: World) -> None:
    with pytest.raises(ActionRefusedError, match="there is no block x; known blocks: gemma"):
        await world.actions.plan_reset("x")


async def test_a_block_without_policy_has_no_cooldown_to_reset(world: World) -> None:
    world.show(a_block(world.clock.now(), policy=PolicyReport(Voice.ABSENT)))
    with pytest.raises(ActionRefusedError, match="no autoscaler policy"):
        await world.actions.plan_reset(BLOCK)


async def test_a_management_action_needs_a_plain_name(world: World) -> None:
    with pytest.raises(ActionRefusedError, match="named by"):
        await world.actions.plan_manage(BLOCK, "x y", {})
    assert (await world.actions.plan_manage(BLOCK, "reset_cooldown", {})).requests[0].change == ResetCooldown(BLOCK)


async def test_an_address_that_is_missing_refuses_with_the_cure(world: World) -> None:
    world.mutations.addresses = type(world.mutations.addresses).build(None, 0, {"metrics": "http://a.example"})
    with pytest.raises(ActionRefusedError, match="gateway"):
        await world.actions.plan_reset(BLOCK)


async def test_a_scaling_of_a_moment_ago_is_a_warning_in_the_next_plan(world: World) -> None:
    await world.actions.execute(await planned(world.actions, "up"))
    await world.clock.advance(30)
    plan = await planned(world.actions, "up")
    assert "scaled by hand 30s ago, which the count may not show yet" in plan.warnings
    await world.clock.advance(100)
    assert len((await planned(world.actions, "up")).warnings) == 1


async def test_a_scaling_that_failed_is_no_reason_to_doubt_the_count(world: World) -> None:
    world.mutations.outcomes = [Outcome(Fate.FAILED, "no node is free")]
    await world.actions.execute(await planned(world.actions, "up"))
    assert len((await planned(world.actions, "up")).warnings) == 1


async def test_another_consoles_scaling_since_the_plan_refuses_though_no_count_shows_it_yet(
    world: World, tmp_path: Path
) -> None:
    other = World(tmp_path)  # the same audit file, another process's engine
    plan, rival = await planned(world.actions, "up"), await planned(other.actions, "up")
    assert (await other.actions.execute(rival)).fate is Fate.DONE
    outcome = await world.actions.execute(plan)
    assert (outcome.fate, world.mutations.sent) == (Fate.REFUSED, [])
    assert "gemma was scaled by hand in between (audit line 1)" in outcome.message


async def test_a_long_answer_is_recorded_by_its_beginning_and_digest(world: World) -> None:
    world.mutations.outcomes = [Outcome(Fate.DONE, "accepted", answer={"log": "x" * 300_000})]
    outcome = await world.actions.execute(await planned(world.actions, "reset"))
    assert outcome.answer == {"log": "x" * 300_000}
    recorded = world.lines()[1][1]["answer"]
    assert (recorded["characters"], len(recorded["begins"]), len(recorded["sha256"])) == (300_011, 500, 64)


# -- restart


@pytest.mark.parametrize(
    ("pods", "cause"),
    [
        (None, "no mapping address is configured"),
        ((pod("in-aa01"),), "lists no executor"),
        ((pod("executor", "gemma-executor-a"), pod("executor", "gemma-executor-b")), "there are 2 executors"),
        ((pod("executor", "kube-dns-x"),), "'kube-dns-x' is not a name of this block's executor"),
        ((pod("executor", "gemma-executor;rm"),), "is not a name of this block's executor"),
    ],
)
async def test_a_restart_that_cannot_be_sent_gives_the_kubectl_line(world: World, pods: Any, cause: str) -> None:
    world.without_pods()
    if pods is not None:
        world.reads.pod_lists[BLOCK] = pods
    with pytest.raises(ActionRefusedError) as caught:
        await world.actions.plan_restart(BLOCK)
    assert cause in str(caught.value)
    assert str(caught.value).endswith(f"run: {KUBECTL}")


async def test_of_an_old_and_a_new_executor_the_running_one_is_meant(world: World) -> None:
    world.reads.pod_lists[BLOCK] = (pod("executor", "gemma-executor-a", "Pending"), pod("executor", "gemma-executor-b"))
    plan = await world.actions.plan_restart(BLOCK)
    assert plan.requests[0].change == RestartExecutor(BLOCK, "gemma-executor-b")


# -- counting


async def test_without_pods_the_policys_own_list_counts(world: World) -> None:
    world.without_pods()
    world.reads.reports[BLOCK] = report("in-aa01", "in-aa02", "in-aa03")
    plan = await world.actions.plan_scale(BLOCK, change=1)
    assert plan.requests[0].change == ScaleUp(BLOCK, CLUSTER, 1)
    assert plan.seen == "replicas 3, counted by policy 10s ago; min 1, max 3"
    assert plan.precondition == {"source": "policy", "replicas": 3, "last_scaling": None}
    world.reads.reports[BLOCK] = report("in-aa01", "in-aa02")
    assert "was 3, is 2" in (await world.actions.execute(plan)).message


async def test_the_policys_list_includes_what_has_never_reported(world: World) -> None:
    world.without_pods()
    world.reads.reports[BLOCK] = report("in-aa01", current=2, replicas={"missing": ["in-new1", 5]})
    plan = await world.actions.plan_scale(BLOCK, replicas=1)
    assert plan.requests[0].change == ScaleDown(BLOCK, CLUSTER, ("in-new1",))


async def test_a_list_that_was_cut_short_counts_but_names_no_victims(world: World) -> None:
    world.without_pods()
    world.reads.reports[BLOCK] = report("in-aa01", current=80)
    assert (await world.actions.plan_scale(BLOCK, replicas=81)).requests[0].change == ScaleUp(BLOCK, CLUSTER, 1)
    with pytest.raises(ActionRefusedError, match="not their ids"):
        await world.actions.plan_scale(BLOCK, replicas=79)


async def test_a_silent_policys_replicas_are_counted_by_documents_without_ghosts(world: World) -> None:
    world.without_pods()
    world.show(
        a_block(
            world.clock.now(),
            row("in-aa01", sessions=1), row("in-gone", Phase.GHOST), row("in-old", Phase.STALE), row("in-idle", Phase.IDLE),
            policy=PolicyReport(Voice.SILENT),
        )
    )  # fmt: skip
    world.reads.blocks[BLOCK] = pushed("in-aa01", "in-gone", "in-old", "in-idle", "in-new")
    plan = await world.actions.plan_scale(BLOCK, change=-2)
    assert plan.seen.startswith("replicas 3, counted by metric documents; ")
    assert plan.requests[0].change == ScaleDown(BLOCK, CLUSTER, ("in-new", "in-idle"))
    world.reads.blocks[BLOCK] = pushed("in-aa01", "in-idle")
    outcome = await world.actions.execute(plan)
    assert "was 3, is 2" in outcome.message


async def test_right_after_a_wipe_nothing_is_counted(world: World) -> None:
    world.without_pods()
    silent = PolicyReport(Voice.SILENT)
    world.show(a_block(world.clock.now(), policy=silent, replicas=Replicas(reporting=0, wiped=True), push_seconds=30.0))
    world.reads.blocks[BLOCK] = pushed("in-aa01")
    with pytest.raises(ActionRefusedError, match=r"just wiped its metric store.*retry in 30s"):
        await world.actions.plan_scale(BLOCK, change=1)


@pytest.mark.parametrize("documents", [None, pushed()])
async def test_no_document_is_unknown_and_not_zero(world: World, documents: Any) -> None:
    world.without_pods()
    world.show(a_block(world.clock.now(), policy=PolicyReport(Voice.SILENT)))
    if documents is not None:
        world.reads.blocks[BLOCK] = documents
    with pytest.raises(ActionRefusedError, match="no instance of gemma reports, so its replicas are unknown"):
        await world.actions.plan_scale(BLOCK, change=1)


VICTIMS: list[tuple[list[Any], str]] = [
    ([row("in-b", sessions=0), row("in-a", Phase.STARTING)], "in-a"),
    ([row("in-b", Phase.IDLE), row("in-a", Phase.STALE, sessions=9)], "in-a"),
    ([row("in-b", sessions=0, size=900), row("in-a", Phase.IDLE)], "in-a"),
    ([row("in-b", sessions=2, size=1), row("in-a", sessions=1, size=900)], "in-a"),
    ([row("in-b", sessions=1, size=300), row("in-a", sessions=1, size=200)], "in-a"),
    ([row("in-b", seen=1.0), row("in-a", seen=2.0)], "in-a"),
    ([row("in-b"), row("in-a")], "in-a"),
]


@pytest.mark.parametrize(("rows", "victim"), VICTIMS)
async def test_the_instance_whose_loss_costs_least_is_removed(world: World, rows: list[Any], victim: str) -> None:
    world.show(a_block(world.clock.now(), *rows))
    world.reads.pod_lists[BLOCK] = (pod("in-a"), pod("in-b"), pod("in-done", phase="Succeeded"))
    plan = await world.actions.plan_scale(BLOCK, replicas=1)
    assert plan.requests[0].change == ScaleDown(BLOCK, CLUSTER, (victim,))


def test_the_world_is_what_the_engine_sees(world: World) -> None:
    assert isinstance(world.fleet.blocks[BLOCK], BlockState)


async def test_a_block_without_a_policy_has_nothing_that_a_restart_could_load(world: World) -> None:
    world.show(a_block(world.clock.now(), policy=PolicyReport(Voice.ABSENT)))
    with pytest.raises(ActionRefusedError, match="no autoscaler policy"):
        await world.actions.plan_restart(BLOCK)


async def test_an_effect_is_predicted_for_the_count_after_the_change(world: World) -> None:
    quiet = {Window.ONE_MINUTE: Averages(10.0, 5.0, Window.ONE_MINUTE, Origin.MEASURED, 2)}
    world.show(a_block(world.clock.now(), averages=quiet))
    assert (await world.actions.plan_scale(BLOCK, replicas=3)).effect.endswith("ask for -1")
    assert (await world.actions.plan_scale(BLOCK, replicas=1)).effect.endswith("ask for -1, but 1 is the minimum")
    assert "the block stays empty until you scale it up" in (await world.actions.plan_scale(BLOCK, replicas=0)).effect


FAILED = Outcome(Fate.FAILED, "the cluster controller says: no GPU is left")


async def test_a_scale_up_that_stops_halfway_says_how_far_it_came(world: World) -> None:
    """AIOS starts one after the other, stops at the first that fails and takes nothing back."""
    world.mutations.outcomes = [FAILED]
    started = (*world.reads.pod_lists[BLOCK], pod("in-new1"))
    plan = await world.actions.plan_scale(BLOCK, change=3)
    world.mutations.on_send = lambda _: world.reads.pod_lists.update({BLOCK: started})
    outcome = await world.actions.execute(plan)
    assert (outcome.fate, outcome.exit_code) == (Fate.UNKNOWN, 3)
    assert outcome.message == f"{FAILED.message}; 1 of 3 were started, the others were not (counted by pods)"
    assert world.kinds() == ["intent", "outcome", "note"]


async def test_a_scale_up_of_which_nothing_started_has_failed(world: World) -> None:
    world.mutations.outcomes = [FAILED]
    outcome = await world.actions.execute(await world.actions.plan_scale(BLOCK, change=3))
    assert (outcome.fate, outcome.exit_code) == (Fate.FAILED, 1)
    assert outcome.message.endswith("none of 3 was started (counted by pods)")


async def test_what_only_an_old_list_tells_of_a_scale_up_is_no_proof(world: World) -> None:
    world.without_pods()
    world.reads.reports[BLOCK] = report("in-aa01", "in-aa02")
    world.mutations.outcomes = [FAILED]
    outcome = await world.actions.execute(await world.actions.plan_scale(BLOCK, change=2))
    assert outcome.fate is Fate.UNKNOWN
    assert "0 of 2 were started so far, the others perhaps (counted by " in outcome.message


async def test_a_scale_down_that_stops_halfway_names_who_is_gone(world: World) -> None:
    world.show(a_block(world.clock.now(), row("in-aa01"), row("in-aa02"), row("in-aa03")))
    world.reads.pod_lists[BLOCK] = (*world.reads.pod_lists[BLOCK], pod("in-aa03"))
    world.mutations.outcomes = [FAILED]
    plan = await world.actions.plan_scale(BLOCK, change=-2)
    first, second = plan.precondition["victims"]
    left = tuple(entry for entry in world.reads.pod_lists[BLOCK] if entry.instance_id != first)
    world.mutations.on_send = lambda _: world.reads.pod_lists.update({BLOCK: left})
    outcome = await world.actions.execute(plan)
    assert outcome.fate is Fate.UNKNOWN
    assert f"gone: {first}, still there, or ending: {second} (counted by pods)" in outcome.message


async def test_replicas_that_cannot_be_counted_afterwards_leave_it_unknown(world: World) -> None:
    world.mutations.outcomes = [FAILED]
    plan = await world.actions.plan_scale(BLOCK, change=2)
    world.mutations.on_send = lambda _: world.reads.fails.update({"pods": ReadError("timeout", "no answer")})
    outcome = await world.actions.execute(plan)
    assert outcome.fate is Fate.UNKNOWN
    assert "how many of it were done is unknown" in outcome.message
