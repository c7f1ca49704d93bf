"""The rules by which a load test stops itself: when it does more harm than it tells."""

from collections import deque

from aios_top.model.load import Cause, LoadPlan
from aios_top.model.load_job import RequestEnd
from aios_top.model.span import latency, length
from aios_top.model.spread import rank

JUDGED_FROM = 10
"""Ended requests from which an error rate counts, and bad ones in a row that are too many."""
MAX_LOST = 3
"""Every lost request keeps one of the inference server's ten gRPC threads for ever."""
WINDOW_SECONDS = 5.0
"""Stretch of time over which the error rate counts, beside that of the whole run."""
LATENCY_WINDOW_SECONDS = 10.0
LATENCY_FROM = 20
"""Good answers from which a limit on the 95th percentile counts."""
MAX_SLIP_SECONDS = 1.0
"""Delay of the sender's own timer from which its figures say more of itself than of the server."""
SATURATED_SECONDS = 15.0
"""How long all places may be taken while latency rises."""

Stop = tuple[Cause, str]


class StopRules:
    """Judges each end and each second of a run."""

    def __init__(self, plan: LoadPlan, places: int) -> None:
        self._plan = plan
        self._places = places
        self._ended = self._bad = self._lost = self._in_a_row = 0
        self._recent: deque[RequestEnd] = deque()
        self._window: deque[RequestEnd] = deque()
        self._bad_in_window = 0
        self._full_since: float | None = None

    def after(self, end: RequestEnd) -> Stop | None:
        """Return why to stop after an end, None to go on."""
        self._ended += 1
        self._bad += not end.ok
        self._lost += end.kind == "timeout"
        self._in_a_row = 0 if end.ok else self._in_a_row + 1
        self._recent.append(end)
        self._forget(end.ended - 2 * SATURATED_SECONDS)
        self._slide(end)
        return self._errors()

    def _errors(self) -> Stop | None:
        plan = self._plan
        if self._lost > MAX_LOST:
            return Cause.LOST, f"{self._lost} requests lost; each keeps a thread of the inference server"
        if plan.max_errors is not None and self._bad > plan.max_errors:
            return Cause.ERRORS, f"{self._bad} requests failed, more than {plan.max_errors}"
        if self._ended >= JUDGED_FROM and self._bad / self._ended > plan.max_error_rate:
            return Cause.ERRORS, f"{self._bad} of {self._ended} requests failed"
        if self._in_a_row >= JUDGED_FROM:
            return Cause.ERRORS, f"{self._in_a_row} requests in a row failed"
        newest, bad = len(self._window), self._bad_in_window
        if newest >= JUDGED_FROM and bad / newest > plan.max_error_rate:
            return Cause.ERRORS, f"{bad} of the {newest} requests of the last {length(WINDOW_SECONDS)} failed"
        return None

    def _slide(self, end: RequestEnd) -> None:
        """Move the window of the error rate on: its counts are kept, for a fast loop ends thousands in it."""
        self._window.append(end)
        self._bad_in_window += not end.ok
        while self._window[0].ended <= end.ended - WINDOW_SECONDS:
            self._bad_in_window -= not self._window.popleft().ok

    def at(self, now: float, waiting: int, slip: float) -> Stop | None:
        """Return why to stop now, None to go on; `slip` is the sender's own delay, seconds."""
        if slip > MAX_SLIP_SECONDS:
            return (
                Cause.CLIENT_LAG,
                f"results invalid: the client itself was {latency(slip)} late, it is the bottleneck",
            )
        self._forget(now - 2 * SATURATED_SECONDS)
        return self._slow(now) or self._saturated(now, waiting)

    def _slow(self, now: float) -> Stop | None:
        limit = self._plan.max_p95_seconds
        if limit is None:
            return None
        newest = sorted(end.latency for end in self._recent if end.ok and end.ended > now - LATENCY_WINDOW_SECONDS)
        if len(newest) < LATENCY_FROM or rank(newest, 95) <= limit:
            return None
        return (
            Cause.LATENCY,
            f"p95 of the last {length(LATENCY_WINDOW_SECONDS)} is {latency(rank(newest, 95))}, above {length(limit)}",
        )

    def _saturated(self, now: float, waiting: int) -> Stop | None:
        """Judge an open loop whose places are all taken: what is offered is no longer what arrives."""
        if not waiting or not self._plan.shape.open_loop:
            self._full_since = None
            return None
        if self._full_since is None:
            self._full_since = now
        if now - self._full_since < SATURATED_SECONDS:
            return None
        middle = now - SATURATED_SECONDS
        earlier = [end.latency for end in self._recent if end.ok and end.ended <= middle]
        later = [end.latency for end in self._recent if end.ok and end.ended > middle]
        if not earlier or not later or _mean(later) <= _mean(earlier):
            return None
        return Cause.SATURATED, (
            f"saturated: all {self._places} places were taken for {length(SATURATED_SECONDS)} while latency rose from "
            f"{latency(_mean(earlier))} to {latency(_mean(later))}; what is offered no longer arrives"
        )

    def _forget(self, before: float) -> None:
        while self._recent and self._recent[0].ended < before:
            self._recent.popleft()


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
