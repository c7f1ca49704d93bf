"""The state as metric families: what AIOS itself gives nobody, named by Prometheus' conventions.

A figure that is not known has no sample, and a block whose figures are old has none but `aios_block_up` and its age: a
frozen value would look like a steady one. What the console concluded by itself carries `origin="inferred"`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate

from msgspec import Struct, field

from aios_top.model.decision import Origin
from aios_top.model.signal import Signal
from aios_top.model.state import Averages, BlockState, EndpointState, FleetState, Link
from aios_top.model.tallies import BOUNDS_SECONDS, BlockTally, Spread
from aios_top.model.text import Clean
from aios_top.model.verdict import Severity, Verdict
from aios_top.model.window import Window
from aios_top.render.exposition import Family, Kind, Labels, Sample, labels, number
from aios_top.render.numbers import known

_MINUTE = 60.0

Figures = Iterator[tuple[dict[str, str | None], float | None]]
"""Labels beside the block's, and the value; None: not known, so there is no sample."""


class Gauge(Struct, frozen=True):
    """One family of every block."""

    name: str
    about: str
    figures: Callable[[BlockState, float], Figures]
    """What a block contributes, as of a moment in unix seconds."""
    unit: str = ""
    kind: Kind = field(default=Kind.GAUGE)


def fleet_families(
    state: FleetState, now: float, version: str, tallies: Mapping[Clean, BlockTally] | None = None
) -> list[Family]:
    """Return everything that is known at `now` (unix seconds of the state's clock)."""
    fresh = [block for block in state.blocks.values() if not block.stale]
    return [
        Family("aios_top_build", Kind.INFO, "Version of aios-top.", "", [Sample(labels(version=version), 1.0)]),
        *_console_families(state, now),
        *(block_family(gauge, fresh, now) for gauge in ALWAYS),
        *_presence(state, now),
        _decisions(fresh, tallies or {}),
        _lags(fresh, tallies or {}),
    ]


def block_family(gauge: Gauge, blocks: Iterable[BlockState], now: float, at: float | None = None) -> Family:
    """Return one family of some blocks; `at` stamps its samples."""
    samples = [
        Sample(labels(block=block.block_id, **told), value, at=at)
        for block in blocks
        for told, value in gauge.figures(block, now)
        if value is not None and known(value)
    ]
    return Family(gauge.name, gauge.kind, gauge.about, gauge.unit, samples)


def _console_families(state: FleetState, now: float) -> list[Family]:
    ends = [entry for entry in state.endpoints.values() if entry.link is not Link.UNTRIED]

    def each(value: Callable[[EndpointState], float | None]) -> list[Sample]:
        found = ((entry, value(entry)) for entry in ends)
        return [Sample(labels(endpoint=entry.name), told) for entry, told in found if told is not None]

    up = "Whether an AIOS service answered when it was asked last (1) or failed (0)."
    quick = "How long the last good answer of an AIOS service took."
    return [
        Family("aios_top_endpoint_up", Kind.GAUGE, up, "", each(lambda entry: float(entry.link is Link.UP))),
        Family(
            "aios_top_endpoint_requests", Kind.COUNTER, "Reads of an AIOS service.", "", each(lambda e: float(e.polls))
        ),
        Family(
            "aios_top_endpoint_failures",
            Kind.COUNTER,
            "Reads of an AIOS service that failed.",
            "",
            each(lambda entry: float(entry.failures)),
        ),
        Family(
            "aios_top_endpoint_latency_seconds",
            Kind.GAUGE,
            quick,
            "seconds",
            each(lambda entry: entry.latency_seconds if entry.link is Link.UP else None),
        ),
        Family(
            "aios_top_poll_age_seconds",
            Kind.GAUGE,
            "Time since AIOS was polled last.",
            "seconds",
            [Sample((), max(0.0, now - state.at))] if state.sequence else [],
        ),
        Family(
            "aios_fleet_verdict",
            Kind.GAUGE,
            "The loudest verdict of all blocks: 1 for its severity, 0 for the others.",
            "",
            [Sample(labels(**told), value) for told, value in _severities(state.verdict) if value is not None],
        ),
    ]


def _presence(state: FleetState, now: float) -> list[Family]:
    """Say of every block whether its figures are fresh, and how old they are."""
    blocks = state.blocks.values()
    aged = [(block, block.seen_at) for block in blocks]
    return [
        Family(
            "aios_block_up",
            Kind.GAUGE,
            "Whether the figures of a block are fresh (1) or old (0); old figures are not given.",
            "",
            [Sample(labels(block=block.block_id), float(not block.stale)) for block in blocks],
        ),
        Family(
            "aios_block_data_age_seconds",
            Kind.GAUGE,
            "Time since the last good metrics of a block arrived.",
            "seconds",
            [Sample(labels(block=block.block_id), max(0.0, now - seen)) for block, seen in aged if seen is not None],
        ),
    ]


