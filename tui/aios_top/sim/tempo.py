"""The rate of a load test over time, which can be changed while it runs."""

import math
from collections.abc import Sequence

from aios_top.model.load import Stage


class Tempo:
    """Turns gaps between requests, measured in requests, into seconds.

    A gap of 1 passes in one mean interval of the present rate. So the same seeded gaps serve every shape of load, and
    a change of rate bends the schedule from that moment on without losing its place.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = tuple(stages)
        self._within = 0.0
        """Seconds into the present stage."""
        self.stage = 0
        self.factor = 1.0
        """Multiplies every rate."""
        self.held = False
        """The present stage goes on at its present rate, without end."""

    @property
    def over(self) -> bool:
        """Whether the last stage has ended."""
        return self.stage >= len(self._stages)

    @property
    def rate(self) -> float:
        """Requests per second now."""
        return 0.0 if self.over else self._rate(self._stages[self.stage], self._within) * self.factor

    @property
    def seconds_left(self) -> float:
        """Seconds until the last stage ends."""
        if self.held:
            return math.inf
        return sum(stage.seconds for stage in self._stages[self.stage :]) - self._within

    def next_stage(self) -> None:
        """End the present stage."""
        if not self.over:
            self.stage, self._within, self.held = self.stage + 1, 0.0, False

    def seconds_for(self, gap: float) -> float | None:
        """Return how long `gap` takes from now on, None when the stages end before."""
        if self.held:
            return gap / self.rate if self.rate > 0 else None
        passed, within = 0.0, self._within
        for stage in self._stages[self.stage :]:
            left = stage.seconds - within
            area = self._area(stage, within, left)
            if gap <= area:
                return passed + self._time(stage, within, gap)
            gap, passed, within = gap - area, passed + left, 0.0
        return None

    def advance(self, seconds: float) -> float:
        """Let `seconds` pass and return the gap that passed in them."""
        if self.held:
            return self.rate * seconds
        gap = 0.0
        while seconds > 0 and not self.over:
            stage = self._stages[self.stage]
            step = min(seconds, stage.seconds - self._within)
            gap += self._area(stage, self._within, step)
            seconds -= step
            self._within += step
            if self._within >= stage.seconds:
                self.stage, self._within = self.stage + 1, 0.0
        return gap

    def _rate(self, stage: Stage, within: float) -> float:
        return stage.rate + _slope(stage) * within

    def _area(self, stage: Stage, within: float, seconds: float) -> float:
        """Return the gap that passes in `seconds` of a stage."""
        return self.factor * seconds * (self._rate(stage, within) + _slope(stage) * seconds / 2)

    def _time(self, stage: Stage, within: float, gap: float) -> float:
        """Return the seconds in which `gap`, which the stage has room for, passes."""
        if gap <= 0:
            return 0.0
        rate, slope = self._rate(stage, within), _slope(stage)
        gap /= self.factor
        # The stable root of rate * t + slope / 2 * t^2 = gap.
        return 2 * gap / (rate + math.sqrt(max(0.0, rate * rate + 2 * slope * gap)))


def _slope(stage: Stage) -> float:
    return (stage.last_rate - stage.rate) / stage.seconds
