"""The countdown with its consequence: when the next action may come, and on what it depends."""

import pytest

from aios_top.model.decision import Decision, Origin, Thresholds
from aios_top.model.outlook import crosses_in, outlook, trend
from aios_top.model.policy_state import ForcedScale, Pause, PolicyReport, Voice
from aios_top.model.series import Track
from aios_top.model.state import Averages, BlockState, Cooldown, CooldownPhase, Replicas
from aios_top.model.text import clean
from aios_top.model.window import Window
from aios_top.render.why import outlook_sentence

NOW = 10_000.0


def block(
    sizes: tuple[float, float], *, cooling: float = 0.0, due: float | None = 12.0, slope: float = 0.0, **more: object
) -> BlockState:
    """A block whose input rose by `slope` a minute to its present size."""
    track = Track(("input_average_1m", "output_average_1m"))
    for ago in range(300, -1, -5):
        track.append(NOW - ago, [sizes[0] - slope * ago / 60, sizes[1]])
    phase = CooldownPhase.COOLING if cooling else CooldownPhase.READY
    values: dict[str, object] = {
        "policy": PolicyReport(Voice.FULL, interval_seconds=30.0),
        "thresholds": Thresholds(500, 300, 100, 50),
        "replicas": Replicas(current=2, reporting=2, minimum=1),
        "averages": {Window.ONE_MINUTE: Averages(*sizes, origin=Origin.MEASURED, counted=2)},
        "cooldown": Cooldown(phase, Origin.REPORTED, NOW + cooling, 120.0),
        "next_evaluation_at": None if due is None else NOW + due,
        "next_evaluation_origin": Origin.REPORTED,
        "history": track.views(),
    }
    return BlockState(clean("b"), **(values | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (
            block((540, 200), cooling=76, slope=12),
            "In 102s it will add 1 if input stays above 500 (now 540, trend +12/min).",
        ),
        (block((540, 400)), "In 12s it will add 1 if input stays above 500 (now 540) or output stays above 300 (now 400)."),
        (
            block((12, 4)),
            "In 12s it will remove 1 if input stays below 100 (now 12) and output below 50 (now 4).",
        ),
        (
            block((12, 4), replicas=Replicas(current=1, reporting=1, minimum=1)),
            ("In 12s it would remove 1 (input stays below 100 (now 12) and output below 50 (now 4)), "
            "but min_replicas 1 holds it."),
        ),
        (  # a fresh console sees the documents of replicas that were removed before
            block((12, 4), replicas=Replicas(current=1, reporting=8, minimum=1)),
            ("In 12s it would remove 1 (input stays below 100 (now 12) and output below 50 (now 4)), "
            "but min_replicas 1 holds it."),
        ),
        (
            block((440, 200), slope=12),
            ("In 12s it holds if nothing changes (input 440, trend +12/min, output 200); "
            "at this trend input passes 500 in ~5m00s."),
        ),
        (block((440, 200), slope=-12), "In 12s it holds if nothing changes (input 440, trend -12/min, output 200)."),
        (
            block((540, 200), due=None, cooldown=Cooldown(CooldownPhase.COOLING, Origin.INFERRED, NOW + 31, 120.0, 60)),
            "In ~31s it will add 1 if input stays above 500 (now 540).",
        ),
        (
            block((540, 200), due=None, cooldown=Cooldown(CooldownPhase.UNKNOWN, Origin.UNKNOWN)),
            "Once its cooldown is over, which is unknown, it will add 1 if input stays above 500 (now 540).",
        ),
        (block((540, 200), averages={}), "In 12s it holds: there are no averages."),
        (
            block((540, 200), policy=PolicyReport(Voice.FULL, mode=clean("shadow"))),
            "In 12s it would add 1 (input stays above 500 (now 540)), but shadow mode holds it.",
        ),
        (
            block((540, 200), policy=PolicyReport(Voice.FULL, paused=Pause(clean("up")))),
            "In 12s it would add 1 (input stays above 500 (now 540)), but a pause holds it.",
        ),
        (
            block((540, 200), policy=PolicyReport(Voice.FULL, paused=Pause(clean("both"), 11.0))),
            "In 12s it will add 1 if input stays above 500 (now 540).",
        ),
        (
            block((540, 200), policy=PolicyReport(Voice.FULL, paused=Pause(clean("both"), 13.0))),
            "In 12s it would add 1 (input stays above 500 (now 540)), but a pause holds it.",
        ),
        (
            block((540, 200), policy=PolicyReport(Voice.FULL, paused=Pause(clean("down")))),
            "In 12s it will add 1 if input stays above 500 (now 540).",
        ),
    ],
)  # fmt: skip
def test_what_follows(state: BlockState, told: str) -> None:
    found = outlook(state, NOW)
    assert found is not None
    assert outlook_sentence(found) == told


