"""One run of the load generator: schedules kept, honest times, exact counts, and every way to stop."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios_top.load.run import LoadRun
from aios_top.load.words import COMMON_WORDS, prompt
from aios_top.model.load import Cause, InferenceReply, LoadLimits, LoadPlan, Shape, Stage, TraceRow
from aios_top.model.load_job import LoadJob, LoadNews, Order, OrderKind, RequestEnd
from fakes.clock import FakeClock
from fakes.generator import OK, FakeSender

FAILED = InferenceReply(False, "failed", "block not found")


class Bench:
    """A run, its clock, its inference server and everything it told."""

    def __init__(
        self,
        plan: LoadPlan,
        *replies: InferenceReply | None,
        seconds: float = 1.0,
        beat: float | None = None,
        **limits: Any,
    ) -> None:
        self.clock = FakeClock()
        self.sender = FakeSender(self.clock, seconds, list(replies))
        self.news: list[LoadNews] = []
        job = LoadJob(plan, "http://127.0.0.1:31504", "127.0.0.1", LoadLimits(**limits))
        self.began = self.clock.monotonic()
        self.run = LoadRun(job, self.sender, self.clock, self.news.append, beat)
        self.task = asyncio.ensure_future(self.run.run())

    @property
    def ends(self) -> list[RequestEnd]:
        return [end for news in self.news for end in news.ends]

    @property
    def kinds(self) -> dict[str, int]:
        return dict(Counter(end.kind for end in self.ends))

    @property
    def sent_at(self) -> list[float]:
        return [round(at - self.began, 6) for at in self.sender.times]

    def order(self, kind: OrderKind, **more: Any) -> None:
        self.run.obey(Order(kind, **more))

    async def finish(self, seconds: float = 100.0) -> LoadNews:
        await self.clock.advance(seconds)
        await asyncio.wait_for(self.task, 5)
        return self.news[-1]


def plan(requests: int = 3, **values: Any) -> LoadPlan:
    return LoadPlan("gemma", requests, **values)


def rated(*stages: Stage, shape: Shape = Shape.CONSTANT, **values: Any) -> LoadPlan:
    return plan(2000, shape=shape, stages=stages, **values)


# -- the tutorial's burst


async def test_all_requests_go_at_once_each_in_a_session_of_its_own() -> None:
    bench = Bench(plan(5, input_tokens=30, max_output_tokens=7))
    await bench.clock.settle()
    assert bench.sender.in_flight == 5
    last = await bench.finish()
    assert (last.done, last.sent, last.in_flight, last.cause, bench.kinds) == (True, 5, 0, Cause.COMPLETE, {"ok": 5})
    assert len({session for _, session, _, _, _ in bench.sender.requests}) == 5
    assert [seq for _, _, seq, _, _ in bench.sender.requests] == list(range(5))
    for block_id, _, _, text, max_tokens in bench.sender.requests:
        assert (block_id, len(text.split()), max_tokens) == ("gemma", 30, 7)
    assert [(end.planned, end.sent, end.latency, end.service) for end in bench.ends] == [(0.0, 0.0, 1.0, 1.0)] * 5


async def test_above_64_in_flight_the_rest_waits_which_its_latency_counts_and_its_service_time_does_not() -> None:
    bench = Bench(plan(150))
    await bench.clock.settle()
    assert (bench.sender.in_flight, len(bench.sender.requests)) == (64, 64)
    await bench.clock.advance(0.3)
    assert (bench.news[-1].due, bench.news[-1].waiting) == (150, 86)
    await bench.finish()
    assert (bench.kinds, bench.sender.most_in_flight) == ({"ok": 150}, 64)
    assert Counter(round(end.latency) for end in bench.ends) == {1: 64, 2: 64, 3: 22}
    assert {end.service for end in bench.ends} == {1.0}


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(0, 5), st.integers(0, 5))
def test_a_prompt_has_one_common_word_per_token_and_its_seed_repeats_it(words: int, seed: int, number: int) -> None:
    text = prompt(words, seed, number)
    assert len(text.split(" ")) == words
    assert set(text.split(" ")) <= set(COMMON_WORDS)
    assert text == prompt(words, seed, number)


def test_no_two_requests_share_a_prompt() -> None:
    assert len({prompt(50, seed, number) for seed in range(5) for number in range(50)}) == 250
    assert all(word.isascii() and word.islower() and word.isalpha() and len(word) <= 7 for word in COMMON_WORDS)


# -- open and closed loop


async def test_a_constant_rate_is_kept_whatever_the_answers_take() -> None:
    bench = Bench(rated(Stage(10, 2)), seconds=30.0)
    await bench.finish()
    assert bench.sent_at == [0.5 * number for number in range(20)] + [10.0]
    assert all(end.planned == end.sent for end in bench.ends)


async def test_a_stall_shows_from_the_planned_time_and_not_from_the_send_time() -> None:
    """Only one place: while the server stalls, the others wait here, as the clients they stand for would."""
    bench = Bench(rated(Stage(10, 1)), seconds=0.1, in_flight=1)
    bench.sender.seconds = 5.0
    await bench.clock.advance(0.5)
    bench.sender.seconds = 0.1
    await bench.finish()
    assert max(end.latency for end in bench.ends) >= 5.0
    late = [end for end in bench.ends if end.number]
    assert max(end.service for end in late) < 0.2
    assert max(end.latency for end in late) > 3.5


async def test_the_same_seed_gives_the_same_gaps_and_lengths_and_another_does_not() -> None:
    async def sent(seed: int) -> list[Any]:
        bench = Bench(rated(Stage(20, 2), shape=Shape.GAMMA, cv=2.0, seed=seed, input_cv=0.6, output_cv=0.4))
        await bench.finish()
        return [(end.planned, end.input_tokens, end.max_output_tokens) for end in bench.ends]

    first, second, other = await sent(7), await sent(7), await sent(8)
    assert first == second
    assert first != other
    assert len({tokens for _, tokens, _ in first}) > 5


async def test_stages_follow_each_other_also_ramps_and_pauses() -> None:
    bench = Bench(rated(Stage(10, 1), Stage(10, 0), Stage(10, 1, 3)))
    last = await bench.finish()
    by_stage = Counter(end.stage for end in bench.ends)
    assert by_stage == {0: 10, 1: 1, 2: 20}  # one falls on the border
    assert not [at for at in bench.sent_at if 10 < at <= 20]
    ramp = [at for at in bench.sent_at if at > 20]
    assert len([at for at in ramp if at > 25]) > len([at for at in ramp if at <= 25]) * 1.4
    assert last.at >= 30.0  # the last stage runs to its end


async def test_a_duration_ends_the_sending() -> None:
    bench = Bench(rated(Stage(100, 1), duration_seconds=5.5))
    last = await bench.finish()
    assert (last.sent, last.cause) == (6, Cause.COMPLETE)


async def test_a_closed_loop_keeps_so_many_in_flight() -> None:
    bench = Bench(plan(20, shape=Shape.CLOSED, concurrency=4))
    await bench.clock.advance(0.5)
    assert bench.sender.in_flight == 4
    last = await bench.finish()
    assert (last.sent, bench.sender.most_in_flight, bench.kinds) == (20, 4, {"ok": 20})
    assert bench.sent_at == [float(number // 4) for number in range(20)]


async def test_a_closed_loop_ends_after_its_duration() -> None:
    bench = Bench(plan(2000, shape=Shape.CLOSED, concurrency=2, duration_seconds=4.5))
    last = await bench.finish()
    assert (last.sent, last.done) == (10, True)


async def test_a_trace_is_replayed_at_its_own_times_and_lengths_faster_if_asked() -> None:
    rows = (TraceRow(0.0, 10, 5), TraceRow(4.0, 20, 6), TraceRow(10.0, 30, 7))
    bench = Bench(plan(3, shape=Shape.REPLAY, trace=rows, speed=2.0))
    await bench.finish()
    assert bench.sent_at == [0.0, 2.0, 5.0]
    assert [(end.input_tokens, end.max_output_tokens) for end in bench.ends] == [(10, 5), (20, 6), (30, 7)]
    assert [len(text.split()) for _, _, _, text, _ in bench.sender.requests] == [10, 20, 30]


# -- changed while it runs


async def test_the_rate_changes_at_once_and_keeps_its_place() -> None:
    bench = Bench(rated(Stage(100, 1), duration_seconds=8))
    await bench.clock.advance(2.5)
    bench.order(OrderKind.RATE, factor=2.0)
    await bench.clock.advance(2.0)
    assert (bench.news[-1].rate, bench.news[-1].factor) == (2.0, 2.0)
    await bench.finish()
    assert bench.sent_at[:3] == [0.0, 1.0, 2.0]
    # Half of the gap had passed at 2.5 s; the other half takes a quarter of a second now.
    assert bench.sent_at[3:8] == [2.75, 3.25, 3.75, 4.25, 4.75]


async def test_no_key_raises_the_rate_above_the_cap() -> None:
    bench = Bench(rated(Stage(100, 20), duration_seconds=3))
    for _ in range(3):
        bench.order(OrderKind.RATE, factor=20.0)
    await bench.clock.advance(0.6)
    assert bench.news[-1].rate == 50.0
    await bench.finish()


async def test_a_stage_can_be_held_and_skipped() -> None:
    bench = Bench(rated(Stage(5, 1), Stage(5, 4)))
    await bench.clock.advance(4.5)
    bench.order(OrderKind.HOLD)
    await bench.clock.advance(10)
    assert (bench.news[-1].stage, bench.news[-1].held, bench.news[-1].rate) == (0, True, 1.0)
    bench.order(OrderKind.NEXT_STAGE)
    await bench.clock.advance(1)
    assert (bench.news[-1].stage, bench.news[-1].held, bench.news[-1].rate) == (1, False, 4.0)
    await bench.finish()


# -- counts


async def test_counts_add_up_in_all_news() -> None:
    other = InferenceReply(False, "http", "500 Internal Server Error")
    bench = Bench(plan(9), FAILED, other, OK, OK, FAILED)
    await bench.finish()
    assert bench.kinds == {"ok": 6, "failed": 2, "http": 1}
    ended = 0
    for seen in bench.news:
        ended += len(seen.ends)
        assert seen.sent == ended + seen.in_flight
        assert seen.due == seen.sent + seen.waiting


async def test_a_request_that_is_never_answered_is_lost_at_our_own_deadline() -> None:
    bench = Bench(plan(2, timeout_seconds=30.0), None)
    await bench.clock.advance(29)
    assert not bench.task.done()
    await bench.finish()
    assert bench.kinds == {"ok": 1, "timeout": 1}
    (lost,) = [end for end in bench.ends if end.kind == "timeout"]
    assert lost.message == "no answer within 30s"
    assert 30.0 <= lost.service <= 30.25
    assert bench.sender.cancelled == 1


# -- stopping by itself


async def test_it_stops_by_itself_when_more_than_a_fifth_fails_but_not_before_ten_answers() -> None:
    bench = Bench(plan(30), FAILED, FAILED, FAILED, in_flight=1)
    await bench.clock.advance(9)
    assert not bench.news[-1].draining
    last = await bench.finish()
    assert (last.cause, last.sent) == (Cause.ERRORS, 10)
    assert last.reason == "stopped by itself: 3 of 10 requests failed"


async def test_a_fifth_of_failures_is_still_borne() -> None:
    bench = Bench(plan(20), FAILED, FAILED, *[OK] * 13, FAILED, *[OK] * 3, FAILED, in_flight=1)
    last = await bench.finish()
    assert (last.cause, bench.kinds) == (Cause.COMPLETE, {"ok": 16, "failed": 4})


async def test_failures_of_the_last_five_seconds_stop_a_long_run_within_a_second() -> None:
    bench = Bench(rated(Stage(100, 5)), *[OK] * 200, *[FAILED] * 400, seconds=0.01)
    await bench.clock.advance(39.9)
    assert not bench.news[-1].draining
    last = await bench.finish()
    assert (last.cause, "of the last 5s failed" in last.reason) == (Cause.ERRORS, True)
    assert last.at < 42.0


async def test_ten_failures_in_a_row_stop_it_whatever_share_is_allowed() -> None:
    bench = Bench(rated(Stage(100, 1), max_error_rate=1.0), *[OK] * 50, *[FAILED] * 30, seconds=0.01)
    last = await bench.finish()
    assert last.reason == "stopped by itself: 10 requests in a row failed"
    assert last.sent == 60


async def test_a_number_of_errors_can_be_the_limit() -> None:
    bench = Bench(plan(40, max_errors=2), *[OK] * 20, *[FAILED] * 5, in_flight=1)
    last = await bench.finish()
    assert (last.reason, last.sent) == ("stopped by itself: 3 requests failed, more than 2", 23)


async def test_it_stops_by_itself_when_more_than_three_are_lost() -> None:
    bench = Bench(plan(40, timeout_seconds=5.0), *[OK] * 20, None, None, None, None, in_flight=1)
    last = await bench.finish()
    assert (last.cause, last.sent, bench.kinds) == (Cause.LOST, 24, {"ok": 20, "timeout": 4})
    assert "4 requests lost; each keeps a thread" in last.reason


async def test_slow_answers_stop_it_when_a_limit_is_set() -> None:
    bench = Bench(rated(Stage(100, 5), max_p95_seconds=0.5), seconds=0.6)
    last = await bench.finish()
    assert last.cause is Cause.LATENCY
    assert last.reason == "stopped by itself: p95 of the last 10s is 600ms, above 500ms"
    assert last.at < 8


async def test_saturation_stops_an_open_loop_but_not_a_closed_one() -> None:
    bench = Bench(rated(Stage(300, 2)), seconds=1.0, in_flight=1)
    last = await bench.finish(300)
    assert last.cause is Cause.SATURATED
    assert "all 1 places were taken for 15s while latency rose" in last.reason
    assert last.at < 60
    closed = Bench(plan(60, shape=Shape.CLOSED, concurrency=1), in_flight=1)
    assert (await closed.finish()).cause is Cause.COMPLETE


async def test_full_places_without_rising_latency_are_no_saturation() -> None:
    bench = Bench(plan(60), in_flight=1)  # a burst waits by design
    assert (await bench.finish()).cause is Cause.COMPLETE


async def test_a_client_that_is_late_itself_calls_its_results_invalid() -> None:
    bench = Bench(rated(Stage(100, 1)))
    await bench.clock.advance(5.1)
    bench.clock._now += 2.5  # the process stood still: its timers come late
    last = await bench.finish()
    assert (last.cause, "results invalid" in last.reason) == (Cause.CLIENT_LAG, True)


async def test_the_longest_time_of_any_run_ends_a_held_stage() -> None:
    bench = Bench(rated(Stage(5, 1)), seconds=0.1)
    bench.run._pacer._last = bench.began + 30  # instead of 900 s
    bench.run._pacer._end = bench.began + 30
    bench.order(OrderKind.HOLD)
    last = await bench.finish()
    assert last.at < 32
    assert last.sent == 31


# -- stopped by others


async def test_stop_sends_nothing_more_and_waits_for_the_answers() -> None:
    bench = Bench(plan(100), in_flight=10)
    await bench.clock.settle()
    bench.order(OrderKind.STOP, reason="stopped by the operator")
    assert bench.news[-1].draining
    assert not bench.task.done()
    last = await bench.finish()
    assert (last.sent, bench.kinds, bench.sender.cancelled) == (10, {"ok": 10}, 0)
    assert (last.cause, last.reason) == (Cause.OPERATOR, "stopped by the operator")


async def test_draining_has_an_end() -> None:
    bench = Bench(rated(Stage(100, 1), drain_seconds=20.0), seconds=1000.0)
    await bench.clock.advance(3.5)
    bench.order(OrderKind.STOP)
    await bench.clock.advance(19.5)
    assert not bench.task.done()
    last = await bench.finish()
    assert (last.sent, bench.kinds, bench.sender.in_flight) == (4, {"given_up": 4}, 0)
    assert last.at < 24.5


async def test_giving_up_waits_for_nothing() -> None:
    bench = Bench(plan(100), seconds=1000.0, in_flight=10)
    await bench.clock.settle()
    bench.order(OrderKind.STOP)
    bench.order(OrderKind.GIVE_UP)
    await bench.clock.settle()
    await asyncio.wait_for(bench.task, 5)
    assert (bench.news[-1].sent, bench.kinds, bench.sender.in_flight) == (10, {"given_up": 10}, 0)


async def test_a_stop_after_the_end_changes_nothing() -> None:
    bench = Bench(plan(2))
    last = await bench.finish()
    bench.order(OrderKind.STOP)
    assert [news for news in bench.news if news.done] == [last]


async def test_a_watcher_that_stands_still_for_ten_seconds_stops_it() -> None:
    bench = Bench(rated(Stage(100, 1)), beat=10.0)
    for _ in range(5):
        await bench.clock.advance(4)
        bench.order(OrderKind.BEAT)
    assert not bench.news[-1].draining
    last = await bench.finish()
    assert (last.cause, last.reason) == (Cause.UI_LOST, "stopped by itself: the console stood still for 10s")
    assert max(bench.sent_at) <= 31


async def test_a_cancelled_run_leaves_nothing_under_way() -> None:
    bench = Bench(plan(100), seconds=1000.0, in_flight=10)
    await bench.clock.settle()
    bench.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await bench.task
    assert (bench.sender.in_flight, len(bench.sender.requests)) == (0, 10)


class BrokenSender(FakeSender):
    """Has a bug."""

    async def infer(self, *_: Any) -> InferenceReply:
        raise ZeroDivisionError


async def test_a_bug_is_raised_and_not_counted_as_an_answer() -> None:
    clock = FakeClock()
    news: list[LoadNews] = []
    job = LoadJob(plan(2), "http://127.0.0.1:1", "127.0.0.1", LoadLimits())
    with pytest.raises(ZeroDivisionError):
        await LoadRun(job, BrokenSender(clock), clock, news.append).run()
    assert not any(entry.done or entry.ends for entry in news)
