"""What is concluded about a policy that says nothing, and that it is marked as concluded."""

import pytest
from msgspec.structs import replace

from aios_top.engine.infer import FOLLOWS_SECONDS
from aios_top.engine.memory import BlockMemory
from aios_top.engine.observe import Inputs, observe, take_decisions
from aios_top.engine.phases import take_reading
from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.policy_state import DecisionPage, PolicyReport, Voice
from aios_top.model.record import BlockRecord, PolicyRecord, PolicyReference
from aios_top.model.state import BlockState, CooldownPhase
from aios_top.model.text import clean
from fakes.readings import block, instance

RECORD = BlockRecord(
    clean("b"),
    policies={"autoscaler": PolicyReference(clean("tokenautoscaler:2.0-stable"), {"cooldown_seconds": 120})},
    min_instances=1,
    max_instances=4,
)


class Watch:
    """A block with a silent policy, observed push by push."""

    def __init__(self, record: BlockRecord = RECORD, registered: PolicyRecord | None = None) -> None:
        self.memory = BlockMemory()
        self.now = 1000.0
        self.inputs = Inputs(record=record, registered=registered, report=PolicyReport(Voice.SILENT))

    def push(self, *sizes: tuple[str, float], seconds: float = 30.0) -> BlockState:
        self.now += seconds
        documents = [instance(name, self.now - 1, size, output=size / 10, prompt=self.now) for name, size in sizes]
        take_reading(self.memory, block(*documents), self.now)
        return observe(clean("b"), self.memory, self.inputs, self.now)


def test_the_first_look_infers_nothing() -> None:
    watch = Watch()
    state = watch.push(("in-a", 300), ("in-b", 300))
    assert state.decisions == ()
    assert state.cooldown.phase is CooldownPhase.UNKNOWN


def test_a_new_instance_is_an_inferred_upscale_and_starts_an_inferred_cooldown() -> None:
    watch = Watch()
    watch.push(("in-a", 600))
    state = watch.push(("in-a", 600), ("in-b", 0))
    newest = state.decisions[-1]
    assert (newest.action, newest.origin, newest.code) == (Action.UP, Origin.INFERRED, "ScaleUp")
    assert newest.reason == "in-b began to report"
    assert newest.would == "up"
    assert (newest.reporting, newest.proposed, newest.seq) == (1, 2, None)
    assert state.cooldown.origin is Origin.INFERRED
    assert state.cooldown.remaining_seconds(watch.now) == 120.0
    assert state.cooldown.uncertainty_seconds == 60.0
    assert state.replicas.current is None
    assert state.replicas.origin is Origin.MEASURED


@pytest.mark.parametrize(
    ("size", "reason", "would"),
    [
        (10, "in-b stopped reporting: removed", "down"),
        (300, "in-b stopped reporting: hung, or removed (the rule had not asked)", None),
    ],
)
def test_a_silent_instance_is_an_inferred_downscale_that_says_whether_it_was_asked_for(
    size: float, reason: str, would: str | None
) -> None:
    watch = Watch()
    watch.push(("in-a", size), ("in-b", size))
    watch.push(("in-a", size), ("in-b", size))
    dead = instance("in-b", watch.now - 1, size, output=size / 10, prompt=watch.now)
    for _ in range(3):
        watch.now += 30
        alive = instance("in-a", watch.now - 1, size, output=size / 10, prompt=watch.now)
        take_reading(watch.memory, block(alive, dead), watch.now)
        state = observe(clean("b"), watch.memory, watch.inputs, watch.now)
    downs = [entry for entry in state.decisions if entry.action is Action.DOWN]
    assert [(entry.reason, entry.would) for entry in downs] == [(reason, would)]
    assert state.verdict is not None
    assert (state.verdict.code == "InstanceSilent") is (would is None)


def test_a_rule_that_is_newly_met_is_noted_once() -> None:
    watch = Watch()
    watch.push(("in-a", 300))
    watch.push(("in-a", 612))
    state = watch.push(("in-a", 620))
    assert [(entry.would, entry.action) for entry in state.decisions] == [("up", Action.HOLD)]
    state = watch.push(("in-a", 300))
    assert [entry.would for entry in state.decisions] == [None, "up"]


