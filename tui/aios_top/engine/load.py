"""A load test: the tutorial client's burst, bounded, stopped by itself when it does harm, and counted honestly."""

import asyncio
import ipaddress
import math
import uuid
from collections import Counter
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from aios_top.engine.ports import Clock, Inference
from aios_top.engine.words import prompt
from aios_top.model.change import Fate, Outcome
from aios_top.model.errors import ActionRefusedError
from aios_top.model.load import InferenceReply, LoadLimits, LoadPhase, LoadPlan, LoadState

Publish = Callable[[LoadState], None]

BUILT_IN = LoadLimits()
MAX_ERROR_RATE = 0.2
JUDGED_FROM = 10
"""Ended requests from which the error rate counts."""
MAX_LOST = 3
"""Every lost request keeps one of the inference server's ten gRPC threads for ever."""
CANCELLED = "given up by the operator"


class LoadRun:
    """One run of a plan; all methods belong to the loop that `run` runs on."""

    def __init__(
        self, plan: LoadPlan, inference: Inference, clock: Clock, publish: Publish, limits: LoadLimits = BUILT_IN
    ) -> None:
        check_plan(plan, limits)
        self._plan = plan
        self._inference = inference
        self._clock = clock
        self._publish = publish
        self._places = asyncio.Semaphore(limits.in_flight)
        self._errors: Counter[str] = Counter()
        self._latencies: list[float] = []
        self._requests: list[asyncio.Task[None]] = []
        self._stopping = False
        self.state = LoadState(plan, LoadPhase.RUNNING, clock.now(), inference.target())

    async def run(self) -> LoadState:
        """Send everything at once, as far as the places in flight allow, and return the final counts."""
        self._show()
        self._requests = [asyncio.create_task(self._request(number)) for number in range(self._plan.requests)]
        try:
            await asyncio.wait(self._requests)
        except asyncio.CancelledError:
            self.stop("the console ended")
            self.stop()
            await asyncio.gather(*self._requests, return_exceptions=True)
            raise
        finally:
            phase = LoadPhase.STOPPED if self._stopping else LoadPhase.FINISHED
            self._show(phase=phase, ended_at=self._clock.now())
        for request in self._requests:
            if not request.cancelled():
                request.result()  # an unexpected error is not counted but raised
        return self.state

    def stop(self, reason: str = "stopped by the operator") -> None:
        """Send nothing more and wait for the answers; a second call gives up on them too."""
        if self._stopping:
            for request in self._requests:
                request.cancel()
            return
        self._stopping = True
        if self.state.ended_at is None:
            self._show(phase=LoadPhase.DRAINING, stop_reason=reason)

    async def _request(self, number: int) -> None:
        async with self._places:
            if self._stopping:
                return
            self._show(sent=self.state.sent + 1, input_tokens=self.state.input_tokens + self._plan.input_tokens)
            started = self._clock.monotonic()
            try:
                reply = await self._answer(number)
            except asyncio.CancelledError:
                self._count(InferenceReply(False, "timeout", CANCELLED), 0.0)
                return
            self._count(reply, self._clock.monotonic() - started)
            self._judge()

    async def _answer(self, number: int) -> InferenceReply:
        """Send one request in a session of its own; the deadline is ours, for AIOS has none."""
        plan = self._plan
        text = prompt(plan.input_tokens, plan.seed, number)
        asking = asyncio.ensure_future(
            self._inference.infer(plan.block_id, str(uuid.uuid4()), number, text, plan.max_output_tokens)
        )
        limit = asyncio.ensure_future(self._clock.sleep(plan.timeout_seconds))
        try:
            await asyncio.wait({asking, limit}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            return InferenceReply(False, "timeout", f"no answer within {plan.timeout_seconds:g} s")
        finally:
            asking.cancel()
            limit.cancel()
            await asyncio.gather(asking, limit, return_exceptions=True)

    def _count(self, reply: InferenceReply, seconds: float) -> None:
        """Add one end; only what was answered well has a latency worth a percentile."""
        if reply.ok:
            self._latencies.append(seconds)
            self._show(ok=self.state.ok + 1, latencies=tuple(self._latencies))
            return
        self._errors[reply.message or reply.kind] += 1
        errors = tuple(self._errors.most_common())
        if reply.kind == "timeout":
            self._show(lost=self.state.lost + 1, errors=errors)
        else:
            self._show(failed=self.state.failed + 1, errors=errors)

    def _judge(self) -> None:
        """Stop by itself when the test does more harm than it tells."""
        if self._stopping:
            return
        state = self.state
        ended = state.ok + state.failed + state.lost
        if state.lost > MAX_LOST:
            self.stop(f"stopped by itself: {state.lost} requests lost; each keeps a thread of the inference server")
        elif ended >= JUDGED_FROM and (state.failed + state.lost) / ended > MAX_ERROR_RATE:
            self.stop(f"stopped by itself: {state.failed + state.lost} of {ended} requests failed")

    def _show(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self._publish(self.state)


def check_plan(plan: LoadPlan, limits: LoadLimits) -> None:
    """Raise ActionRefusedError with everything in a plan that is out of bounds."""
    problems = []
    if not 1 <= plan.requests <= limits.requests:
        problems.append(f"{plan.requests} requests are not between 1 and {limits.requests}")
    for name, tokens in (("input", plan.input_tokens), ("output", plan.max_output_tokens)):
        if not 1 <= tokens <= limits.tokens_per_request:
            problems.append(f"{tokens} {name} tokens are not between 1 and {limits.tokens_per_request}")
    total = plan.requests * (plan.input_tokens + plan.max_output_tokens)
    if total > limits.tokens_per_run:
        problems.append(f"{total} tokens in all are more than {limits.tokens_per_run}")
    if not (math.isfinite(plan.timeout_seconds) and 0 < plan.timeout_seconds <= limits.timeout_seconds):
        problems.append(
            f"a timeout of {plan.timeout_seconds:g} s is not above 0 and at most {limits.timeout_seconds:g} s"
        )
    if problems:
        raise ActionRefusedError(f"load test: {'; '.join(problems)}; these limits protect the block")


def check_target(url: str, allow: AbstractSet[str]) -> None:
    """Raise ActionRefusedError unless load may go to `url`: loopback, or a host that was allowed by name.

    Judged from the text alone: no name is looked up and no packet is sent.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise ActionRefusedError(f"load test: '{url}' is no address: {error}") from error
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise ActionRefusedError(f"load test: '{url}' is no plain http address of a host")
    address = _address(host)
    if address is not None and (address.is_link_local or address.is_multicast or address.is_unspecified):
        raise ActionRefusedError(f"load test: {host} is never a target; name the inference host itself")
    if host == "localhost" or (address is not None and address.is_loopback):
        return
    if not {host, f"{host}:{port}", f"[{host}]:{port}"} & set(allow):
        raise ActionRefusedError(f"load test: {host} is not loopback; allow it with --allow-target {host}")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def described(plan: LoadPlan, target: str) -> dict[str, Any]:
    """Return a plan as the audit file keeps it."""
    return {
        "block_id": plan.block_id,
        "method": "POST",
        "url": f"{target}/v1/infer",
        "requests": plan.requests,
        "input_tokens": plan.input_tokens,
        "max_output_tokens": plan.max_output_tokens,
    }


def load_outcome(state: LoadState) -> Outcome:
    """Return a run's end as an outcome; a request that was never answered leaves it unknown."""
    counts = (
        f"{state.sent} sent: {state.ok} ok, {state.failed} failed, {state.lost + state.in_flight} without an answer"
    )
    fate = Fate.FAILED if state.failed else Fate.UNKNOWN if state.lost or state.in_flight else Fate.DONE
    return Outcome(fate, f"{counts}{'; ' if state.stop_reason else ''}{state.stop_reason}", sent_at=state.started_at)


def report(state: LoadState, limits: LoadLimits = BUILT_IN) -> dict[str, Any]:
    """Return a run as a JSON document."""
    plan = state.plan
    return {
        "schema": 1,
        "block_id": plan.block_id,
        "target": state.target,
        "plan": {
            "requests": plan.requests,
            "input_tokens": plan.input_tokens,
            "max_output_tokens": plan.max_output_tokens,
            "timeout_seconds": plan.timeout_seconds,
            "seed": plan.seed,
        },
        "phase": state.phase.value,
        "stop_reason": state.stop_reason or None,
        "started_at": state.started_at,
        "duration_seconds": None if state.ended_at is None else state.ended_at - state.started_at,
        "counts": {
            "sent": state.sent,
            "ok": state.ok,
            "failed": state.failed,
            "lost": state.lost,
            "in_flight": state.in_flight,
            "not_sent": plan.requests - state.sent,
        },
        "errors": [{"message": message, "count": count} for message, count in state.errors],
        "input_tokens": {"sent": state.input_tokens, "note": "one token per word, estimated"},
        "latency_seconds": latencies(state),
        "notes": _notes(state, limits),
    }


def latencies(state: LoadState) -> dict[str, Any]:
    """Return mean, percentiles by nearest rank and maximum of the good answers, null where too few are known."""
    ordered = sorted(state.latencies)
    count = len(ordered)

    def rank(percent: int, fewest: int) -> float | None:
        return ordered[math.ceil(percent / 100 * count) - 1] if count >= fewest else None

    return {
        "n": count,
        "mean": sum(ordered) / count if ordered else None,
        "p50": rank(50, 1),
        "p90": rank(90, 10),
        "p95": rank(95, 20),
        "p99": rank(99, 100),
        "max": ordered[-1] if ordered else None,
    }


def _notes(state: LoadState, limits: LoadLimits) -> list[str]:
    """Say what limits the meaning of the figures."""
    notes = ["latency is end to end: AIOS does not stream, so there is no time to the first token here"]
    if state.plan.requests > limits.in_flight:
        notes.append(f"at most {limits.in_flight} requests were in flight; the others waited here, unmeasured")
    if len(state.latencies) < 100:
        notes.append("p99 needs 100 good answers, p95 20, p90 10")
    return notes
