"""The averaging windows that AIOS keeps for a rolling metric."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

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


_PLACES = {Window.ONE_MINUTE: 1, Window.FIVE_MINUTES: 2, Window.FIFTEEN_MINUTES: 3}


class LateRolling(Struct, frozen=True, eq=False, gc=False):
    """A rolling metric of which a mean is read when it is asked for: a fleet shows one of four."""

    read: Callable[[int, int], float | None]
    """Returns the figure in a row at a place."""
    row: int
    place: int
    """Of `current`; those of the windows follow, by length."""

    @property
    def current(self) -> float | None:
        """Mean over the current period."""
        return self.read(self.row, self.place)

    @property
    def average_1m(self) -> float | None:
        """Mean over a minute."""
        return self.read(self.row, self.place + 1)

    @property
    def average_5m(self) -> float | None:
        """Mean over five minutes."""
        return self.read(self.row, self.place + 2)

    @property
    def average_15m(self) -> float | None:
        """Mean over fifteen minutes."""
        return self.read(self.row, self.place + 3)

    def over(self, window: Window) -> float | None:
        """Return the mean over `window`, None when the server did not send a usable number."""
        return self.read(self.row, self.place + _PLACES[window])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rolling | LateRolling) and _means(self) == _means(other)

    def __hash__(self) -> int:
        return hash(_means(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return Rolling, _means(self)

    def __repr__(self) -> str:
        return repr(Rolling(*_means(self)))


def _means(rolling: "AnyRolling") -> tuple[float | None, ...]:
    return rolling.current, rolling.average_1m, rolling.average_5m, rolling.average_15m


AnyRolling = Rolling | LateRolling
