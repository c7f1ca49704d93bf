"""The averaging windows that AIOS keeps for a rolling metric."""

from enum import StrEnum

from msgspec import Struct


class Window(StrEnum):
    """A key of AIOS's rolling objects; the value is the key on the wire."""

    ONE_MINUTE = "average_1m"
    FIVE_MINUTES = "average_5m"
    FIFTEEN_MINUTES = "average_15m"

    @property
    def label(self) -> str:
        """The short name on the screen: 1m, 5m or 15m."""
        return self.value.removeprefix("average_")

    @property
    def seconds(self) -> int:
        """Length of the window."""
        return int(self.label.removesuffix("m")) * 60

    def next(self) -> "Window":
        """Return the window that follows in the cycle of the key `w`."""
        windows = list(Window)
        return windows[(windows.index(self) + 1) % len(windows)]


class Rolling(Struct, frozen=True, gc=False):
    """AIOS's rolling metric: the mean of the observations in each window, 0 when there were none.

    For the token metrics an observation is one request, so the mean is tokens per request and not per minute,
    whatever the metric's name says.
    """

    current: float | None = None
    average_1m: float | None = None
    average_5m: float | None = None
    average_15m: float | None = None

    def over(self, window: Window) -> float | None:
        """Return the mean over `window`, None when the server did not send a usable number."""
        match window:
            case Window.ONE_MINUTE:
                return self.average_1m
            case Window.FIVE_MINUTES:
                return self.average_5m
            case Window.FIFTEEN_MINUTES:
                return self.average_15m
