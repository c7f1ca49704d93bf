"""Binding a block to another registered policy: what is planned, what is sent, what is refused."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from aios_top.engine.rebind import plan_bind
from aios_top.engine.sending import Sender
from aios_top.model.change import BindPolicy, Fate, Plan
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.record import PolicyRecord, PolicyReference
from aios_top.model.text import clean
from fakes.controls import BLOCK, URI, World, record

OLDER = "tokens:0.9-stable"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.reads.registered = (
        PolicyRecord(clean(OLDER), clean("tokens"), clean("0.9"), clean("stable"), clean("http://files/a.zip")),
    )
    return world


async def bind(world: World, uri: str = OLDER, block_id: str = BLOCK) -> Plan:
    return await plan_bind(world.actions.sender, world.reads, block_id, uri, "lab")


async def test_the_plan_names_both_policies_and_the_restart_that_is_left_to_do(world: World) -> None:
    plan = await bind(world)
    (request,) = plan.requests
    assert request.change == BindPolicy(BLOCK, OLDER)
    assert (request.method, request.url) == ("PUT", f"http://aios.example:30100/blocks/{BLOCK}")
    assert request.body == {"$set": {"policies.autoscaler.policyRuleURI": OLDER}}
    assert plan.title == f"Bind {BLOCK} to {OLDER} in lab"
    assert plan.seen == f"bound to {URI}; {OLDER} is registered with http://files/a.zip"
    assert f"aios-top policy restart --block {BLOCK}" in plan.effect
    assert plan.undo == f"aios-top policy rollback --block {BLOCK} --to {URI}"


async def test_it_is_sent_once_and_recorded(world: World) -> None:
    outcome = await world.actions.execute(await bind(world))
    assert outcome.fate is Fate.DONE
    assert world.mutations.sent == [BindPolicy(BLOCK, OLDER)]
    assert world.kinds() == ["intent", "outcome"]


async def test_a_block_without_a_policy_has_no_way_back(world: World) -> None:
    world.reads.block_records = (record(uri=None),)
    plan = await bind(world)
    assert plan.seen.startswith("bound to no policy; ")
    assert plan.undo.startswith("none")


@pytest.mark.parametrize(
    ("uri", "block_id", "why"),
    [
        (URI, BLOCK, "is bound to tokens:1.0-stable already"),
        ("tokens:7.7-stable", BLOCK, "tokens:7.7-stable is not in the policy registry; deploy it first"),
        (OLDER, "nobody", "there is no record of nobody"),
    ],
)
async def test_what_would_break_the_block_is_refused(world: World, uri: str, block_id: str, why: str) -> None:
    with pytest.raises(ActionRefusedError, match=why):
        await bind(world, uri, block_id)
    assert world.mutations.sent == []


async def test_an_unreadable_registry_is_no_reason_to_guess(world: World) -> None:
    world.reads.fails["policy"] = ReadError("timeout", "no answer within 5s")
    with pytest.raises(ReadError, match="no answer"):
        await bind(world)


async def test_a_policy_that_is_something_else_is_refused_with_what_it_is(world: World) -> None:
    balancer = PolicyReference(clean("balance:1.0-stable"))
    (entry,) = world.reads.block_records
    world.reads.block_records = (replace(entry, policies={**entry.policies, "loadBalancer": balancer}),)
    world.reads.registered += (
        PolicyRecord(clean("balance:1.1-stable"), clean("balance"), clean("1.1"), clean("stable"), clean("http://f/b")),
    )
    with pytest.raises(ActionRefusedError, match=f"is no autoscaler policy: balance is the loadBalancer of {BLOCK}"):
        await bind(world, "balance:1.1-stable")
    assert world.mutations.sent == []
    world.reads.block_records += (replace(entry, block_id=clean("b"), policies={"autoscaler": balancer}),)
    assert (await bind(world, "balance:1.1-stable")).requests


async def test_what_is_printed_to_be_copied_names_this_aios(world: World) -> None:
    sender = Sender(
        world.mutations, world.audit, world.clock, world.gate, who="ann", context="lab", reach="--context lab"
    )
    plan = await plan_bind(sender, world.reads, BLOCK, OLDER, "lab")
    assert plan.undo == f"aios-top policy rollback --block {BLOCK} --to {URI} --context lab"
    assert plan.effect.endswith(f"aios-top policy restart --block {BLOCK} --context lab")
    assert sender.command("why", "--block", "it's") == """aios-top why --block 'it'"'"'s' --context lab"""
