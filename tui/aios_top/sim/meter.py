"""What an instance counts and averages about its own requests, in AIOS's keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from aios_top.sim.job import Done
from aios_top.sim.profile import ReplicaProfile
from aios_top.sim.rolling import Rolling, RollingTable

PREPROCESS_SECONDS = 0.0004
"""Time that unpacking a request takes before it is served."""

_SECONDS, _PER_SECOND, _ONE = range(3)
_JOB_COLUMNS = {"latency": _SECONDS, "fps": _PER_SECOND, "tasks_processed": _ONE}
"""AIOS's rolling keys by the column that each is the mean of."""
_LLM_COLUMNS = {
    "llm_active_sessions_rolling": 3,
    "llm_input_tokens_per_minute_rolling": 4,
    "llm_output_tokens_per_minute_rolling": 5,
    "llm_ttft_rolling": 6,
    "llm_inference_duration_rolling": _SECONDS,
    "llm_tpot_rolling": 7,
    "llm_tps_rolling": 8,
    "llm_cpu_utilization_rolling": 9,
    "llm_gpu_utilization_rolling": 10,
    "llm_memory_usage_rolling": 11,
    **_JOB_COLUMNS,
}


class JobMeter:
    """The metrics of every AIOS instance: last latencies, job counters, rolling latency and rate.

    Served requests are put into `served` by whoever serves and are worked off together, when the next document is
    made: a simulated day has half a million of them and looks at a replica each 30 s.
    """

    __slots__ = ("_last_seconds", "_rolling", "jobs", "served")

    _columns: Mapping[str, int] = _JOB_COLUMNS

    def __init__(self) -> None:
        self._rolling = RollingTable(len(set(self._columns.values())))
        self._last_seconds = 0.0
        self.jobs = 0
        """Jobs served since the process started, as of the last document."""
        self.served: list[Done] = []
        """Served requests that no document has shown yet, in order of finishing."""

    def observe(self) -> None:
        """Work off what was served since the last time."""
        if self.served:
            self._observe(self.served)
            self.jobs += len(self.served)
            self.served.clear()

    def _observe(self, served: Sequence[Done]) -> None:
        """Count served jobs, at least one."""
        seconds = [done.finished - done.started for done in served]
        rates = [_per_second(each) for each in seconds]
        self._last_seconds = seconds[-1]
        self._rolling.extend([done.finished for done in served], (seconds, rates, [1] * len(served)))

    def fields(self, active: int) -> dict[str, Any]:  # noqa: ARG002 - sessions are the LLM library's
        """Return counters and gauges; `active` requests are being served."""
        self.observe()
        preprocess = PREPROCESS_SECONDS if self.jobs else 0.0
        return {
            "on_preprocess_latency": preprocess,
            "on_data_latency": self._last_seconds,
            "end_to_end_latency": self._last_seconds,
            "on_preprocess_fps": _per_second(preprocess),
            "on_data_fps": _per_second(self._last_seconds),
            "end_to_end_fps": _per_second(self._last_seconds),
            "on_preprocess_count_total": float(self.jobs),
            "on_data_count_total": float(self.jobs),
            # AIOS counts every job twice here.
            "end_to_end_count_total": 2.0 * self.jobs,
        }

    def rolling(self, now: float) -> dict[str, Any]:
        """Return the rolling metrics; there are none before the first job.

        AIOS observes each request twice with the same values, which no mean can tell from once.
        """
        self.observe()
        if self._rolling.empty:
            return {}
        documents = self._rolling.documents(now)
        return {key: documents[column] for key, column in self._columns.items()}


