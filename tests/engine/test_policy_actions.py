"""What is told to a running policy: planned with its numbers, checked before it is sent, sent as it was shown."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.cli.wiring import PolicyFolders
from aios_top.engine.lint import Linter
from aios_top.engine.policy_actions import PolicyActions
from aios_top.model.change import Fate, Manage, Outcome, Plan
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.lint_facts import TUTORIAL
from aios_top.model.policy_state import ForcedScale, Pause, PolicyReport, Voice
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from fakes.controls import BLOCK, World, a_block, averages, decision
from fakes.reads import parameter_report

GATEWAY = "http://aios.example:30600/blocks/mgmt"
VALUES = {**TUTORIAL, "max_replicas": 4, "use_block_limits": False}


class Place(World):
    """A block whose policy tells its parameters, generation 3."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.told = replace(parameter_report(VALUES, 3), schemas={"cooldown_seconds": {"type": "number", "minimum": 0}})
        self.reads.parameter_reports[BLOCK] = self.told
        self.block = a_block(self.clock.now(), parameters=self.told)
        self.show(self.block)
        linter = Linter(self.reads, PolicyFolders(), self.clock, lambda: self.fleet)
        self.policy = PolicyActions(self.reads, self.actions.sender, linter, self.clock, self.actions.place)

    def become(self, **changes: Any) -> BlockState:
        self.block = replace(self.block, **changes)
        self.show(self.block)
        return self.block

    def says(self, **changes: Any) -> BlockState:
        return self.become(policy=replace(self.block.policy, **changes))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def sent(plan: Plan) -> list[dict[str, Any]]:
    assert {request.url for request in plan.requests} == {GATEWAY}
    for request in plan.requests:
        assert {key: request.body[key] for key in ("block_id", "service", "instance_id")} == {
            "block_id": BLOCK, "service": "autoscaler", "instance_id": "",
        }  # fmt: skip
    return [{request.body["action"]: request.body["payload"]} for request in plan.requests]