def _decisions(blocks: Iterable[BlockState], tallies: Mapping[Clean, BlockTally]) -> Family:
    samples = [
        Sample(labels(block=block.block_id, action=kind.action, code=kind.code, origin=kind.origin), float(count))
        for block in blocks
        for kind, count in tallies.get(block.block_id, BlockTally()).decisions.items()
    ]
    about = "Evaluations of a block's autoscaler since aios-top started, by what they did and why."
    return Family("aios_block_decisions", Kind.COUNTER, about, "", samples)


def _lags(blocks: Iterable[BlockState], tallies: Mapping[Clean, BlockTally]) -> Family:
    samples = [
        sample
        for block in blocks
        for step, spread in tallies.get(block.block_id, BlockTally()).lags.items()
        for sample in _histogram(labels(block=block.block_id, step=step), spread)
    ]
    about = (
        "Scaling lag since aios-top started, measured with the precision of its polls: decision is from the crossed "
        "threshold to the decision, replica from there to the first metrics of the new replica, total is both."
    )
    return Family("aios_block_scaling_lag_seconds", Kind.HISTOGRAM, about, "seconds", samples)


def _histogram(told: Labels, spread: Spread) -> Iterator[Sample]:
    sums = list(accumulate(spread.counts))
    for bound, below in zip((*BOUNDS_SECONDS, math.inf), sums, strict=True):
        yield Sample((*told, ("le", number(bound))), float(below), "_bucket")
    yield Sample(told, float(sums[-1]), "_count")
    yield Sample(told, spread.total_seconds, "_sum")


def _info(block: BlockState, _now: float) -> Figures:
    declared = None if block.record is None else block.record.autoscaler
    yield (
        {
            "cluster": None if block.record is None else block.record.cluster_id,
            "policy": None if declared is None else declared.uri,
            "policy_version": block.policy.policy_version,
            "policy_mode": block.policy.mode,
            "policy_voice": block.policy.voice,
            "policy_window": block.window.label,
        },
        1.0,
    )


def _current(block: BlockState, _now: float) -> Figures:
    yield {"origin": Origin.REPORTED}, block.replicas.current


def _desired(block: BlockState, _now: float) -> Figures:
    """Give where the last action leads, by the word of the policy or by what followed from it."""
    yield {"origin": Origin.REPORTED if block.replicas.current is not None else Origin.INFERRED}, block.replicas.desired


def _seen(value: Callable[[BlockState], int]) -> Callable[[BlockState, float], Figures]:
    def figures(block: BlockState, _now: float) -> Figures:
        yield {}, value(block) if block.counted and not block.replicas.wiped else None

    return figures


def _minimum(block: BlockState, _now: float) -> Figures:
    yield {"origin": _bound_origin(block, "min_replicas")}, block.replicas.minimum


def _maximum(block: BlockState, _now: float) -> Figures:
    yield {"origin": _bound_origin(block, "max_replicas")}, block.replicas.maximum


def _bound_origin(block: BlockState, parameter: str) -> Origin:
    """Return whose word a bound is: the policy's parameter where it has one, else the block record's."""
    return block.thresholds_origin if block.in_force.get(parameter) is not None else Origin.DECLARED


def _remaining(block: BlockState, now: float) -> Figures:
    yield {"origin": block.cooldown.origin}, block.cooldown.remaining_seconds(now)


def _cooldown(block: BlockState, _now: float) -> Figures:
    yield {"origin": block.cooldown.origin}, block.cooldown.total_seconds


def _next_evaluation(block: BlockState, _now: float) -> Figures:
    yield {"origin": block.next_evaluation_origin}, block.next_evaluation_at


def _interval(block: BlockState, _now: float) -> Figures:
    yield {"origin": Origin.REPORTED}, block.policy.interval_seconds


def _means(block: BlockState, _now: float) -> Figures:
    for window in Window:
        for direction, value in _directions(block.averages.get(window, Averages())):
            yield {"direction": direction, "window": window.label}, value


def _limits(block: BlockState, _now: float) -> Iterator[tuple[str, str, float | None]]:
    told = block.thresholds
    yield from (("input", "up", told.input_up), ("output", "up", told.output_up))
    yield from (("input", "down", told.input_down), ("output", "down", told.output_down))


def _thresholds(block: BlockState, now: float) -> Figures:
    if block.signal is Signal.SIZE:
        for direction, scaling, limit in _limits(block, now):
            yield {"direction": direction, "scaling": scaling, "origin": block.thresholds_origin}, limit


