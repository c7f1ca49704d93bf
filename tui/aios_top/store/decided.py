"""A decision as it is recorded: without what its record says twice, and without what was polled anyway.

A policy's record repeats of every instance what stood in its document, which the recording holds by itself, and the
decision repeats the record. What comes out again to the last bit is left out. Every value is compared before it is
left out, so a policy that computes in another way costs room and nothing else.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from msgspec import Struct

from aios_top.store.documents import View
from aios_top.store.payload import GENERATED, INPUT, OUTPUT, PROMPT, QUEUE, SESSIONS, STAMP
from aios_top.store.typed import encoded

Figures = Callable[[str, int], Sequence[Any] | None]
"""Figures of an instance's document by how many newer ones there are, None when there is no such document."""

ColumnsAt = Callable[[Sequence[tuple[str, int]], Sequence[int]], Sequence[Sequence[Any]]]
"""Some columns of the figures of documents, which are told by instance and how many newer ones there are."""
_PERIODS = ("current", "average_1m", "average_5m", "average_15m")
_MOST_BACK = 6
"""How many documents back the one is looked for that a decision was made with, or counted its rates from."""
_ENTRY = (
    "id", "input", "output", "rate_in", "rate_out", "queue", "sessions", "age_s", "timestamp", "counters", "status",
)  # fmt: skip
"""Keys of an instance in a record, in order."""
_TYPED, _COUNTERS, _AVERAGES, _WOULD, _INPUT_MARGIN, _OUTPUT_MARGIN, _SIGNAL, _PAIRED = (1 << bit for bit in range(8))
"""What was left out besides instances; the last one says that what stood by instance became pairs.

Averages are written since a jump takes longer to add them up than they take room; earlier versions left them out.
"""
_BY_INSTANCE = ("counters", "seen")
"""Parts of a record's state that have instance ids for keys: each id would be a path of its own, kept for good."""
_DERIVED = "derived"
_DECISION = "decision"
_INSTANCES = (_DECISION, "record", "instances")
_TYPED_OF = (
    "ts", "outcome", "code", "reason", "seq", "boot_id", "thresholds", "averages", "replicas", "would", "cooldown",
    "confirm",
)  # fmt: skip
"""Parts of a record that a decision repeats, besides its instances."""


def shortened(decision: dict[str, Any], figures: Figures) -> dict[str, Any]:
    """Return the document of a decision without what `lengthened` finds again."""
    record = decision["record"]
    try:
        typed = {**_typed(record), "instances": _typed_instances(record)}
        short, derived = _short_record(record, figures)
    except (LookupError, ArithmeticError, AttributeError, TypeError, ValueError):  # not a record of the shipped policy
        return decision
    if all(typed[name] == entry for name, entry in decision.items() if name != "record"):
        return {"record": short, _DERIVED: derived | _TYPED}
    return {**decision, "record": short, _DERIVED: derived}


def lengthened(decision: dict[str, Any], figures: Figures) -> dict[str, Any]:
    """Return the document that `shortened` made this of; takes it apart."""
    if _DERIVED not in decision:
        return decision
    derived = decision.pop(_DERIVED)
    record = decision["record"]
    _lengthen_record(record, derived, figures)
    if not derived & _TYPED:
        return decision
    return {**_typed(record), "instances": _typed_instances(record), "record": record}


def is_shortened(decision: dict[str, Any]) -> bool:
    """Return whether something was left out."""
    return _DERIVED in decision


def says_it_in_its_record(derived: int) -> bool:
    """Return whether of a decision with these omissions only the record was kept, which says everything."""
    return bool(derived & _TYPED)


