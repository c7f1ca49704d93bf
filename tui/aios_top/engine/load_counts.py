"""What the requests of a load test came to: counts by kind of end, exact distributions, and a line per second."""

from collections import Counter, defaultdict, deque

from aios_top.model.load import LoadSecond
from aios_top.model.load_job import LoadNews, RequestEnd
from aios_top.model.spread import Distribution, rank

P95_SECONDS = 5
"""Seconds whose good answers make one point of the latency line."""
LOST = frozenset({"timeout", "given_up"})
"""Kinds of end that are no answer: it may still come, to nobody."""


class LoadCounts:
    """Grows with every request that ends."""

    def __init__(self) -> None:
        self.ends: list[RequestEnd] = []
        self.kinds: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.latency, self.service, self.lateness = Distribution(), Distribution(), Distribution()
        self.input_tokens = 0
        """Of the requests that have ended."""
        self._rows: dict[int, LoadSecond] = {}
        self._good: defaultdict[int, list[float]] = defaultdict(list)
        self.due = self._sent = 0
        """`due`: requests whose planned time has come."""

    @property
    def ok(self) -> int:
        """Requests that were answered well."""
        return self.kinds["ok"]

    @property
    def lost(self) -> int:
        """Requests without an answer."""
        return sum(self.kinds[kind] for kind in LOST)

    @property
    def failed(self) -> int:
        """Requests that were answered badly."""
        return self.kinds.total() - self.ok - self.lost

    def add(self, news: LoadNews) -> None:
        """Count what ended since the last news."""
        ok = bad = 0
        for end in news.ends:
            self.ends.append(end)
            self.kinds[end.kind] += 1
            self.input_tokens += end.input_tokens
            self.lateness.add(end.sent - end.planned)
            if end.ok:
                ok += 1
                self.latencies.append(end.latency)
                self.latency.add(end.latency)
                self.service.add(end.service)
                self._good[int(end.ended)].append(end.latency)
            else:
                bad += 1
                self.errors[end.message or end.kind] += 1
        self._add_second(news, ok, bad)

    def _add_second(self, news: LoadNews, ok: int, bad: int) -> None:
        second = int(news.at)
        row = self._rows.get(second, LoadSecond(second))
        self._rows[second] = LoadSecond(
            second,
            row.offered + news.due - self.due,
            row.sent + news.sent - self._sent,
            row.ok + ok,
            row.bad + bad,
            news.in_flight,
            self.p95(news.at),
        )
        self.due, self._sent = news.due, news.sent

    def p95(self, at: float, seconds: int = P95_SECONDS) -> float | None:
        """Return the 95th percentile of the good answers of the last seconds; None when there were none."""
        last = int(at)
        newest = sorted(value for second in range(last - seconds + 1, last + 1) for value in self._good.get(second, ()))
        return rank(newest, 95) if newest else None

    def seconds(self) -> tuple[LoadSecond, ...]:
        """Return a line per second that something was told of."""
        return tuple(self._rows.values())


class RecentLatency:
    """The 95th percentile of a stretch of time, for telling when latency is as it was before."""

    def __init__(self, seconds: float, fewest: int) -> None:
        self._seconds = seconds
        self._fewest = fewest
        self._values: deque[tuple[float, float]] = deque()

    def add(self, ended: float, latency: float) -> None:
        """Add one good answer."""
        self._values.append((ended, latency))

    def p95(self, now: float) -> float | None:
        """Return it, None when too few answers came."""
        while self._values and self._values[0][0] < now - self._seconds:
            self._values.popleft()
        values = sorted(latency for _, latency in self._values)
        return rank(values, 95) if len(values) >= self._fewest else None
