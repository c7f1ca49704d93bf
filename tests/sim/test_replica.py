"""A replica serves first come first served, slows down with company, and reports in AIOS's words."""

import pytest

from aios_top.sim.profile import PROFILES, ReplicaProfile
from aios_top.sim.replica import Job, Replica
from sim.shape import captured, shape

SINGLE = ReplicaProfile(
    "single", "llm", slots=1, prefill_tokens_per_second=100.0, decode_tokens_per_second=10.0, memory_bytes=1_000
)
BATCHING = ReplicaProfile(
    "batching",
    "llm",
    slots=2,
    prefill_tokens_per_second=100.0,
    decode_tokens_per_second=10.0,
    slowdown_per_peer=0.5,
)
PLAIN = ReplicaProfile("plain", "plain", slots=2, plain_seconds=2.0)


def job(number: int, arrived: float, input_tokens: int = 100, output_tokens: int = 10) -> Job:
    return Job(f"job-{number}", arrived, input_tokens, output_tokens, f"session-{number}")


def test_one_slot_serves_in_order_prefill_then_decode() -> None:
    replica = Replica("in-aaaa", SINGLE, ready_at=0.0)
    replica.submit(job(1, 1.0, input_tokens=200, output_tokens=30), 1.0)
    replica.submit(job(2, 2.0), 2.0)
    assert (replica.active, replica.queue_length) == (1, 1)
    assert replica.next_event(2.0) == pytest.approx(3.0)
    first, second = replica.advance(100.0)
    assert (first.started, first.first_token, first.finished) == pytest.approx((1.0, 3.0, 6.0))
    assert (second.started, second.first_token, second.finished) == pytest.approx((6.0, 7.0, 8.0))
    assert (replica.active, replica.queue_length, replica.next_event(100.0)) == (0, 0, None)


def test_company_slows_decoding_down_while_it_lasts() -> None:
    replica = Replica("in-aaaa", BATCHING, ready_at=0.0)
    replica.submit(job(1, 0.0, input_tokens=100, output_tokens=40), 0.0)
    replica.submit(job(2, 3.0, input_tokens=100, output_tokens=10), 3.0)
    # Job 1 has 20 of 40 tokens by 3.0. From then on a token takes 0.15 s: job 2 decodes from 4.0 to 5.5, when
    # job 1 has 2.5 s / 0.15 s = 16.67 tokens more, and its last 3.33 take 0.33 s alone.
    second, first = replica.advance(100.0)
    assert (second.first_token, second.finished) == pytest.approx((4.0, 5.5))
    assert (first.first_token, first.finished) == pytest.approx((1.0, 5.5 + 1 / 3))


def test_plain_jobs_take_their_fixed_time_in_parallel() -> None:
    replica = Replica("in-aaaa", PLAIN, ready_at=0.0)
    for number in range(3):
        replica.submit(job(number, 0.0), 0.0)
    assert [done.finished for done in replica.advance(10.0)] == pytest.approx([2.0, 2.0, 4.0])


def test_a_request_before_readiness_waits_for_it() -> None:
    replica = Replica("in-aaaa", SINGLE, ready_at=10.0)
    replica.submit(job(1, 1.0), 1.0)
    (done,) = replica.advance(20.0)
    assert (done.started, done.finished) == pytest.approx((10.0, 12.0))


def test_an_idle_document_equals_the_recording_in_keys_and_types() -> None:
    replica = Replica("in-ab12", PROFILES["aios-gemma3"], ready_at=5.0)
    document = replica.document(5.0, wall=1_800_000_000.25)
    recorded = captured("node_metrics_instance_idle")["document"]
    for merged in ("blockId", "nodeId"):
        del recorded[merged]
    assert shape(document) == shape(recorded)
    numbers = [value for value in document.values() if isinstance(value, float)]
    assert numbers == [1_800_000_000.25] + [0.0] * (len(numbers) - 1)


