"""What a token policy compares with its thresholds, and in which unit."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Signal(StrEnum):
    """The value of the parameter `signal`."""

    SIZE = "rolling"
    """Mean tokens per request, which AIOS's metrics call tokens per minute; the tutorial's policy knows no other."""
    RATE = "counter_rate"
    """Tokens per minute and instance, from the counters."""

    @property
    def unit(self) -> str:
        """The unit on the screen."""
        return "tok/min" if self is Signal.RATE else "tok/request"

    @property
    def long_unit(self) -> str:
        """The unit in documents."""
        return "tokens per minute and instance" if self is Signal.RATE else "tokens per request"


def signal_of(parameters: Mapping[str, Any]) -> Signal:
    """Return what a policy with these parameters compares."""
    return Signal.RATE if parameters.get("signal") == Signal.RATE.value else Signal.SIZE
