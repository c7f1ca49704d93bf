"""What block and autoscaler do during a load test: the lag budget, the gain, whether the goal is reached."""

from msgspec.structs import replace

from aios_top.engine.load_counts import LoadCounts, RecentLatency
from aios_top.engine.meter import Meter
from aios_top.model import lag as lag_budget
from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.lag import ScaleUpGain
from aios_top.model.load import Cause, LoadPlan, ServerFigures, Until
from aios_top.model.state import BlockState

GAIN_SECONDS = 60.0
"""Stretch of time before and after a scale-up whose throughput is compared."""
RECOVERED_WITHIN = 1.2
"""Latency counts as well again when its p95 is within this factor of that before the crossing."""
P95_SECONDS, P95_FEWEST = 10.0, 5


class LoadWatch:
    """Follows the block from the start of a load test on."""

    def __init__(self, plan: LoadPlan, block: BlockState | None, now: float) -> None:
        self._plan = plan
        self._start = now
        self._meter = Meter(block, now)
        self._recent = RecentLatency(P95_SECONDS, P95_FEWEST)
        self._normal_p95: float | None = None
        self._counted = 0
        self._last_end = now
        self._observed_at = now
        self._goal_reached = False
        self.lag = lag_budget.begun(now, block)
        self.gains: tuple[ScaleUpGain, ...] = ()
        self.replica_seconds = 0.0

    def begin_at(self, at: float) -> None:
        """Count from `at` on, when the first request became due."""
        self._start = self._last_end = at
        crossed = self.lag.steps["threshold_crossed"]
        self.lag = self.lag.noted("load_start", at, Origin.MEASURED)
        if crossed.at is not None and crossed.at < at:
            self.lag = self.lag.noted("threshold_crossed", at, crossed.origin, crossed.note)

    @property
    def server(self) -> ServerFigures:
        """What the replicas counted since the start."""
        return self._meter.figures()

    @property
    def settled(self) -> bool:
        """Whether nothing more is to come once the load has ended."""
        if self._plan.until in {Until.DOWNSCALE, Until.REPLICAS}:
            return self._goal_reached
        return self.lag.complete

    def calibration(self, counts: LoadCounts) -> float | None:
        """Return the prompt tokens that the block counted per word sent, None while the requests do not match."""
        server = self._meter.figures()
        answered = [end for end in counts.ends if end.ok]
        words = sum(end.input_tokens for end in answered)
        if not answered or len(answered) != len(counts.ends) or server.requests != len(answered):
            return None
        return server.input_tokens / words

    def note_ends(self, counts: LoadCounts, started_at: float) -> None:
        """Take the newest answers into account."""
        for end in counts.ends[self._counted :]:
            self._last_end = max(self._last_end, started_at + end.ended)
            if end.ok:
                self._recent.add(started_at + end.ended, end.latency)
        self._counted = len(counts.ends)
        p95 = self._recent.p95(self._last_end)
        if p95 is None:
            return
        if self.lag.at("threshold_crossed") is None:
            self._normal_p95 = p95
        elif self.lag.complete and self.lag.at("p95_recovered") is None and self._is_normal(p95):
            at = max(self._last_end, self.lag.at("replica_reporting") or 0.0)
            self.lag = self.lag.noted("p95_recovered", at, Origin.MEASURED)

    def _is_normal(self, p95: float) -> bool:
        return self._normal_p95 is not None and p95 <= RECOVERED_WITHIN * self._normal_p95

    def observe(self, block: BlockState, now: float) -> None:
        """Take a new state of the block into account."""
        self.replica_seconds += block.replicas.best * max(0.0, now - self._observed_at)
        self._observed_at = now
        self._meter.observe(block, now)
        self.lag = lag_budget.with_block(self.lag, block, now)
        self.gains = tuple(self._gain(entry, block) for entry in self._ups(block))

    def end_notes(self) -> None:
        """Say of each step that did not happen why there is no time for it."""
        for step, entry in self.lag.steps.items():
            if entry.at is None and not entry.note:
                self.lag = replace(self.lag, steps={**self.lag.steps, step: replace(entry, note=self._why_not(step))})

    def _why_not(self, step: str) -> str:
        if step != "p95_recovered" or not self.lag.complete:
            return "not seen before the end of the run"
        if self._normal_p95 is None:
            return f"unknown: fewer than {P95_FEWEST} answers came before the threshold was crossed"
        if self._last_end < (self.lag.at("replica_reporting") or 0.0):
            return "unknown: the load ended before the replica reported"
        return "not reached before the end of the run"

    def reached(self, block: BlockState) -> tuple[Cause, str] | None:
        """Return why to stop sending now: the goal, or that it cannot be reached."""
        found = self._goal(block)
        self._goal_reached = self._goal_reached or (found is not None and found[0] is Cause.GOAL)
        return found

    def _goal(self, block: BlockState) -> tuple[Cause, str] | None:
        match self._plan.until:
            case Until.UPSCALE:
                decided = self._first(block, Action.UP)
                if decided is not None:
                    return Cause.GOAL, f"goal reached: the policy decided to scale up ({decided.reason})"
                return self._at_maximum(block)
            case Until.DOWNSCALE:
                decided = self._first(block, Action.DOWN)
                if decided is not None:
                    return Cause.GOAL, f"goal reached: the policy decided to scale down ({decided.reason})"
            case Until.REPLICAS:
                replicas = block.replicas
                if not replicas.wiped and replicas.reporting == self._plan.until_replicas and not replicas.starting:
                    return Cause.GOAL, f"goal reached: {replicas.reporting} replicas report"
        return None

    def _at_maximum(self, block: BlockState) -> tuple[Cause, str] | None:
        most = block.parameters.effective.get("max_replicas") if block.parameters else None
        if isinstance(most, int) and block.replicas.best >= most:
            return (
                Cause.AT_MAXIMUM,
                f"stopped by itself: the policy's maximum of {most} replicas is reached, it cannot add one",
            )
        return None

    def _first(self, block: BlockState, action: Action) -> Decision | None:
        found = (entry for entry in reversed(block.decisions) if entry.action is action and entry.at >= self._start)
        return next(found, None)

    def _ups(self, block: BlockState) -> list[Decision]:
        return [entry for entry in reversed(block.decisions) if entry.action is Action.UP and entry.at >= self._start]

    def _gain(self, decided: Decision, block: BlockState) -> ScaleUpGain:
        """Compare the throughput before one scale-up with that after its replica reported."""
        known = next((gain for gain in self.gains if gain.decided_at == decided.at), None)
        before_count = decided.current if decided.current is not None else block.replicas.best
        gain = known or ScaleUpGain(
            decided.at, before_count, before=self._meter.rate(max(self._start, decided.at - GAIN_SECONDS), decided.at)
        )
        reported = self._meter.first_report_after(decided.at)
        if reported is None:
            return replace(gain, note="the new replica has not reported")
        end = min(reported + GAIN_SECONDS, self._observed_at, self._last_end)
        after = self._meter.rate(reported, end)
        note = "" if after is not None else "no load long enough after the replica reported"
        return replace(gain, replicas_after=before_count + 1, after=after, note=note)
