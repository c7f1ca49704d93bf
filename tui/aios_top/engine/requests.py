"""How many requests enter a block, by its executor's counter, which AIOS renews every 5 s."""

from collections import deque
from collections.abc import Sequence

from aios_top.model.late import Late
from aios_top.model.reading import RATE_SECONDS, AnyExecutor, LateExecutor, per_minute


class Requests:
    """The executor's counter over the last minute."""

    __slots__ = ("_coming", "_entered", "executor", "rates")

    def __init__(self, coming: Sequence[AnyExecutor] = ()) -> None:
        """Begin with what a recording has of the last minute, oldest first: it is read when somebody looks at it."""
        self._entered: deque[tuple[float, float]] = deque()
        """Uptime and counter."""
        self._coming = coming
        self.executor: AnyExecutor | None = LateExecutor(lambda: coming[-1]) if coming else None
        """The newest document."""
        self.rates: Sequence[float | None] = Late(lambda: _rates_after(coming)) if coming else (None,)
        """Its only entry is the rate: requests per minute, None while there is none."""

    def take(self, executor: AnyExecutor) -> None:
        """Learn from a new document."""
        coming, self._coming = self._coming, ()
        for earlier in coming:
            self._enter(earlier.uptime_seconds, earlier.tasks_processed_total)
        self.executor = executor
        self._enter(executor.uptime_seconds, executor.tasks_processed_total)
        self.rates = (self._rate(executor.uptime_seconds, executor.tasks_processed_total),)

    def _enter(self, uptime: float | None, tasks: float | None) -> None:
        """Remember a counter, and forget what is older than a minute."""
        if uptime is None or tasks is None:
            return
        entered = self._entered
        if entered and (uptime < entered[-1][0] or tasks < entered[-1][1]):  # the executor restarted
            entered.clear()
        if not entered or uptime > entered[-1][0]:
            entered.append((uptime, tasks))
        while len(entered) > 2 and entered[1][0] <= uptime - RATE_SECONDS:
            entered.popleft()

    def _rate(self, uptime: float | None, tasks: float | None) -> float | None:
        if uptime is None or tasks is None:
            return None
        oldest, before = self._entered[0]
        return per_minute(before, tasks, uptime - oldest)


def _rates_after(documents: Sequence[AnyExecutor]) -> Sequence[float | None]:
    requests = Requests()
    for executor in documents:
        requests.take(executor)
    return requests.rates
