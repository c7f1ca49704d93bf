"""The load test: a bounded burst, honest counts, stops of its own, and targets that are never touched."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios_top.engine.load import LoadRun, check_plan, check_target, report
from aios_top.engine.words import COMMON_WORDS, prompt
from aios_top.model.errors import ActionRefusedError
from aios_top.model.load import InferenceReply, LoadLimits, LoadPhase, LoadPlan, LoadState
from fakes.clock import FakeClock

OK = InferenceReply(True, "ok")
FAILED = InferenceReply(False, "failed", "block not found")


class FakeInference:
    """Answers after `seconds`, with `replies` in turn and OK after them; None is never answered."""

    def __init__(
        self, clock: FakeClock, seconds: float = 1.0, replies: list[InferenceReply | None] | None = None
    ) -> None:
        self.clock = clock
        self.seconds = seconds
        self.replies = replies or []
        self.requests: list[tuple[str, str, int, str, int]] = []
        self.in_flight = self.most_in_flight = self.cancelled = 0

    async def infer(self, block_id: str, session_id: str, seq_no: int, text: str, max_tokens: int) -> InferenceReply:
        self.requests.append((block_id, session_id, seq_no, text, max_tokens))
        reply = self.replies.pop(0) if self.replies else OK
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if reply is None:
                await asyncio.Event().wait()
            await self.clock.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1
        return reply or OK

    def target(self) -> str:
        return "http://127.0.0.1:31504"

    async def close(self) -> None:
        return None


class Bench:
    """A run, its clock, its inference server and everything it published."""

    def __init__(self, plan: LoadPlan, *replies: InferenceReply | None, seconds: float = 1.0, **limits: Any) -> None:
        self.clock = FakeClock()
        self.inference = FakeInference(self.clock, seconds, list(replies))
        self.states: list[LoadState] = []
        self.run = LoadRun(plan, self.inference, self.clock, self.states.append, LoadLimits(**limits))
        self.task = asyncio.ensure_future(self.run.run())

    async def finish(self, seconds: float = 100.0) -> LoadState:
        await self.clock.advance(seconds)
        return await asyncio.wait_for(self.task, 5)


def plan(requests: int = 3, **values: Any) -> LoadPlan:
    return LoadPlan("gemma", requests, **values)


async def test_all_requests_go_at_once_each_in_a_session_of_its_own() -> None:
    bench = Bench(plan(5, input_tokens=30, max_output_tokens=7))
    await bench.clock.settle()
    assert bench.inference.in_flight == 5
    state = await bench.finish()
    assert (state.phase, state.sent, state.ok, state.in_flight) == (LoadPhase.FINISHED, 5, 5, 0)
    assert len({session for _, session, _, _, _ in bench.inference.requests}) == 5
    assert [seq for _, _, seq, _, _ in bench.inference.requests] == list(range(5))
    for block_id, _, _, text, max_tokens in bench.inference.requests:
        assert (block_id, len(text.split()), max_tokens) == ("gemma", 30, 7)
    assert state.input_tokens == 150
    assert state.latencies == (1.0,) * 5
    assert (state.target, state.stop_reason) == ("http://127.0.0.1:31504", "")
    assert state.ended_at == state.started_at + 1.0


async def test_above_64_in_flight_the_rest_waits_and_the_report_says_so() -> None:
    bench = Bench(plan(150))
    await bench.clock.settle()
    assert bench.inference.in_flight == 64
    state = await bench.finish()
    assert (state.ok, bench.inference.most_in_flight) == (150, 64)
    assert any("at most 64 requests were in flight" in note for note in report(state)["notes"])


@given(st.integers(1, 400), st.integers(0, 5), st.integers(0, 5))
def test_a_prompt_has_one_common_word_per_token_and_its_seed_repeats_it(words: int, seed: int, number: int) -> None:
    text = prompt(words, seed, number)
    assert len(text.split(" ")) == words
    assert set(text.split(" ")) <= set(COMMON_WORDS)
    assert text == prompt(words, seed, number)


def test_no_two_requests_share_a_prompt() -> None:
    assert len({prompt(50, seed, number) for seed in range(5) for number in range(50)}) == 250
    assert all(word.isascii() and word.islower() and word.isalpha() and len(word) <= 7 for word in COMMON_WORDS)


async def test_counts_always_add_up_and_errors_are_told_most_frequent_first() -> None:
    other = InferenceReply(False, "http", "500 Internal Server Error")
    bench = Bench(plan(9), FAILED, other, OK, OK, FAILED)
    state = await bench.finish()
    assert (state.sent, state.ok, state.failed, state.lost) == (9, 6, 3, 0)
    assert state.errors == (("block not found", 2), ("500 Internal Server Error", 1))
    assert len(state.latencies) == 6
    for seen in bench.states:
        assert 0 <= seen.in_flight <= 9
        assert seen.sent == seen.ok + seen.failed + seen.lost + seen.in_flight


async def test_a_request_that_is_never_answered_is_lost_at_our_own_deadline() -> None:
    bench = Bench(plan(2, timeout_seconds=30.0), None)
    await bench.clock.advance(29)
    assert not bench.task.done()
    state = await bench.finish()
    assert (state.ok, state.lost, state.failed) == (1, 1, 0)
    assert state.errors == (("no answer within 30 s", 1),)
    assert bench.inference.cancelled == 1


async def test_it_stops_by_itself_when_more_than_a_fifth_fails_but_not_before_ten_answers() -> None:
    bench = Bench(plan(30), FAILED, FAILED, FAILED, in_flight=1)
    await bench.clock.advance(9)
    assert bench.run.state.phase is LoadPhase.RUNNING
    state = await bench.finish()
    assert (state.phase, state.sent) == (LoadPhase.STOPPED, 10)
    assert state.stop_reason == "stopped by itself: 3 of 10 requests failed"


async def test_a_fifth_of_failures_is_still_borne() -> None:
    bench = Bench(plan(20), FAILED, FAILED, *[OK] * 13, FAILED, *[OK] * 3, FAILED, in_flight=1)
    state = await bench.finish()
    assert (state.phase, state.failed, state.ok) == (LoadPhase.FINISHED, 4, 16)


async def test_it_stops_by_itself_when_more_than_three_are_lost() -> None:
    bench = Bench(plan(40, timeout_seconds=5.0), *[OK] * 20, None, None, None, None, in_flight=1)
    state = await bench.finish()
    assert (state.phase, state.lost, state.sent) == (LoadPhase.STOPPED, 4, 24)
    assert "4 requests lost" in state.stop_reason


async def test_stop_sends_nothing_more_and_waits_for_the_answers() -> None:
    bench = Bench(plan(100), in_flight=10)
    await bench.clock.settle()
    bench.run.stop()
    assert bench.run.state.phase is LoadPhase.DRAINING
    assert not bench.task.done()
    state = await bench.finish()
    assert (state.phase, state.sent, state.ok, bench.inference.cancelled) == (LoadPhase.STOPPED, 10, 10, 0)
    assert state.stop_reason == "stopped by the operator"


async def test_a_second_stop_gives_up_the_answers() -> None:
    bench = Bench(plan(100), seconds=1000.0, in_flight=10)
    await bench.clock.settle()
    bench.run.stop()
    bench.run.stop()
    await bench.clock.settle()
    state = await asyncio.wait_for(bench.task, 5)
    assert (state.phase, state.sent, state.lost, state.in_flight) == (LoadPhase.STOPPED, 10, 10, 0)
    assert state.errors == (("given up by the operator", 10),)
    assert bench.inference.in_flight == 0


async def test_a_stop_after_the_end_changes_nothing() -> None:
    bench = Bench(plan(2))
    state = await bench.finish()
    bench.run.stop()
    assert bench.run.state == state


async def test_the_end_of_the_console_ends_the_load() -> None:
    bench = Bench(plan(100), seconds=1000.0, in_flight=10)
    await bench.clock.settle()
    bench.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await bench.task
    assert bench.inference.in_flight == 0
    assert (bench.run.state.phase, bench.run.state.stop_reason) == (LoadPhase.STOPPED, "the console ended")
    assert len(bench.inference.requests) == 10


class BrokenInference(FakeInference):
    """Has a bug."""

    async def infer(self, *_: Any) -> InferenceReply:
        raise ZeroDivisionError


async def test_a_bug_is_raised_and_not_counted_as_an_answer() -> None:
    clock = FakeClock()
    states: list[LoadState] = []
    with pytest.raises(ZeroDivisionError):
        await LoadRun(plan(2), BrokenInference(clock), clock, states.append).run()
    assert states[-1].phase is LoadPhase.FINISHED
    assert states[-1].ok == 0


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (plan(0), "0 requests are not between 1 and 2000"),
        (plan(2001), "2001 requests are not between 1 and 2000"),
        (plan(1, input_tokens=0), "0 input tokens are not between 1 and 32000"),
        (plan(1, input_tokens=32_001), "32001 input tokens are not between 1 and 32000"),
        (plan(1, max_output_tokens=0), "0 output tokens are not between 1 and 32000"),
        (plan(1, max_output_tokens=32_001), "32001 output tokens are not between 1 and 32000"),
        (plan(2000, input_tokens=9_901, max_output_tokens=100), "20002000 tokens in all are more than 20000000"),
        (plan(1, timeout_seconds=0), "a timeout of 0 s is not above 0 and at most 900 s"),
        (plan(1, timeout_seconds=901), "a timeout of 901 s"),
        (plan(1, timeout_seconds=float("inf")), "a timeout of inf s"),
        (plan(1, timeout_seconds=float("nan")), "a timeout of nan s"),
    ],
)
async def test_the_caps_hold_whatever_is_asked_for(given: LoadPlan, problem: str) -> None:
    clock = FakeClock()
    inference = FakeInference(clock)
    with pytest.raises(ActionRefusedError) as caught:
        LoadRun(given, inference, clock, lambda _: None)
    assert problem in str(caught.value)
    assert inference.requests == []


def test_all_that_is_out_of_bounds_is_told_at_once_and_limits_can_be_lowered() -> None:
    with pytest.raises(ActionRefusedError, match=r"11 requests.*60 input.*60 output"):
        check_plan(plan(11, input_tokens=60, max_output_tokens=60), LoadLimits(requests=10, tokens_per_request=50))
    check_plan(plan(2000, input_tokens=5000, max_output_tokens=5000), LoadLimits())


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:31504", "http://127.9.9.9", "http://localhost:1", "http://[::1]:31504", "https://LOCALHOST./x"],
)
def test_loopback_needs_no_permission(url: str) -> None:
    check_target(url, set())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://10.0.0.5:31504", "10.0.0.5 is not loopback; allow it with --allow-target 10.0.0.5"),
        ("http://aios.example:31504", "aios.example is not loopback"),
        ("http://localhost.evil.example", "is not loopback"),
        ("http://127.0.0.1.evil.example", "is not loopback"),
        ("http://2130706433:31504", "is not loopback"),
        ("http://0x7f.1:31504", "is not loopback"),
        ("http://[::ffff:10.0.0.5]:31504", "is not loopback"),
        ("http://127.0.0.1@evil.example", "no plain http address"),
        ("http://169.254.169.254", "is never a target"),
        ("http://[fe80::1]:31504", "is never a target"),
        ("http://[::ffff:169.254.169.254]", "is never a target"),
        ("http://224.0.0.1", "is never a target"),
        ("http://0.0.0.0:31504", "is never a target"),
        ("ftp://127.0.0.1", "no plain http address"),
        ("127.0.0.1:31504", "no plain http address"),
        ("", "no plain http address"),
        ("http://127.0.0.1:99999", "is no address"),
        ("http://[::1", "is no address"),
    ],
)
def test_any_other_target_is_refused_from_its_text_alone(url: str, message: str) -> None:
    with pytest.raises(ActionRefusedError) as caught:
        check_target(url, {"10.0.0.6", "other.example"})
    assert message in str(caught.value)


@pytest.mark.parametrize("allowed", ["10.0.0.5", "10.0.0.5:31504"])
def test_an_allowed_host_passes_by_name_or_with_its_port(allowed: str) -> None:
    check_target("http://10.0.0.5:31504", {allowed})
    with pytest.raises(ActionRefusedError):
        check_target("http://10.0.0.55:31504", {allowed})


def test_not_even_permission_opens_the_metadata_address() -> None:
    with pytest.raises(ActionRefusedError):
        check_target("http://169.254.169.254", {"169.254.169.254"})


def ended(latencies: list[float], **values: Any) -> LoadState:
    return LoadState(
        plan(len(latencies) or 1),
        LoadPhase.FINISHED,
        1000.0,
        sent=len(latencies),
        ok=len(latencies),
        latencies=tuple(latencies),
        ended_at=1060.0,
        **values,
    )


def test_percentiles_are_by_nearest_rank_and_only_with_enough_answers() -> None:
    hundred = report(ended([float(number) for number in range(100, 0, -1)]))["latency_seconds"]
    assert hundred == {"n": 100, "mean": 50.5, "p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
    few = report(ended([3.0, 1.0, 2.0]))["latency_seconds"]
    assert few == {"n": 3, "mean": 2.0, "p50": 2.0, "p90": None, "p95": None, "p99": None, "max": 3.0}
    none = report(ended([]))["latency_seconds"]
    assert none == {"n": 0, "mean": None, "p50": None, "p90": None, "p95": None, "p99": None, "max": None}


def test_the_report_is_json_with_counts_plan_and_reason() -> None:
    state = ended([1.0, 2.0], errors=(("x", 1),), stop_reason="stopped by the operator")
    document = report(state)
    assert document["counts"] == {"sent": 2, "ok": 2, "failed": 0, "lost": 0, "in_flight": 0, "not_sent": 0}
    assert document["stop_reason"] == "stopped by the operator"
    assert document["duration_seconds"] == 60.0
    assert document["errors"] == [{"message": "x", "count": 1}]
    assert document["plan"]["seed"] == 1
    assert document["input_tokens"]["note"] == "one token per word, estimated"