class LlmMeter(JobMeter):
    """The metrics that AIOS's LLM library adds: tokens, sessions, latencies, use of the machine."""

    __slots__ = (
        "_duration_sum",
        "_first_token_sum",
        "_input_tokens",
        "_last_machine",
        "_last_sessions",
        "_last_tokens_per_second",
        "_output_tokens",
        "_per_token_sum",
        "_profile",
    )

    _columns = _LLM_COLUMNS

    def __init__(self, profile: ReplicaProfile) -> None:
        super().__init__()
        self._profile = profile
        self._input_tokens = 0
        self._output_tokens = 0
        self._duration_sum = 0.0
        self._first_token_sum = 0.0
        self._per_token_sum = 0.0
        self._last_tokens_per_second = 0.0
        self._last_sessions = 0
        self._last_machine = (0.0, 0.0, 0.0)
        """CPU percent of a core, GPU percent, memory bytes: AIOS looks at the machine when a request ends."""

    def _observe(self, served: Sequence[Done]) -> None:
        """Count served requests, at least one."""
        profile = self._profile
        cpu_percent_per_session, has_card = profile.cpu_percent_per_session, bool(profile.gpu_memory_megabytes)
        memory_bytes, bytes_per_token = profile.memory_bytes, profile.cache_bytes_per_token
        duration_sum, first_token_sum, per_token_sum = self._duration_sum, self._first_token_sum, self._per_token_sum
        rows = []
        for (_, _, input_tokens, output_tokens, _), _, started, first_token, finished, active in served:
            seconds = finished - started
            first_token_seconds = first_token - started
            per_second = 1.0 / seconds if seconds else 0.0
            # AIOS divides the whole inference by the tokens: its time per token includes the first one's.
            per_token_seconds = seconds / output_tokens if output_tokens else 0.0
            duration_sum += seconds
            first_token_sum += first_token_seconds
            per_token_sum += per_token_seconds
            rows.append(
                (
                    finished,
                    seconds,
                    per_second,
                    1,
                    # Seen three times per request, twice with it and once just after it: the mean of the three.
                    active - 1 / 3,
                    input_tokens,
                    output_tokens,
                    first_token_seconds,
                    per_token_seconds,
                    output_tokens * per_second,
                    cpu_percent_per_session * active,
                    # The card saturates as the batch grows: one request keeps it 80 % busy, sixteen 98 %.
                    100.0 * active / (active + 0.25) if has_card else 0.0,
                    float(memory_bytes + bytes_per_token * (input_tokens + output_tokens)),
                )
            )
        times, *columns = zip(*rows, strict=True)
        self._rolling.extend(times, columns)
        self._duration_sum, self._first_token_sum, self._per_token_sum = duration_sum, first_token_sum, per_token_sum
        self._input_tokens += sum(columns[_LLM_COLUMNS["llm_input_tokens_per_minute_rolling"]])
        self._output_tokens += sum(columns[_LLM_COLUMNS["llm_output_tokens_per_minute_rolling"]])
        self._last_seconds = columns[_SECONDS][-1]
        self._last_sessions = served[-1].active - 1
        self._last_tokens_per_second = columns[_LLM_COLUMNS["llm_tps_rolling"]][-1]
        self._last_machine = rows[-1][-3:]

    def fields(self, active: int) -> dict[str, Any]:
        """Return counters and gauges; `active` requests are being served."""
        self.observe()
        prompts = float(self.jobs)
        cpu_percent, gpu_percent, memory_bytes = self._last_machine
        return {
            **super().fields(active),
            "llm_prompts_total": prompts,
            "llm_tokens_generated_total": float(self._output_tokens),
            "llm_prompt_tokens_total": float(self._input_tokens),
            "llm_active_sessions": float(active),
            # AIOS flattens each histogram's buckets into one key: what remains is the count.
            "llm_inference_duration_seconds_bucket": prompts,
            "llm_inference_duration_seconds_count": prompts,
            "llm_inference_duration_seconds_sum": self._duration_sum,
            "llm_time_to_first_token_seconds_bucket": prompts,
            "llm_time_to_first_token_seconds_count": prompts,
            "llm_time_to_first_token_seconds_sum": self._first_token_sum,
            "llm_time_per_output_token_seconds_bucket": prompts,
            "llm_time_per_output_token_seconds_count": prompts,
            "llm_time_per_output_token_seconds_sum": self._per_token_sum,
            "llm_tokens_per_second": self._last_tokens_per_second,
            "llm_cpu_utilization": cpu_percent,
            "llm_gpu_utilization": gpu_percent,
            "llm_memory_usage_bytes": memory_bytes,
            "llm_inference_errors_total": 0.0,
        }

    def rolling(self, now: float) -> dict[str, Any]:
        """Return the rolling metrics; there are none before the first request."""
        documents = super().rolling(now)
        if documents:
            sessions = documents["llm_active_sessions_rolling"]
            if sessions["current"]:
                # The last thing AIOS observes of a request is the number of sessions without it.
                sessions["current"] = float(self._last_sessions)
        return documents


class QueueMeter:
    """Samples the queue's length every ten seconds, so its averages are averages over time."""

    __slots__ = ("_length", "next_at")

    period_seconds = 10.0

    def __init__(self, started: float) -> None:
        self._length = Rolling()
        self.next_at = started + self.period_seconds

    def sample_until(self, now: float, length: int) -> None:
        """Take the samples that are due up to `now`, through which the queue had this length."""
        while self.next_at <= now:
            self._length.add(self.next_at, length)
            self.next_at += self.period_seconds

    def shift(self, seconds: float) -> None:
        """Leave out the samples of a time in which the process stood still."""
        self.next_at += seconds

    def rolling(self, now: float) -> dict[str, Any]:
        """Return the rolling metric; there is none before the first sample."""
        return {} if self._length.empty else {"queue_length": self._length.document(now)}


def _per_second(seconds: float) -> float:
    """Return the rate that one job per `seconds` makes."""
    return 1.0 / seconds if seconds > 0.0 else 0.0