def test_a_busy_document_equals_the_recording_in_keys_types_and_counts() -> None:
    replica = Replica("in-ab12", PROFILES["aios-gemma3"], ready_at=0.0)
    replica.document(0.0, wall=1_800_000_000.0)
    for number, (tokens_in, tokens_out) in enumerate([(100, 40), (200, 60), (900, 20)]):
        replica.submit(job(number, 0.0, tokens_in, tokens_out), 0.0)
    (*_, last) = served = replica.advance(30.0)
    document = replica.document(30.0, wall=1_800_000_030.0)
    recorded = captured("node_metrics_instance_busy")["document"]
    for merged in ("blockId", "nodeId"):
        del recorded[merged]
    assert shape(document) == shape(recorded)
    same = [key for key in recorded if key.endswith(("_total", "_bucket", "_count", "_minute_rolling"))]
    assert {key: document[key] for key in same} == {key: recorded[key] for key in same}
    for key in ("llm_active_sessions_rolling", "tasks_processed"):
        assert document[key] == pytest.approx(recorded[key])
    durations = [done.finished - done.started for done in served]
    assert document["llm_inference_duration_seconds_sum"] == pytest.approx(sum(durations))
    assert document["llm_inference_duration_rolling"]["average_1m"] == pytest.approx(sum(durations) / 3)
    assert document["llm_time_to_first_token_seconds_sum"] == pytest.approx(1200 / 541)
    assert document["llm_tokens_per_second"] == pytest.approx(20 / durations[-1])
    assert document["end_to_end_latency"] == pytest.approx(last.finished - last.started)
    assert document["end_to_end_fps"] == pytest.approx(1 / durations[-1])
    assert document["latency"]["current"] == pytest.approx(durations[-1])
    assert document["fps"]["average_1m"] == pytest.approx(sum(1 / d for d in durations) / 3)


def test_a_plain_replica_reports_no_llm_key() -> None:
    replica = Replica("in-ab12", PROFILES["embedding"], ready_at=0.0)
    replica.document(0.0, wall=0.0)
    replica.submit(job(1, 1.0), 1.0)
    document = replica.document(20.0, wall=20.0)
    recorded = captured("node_metrics_instance_busy")["document"]
    kept = {key for key in recorded if not key.startswith("llm_")} - {"blockId", "nodeId"}
    assert set(document) == kept
    assert document["on_data_count_total"] == 1.0
    assert document["hardware"]["gpus"] == []


def test_rolling_keys_wait_for_their_first_observation() -> None:
    replica = Replica("in-ab12", SINGLE, ready_at=0.0)
    replica.submit(job(1, 1.0, output_tokens=100), 1.0)
    assert "queue_length" not in replica.document(9.0, wall=9.0)
    started = replica.document(10.0, wall=10.0)
    assert started["queue_length"] == {"current": 0, "average_1m": 0.0, "average_5m": 0.0, "average_15m": 0.0}
    assert started["llm_active_sessions"] == 1.0
    assert not [key for key in started if key.startswith("llm_") and key.endswith("_rolling")]
    assert "llm_ttft_rolling" in replica.document(12.0, wall=12.0)


def test_the_means_are_per_request_and_fade_after_a_minute() -> None:
    replica = Replica("in-ab12", SINGLE, ready_at=0.0)
    replica.submit(job(1, 0.0, input_tokens=300, output_tokens=10), 0.0)
    assert replica.document(4.0, wall=4.0)["llm_input_tokens_per_minute_rolling"]["average_1m"] == 300.0
    faded = replica.document(65.0, wall=65.0)["llm_input_tokens_per_minute_rolling"]
    assert faded == {"current": 300, "average_1m": 0, "average_5m": 300.0, "average_15m": 300.0}
    assert replica.document(65.0, wall=65.0)["llm_prompt_tokens_total"] == 300.0


def test_the_queue_is_sampled_every_ten_seconds() -> None:
    replica = Replica("in-ab12", SINGLE, ready_at=0.0)
    for number in range(4):
        replica.submit(job(number, 8.0, input_tokens=1000, output_tokens=20), 8.0)  # 12 s each
    # A sample at the moment of a change sees the queue before it: at 20.0 the second request still waits.
    document = replica.document(60.0, wall=60.0)["queue_length"]
    assert document["current"] == 0
    assert document["average_5m"] == pytest.approx((3 + 3 + 2 + 1 + 0 + 0) / 6)