class TestSet:
    async def test_it_is_tried_first_and_only_for_the_generation_that_was_seen(self, place: Place) -> None:
        plan = await place.policy.plan_set(place.block, {"cooldown_seconds": 60, "min_replicas": 1})
        data = {"parameters": {"cooldown_seconds": 60}, "expect_generation": 3}
        assert sent(plan) == [{"set_parameters": {**data, "dry_run": True}}, {"set_parameters": data}]
        assert plan.title == f"Set cooldown_seconds=60 of {BLOCK} in lab"
        assert plan.seen == "cooldown_seconds=120 (as the policy tells, generation 3)"
        assert plan.undo == f"aios-top policy set --block {BLOCK} cooldown_seconds=120; or restart the executor"
        assert plan.warnings[0].startswith("it lasts until the executor restarts")
        assert plan.precondition == {"generation": 3}
        assert place.mutations.sent == []

    async def test_what_is_sent_is_what_was_shown_in_this_order(self, place: Place) -> None:
        plan = await place.policy.plan_set(place.block, {"cooldown_seconds": 60})
        outcome = await place.actions.execute(plan)
        assert outcome.fate is Fate.DONE
        assert place.mutations.sent == [request.change for request in plan.requests]
        assert place.kinds() == ["intent", "outcome"] * 2

    async def test_what_the_policy_refuses_when_trying_is_not_set(self, place: Place) -> None:
        place.mutations.outcomes = [Outcome(Fate.FAILED, "the policy refused: no")]
        outcome = await place.actions.execute(await place.policy.plan_set(place.block, {"cooldown_seconds": 60}))
        assert (outcome.fate, outcome.message) == (Fate.FAILED, "the policy refused: no")
        assert len(place.mutations.sent) == 1

    async def test_somebody_elses_change_in_between_refuses(self, place: Place) -> None:
        plan = await place.policy.plan_set(place.block, {"cooldown_seconds": 60})
        place.reads.parameter_reports[BLOCK] = replace(place.told, generation=4)
        outcome = await place.actions.execute(plan)
        assert (outcome.fate, place.mutations.sent) == (Fate.REFUSED, [])
        assert "the generation of the parameters was 3, is 4; nothing was sent" in outcome.message

    async def test_a_policy_that_tells_no_generation_any_more_refuses(self, place: Place) -> None:
        plan = await place.policy.plan_set(place.block, {"cooldown_seconds": 60})
        del place.reads.parameter_reports[BLOCK]
        assert "was 3, is not told" in (await place.actions.execute(plan)).message
        place.reads.fails["parameters"] = ReadError("timeout", "no answer in 5s")
        assert "cannot be read now: no answer in 5s" in (await place.actions.execute(plan)).message
        assert place.mutations.sent == []

    async def test_its_own_dry_run_tells_the_effect(self, place: Place) -> None:
        place.says(last_decision=replace(decision("in-aa01"), code=clean("CooldownActive")))
        place.reads.dry_run_answer = replace(decision("in-aa01"), code=clean("ScaleUp"), reason=clean("too much"))
        plan = await place.policy.plan_set(place.block, {"cooldown_seconds": 60})
        assert plan.effect.endswith(
            "its last evaluation would have decided ScaleUp (too much) instead of CooldownActive"
        )
        assert place.reads.dry_runs == [{"cooldown_seconds": 60}]
        place.reads.dry_run_answer = replace(decision("in-aa01"), code=clean("CooldownActive"), reason=clean("wait"))
        plan = await place.policy.plan_set(place.block, {"cooldown_seconds": 60})
        assert plan.effect.endswith("would have decided the same: CooldownActive (wait)")

    async def test_without_a_dry_run_the_effect_is_not_guessed(self, place: Place) -> None:
        plan = await place.policy.plan_set(place.block, {"cooldown_seconds": 60})
        assert "is unknown: it tells no dry run" in plan.effect
        place.reads.fails["dry_run"] = ReadError("timeout", "no answer")
        assert (
            "is unknown: it tells no dry run"
            in (await place.policy.plan_set(place.block, {"cooldown_seconds": 60})).effect
        )

    @pytest.mark.parametrize(
        ("values", "why"),
        [
            ({"cooldown_seconds": 120}, "cooldown_seconds=120 is in force already"),
            ({"cooldown_seconds": -1}, "cooldown_seconds: -1 must be at least 0; nothing was sent"),
            ({"cooldwn": 1}, "did you mean cooldown_seconds"),
            ({"min_replicas": 5}, "minimum 5 is above its maximum 4"),
            ({}, "in force already"),
        ],
    )
    async def test_what_cannot_work_is_not_planned(self, place: Place, values: dict[str, Any], why: str) -> None:
        with pytest.raises(ActionRefusedError, match=why):
            await place.policy.plan_set(place.block, values)
        assert place.reads.dry_runs == []

    async def test_what_it_makes_worse_is_a_warning(self, place: Place) -> None:
        plan = await place.policy.plan_set(place.block, {"averaging_period": "average_15m"})
        assert any(entry.startswith("the mean is over 15m, the cooldown ends after 120s: ") for entry in plan.warnings)

    async def test_a_silent_policy_is_asked_without_a_generation(self, place: Place) -> None:
        block = place.become(policy=PolicyReport(Voice.SILENT), parameters=None)
        plan = await place.policy.plan_set(block, {"cooldown_seconds": 60})
        assert sent(plan)[1] == {"set_parameters": {"parameters": {"cooldown_seconds": 60}}}
        assert plan.seen == "cooldown_seconds=120 (as declared; nothing proves it)"
        assert plan.precondition == {}

    async def test_parameters_that_cannot_be_read_refuse(self, place: Place) -> None:
        place.reads.fails["parameters"] = ReadError("timeout", "no answer in 5s")
        with pytest.raises(ActionRefusedError, match="cannot be read now: no answer in 5s; nothing was sent"):
            await place.policy.plan_set(place.block, {"cooldown_seconds": 60})


