"""Builds a block's state from its documents, its records and what its policy says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from aios_top.engine.infer import infer_cooldown, infer_decisions, watch
from aios_top.engine.memory import PACKED_AT_ONCE, UNPACKED_DECISIONS, BlockMemory, mean, server_means
from aios_top.engine.phases import Listing, clock_skew, count, instance_states, wiped
from aios_top.model.decision import ACTS, MAX_DECISIONS, Decision, Origin, Thresholds
from aios_top.model.judge import judge_block
from aios_top.model.late import Late
from aios_top.model.packed import is_loose, packed
from aios_top.model.policy_state import DecisionPage, ParameterReport, PolicyReport, Voice
from aios_top.model.reading import AnyReading, BlockReading
from aios_top.model.record import BlockRecord, PolicyRecord
from aios_top.model.rule import DEFAULT_COOLDOWN_SECONDS, number, thresholds, window
from aios_top.model.series import LateKept
from aios_top.model.state import Averages, BlockState, Cooldown, CooldownPhase, InstanceState, Phase
from aios_top.model.text import Clean, clean
from aios_top.model.window import AnyRolling, Window

MOST_UNLISTED = 16
"""Removed instances without a document that a block remembers to have had listed; up to twice as many between."""
_COUNTED = frozenset({Phase.SERVING, Phase.IDLE})
_WINDOWS = tuple(Window)


class Inputs(Struct, frozen=True):
    """Everything that is known of one block at a poll."""

    record: BlockRecord | None = None
    reading: BlockReading | None = None
    registered: PolicyRecord | None = None
    report: PolicyReport = PolicyReport(Voice.UNASKED)
    reported_at: float | None = None
    """When the report arrived, unix seconds of the console's clock."""
    parameters: ParameterReport | None = None
    problem: Clean | None = None


def observe(block_id: Clean, memory: BlockMemory, inputs: Inputs, now: float) -> BlockState:
    """Return the block's state at `now`; the documents were given to `phases.take_reading` before."""
    parameters, origin = _parameters(inputs)
    last = inputs.report.last_decision
    listing = _listing(memory, last, now)
    rows = instance_states(memory, listing, now)
    counts = count(rows, listing, memory.acts[0] if memory.acts else None, wiped=wiped(memory, now))
    limits = Thresholds() if inputs.report.voice is Voice.ABSENT else thresholds(parameters)
    read_window = window(parameters)
    counting = tuple(row for row in rows if row.phase in _COUNTED)
    averages = _Means(counting)
    if inputs.report.voice in {Voice.SILENT, Voice.UNREACHABLE} and not counts.wiped and inputs.problem is None:
        infer_decisions(memory, rows, averages[read_window], limits, now)
    elif inputs.report.voice is Voice.FULL and not counts.wiped and inputs.problem is None:
        watch(memory, rows, averages[read_window], limits)
    cooldown = _cooldown(memory, inputs, parameters, now)
    state = BlockState(
        block_id=block_id,
        record=inputs.record,
        policy=inputs.report,
        parameters=inputs.parameters,
        in_force=parameters,
        thresholds=limits,
        thresholds_origin=origin,
        window=read_window,
        instances=rows,
        executor=memory.requests.executor,
        replicas=replace(counts, minimum=_minimum(inputs, parameters), maximum=_maximum(inputs, parameters)),
        averages=averages,
        input_rate=total([row.input_rate for row in counting]),
        output_rate=total([row.output_rate for row in counting]),
        request_rates=memory.requests.rates,
        server_means=_server_means(memory, counting),
        cooldown=cooldown,
        next_evaluation_at=_next_evaluation(inputs),
        next_evaluation_origin=Origin.REPORTED if _next_evaluation(inputs) is not None else Origin.UNKNOWN,
        push_seconds=memory.push_seconds,
        decisions=_decisions(memory, inputs.report.voice),
        history=memory.views(),
        earlier=memory.earlier,
        seen_at=memory.seen_at,
        missed_polls=memory.missed_polls,
        problem=inputs.problem,
        clock_skew_seconds=clock_skew(memory),
        dropped=0 if inputs.reading is None else inputs.reading.dropped,
        duplicates=() if inputs.reading is None else inputs.reading.duplicates,
    )
    memory.sample = None
    if inputs.problem is None:
        _append_sample(memory, state, now)
    return replace(state, history=memory.views(), verdict=judge_block(state, now))