def test_cpu_use_appears_with_the_second_document() -> None:
    replica = Replica("in-ab12", SINGLE, ready_at=0.0)
    assert "percent" not in replica.document(0.0, wall=0.0)["hardware"]["cpu"]
    assert replica.document(3.0, wall=3.0)["hardware"]["cpu"]["percent"] == pytest.approx(0.1)


def test_a_busy_machine_shows_it() -> None:
    replica = Replica("in-ab12", PROFILES["vllm-chat"], ready_at=0.0)
    (idle,) = replica.document(0.0, wall=0.0)["hardware"]["gpus"]
    for number in range(8):
        replica.submit(job(number, 1.0, output_tokens=5000), 1.0)
    busy = replica.document(30.0, wall=30.0)["hardware"]
    assert idle["utilization"] == 0
    assert busy["gpus"][0]["utilization"] > 90
    assert busy["gpus"][0]["usedMem"] + busy["gpus"][0]["freeMem"] == pytest.approx(busy["gpus"][0]["totalMem"])
    assert busy["gpus"][0]["powerUtilization"] > idle["powerUtilization"]
    assert busy["cpu"]["load1m"] > busy["cpu"]["load15m"] > 0.2


def test_a_hung_replica_takes_requests_and_serves_none() -> None:
    replica = Replica("in-ab12", SINGLE, ready_at=0.0)
    replica.submit(job(1, 0.0), 0.0)
    replica.advance(0.5)
    replica.hung = True
    replica.submit(job(2, 5.0), 5.0)
    assert replica.advance(50.0) == []
    assert (replica.active, replica.queue_length, replica.next_event(50.0)) == (1, 1, None)
    replica.hung = False
    first, second = replica.advance(100.0)
    # 49.5 s stood still: what was half a second into its prefill goes on from there.
    assert (first.started, first.first_token, first.finished) == pytest.approx((0.0, 50.5, 51.5))
    assert (second.started, second.finished) == pytest.approx((51.5, 53.5))


def test_decoding_that_was_interrupted_goes_on_where_it_stopped() -> None:
    replica = Replica("in-ab12", SINGLE, ready_at=0.0)
    replica.submit(job(1, 0.0), 0.0)
    replica.advance(1.5)
    replica.hung = True
    replica.advance(51.5)
    replica.hung = False
    (done,) = replica.advance(100.0)
    assert (done.first_token, done.finished) == pytest.approx((1.0, 52.0))


def test_a_hung_replica_samples_no_queue() -> None:
    replica = Replica("in-ab12", SINGLE, ready_at=0.0)
    replica.advance(5.0)
    replica.hung = True
    replica.submit(job(1, 6.0), 6.0)
    replica.advance(95.0)
    replica.hung = False
    assert "queue_length" not in replica.document(95.0, wall=95.0)
    assert replica.document(100.0, wall=100.0)["queue_length"]["current"] == 0


def test_a_request_that_meets_an_idle_hung_replica_starts_when_it_recovers() -> None:
    replica = Replica("in-ab12", SINGLE, ready_at=0.0)
    replica.hung = True
    replica.submit(job(1, 5.0), 5.0)
    replica.advance(20.0)
    replica.hung = False
    (done,) = replica.advance(100.0)
    assert (done.started, done.finished) == pytest.approx((20.0, 22.0))


def test_the_gemma_profile_has_the_capacity_that_was_measured() -> None:
    alone = PROFILES["aios-gemma3"].alone_seconds(676, 288)
    assert 4.5 <= 60 / alone <= 6.6
    assert 676 / PROFILES["aios-gemma3"].prefill_tokens_per_second == pytest.approx(1.25, abs=0.01)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slots", 0),
        ("prefill_tokens_per_second", 0.0),
        ("decode_tokens_per_second", float("inf")),
        ("slowdown_per_peer", -0.1),
        ("plain_seconds", float("nan")),
    ],
)
def test_a_profile_that_cannot_serve_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"profile odd: {field}"):
        ReplicaProfile("odd", "llm", **{field: value})