class TestPause:
    async def test_it_says_what_is_held_back_and_until_when(self, place: Place) -> None:
        plan = await place.policy.plan_pause(place.block, 600, "up", "release")
        assert sent(plan) == [{"pause": {"seconds": 600, "direction": "up", "reason": "release"}}]
        assert plan.title == f"Pause scaling up of {BLOCK} for 10m in lab"
        assert plan.seen == "mode active; input 812 > 500 asks for +1"
        assert plan.effect == "for 10m the policy goes on measuring and does not scale up; then it resumes by itself"
        assert plan.undo == f"aios-top policy resume --block {BLOCK}"
        assert plan.warnings[1] == "it holds back what the rule asks for now: input 812 > 500 asks for +1"

    @pytest.mark.parametrize(("direction", "warned"), [("up", True), ("both", True), ("down", False)])
    async def test_only_what_is_held_back_is_warned_of(self, place: Place, direction: str, warned: bool) -> None:
        plan = await place.policy.plan_pause(place.block, 60, direction, "")
        assert (len(plan.warnings) == 2) is warned
        assert sent(plan) == [{"pause": {"seconds": 60, "direction": direction}}]

    async def test_a_pause_down_holds_back_a_removal(self, place: Place) -> None:
        block = place.become(averages={place.block.window: averages(10, 5)})
        assert "ask for -1" in (await place.policy.plan_pause(block, 60, "down", "")).warnings[1]
        assert len((await place.policy.plan_pause(block, 60, "up", "")).warnings) == 1

    async def test_a_silent_policy_most_likely_knows_no_orders(self, place: Place) -> None:
        block = place.become(policy=PolicyReport(Voice.SILENT))
        for plan in (await place.policy.plan_pause(block, 60, "both", ""), await place.policy.plan_force(block, 1)):
            assert "most likely it does not know this order" in plan.warnings[-1]

    @pytest.mark.parametrize("seconds", [0, -1, 86_401, float("nan"), float("inf")])
    async def test_a_pause_has_an_end(self, place: Place, seconds: float) -> None:
        with pytest.raises(ActionRefusedError, match="a pause lasts up to 24h; not"):
            await place.policy.plan_pause(place.block, seconds, "both", "")

    async def test_a_direction_is_one_of_three(self, place: Place) -> None:
        with pytest.raises(ActionRefusedError, match="both, up, down, not sideways"):
            await place.policy.plan_pause(place.block, 60, "sideways", "")
        with pytest.raises(ActionRefusedError, match="not sideways"):
            await place.policy.plan_resume(place.says(paused=Pause(clean("up"))), "sideways")


class TestResume:
    async def test_it_says_what_may_happen_then(self, place: Place) -> None:
        plan = await place.policy.plan_resume(place.says(paused=Pause(clean("up"), 30.0)))
        assert sent(plan) == [{"resume": {}}]
        assert plan.seen == "mode active, paused up"
        assert plan.effect == "the next evaluation in ~4s may act again: input 812 > 500 asks for +1"

    async def test_of_one_direction(self, place: Place) -> None:
        assert sent(await place.policy.plan_resume(place.says(paused=Pause(clean("both"))), "down")) == [
            {"resume": {"direction": "down"}}
        ]

    async def test_what_is_not_paused_is_not_resumed(self, place: Place) -> None:
        with pytest.raises(ActionRefusedError, match=f"scaling of {BLOCK} is not paused"):
            await place.policy.plan_resume(place.block)

    async def test_a_silent_policy_is_asked_anyway(self, place: Place) -> None:
        plan = await place.policy.plan_resume(place.become(policy=PolicyReport(Voice.SILENT)))
        assert plan.seen == "the policy tells nothing of itself"