def _rate_thresholds(block: BlockState, now: float) -> Figures:
    if block.signal is Signal.RATE:
        for direction, scaling, limit in _limits(block, now):
            told: dict[str, str | None] = {
                "direction": direction,
                "scaling": scaling,
                "origin": block.thresholds_origin,
            }
            yield told, None if limit is None else limit / _MINUTE


def _ratios(block: BlockState, now: float) -> Figures:
    means = dict(_directions(block.compared))
    for direction, scaling, limit in _limits(block, now):
        mean = means[direction]
        share = mean / limit if mean is not None and limit else None
        yield {"direction": direction, "scaling": scaling, "origin": block.thresholds_origin}, share


def _directions(means: Averages) -> Iterator[tuple[str, float | None]]:
    yield from (("input", means.input_size), ("output", means.output_size))


def _token_rates(block: BlockState, _now: float) -> Figures:
    for direction, value in (("input", block.input_rate), ("output", block.output_rate)):
        yield {"direction": direction}, None if value is None else value / _MINUTE


def _request_rate(block: BlockState, _now: float) -> Figures:
    yield {}, None if block.request_rate is None else block.request_rate / _MINUTE


def _verdict(block: BlockState, _now: float) -> Figures:
    yield from _severities(block.verdict)


def _severities(verdict: Verdict | None) -> Figures:
    for severity in Severity:
        yield (
            {"severity": severity.name.lower()},
            None if verdict is None else float(verdict.severity is severity),
        )


def _finding(block: BlockState, _now: float) -> Figures:
    yield {"code": None if block.verdict is None else block.verdict.code}, None if block.verdict is None else 1.0


def _paused(block: BlockState, _now: float) -> Figures:
    if block.policy.paused is not None:
        yield {"scaling": block.policy.paused.direction}, 1.0


_VALUE = "mean tokens per request over the reporting instances, which is what the token policies compare"

ALWAYS = (
    Gauge("aios_block", "What a block declares and what its policy says of itself.", _info, kind=Kind.INFO),
    Gauge("aios_block_current_replicas", "Instances that exist, by the policy's own list.", _current),
    Gauge("aios_block_desired_replicas", "Replicas that the last scaling leads to.", _desired),
    Gauge(
        "aios_block_reporting_replicas",
        "Instances whose metrics are fresh.",
        _seen(lambda block: block.replicas.reporting),
    ),
    Gauge(
        "aios_block_starting_replicas",
        "Instances that the policy lists and that have not reported yet.",
        _seen(lambda block: block.replicas.starting),
    ),
    Gauge(
        "aios_block_stale_replicas",
        "Instances whose metrics are old though nothing says that they were removed.",
        _seen(lambda block: block.replicas.stale),
    ),
    Gauge("aios_block_min_replicas", "Lowest number of replicas that the policy goes to.", _minimum),
    Gauge(
        "aios_block_max_replicas",
        "Highest number of replicas; AIOS itself enforces none, only a policy that has the parameter.",
        _maximum,
    ),
    Gauge("aios_block_cooldown_remaining_seconds", "Time until the policy may act again.", _remaining, "seconds"),
    Gauge("aios_block_cooldown_seconds", "Length of the cooldown after an action.", _cooldown, "seconds"),
    Gauge(
        "aios_block_next_evaluation_timestamp_seconds",
        "When the policy evaluates next, unix time of the machine that runs aios-top.",
        _next_evaluation,
        "seconds",
    ),
    Gauge("aios_block_evaluation_interval_seconds", "Time between two evaluations.", _interval, "seconds"),
    Gauge("aios_block_mean_request_tokens", f"Size of the requests: {_VALUE}.", _means, "tokens"),
    Gauge("aios_block_threshold_tokens", f"Limits of the policy for the {_VALUE}.", _thresholds, "tokens"),
    Gauge(
        "aios_block_threshold_tokens_per_second",
        "Limits of a policy that compares true rates per instance.",
        _rate_thresholds,
    ),
    Gauge(
        "aios_block_threshold_ratio",
        "What the policy compares over its own window as a share of its limit; above 1 of up it asks for more.",
        _ratios,
        "ratio",
    ),
    Gauge(
        "aios_block_tokens_per_second",
        "True rate of tokens, from the counters of the last minute's pushes.",
        _token_rates,
    ),
    Gauge("aios_block_requests_per_second", "Requests into the block over the last minute.", _request_rate),
    Gauge("aios_block_verdict", "The verdict of a block: 1 for its severity, 0 for the others.", _verdict),
    Gauge("aios_block_verdict_finding", "The rule that gave the verdict of a block.", _finding),
    Gauge("aios_block_paused", "Scaling that was paused by hand, by direction.", _paused),
)
"""What is given of a block whose figures are fresh."""
