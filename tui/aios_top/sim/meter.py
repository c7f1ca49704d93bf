"""What an instance counts and averages about its own requests, in AIOS's keys."""

from typing import Any

from aios_top.sim.job import Done
from aios_top.sim.profile import ReplicaProfile
from aios_top.sim.rolling import Rolling, RollingTable

PREPROCESS_SECONDS = 0.0004
"""Time that unpacking a request takes before it is served."""

_LLM_ROLLING_KEYS = (
    "llm_active_sessions_rolling",
    "llm_input_tokens_per_minute_rolling",
    "llm_output_tokens_per_minute_rolling",
    "llm_ttft_rolling",
    "llm_inference_duration_rolling",
    "llm_tpot_rolling",
    "llm_tps_rolling",
    "llm_cpu_utilization_rolling",
    "llm_gpu_utilization_rolling",
    "llm_memory_usage_rolling",
)
_JOB_ROLLING_KEYS = ("latency", "fps", "tasks_processed")


class JobMeter:
    """The metrics of every AIOS instance: last latencies, job counters, rolling latency and rate."""

    __slots__ = ("_last_seconds", "_rolling", "jobs")

    _rolling_keys: tuple[str, ...] = _JOB_ROLLING_KEYS

    def __init__(self) -> None:
        self._rolling = RollingTable(len(self._rolling_keys))
        self._last_seconds = 0.0
        self.jobs = 0
        """Jobs served since the process started."""

    def observe(self, done: Done, active: int) -> None:  # noqa: ARG002 - sessions are the LLM library's
        """Count a served job; `active` requests were on the replica when it ended, itself included."""
        seconds = done.finished - done.started
        self.jobs += 1
        self._last_seconds = seconds
        self._rolling.add(done.finished, (seconds, _per_second(seconds), 1))

    def fields(self, active: int) -> dict[str, Any]:  # noqa: ARG002 - sessions are the LLM library's
        """Return counters and gauges; `active` requests are being served."""
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
        if self._rolling.empty:
            return {}
        return dict(zip(self._rolling_keys, self._rolling.documents(now), strict=True))


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

    _rolling_keys = _LLM_ROLLING_KEYS + _JOB_ROLLING_KEYS

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

    def observe(self, done: Done, active: int) -> None:
        """Count a served request; `active` requests were on the replica when it ended, itself included."""
        job, _, started, first_token, finished = done
        _, _, input_tokens, output_tokens, _ = job
        profile = self._profile
        seconds = finished - started
        first_token_seconds = first_token - started
        per_second = 1.0 / seconds if seconds else 0.0
        tokens_per_second = output_tokens * per_second
        # AIOS divides the whole inference by the tokens: its time per token includes the first one's.
        per_token_seconds = seconds / output_tokens if output_tokens else 0.0
        cpu_percent = profile.cpu_percent_per_session * active
        # The card saturates as the batch grows: one request keeps it 80 % busy, sixteen 98 %.
        gpu_percent = 100.0 * active / (active + 0.25) if profile.gpu_memory_megabytes else 0.0
        memory_bytes = float(profile.memory_bytes + profile.cache_bytes_per_token * (input_tokens + output_tokens))
        self.jobs += 1
        self._last_seconds = seconds
        self._last_sessions = active - 1
        self._last_tokens_per_second = tokens_per_second
        self._last_machine = (cpu_percent, gpu_percent, memory_bytes)
        self._input_tokens += input_tokens
        self._output_tokens += output_tokens
        self._duration_sum += seconds
        self._first_token_sum += first_token_seconds
        self._per_token_sum += per_token_seconds
        self._rolling.add(
            finished,
            (
                # Seen three times per request, twice with it and once just after it: the mean of the three.
                active - 1 / 3,
                input_tokens,
                output_tokens,
                first_token_seconds,
                seconds,
                per_token_seconds,
                tokens_per_second,
                cpu_percent,
                gpu_percent,
                memory_bytes,
                seconds,
                per_second,
                1,
            ),
        )

    def fields(self, active: int) -> dict[str, Any]:
        """Return counters and gauges; `active` requests are being served."""
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