def take_decisions(memory: BlockMemory, page: DecisionPage) -> None:
    """Merge a page of reported decisions; one that is sent again replaces itself, e.g. with its confirmation."""
    memory.boot_id, memory.cursor = page.boot_id, page.next_since
    merged = {(entry.boot_id, entry.seq): entry for entry in reversed(memory.reported)}
    merged |= {(entry.boot_id, entry.seq): entry for entry in page.decisions}

    def age_order(entry: Decision) -> tuple[bool, float]:
        running = entry.boot_id == page.boot_id  # its numbers are in order even when its clock was set back
        return running, (entry.seq or 0) if running else entry.at

    newest_first = sorted(merged.values(), key=age_order, reverse=True)
    kept = newest_first[:MAX_DECISIONS]
    loose = [place for place, entry in enumerate(kept) if place >= UNPACKED_DECISIONS and is_loose(entry.record)]
    for place in loose[-PACKED_AT_ONCE:]:
        kept[place] = _with_packed_record(kept[place])
    memory.reported = tuple(kept)
    lasts = {entry.action: entry for entry in reversed(memory.reported) if entry.action in ACTS}
    memory.acts = tuple(entry for entry in memory.reported if lasts.get(entry.action) is entry)


def _with_packed_record(decision: Decision) -> Decision:
    """Return a decision that is rarely looked at: its whole record is most of what a block takes in memory."""
    record = packed(decision.record)
    return decision if record is decision.record else replace(decision, record=record)


def decisions_since(memory: BlockMemory) -> int:
    """Return the cursor to ask from: before the oldest action whose effect is still awaited, else the newest."""
    awaited = [
        entry.seq
        for entry in memory.reported
        if entry.confirmation == "pending" and entry.boot_id == memory.boot_id and entry.seq is not None
    ]
    return min([memory.cursor, *(seq - 1 for seq in awaited)])


def _parameters(inputs: Inputs) -> tuple[Mapping[str, Any], Origin]:
    """Return the parameters in force: the policy's word, else the block's overlaid by the registry's."""
    if inputs.parameters is not None:
        return inputs.parameters.effective, Origin.REPORTED
    autoscaler = None if inputs.record is None else inputs.record.autoscaler
    if autoscaler is None:
        return {}, Origin.UNKNOWN
    overlay = {} if inputs.registered is None else inputs.registered.parameters
    return {**autoscaler.parameters, **overlay}, Origin.DECLARED


def _listing(memory: BlockMemory, last: Decision | None, now: float) -> Listing | None:
    """Take the policy's instance list from its last decision."""
    if last is None or last.current is None:
        return None
    ids = {*last.instance_ids, *_missing(last)}
    if len(ids) != last.current:  # more instances than a record keeps: the count is right, the list is not whole
        return None
    for instance_id in ids:
        memory.listed.setdefault(instance_id, now)
    _forget_unlisted(memory, ids)
    return Listing(ids)


def _forget_unlisted(memory: BlockMemory, ids: AbstractSet[Clean]) -> None:
    """Forget whom the policy no longer lists and nobody saw since, the longest known first, many at a time.

    The last ones stay: a first document that is late must not make them live again.
    """
    gone = [name for name in memory.listed if name not in ids and name not in memory.instances]
    if len(gone) > 2 * MOST_UNLISTED:
        for name in gone[:-MOST_UNLISTED]:
            del memory.listed[name]


def _missing(last: Decision) -> list[Clean]:
    replicas = last.record.get("replicas")
    missing = replicas.get("missing") if isinstance(replicas, Mapping) else None
    return [clean(entry) for entry in missing if isinstance(entry, str)] if isinstance(missing, list) else []


class _Means(Mapping[Window, Averages]):
    """The means over some instances by window, each computed when it is asked for."""

    __slots__ = ("_made", "_rows")

    def __init__(self, rows: tuple[InstanceState, ...]) -> None:
        self._rows = rows
        self._made: dict[Window, Averages] = {}

    def __getitem__(self, window: Window) -> Averages:
        made = self._made.get(window)
        if made is None:
            made = self._made[window] = _average(self._rows, window)
        return made

    def __iter__(self) -> Iterator[Window]:
        return iter(_WINDOWS)

    def __len__(self) -> int:
        return len(_WINDOWS)


