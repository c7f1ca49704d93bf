"""The sentences of a confirm dialog: numbers, limits, and what is not known."""

from typing import Any

import pytest

from aios_top.engine.predict import cooldown_sentence, reset_sentence, rule_sentence
from aios_top.model.decision import Origin, Thresholds
from aios_top.model.state import Cooldown, CooldownPhase, Replicas
from aios_top.model.window import Window
from fakes.controls import a_block, averages

NOW = 1000.0
READY = Cooldown(CooldownPhase.READY, Origin.REPORTED)
UNKNOWN = Cooldown(CooldownPhase.UNKNOWN, Origin.UNKNOWN)


def block(input_size: float | None, output_size: float | None, **changes: Any) -> Any:
    return a_block(NOW, averages={Window.ONE_MINUTE: averages(input_size, output_size)}, **changes)


@pytest.mark.parametrize(
    ("sizes", "changes", "sentence"),
    [
        ((812, 120), {}, "input 812 > 500 asks for +1"),
        ((100, 301), {}, "output 301 > 300 asks for +1"),
        ((500, 300), {}, "input 500 and output 300 ask for nothing"),
        ((80, 20), {}, "input 80 < 100 and output 20 < 50 ask for -1"),
        (
            (80, 20),
            {"replicas": Replicas(current=1, minimum=1)},
            "input 80 < 100 and output 20 < 50 ask for -1, but 1 is the minimum",
        ),
        ((None, None), {}, "what its rule asks for is unknown, for there are no averages"),
        ((812, 120), {"thresholds": Thresholds()}, "input 812 and output 120 ask for nothing"),
    ],
)
def test_the_rule_is_said_with_its_numbers(sizes: tuple[Any, Any], changes: dict[str, Any], sentence: str) -> None:
    assert rule_sentence(block(*sizes, **changes)) == sentence


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            block(812, 120),
            "ends the cooldown 41s early; the next evaluation in ~4s may act at once: input 812 > 500 asks for +1",
        ),
        (
            block(300, 120, next_evaluation_at=None),
            (
                "ends the cooldown 41s early; the next evaluation acts only if that changes: "
                "input 300 and output 120 ask for nothing"
            ),
        ),
        (
            block(80, 20, cooldown=READY),
            (
                "the cooldown is not running, so the reset changes nothing; the next evaluation in ~4s may act at once: "
                "input 80 < 100 and output 20 < 50 ask for -1"
            ),
        ),
        (
            block(812, 120, cooldown=UNKNOWN, next_evaluation_at=NOW - 9),
            (
                "ends a cooldown if one is running, which is unknown; the next evaluation in ~0s may act at once: "
                "input 812 > 500 asks for +1"
            ),
        ),
    ],
)
def test_the_effect_of_a_reset_is_predicted(given: Any, sentence: str) -> None:
    assert reset_sentence(given, NOW) == sentence


@pytest.mark.parametrize(
    ("cooldown", "sentence"),
    [
        (READY, "cooldown not running (reported)"),
        (UNKNOWN, "cooldown unknown"),
        (Cooldown(CooldownPhase.COOLING, Origin.REPORTED, NOW + 41.4), "cooldown 41s left (reported)"),
        (
            Cooldown(CooldownPhase.COOLING, Origin.INFERRED, NOW + 60, 120, 60),
            "cooldown 60s left ±60s (inferred)",
        ),
    ],
)
def test_the_timer_is_said_with_its_source(cooldown: Cooldown, sentence: str) -> None:
    assert cooldown_sentence(block(1, 1, cooldown=cooldown), NOW) == sentence
