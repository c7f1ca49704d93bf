"""Makes curves of what a policy remembers: each of its decisions says what it saw of every instance."""

import math
from collections.abc import Iterable, Mapping, Sequence

from aios_top.engine.memory import BLOCK_COLUMNS, InstanceMemory
from aios_top.engine.observe import total
from aios_top.model.curve import Sample, with_gaps
from aios_top.model.decision import Decision, InstanceInput, Origin
from aios_top.model.fact import Backfilled, InstanceCurve
from aios_top.model.reading import InstanceReading
from aios_top.model.text import Clean, clean
from aios_top.model.window import Rolling, Window

SOURCE = "decisions"
_SEEN = frozenset({"ok", "partial"})
"""States of an instance whose document the policy used."""
MOST_INSTANCES = 1000
"""Instances of a block whose curves are made: a policy may name new ones in every record."""
_COUNTERS = ("prompt_tokens_total", "generated_tokens_total")


def told_curves(block_id: Clean, decisions: Iterable[Decision], start: float, end: float) -> Backfilled | None:
    """Return what a policy's own records say of the time between `start` and `end`, None when they say nothing.

    A record holds the one window that the policy reads; the rates are measured from its counters as live ones are.
    """
    told = [entry for entry in decisions if entry.origin is Origin.REPORTED and entry.record]
    told = sorted((entry for entry in told if start <= entry.at < end), key=lambda entry: entry.at)
    if not told:
        return None
    instances: dict[Clean, InstanceMemory] = {}
    samples: list[Sample] = []
    for decision in told:
        _take(instances, decision)
        samples.append((decision.at, _block_values(decision, instances)))
    times, values = _columns(with_gaps(samples, end))
    curves = [
        InstanceCurve(name, *_columns(with_gaps(memory.samples(), end)))
        for name, memory in instances.items()
        if memory.reading is not None
    ]
    return Backfilled(block_id, times, values, SOURCE, tuple(curves))


def _take(instances: dict[Clean, InstanceMemory], decision: Decision) -> None:
    """Let every instance push what the policy saw of it; those of which it saw nothing have a gap."""
    counters = _counters(decision)
    seen = _seen(decision)
    for name, entry in seen.items():
        if name not in instances and len(instances) >= MOST_INSTANCES:
            continue
        memory = instances.setdefault(name, InstanceMemory(decision.at))
        memory.take(_reading(entry, decision, counters.get(name, {})), decision.at)
    for name in instances.keys() - seen.keys():
        instances[name].draw_gap(decision.at)


def _seen(decision: Decision) -> dict[Clean, InstanceInput]:
    """Return what the policy saw, by instance; nothing where it read no window of AIOS's."""
    if _window(decision) is None:
        return {}
    return {entry.instance_id: entry for entry in decision.instances if entry.status in _SEEN}


def _reading(entry: InstanceInput, decision: Decision, counters: Mapping[str, float | None]) -> InstanceReading:
    """Return an instance's document as far as a record repeats it."""
    return InstanceReading(
        entry.instance_id,
        timestamp=counters.get("timestamp"),
        input_size=_rolling(decision, entry.input_size),
        output_size=_rolling(decision, entry.output_size),
        prompt_tokens_total=counters.get("prompt_tokens_total"),
        generated_tokens_total=counters.get("generated_tokens_total"),
        queue_length=_rolling(decision, entry.queue),
    )


def _rolling(decision: Decision, value: float | None) -> Rolling | None:
    """Return a value in the window that the policy reads; the others are not known."""
    window = _window(decision)
    return None if value is None or window is None else Rolling(**{window.value: value})


def _window(decision: Decision) -> Window | None:
    period = _averages(decision).get("period")
    return next((window for window in Window if window.value == period), None)


def _averages(decision: Decision) -> Mapping[str, object]:
    averages = decision.record.get("averages")
    return averages if isinstance(averages, Mapping) else {}


def _counters(decision: Decision) -> dict[Clean, dict[str, float | None]]:
    """Return stamp and counters of every instance, by their names in a document."""
    entries = decision.record.get("instances")
    found: dict[Clean, dict[str, float | None]] = {}
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), str):
            totals = entry.get("counters")
            totals = totals if isinstance(totals, list) and len(totals) == len(_COUNTERS) else (None, None)
            found[clean(entry["id"])] = {
                "timestamp": _number(entry.get("timestamp")),
                **{name: _number(total) for name, total in zip(_COUNTERS, totals, strict=True)},
            }
    return found


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _block_values(decision: Decision, instances: Mapping[Clean, InstanceMemory]) -> tuple[float | None, ...]:
    values: dict[str, float | None] = {
        "replicas": decision.current,
        "reporting": decision.reporting,
        "cooldown": _cooling(decision),
    }
    seen, window = _seen(decision), _window(decision)
    if seen and len(seen) == decision.reporting:  # a record keeps only so many instances: no sums of some of them
        known = [instances[name] for name in seen if name in instances]
        values["input_rate"] = total(memory.input_rate for memory in known)
        values["output_rate"] = total(memory.output_rate for memory in known)
    if window is not None:
        means = _means(decision, seen)
        values |= {f"input_{window.value}": means[0], f"output_{window.value}": means[1]}
    return tuple(values.get(column) for column in BLOCK_COLUMNS)


def _means(decision: Decision, seen: Mapping[Clean, InstanceInput]) -> tuple[float | None, float | None]:
    """Return the mean sizes as the policy sees them: its own where it compares sizes, else made in the same way."""
    if _averages(decision).get("signal") != "counter_rate":
        return decision.input_average, decision.output_average
    if not seen or len(seen) != decision.reporting:
        return None, None
    sizes = [(entry.input_size or 0.0, entry.output_size or 0.0) for entry in seen.values()]
    return sum(size for size, _ in sizes) / len(sizes), sum(size for _, size in sizes) / len(sizes)


def _cooling(decision: Decision) -> float | None:
    left = decision.cooldown_remaining_seconds
    return None if left is None else 1.0 if left > 0 else 0.0


def _columns(samples: Sequence[Sample]) -> tuple[tuple[float, ...], tuple[tuple[float | None, ...], ...]]:
    """Return times and rows; what is unknown is None, as files have no other way to say it."""
    rows = (tuple(None if value is None or math.isnan(value) else value for value in row) for _, row in samples)
    return tuple(at for at, _ in samples), tuple(rows)
