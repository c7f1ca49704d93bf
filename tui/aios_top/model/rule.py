"""The token rule as the tutorial's policy compares it: the console's reference when a policy explains nothing."""

from collections.abc import Mapping
from typing import Any

from aios_top.model.decision import Thresholds
from aios_top.model.window import Window

DEFAULT_COOLDOWN_SECONDS = 120.0
DEFAULT_INTERVAL_SECONDS = 30.0
"""AIOS's own when the settings name no `intervalSeconds`."""
DEFAULT_PUSH_SECONDS = 30.0
"""AIOS's period of an instance's metric push."""

_DEFAULTS = Thresholds(input_up=500.0, output_up=300.0, input_down=100.0, output_down=50.0)


def number(value: Any) -> float | None:
    """Return a JSON value as a finite number, None for anything else; true and "5" are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 else None


def thresholds(parameters: Mapping[str, Any]) -> Thresholds:
    """Return the limits in force for `parameters`, the tutorial's default for each that is missing."""

    def limit(name: str, default: float | None) -> float | None:
        return number(parameters[name]) if name in parameters else default

    return Thresholds(
        input_up=limit("input_tokens_up_threshold", _DEFAULTS.input_up),
        output_up=limit("output_tokens_up_threshold", _DEFAULTS.output_up),
        input_down=limit("input_tokens_down_threshold", _DEFAULTS.input_down),
        output_down=limit("output_tokens_down_threshold", _DEFAULTS.output_down),
    )


def window(parameters: Mapping[str, Any]) -> Window:
    """Return the window that the policy reads; an unknown name falls back to AIOS's shortest."""
    try:
        return Window(parameters.get("averaging_period", Window.ONE_MINUTE))
    except ValueError:
        return Window.ONE_MINUTE


def asks(input_size: float | None, output_size: float | None, limits: Thresholds) -> str | None:
    """Return `up` when either mean is above its limit, `down` when both are below, None otherwise."""
    if input_size is None or output_size is None:
        return None
    if _above(input_size, limits.input_up) or _above(output_size, limits.output_up):
        return "up"
    if _below(input_size, limits.input_down) and _below(output_size, limits.output_down):
        return "down"
    return None


def _above(value: float, limit: float | None) -> bool:
    return limit is not None and value > limit


def _below(value: float, limit: float | None) -> bool:
    return limit is not None and value < limit