def references(decision: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the documents that `lengthened` asks for: instances, each with how many newer ones there are."""
    for entry in decision["record"]["instances"]:
        if isinstance(entry, list):
            name, back, begin, *_ = entry
            yield name, back
            if begin:
                yield name, back + begin


def columns_of_record(decision: dict[str, Any]) -> Collection[int]:
    """Return the places of the figures that `lengthened` reads of them."""
    period = _period(decision["record"])
    return {INPUT + period, OUTPUT + period, QUEUE + period, SESSIONS, STAMP, PROMPT, GENERATED}


class Glance(Struct, frozen=True):
    """A decision without what stands of every instance in it, which is most of it."""

    decision: dict[str, Any]
    """Document of it, but for `instances` and `record`."""
    instance_ids: Sequence[str]
    replicas: dict[str, Any]
    """That part of the record."""


def glance(view: View, columns_at: ColumnsAt) -> Glance | None:
    """Return what can be told of a decision without making its record; None where that is not less work.

    `view` looks at a row of the decisions.
    """
    if not view.has(_DECISION, _DERIVED):
        return None
    derived = view.part(_DECISION, _DERIVED)
    if not derived & _TYPED:
        return None
    names = view.column(_INSTANCES, 0)
    if names is None:
        return None
    record = view.parts((_DECISION, "record"), _TYPED_OF)
    if derived & _AVERAGES:
        period, means, backs = _period(record), record["averages"], view.column(_INSTANCES, 1) or ()
        sizes = columns_at(list(zip(names, backs, strict=True)), (INPUT + period, OUTPUT + period))
        means["input"], means["output"] = (_mean(column) for column in sizes)
    return Glance(_typed(record), names, record["replicas"])


def _typed(record: dict[str, Any]) -> dict[str, Any]:
    """Return what is read of a record that is in order, but for its instances and the record itself."""
    limits, means, replicas, would = (record[name] for name in ("thresholds", "averages", "replicas", "would"))
    return {
        "at": record["ts"],
        "action": record["outcome"],
        "code": record["code"],
        "reason": record["reason"],
        "origin": "reported",
        "seq": record["seq"],
        "boot_id": record["boot_id"],
        "would": None if would is None else would["rule"],
        "input_average": means["input"],
        "output_average": means["output"],
        "thresholds": {name: limits[name] for name in ("input_up", "output_up", "input_down", "output_down")},
        "current": replicas["current"],
        "reporting": replicas["reporting"],
        "proposed": replicas["proposed"],
        "cooldown_remaining_seconds": record["cooldown"]["remaining_s"],
        "confirmation": record["confirm"]["state"],
    }


def _typed_instances(record: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return what is read of a record's instances."""
    return tuple(
        {
            "instance_id": entry["id"],
            "input_size": entry["input"],
            "output_size": entry["output"],
            "input_rate": entry["rate_in"],
            "output_rate": entry["rate_out"],
            "queue": entry["queue"],
            "sessions": entry["sessions"],
            "age_seconds": entry["age_s"],
            "status": entry["status"],
        }
        for entry in record["instances"]
    )


def _short_record(record: dict[str, Any], figures: Figures) -> tuple[dict[str, Any], int]:
    """Return a record with None for what was left out and references for instances, and what that is."""
    if not (isinstance(record["instances"], list) and isinstance(record["steps"], list)):
        raise TypeError("not lists")
    period = _period(record)
    bases = record["state_before"]["counters"]
    at = record["ts"]
    entries = [_reference(entry, at, bases.get(entry["id"]), period, figures) for entry in record["instances"]]
    derived = _PAIRED
    before = {**record["state_before"]}
    before |= {name: [list(pair) for pair in before[name].items()] for name in _BY_INSTANCE if name in before}
    short = {**record, "instances": entries, "state_before": before}
    if _same(bases, _bases(entries, figures)):
        derived |= _COUNTERS
        before["counters"] = None
    means = record["averages"]
    would = record["would"]
    if would is not None:
        margin = dict(would["margin"])
        for flag, name in ((_INPUT_MARGIN, "input"), (_OUTPUT_MARGIN, "output")):
            if _same(margin[name], _margin(would[name], record["thresholds"][f"{name}_up"])):
                derived |= flag
                margin[name] = None
        short["would"] = {**would, "margin": margin}
        if _same([would["input"], would["output"]], [means["input"], means["output"]]):
            derived |= _WOULD
            short["would"] |= {"input": None, "output": None}
    signal = _signal(means)
    if signal is not None and all(_same(step.get("detail"), signal) for step in record["steps"] if _is_signal(step)):
        derived |= _SIGNAL
        short["steps"] = [{**step, "detail": None} if _is_signal(step) else step for step in record["steps"]]
    return short, derived


def _lengthen_record(record: dict[str, Any], derived: int, figures: Figures) -> None:
    period = _period(record)
    before = record["state_before"]
    if derived & _PAIRED:
        before |= {name: dict(before[name] or ()) for name in _BY_INSTANCE if name in before}
    if derived & _COUNTERS:
        before["counters"] = _bases(record["instances"], figures)
    record["instances"] = [
        entry if isinstance(entry, dict) else _entry(entry, record["ts"], period, figures)
        for entry in record["instances"]
    ]
    means = record["averages"]
    if derived & _AVERAGES:
        means["input"], means["output"] = _means(record["instances"])
    would = record["would"]
    if derived & _WOULD:
        would["input"], would["output"] = means["input"], means["output"]
    for flag, name in ((_INPUT_MARGIN, "input"), (_OUTPUT_MARGIN, "output")):
        if derived & flag:
            would["margin"][name] = _margin(would[name], record["thresholds"][f"{name}_up"])
    if derived & _SIGNAL:
        for step in filter(_is_signal, record["steps"]):
            step["detail"] = _signal(means)


def _period(record: dict[str, Any]) -> int:
    """Return the place of the window that the policy reads, -1 for a name that no document has."""
    name = record["averages"]["period"]
    return _PERIODS.index(name) if name in _PERIODS else -1


def _reference(entry: dict[str, Any], at: float, base: Any, period: int, figures: Figures) -> Any:
    """Return instance id, document, document its rates count from, status and which sizes are ints; else the entry."""
    name, stamp = entry["id"], entry["timestamp"]
    back = None if stamp is None else _back(name, stamp, figures)
    if back is None or period < 0:
        return entry
    begin = 0 if base is None else (_back(name, base[0], figures, back) or 0)
    ints = sum(1 << bit for bit, key in enumerate(("input", "output")) if type(entry[key]) is int)
    reference = [name, back, begin - back if begin else 0, entry["status"], ints]
    return reference if _same(entry, _entry(reference, at, period, figures)) else entry


def _back(name: str, stamp: float, figures: Figures, begin: int = 0) -> int | None:
    """Return how many newer ones the document of this time has, which is not among the first `begin`."""
    for back in range(begin, _MOST_BACK):
        row = figures(name, back)
        if row is None:
            return None
        if row[STAMP] == stamp:
            return back
    return None


def _entry(reference: Sequence[Any], at: float, period: int, figures: Figures) -> dict[str, Any] | None:
    """Return an instance as the record has it, None when the recording lacks its document."""
    name, back, begin, status, ints = reference
    row = figures(name, back)
    if row is None:
        return None
    sizes = _sizes(row, period, ints)
    base = figures(name, back + begin) if begin else None
    rates = [None, None] if base is None else [_rate(base, row, place) for place in (PROMPT, GENERATED)]
    values = (*sizes, *rates, row[QUEUE + period], row[SESSIONS], at - row[STAMP], row[STAMP])
    return dict(zip(_ENTRY, (name, *values, [row[PROMPT], row[GENERATED]], status), strict=True))


def _sizes(row: Sequence[Any], period: int, ints: int) -> list[Any]:
    """Return the input and output size of a document over a window; the bits of `ints` say which were ints."""
    sizes = (row[INPUT + period], row[OUTPUT + period])
    return [int(size) if ints >> bit & 1 and size is not None else size for bit, size in enumerate(sizes)]


def _rate(base: Sequence[Any], row: Sequence[Any], place: int) -> float | None:
    """Return tokens per minute as the policy computes them, operation by operation."""
    minutes = (row[STAMP] - base[STAMP]) / 60.0
    if row[place] is None or base[place] is None or not minutes:
        return None
    rate: float = (row[place] - base[place]) / minutes
    return rate


def _bases(entries: Sequence[Any], figures: Figures) -> dict[str, Any]:
    """Return by instance the time and counters that its rates count from."""
    found = {}
    for entry in entries:
        if isinstance(entry, list) and entry[2]:
            row = figures(entry[0], entry[1] + entry[2])
            if row is not None:
                found[entry[0]] = [row[STAMP], row[PROMPT], row[GENERATED]]
    return found


def _means(entries: Sequence[dict[str, Any]]) -> list[float]:
    """Return the mean sizes over all instances, one that has none counted as 0."""
    return [_mean([entry[name] for entry in entries]) for name in ("input", "output")]


def _mean(sizes: Sequence[float | None]) -> float:
    return sum(size or 0 for size in sizes) / max(1, len(sizes))


def _margin(size: float | None, threshold: float | None) -> float | None:
    return size / threshold if size is not None and threshold is not None and threshold > 0 else None


def _signal(means: dict[str, Any]) -> str | None:
    if means["input"] is None or means["output"] is None:
        return None
    return f"input {means['input']:.2f}, output {means['output']:.2f}"


def _is_signal(step: dict[str, Any]) -> bool:
    return bool(step["stage"] == "signal" and step["result"] == "ok")


def _same(found: Any, again: Any) -> bool:
    """Return whether two documents are the same in JSON, where 1 is not 1.0, down to the order of keys."""
    return type(found) is type(again) and (found is again or encoded(found) == encoded(again))