class TestForce:
    async def test_it_is_queued_and_says_what_may_hold_it_back(self, place: Place) -> None:
        plan = await place.policy.plan_force(place.block, 2, expires_seconds=60, reason="sale")
        assert sent(plan) == [
            {"force_scale": {
                "operation": "upscale", "instances_count": 2, "expires_s": 60, "ignore_cooldown": False, "reason": "sale",
            }}
        ]  # fmt: skip
        assert plan.title == f"Let the policy of {BLOCK} scale by +2 in lab"
        assert plan.seen == "replicas 2, min 1, max 3; mode active"
        assert plan.effect == (
            "queued: the next evaluation in ~4s adds 2 if its cooldown is over (cooldown 41s left (reported)) and its "
            "limits allow it; after 60s it is forgotten"
        )
        assert plan.warnings == ()

    async def test_the_least_loaded_are_removed_and_nothing_is_drained(self, place: Place) -> None:
        plan = await place.policy.plan_force(place.block, -1, ignore_cooldown=True)
        assert sent(plan) == [
            {"force_scale": {
                "operation": "downscale", "instances_list": ["in-aa02"], "expires_s": 120.0, "ignore_cooldown": True,
            }}
        ]  # fmt: skip
        assert "removes in-aa02 whatever the cooldown and its limits allow it" in plan.effect
        assert "nothing is drained" in plan.warnings[0]

    async def test_named_victims_are_taken_as_named(self, place: Place) -> None:
        plan = await place.policy.plan_force(place.block, -2, ("in-x", "in-y"))
        assert sent(plan)[0]["force_scale"]["instances_list"] == ["in-x", "in-y"]

    @pytest.mark.parametrize("change", [0, 11])
    async def test_how_many_at_a_time(self, place: Place, change: int) -> None:
        with pytest.raises(ActionRefusedError, match="1 to 10 instances"):
            await place.policy.plan_force(place.block, change)

    async def test_what_is_queued_can_be_taken_back(self, place: Place) -> None:
        with pytest.raises(ActionRefusedError, match="no scaling by hand is queued"):
            await place.policy.plan_cancel(place.block)
        plan = await place.policy.plan_cancel(place.says(forced=ForcedScale(clean("upscale"), 1)))
        assert sent(plan) == [{"force_scale": {"operation": "cancel"}}]
        assert plan.seen == "replicas 2; mode active, upscale queued"


async def every_plan(place: Place) -> list[Plan]:
    block = place.says(paused=Pause(clean("up")), forced=ForcedScale(clean("upscale"), 1))
    return [
        await place.policy.plan_set(block, {"cooldown_seconds": 60}),
        await place.policy.plan_pause(block, 60, "both", ""),
        await place.policy.plan_resume(block),
        await place.policy.plan_force(block, 1),
        await place.policy.plan_cancel(block),
    ]


async def test_a_block_without_a_policy_is_told_nothing(place: Place) -> None:
    block = place.become(policy=PolicyReport(Voice.ABSENT))
    for call in (
        place.policy.plan_set(block, {"cooldown_seconds": 60}), place.policy.plan_pause(block, 60, "both", ""),
        place.policy.plan_resume(block), place.policy.plan_force(block, 1), place.policy.plan_cancel(block),
    ):  # fmt: skip
        with pytest.raises(ActionRefusedError, match="has no autoscaler policy; deploy one first"):
            await call


@pytest.mark.parametrize("options", [{"read_only": True}, {"writable": False}])
async def test_behind_a_closed_gate_nothing_leaves(tmp_path: Path, options: dict[str, bool]) -> None:
    place = Place(tmp_path, **options)
    for plan in await every_plan(place):
        assert (await place.actions.execute(plan)).fate is Fate.REFUSED
    assert place.mutations.sent == []
    assert set(place.kinds()) == {"refused"}


async def test_everything_is_recorded_before_it_is_sent(place: Place) -> None:
    for plan in await every_plan(place):
        await place.actions.execute(plan)
    assert all(isinstance(change, Manage) for change in place.mutations.sent)
    assert place.kinds() == ["intent", "outcome"] * len(place.mutations.sent)