def test_the_registrys_parameters_override_the_blocks() -> None:
    registered = PolicyRecord(
        clean("tokenautoscaler:2.0-stable"),
        clean("tokenautoscaler"),
        clean("2.0"),
        clean("stable"),
        clean("http://x/y.zip"),
        parameters={"input_tokens_up_threshold": 999},
    )
    state = Watch(registered=registered).push(("in-a", 600))
    assert state.thresholds.input_up == 999
    assert state.thresholds_origin is Origin.DECLARED


def test_a_reset_that_the_console_sent_ends_the_inferred_cooldown_until_the_next_action() -> None:
    watch = Watch()
    watch.push(("in-a", 600))
    watch.push(("in-a", 600), ("in-b", 600))
    watch.memory.cooldown_reset_at = watch.now
    assert watch.push(("in-a", 600), ("in-b", 600)).cooldown.phase is CooldownPhase.READY
    state = watch.push(("in-a", 600), ("in-b", 600), ("in-c", 600))
    assert state.cooldown.phase is CooldownPhase.COOLING


def test_long_quiet_means_ready() -> None:
    watch = Watch()
    state = watch.push(("in-a", 300))
    for _ in range(7):
        state = watch.push(("in-a", 300))
    assert state.cooldown.phase is CooldownPhase.READY
    assert state.cooldown.origin is Origin.INFERRED


def test_a_wipe_infers_no_decision() -> None:
    watch = Watch()
    watch.push(("in-a", 300), ("in-b", 300))
    watch.now += 5
    take_reading(watch.memory, None, watch.now)
    state = observe(clean("b"), watch.memory, watch.inputs, watch.now)
    assert state.replicas.wiped
    assert state.decisions == ()


def told(action: Action, at: float, proposed: int, seq: int) -> Decision:
    code = {Action.UP: "ScaleUp", Action.DOWN: "ScaleDown"}[action]
    return Decision(at, action, clean(code), clean("told"), Origin.REPORTED, seq, clean("boot"), proposed=proposed)


def test_one_unreadable_answer_of_a_policy_that_tells_makes_no_decision_appear_twice() -> None:
    watch = Watch()
    watch.inputs = replace(watch.inputs, report=PolicyReport(Voice.FULL, boot_id=clean("boot")))
    watch.push(("in-a", 600))
    up = told(Action.UP, watch.now, 2, 1)
    take_decisions(watch.memory, DecisionPage(clean("boot"), (up,), 1))
    watch.push(("in-a", 600), ("in-b", 600))
    watch.inputs = replace(watch.inputs, report=PolicyReport(Voice.SILENT))
    state = watch.push(("in-a", 600), ("in-b", 600))
    assert list(state.decisions) == [up]


def test_an_instance_that_a_told_decision_asked_for_may_come_while_the_policy_is_silent() -> None:
    watch = Watch()
    watch.inputs = replace(watch.inputs, report=PolicyReport(Voice.FULL, boot_id=clean("boot")))
    watch.push(("in-a", 300))
    take_decisions(watch.memory, DecisionPage(clean("boot"), (told(Action.UP, watch.now, 2, 1),), 1))
    watch.inputs = replace(watch.inputs, report=PolicyReport(Voice.UNREACHABLE))
    watch.push(("in-a", 300))
    state = watch.push(("in-a", 300), ("in-b", 300))
    assert [entry.origin for entry in state.decisions] == [Origin.REPORTED]
    more = watch.push(("in-a", 300), ("in-b", 300), ("in-c", 300))  # nobody told of this one
    assert [entry.origin for entry in more.decisions] == [Origin.INFERRED, Origin.REPORTED]
    assert more.decisions[0].reason.startswith("in-c began to report")


def test_what_was_told_long_ago_explains_nothing() -> None:
    watch = Watch()
    watch.inputs = replace(watch.inputs, report=PolicyReport(Voice.FULL, boot_id=clean("boot")))
    watch.push(("in-a", 300))
    take_decisions(watch.memory, DecisionPage(clean("boot"), (told(Action.UP, watch.now, 2, 1),), 1))
    watch.inputs = replace(watch.inputs, report=PolicyReport(Voice.SILENT))
    watch.push(("in-a", 300), seconds=FOLLOWS_SECONDS)
    state = watch.push(("in-a", 300), ("in-b", 300))
    assert state.decisions[0].origin is Origin.INFERRED
