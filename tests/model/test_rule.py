"""The console's reference rule equals the tutorial's comparisons at every boundary."""

import pytest

from aios_top.model.decision import Thresholds
from aios_top.model.rule import asks, number, thresholds, window
from aios_top.model.window import Window

LIMITS = Thresholds(500, 300, 100, 50)


@pytest.mark.parametrize(
    ("input_size", "output_size", "rule"),
    [
        (500.0, 300.0, None),  # strictly above
        (500.1, 0.0, "up"),
        (0.0, 300.1, "up"),
        (100.0, 49.0, None),  # strictly below, and both
        (99.9, 50.0, None),
        (99.9, 49.9, "down"),
        (0.0, 0.0, "down"),
        (None, 1.0, None),
        (float("nan"), float("nan"), None),
    ],
)
def test_the_rule_compares_strictly(input_size: float | None, output_size: float | None, rule: str | None) -> None:
    assert asks(input_size, output_size, LIMITS) == rule


def test_inverted_thresholds_scale_up_first() -> None:
    assert asks(200.0, 0.0, Thresholds(100, 50, 500, 300)) == "up"


def test_missing_parameters_take_the_tutorials_defaults() -> None:
    assert thresholds({}) == LIMITS
    assert thresholds({"input_tokens_up_threshold": 1500}).input_up == 1500
    assert thresholds({"input_tokens_up_threshold": "1500"}).input_up is None


def test_windows_are_read_from_the_parameters() -> None:
    assert window({}) is Window.ONE_MINUTE
    assert window({"averaging_period": "average_5m"}) is Window.FIVE_MINUTES
    assert window({"averaging_period": "avg_1m"}) is Window.ONE_MINUTE
    assert [entry.next() for entry in Window] == [Window.FIVE_MINUTES, Window.FIFTEEN_MINUTES, Window.ONE_MINUTE]


@pytest.mark.parametrize("value", [True, "5", None, [1], float("inf"), float("nan")])
def test_what_is_no_number_is_none(value: object) -> None:
    assert number(value) is None
