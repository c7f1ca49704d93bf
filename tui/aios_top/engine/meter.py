"""Adds up what a block's replicas count from some moment on, across restarts and replicas that come and go."""

from collections import defaultdict
from collections.abc import Mapping

from aios_top.model.load import ReplicaShare, ServerFigures
from aios_top.model.reading import AnyReading
from aios_top.model.state import BlockState

FEWEST_SECONDS = 2.0
"""Shorter stretches have no throughput worth telling."""
COUNTERS = ("requests", "input", "output", "first_token_sum", "first_token_count", "per_token_sum", "per_token_count")


class Meter:
    """Sums of the counters' increases since the start, in total and per replica."""

    def __init__(self, block: BlockState | None, now: float) -> None:
        self._last: dict[str, Mapping[str, float]] = {}
        self._sums: defaultdict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(COUNTERS, 0.0))
        self._first_report: dict[str, float] = {}
        self._tokens: list[tuple[float, float]] = [(now, 0.0)]
        """Time and tokens of all replicas together so far."""
        self._started = block is not None
        for reading in _readings(block):
            self._last[str(reading.instance_id)] = _counters(reading)

    def observe(self, block: BlockState, now: float) -> None:
        """Add what the newest documents count."""
        for reading in _readings(block):
            name, counters = str(reading.instance_id), _counters(reading)
            before = self._last.get(name)
            if before is None:
                # A replica that is new counts from zero; without a state before the start nothing is known to be new.
                before = dict.fromkeys(COUNTERS, 0.0) if self._started else counters
                self._first_report[name] = now
            restarted = counters["requests"] < before["requests"]
            sums = self._sums[name]
            for counter, value in counters.items():
                sums[counter] += max(0.0, value if restarted else value - before[counter])
            self._last[name] = counters
        self._started = True
        total = sum(sums["input"] + sums["output"] for sums in self._sums.values())
        self._tokens.append((now, total))

    def figures(self) -> ServerFigures:
        """Return the sums."""

        def total(counter: str) -> float:
            return sum(sums[counter] for sums in self._sums.values())

        return ServerFigures(
            total("requests"),
            total("input"),
            total("output"),
            _mean(total("first_token_sum"), total("first_token_count")),
            _mean(total("per_token_sum"), total("per_token_count")),
            tuple(
                ReplicaShare(name, sums["requests"], sums["input"], sums["output"])
                for name, sums in sorted(self._sums.items())
            ),
        )

    def first_report_after(self, at: float) -> float | None:
        """Return when the first replica that was new after `at` was seen to report."""
        return min((seen for seen in self._first_report.values() if seen >= at), default=None)

    def rate(self, start: float, end: float) -> float | None:
        """Return the tokens per second between two times, None for a stretch that is too short or was not seen."""
        if end - start < FEWEST_SECONDS or start < self._tokens[0][0] - 1 or end > self._tokens[-1][0] + 1:
            return None
        return max(0.0, self._at(end) - self._at(start)) / (end - start)

    def _at(self, at: float) -> float:
        """Return the tokens at a time, evenly spread between two observations."""
        before = self._tokens[0]
        for point in self._tokens:
            if point[0] >= at:
                length = point[0] - before[0]
                share = (at - before[0]) / length if length > 0 else 1.0
                return before[1] + share * (point[1] - before[1])
            before = point
        return before[1]


def _readings(block: BlockState | None) -> list[AnyReading]:
    entries = () if block is None else block.instances
    return [entry.reading for entry in entries if entry.reading is not None and entry.reading.is_llm]


def _counters(reading: AnyReading) -> dict[str, float]:
    first, per = reading.first_token, reading.per_output_token
    values = (
        reading.prompts_total,
        reading.prompt_tokens_total,
        reading.generated_tokens_total,
        first.total if first else None,
        first.count if first else None,
        per.total if per else None,
        per.count if per else None,
    )
    return {name: value or 0.0 for name, value in zip(COUNTERS, values, strict=True)}


def _mean(total: float, count: float) -> float | None:
    return total / count if count > 0 else None