def test_the_policys_own_maximum_holds_an_addition_and_the_blocks_does_not() -> None:
    last = Decision(NOW, "hold", clean("WithinRange"), clean(""), Origin.REPORTED, record={"replicas": {"max": 2}})  # type: ignore[arg-type]
    own = block((540, 200), policy=PolicyReport(Voice.FULL, last_decision=last))
    declared = block((540, 200), replicas=Replicas(current=2, reporting=2, maximum=2))

    held = [found and found.blocked_by for found in (outlook(own, NOW), outlook(declared, NOW))]
    assert held == ["max_replicas 2", ""]


def test_a_larger_step_is_told() -> None:
    found = outlook(block((540, 200), in_force={"max_scale_up_step": 3}), NOW)
    assert found is not None
    assert outlook_sentence(found) == "In 12s it will add up to 3 if input stays above 500 (now 540)."


def test_a_block_without_an_autoscaler_has_no_outlook() -> None:
    assert outlook(block((540, 200), policy=PolicyReport(Voice.ABSENT)), NOW) is None


@pytest.mark.parametrize(("cooling", "seconds"), [(0, 12), (11.9, 12), (12, 42), (41.9, 42), (42, 72), (100, 102)])
def test_the_action_waits_for_the_first_evaluation_after_the_cooldown(cooling: float, seconds: float) -> None:
    found = outlook(block((540, 200), cooling=cooling), NOW)
    assert found is not None
    assert found.in_seconds == pytest.approx(seconds)


def test_a_trend_is_a_slope_of_two_minutes_and_needs_some_history() -> None:
    track = Track(("x",))
    assert trend(None, NOW) is None
    for number, value in enumerate([None, 100.0, 110.0, 120.0, 130.0]):
        track.append(NOW - 60 + 10 * number, [value])
        assert (trend(track.view("x"), NOW) is None) is (number < 4)
    assert trend(track.view("x"), NOW) == pytest.approx(60.0)
    assert trend(track.view("x"), NOW + 125) is None


def test_when_a_limit_is_reached() -> None:
    assert crosses_in(440, 12, 500) == pytest.approx(300.0)
    assert crosses_in(440, -12, 500) is None
    assert crosses_in(440, 0, 500) is None
    assert crosses_in(None, 1, 500) is None


@pytest.mark.parametrize(
    ("order", "more", "told"),
    [
        (
            ForcedScale(clean("upscale"), 2, remaining_seconds=110.0),
            {},
            "In 12s it will add 2, as an operator ordered; it is forgotten after 110s.",
        ),
        (
            ForcedScale(clean("upscale"), 1, ignores_cooldown=True),
            {"cooling": 76.0},
            "In 12s it will add 1, as an operator ordered, whatever the cooldown.",
        ),
        (
            ForcedScale(clean("downscale"), None, (clean("in-a"), clean("in-b"))),
            {"cooling": 76.0, "replicas": Replicas(current=4, reporting=4, minimum=1)},
            "In 102s it will remove in-a, in-b, as an operator ordered.",
        ),
    ],
)
def test_what_an_operator_ordered_comes_before_the_rule(order: ForcedScale, more: dict[str, object], told: str) -> None:
    """The rule asks for one less at the minimum, which holds back no order for more."""
    policy = PolicyReport(Voice.FULL, interval_seconds=30.0, forced=order)
    least = Replicas(current=1, reporting=1, minimum=1)
    found = outlook(block((12, 4), policy=policy, **({"replicas": least} | more)), NOW)  # type: ignore[arg-type]
    assert found is not None
    assert outlook_sentence(found) == told