def _average(rows: tuple[InstanceState, ...], over: Window) -> Averages:
    """Return the means as a policy would see them: an instance that has served nothing counts as 0."""
    readings = [row.reading for row in rows if row.reading is not None and row.reading.is_llm]
    if not readings:
        return Averages(window=over)
    inputs = mean(_sizes(readings, [reading.input_size for reading in readings], "input", over))
    outputs = mean(_sizes(readings, [reading.output_size for reading in readings], "output", over))
    return Averages(inputs, outputs, over, Origin.MEASURED, counted=len(readings))


def _sizes(
    readings: Sequence[AnyReading], sizes: Sequence[AnyRolling | None], side: str, over: Window
) -> list[float | None]:
    """Return the instances' values, 0 where one has served nothing, None where what it sent cannot be used."""
    values = [None if size is None else size.over(over) for size in sizes]
    for place, value in enumerate(values):
        if value is None and not any(name.startswith(f"llm_{side}_tokens") for name in readings[place].problems):
            values[place] = 0.0
    return values


def _cooldown(memory: BlockMemory, inputs: Inputs, parameters: Mapping[str, Any], now: float) -> Cooldown:
    """Return the policy's own timer, or an estimate where it says nothing."""
    report = inputs.report
    declared = number(parameters.get("cooldown_seconds", DEFAULT_COOLDOWN_SECONDS))
    match report.voice:
        case Voice.FULL if report.cooldown_remaining_seconds is not None and inputs.reported_at is not None:
            left = report.cooldown_remaining_seconds
            phase = CooldownPhase.COOLING if left > 0 else CooldownPhase.READY
            return Cooldown(phase, Origin.REPORTED, inputs.reported_at + left, report.cooldown_total_seconds)
        case Voice.SILENT | Voice.UNREACHABLE if declared is not None:
            return infer_cooldown(memory, declared, now)
    return Cooldown(CooldownPhase.UNKNOWN, Origin.UNKNOWN)


def _next_evaluation(inputs: Inputs) -> float | None:
    left = inputs.report.next_evaluation_seconds
    return None if left is None or inputs.reported_at is None else inputs.reported_at + left


def _minimum(inputs: Inputs, parameters: Mapping[str, Any]) -> int | None:
    policy_minimum = number(parameters.get("min_replicas"))
    if policy_minimum is not None:
        return int(policy_minimum)
    return None if inputs.record is None else inputs.record.min_instances


def _maximum(inputs: Inputs, parameters: Mapping[str, Any]) -> int | None:
    policy_maximum = number(parameters.get("max_replicas"))
    if policy_maximum is not None:
        return int(policy_maximum)
    return None if inputs.record is None else inputs.record.max_instances


def _decisions(memory: BlockMemory, voice: Voice) -> Sequence[Decision]:
    if voice is Voice.FULL or not memory.inferred:
        return memory.reported
    merged = sorted((*memory.inferred, *memory.reported), key=lambda entry: -entry.at)
    return tuple(merged[:MAX_DECISIONS])


def _server_means(memory: BlockMemory, rows: tuple[InstanceState, ...]) -> Late[float | None]:
    """Return the server's means over these instances, computed when they are looked at."""
    known = [memory.instances[row.instance_id].span for row in rows]
    spans = [span for span in known if span is not None]
    return Late(lambda: server_means(spans))


def total(values: Iterable[float | None]) -> float | None:
    """Return the sum of the values that are known, None when none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _append_sample(memory: BlockMemory, state: BlockState, now: float) -> None:
    """Remember the block's figures in the order of `BLOCK_COLUMNS`, the means when they are asked for.

    The sample keeps the means alone: a state in it, whose history holds the sample, would never go by itself.
    """
    averages, request_rates, server_means = state.averages, state.request_rates, state.server_means
    cooling = state.cooldown.at(now) is CooldownPhase.COOLING
    replicas = None if state.replicas.wiped else float(state.replicas.best)
    reporting = float(state.replicas.reporting) if state.counted and not state.replicas.wiped else None
    sample = LateKept(
        (
            *[partial(_input_size, averages, window) for window in _WINDOWS],
            *[partial(_output_size, averages, window) for window in _WINDOWS],
            state.input_rate,
            state.output_rate,
            replicas,
            reporting,
            lambda: request_rates[0],
            lambda: server_means[0],
            1.0 if cooling else 0.0,
        )
    )
    memory.sample = sample
    memory.track.append(now, sample)


def _input_size(averages: Mapping[Window, Averages], window: Window) -> float | None:
    return averages[window].input_size


def _output_size(averages: Mapping[Window, Averages], window: Window) -> float | None:
    return averages[window].output_size
