"""Scale a block as the tutorial's token autoscaler does, and be able to say what was decided and why.

With the tutorial's parameters every evaluation answers as the tutorial's policy; beside that, each decision leaves a
record and management commands read them. One file, standard library only: AIOS loads it by path and does not put
this folder on `sys.path`.

Evaluations run in AIOS's loop thread, management in web threads. `get_metrics` may hang for ever, so the lock is never
held across it; what follows is pure computation, below a millisecond for 64 instances, and is done under the lock.
"""

import hashlib
import logging
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

POLICY_NAME = "tokenautoscaler-explained"
POLICY_VERSION = "1.0"
RECORD_SCHEMA = 1

INPUT_KEY = "llm_input_tokens_per_minute_rolling"
OUTPUT_KEY = "llm_output_tokens_per_minute_rolling"
"""Mean tokens per request in AIOS's window, whatever the names say; the counters below give true rates."""
COUNTER_KEYS = ("llm_prompt_tokens_total", "llm_tokens_generated_total")

MAX_RECORDS = 512
MAX_RECORDS_PER_ANSWER = 256
MAX_ITEMS = 64
"""Instances, and items of any foreign list or object, that a record keeps; the counts are always of all."""
MAX_TEXT = 500
CONFIRM_TIMEOUT_S = 120.0
"""AIOS lists a new or removed instance within 20 to 100 seconds; later than this the scale call probably failed."""
SETTINGS_READ = frozenset({"get_metrics", "clock", "intervalSeconds"})
"""`intervalSeconds` is read by AIOS's runner, the others here; any other setting has no reader."""


# --- Values that are safe to send ------------------------------------------------------------------------------------


def _text(value: Any, *, quoted: bool = False) -> str:
    """Return bounded text of any value, without control characters."""
    text = (value if isinstance(value, str) and not quoted else repr(value))[:MAX_TEXT]
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_finite(value: Any) -> bool:
    """Whether a value is a number that JSON and floats can carry; `True` is not one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _number(value: Any) -> float | None:
    """Return a finite number as a float, anything else as None."""
    return float(value) if _is_finite(value) else None


def _json_safe(value: Any, depth: int = 6) -> Any:
    """Copy a value as JSON can carry it, bounded: non-finite numbers become null, foreign objects text."""
    if value is None or isinstance(value, bool) or _is_finite(value):
        return value
    if isinstance(value, int | float):
        return None
    if depth and isinstance(value, Mapping):
        return {_text(k): _json_safe(v, depth - 1) for k, v in list(value.items())[:MAX_ITEMS]}
    if depth and isinstance(value, list | tuple):
        return [_json_safe(v, depth - 1) for v in value[:MAX_ITEMS]]
    return _text(value)


def _copied(value: Any) -> Any:
    """Copy plain JSON values deeply, several times faster than `copy.deepcopy`."""
    if isinstance(value, dict):
        return {k: _copied(v) if isinstance(v, dict | list) else v for k, v in value.items()}
    return [_copied(v) if isinstance(v, dict | list) else v for v in value]


def _dig(value: Any, *path: str) -> Any:
    """Follow a path of keys, None where it ends early."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _strangers(given: Any, known: Iterable[str]) -> list[str]:
    """List the given names that nothing reads."""
    return sorted(_text(name) for name in given if name not in known) if isinstance(given, Mapping) else []


# --- Time ------------------------------------------------------------------------------------------------------------


class Instant(NamedTuple):
    """One reading of a clock: Unix seconds, and monotonic seconds where the clock has them."""

    wall: float
    monotonic: float | None

    def since(self, earlier: "Instant") -> float:
        """Return the seconds since an earlier reading of the same clock, monotonic ones if it has them."""
        if self.monotonic is None or earlier.monotonic is None:
            return self.wall - earlier.wall
        return self.monotonic - earlier.monotonic


class Clock:
    """Reads `settings["clock"]`: an object with `time()` and perhaps `monotonic()`, or a callable; else the system."""

    def __init__(self, given: Any) -> None:
        self.refused = given is not None and not callable(getattr(given, "time", given))
        self._source: Any = time if given is None or self.refused else given

    def read(self) -> Instant:
        """Take one reading."""
        source = self._source
        wall = source.time() if hasattr(source, "time") else source()
        return Instant(wall, source.monotonic() if hasattr(source, "monotonic") else None)


# --- Parameters ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name in the block record, the attribute that holds it, and what it may be."""

    name: str
    attribute: str
    default: Any
    description: str
    minimum: int = 0
    whole: bool = False
    choices: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the value."""
        if self.choices:
            kind: dict[str, Any] = {"type": "string", "enum": list(self.choices)}
        else:
            kind = {"type": "integer" if self.whole else "number", "minimum": self.minimum}
        return {**kind, "default": self.default, "description": self.description}

    def problem(self, value: Any) -> str | None:
        """Say why this value will not work as meant, None if it will."""
        if self.choices:
            known = isinstance(value, str) and value in self.choices
            return None if known else f"{_text(value, quoted=True)} is none of {', '.join(self.choices)}"
        if not _is_finite(value) or value < self.minimum or (self.whole and value != int(value)):
            noun = "a whole number" if self.whole else "a number"
            return f"{_text(value, quoted=True)} is not {noun} of at least {self.minimum}"
        return None


WINDOWS = ("current", "average_1m", "average_5m", "average_15m")
PARAMETERS = (
    Parameter("input_tokens_up_threshold", "input_up_threshold", 500, "mean input tokens above it scale up"),
    Parameter("output_tokens_up_threshold", "output_up_threshold", 300, "mean output tokens above it scale up"),
    Parameter("input_tokens_down_threshold", "input_down_threshold", 100, "both means below theirs may scale down"),
    Parameter("output_tokens_down_threshold", "output_down_threshold", 50, "both means below theirs may scale down"),
    Parameter("min_replicas", "min_replicas", 1, "only more reporting instances than this scale down", 1, whole=True),
    Parameter("averaging_period", "averaging_period", "average_1m", "window; another name reads 0", choices=WINDOWS),
    Parameter("cooldown_seconds", "cooldown_seconds", 120, "seconds without action after an action, up or down"),
)
RUNTIME_FLOORS: dict[str, int | None] = {
    **dict.fromkeys(("input_up_threshold", "output_up_threshold", "input_down_threshold", "output_down_threshold")),
    "min_replicas": 1,
    "cooldown_seconds": 0,
}
"""Keys of `update_thresholds`, which are attribute names, with the lowest value each is set to."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The parameters as one evaluation finds them; nothing says that they are numbers."""

    input_up_threshold: Any
    output_up_threshold: Any
    input_down_threshold: Any
    output_down_threshold: Any
    min_replicas: Any
    averaging_period: Any
    cooldown_seconds: Any

    def can_be_recorded(self) -> bool:
        """Whether a record shows these values exactly."""
        values = [getattr(self, p.attribute) for p in PARAMETERS]
        return all(_json_safe(value) == value for value in values) and _is_finite(self.cooldown_seconds)

    def problems(self) -> dict[str, str]:
        """Name the parameters that will not work as meant; they stay in force, as the tutorial's policy has them."""
        found = {p.name: p.problem(getattr(self, p.attribute)) for p in PARAMETERS}
        problems = {name: problem for name, problem in found.items() if problem is not None}
        for kind in ("input", "output"):
            up_name, down_name = f"{kind}_tokens_up_threshold", f"{kind}_tokens_down_threshold"
            up, down = getattr(self, f"{kind}_up_threshold"), getattr(self, f"{kind}_down_threshold")
            if problems.keys().isdisjoint({up_name, down_name}) and down > up:
                problems[down_name] = f"{down} is above {up_name} {up}: between them the block only ever scales up"
        return problems


# --- One evaluation --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Evaluation:
    """What one evaluation saw and concluded, filled stage by stage."""

    input_data: Any
    started: Instant
    now: Instant
    """When the metrics were there: the time of the decision."""
    metrics: Any = None
    collected: bool = False
    documents: list[Any] = field(default_factory=list)
    """Metric documents of instances that AIOS lists as current."""
    averages: tuple[float, float] | None = None
    rule: str | None = None
    """`up` or `down` when its thresholds are met, whatever was decided."""
    cooling: bool | None = None
    clocks_agree: bool = True
    """Whether wall and monotonic time judge the cooldown alike; only the wall time is in the record."""
    victim: Any = None
    code: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    """What AIOS gets; empty until a stage concludes."""
    steps: list[dict[str, Any]] = field(default_factory=list)

    def step(self, stage: str, result: str, detail: str | None = None) -> None:
        """Note what a stage found."""
        self.steps.append({"stage": stage, "result": result} | ({} if detail is None else {"detail": _text(detail)}))

    def skip(self, code: str, reason: str) -> None:
        """Conclude without action."""
        self.code, self.result = code, {"skip": True, "reason": reason}

    def act(self, code: str, operation: str, what: Mapping[str, Any], reason: str) -> None:
        """Conclude with a scale operation."""
        self.code, self.result = code, {"skip": False, "operation": operation, **what, "reason": reason}

    @property
    def operation(self) -> str | None:
        """`upscale`, `downscale` or None."""
        operation: str | None = self.result.get("operation")
        return operation

    @property
    def outcome(self) -> str:
        """The operation, else `hold` or `error`."""
        return self.operation or ("error" if self.code == "EvalError" else "hold")

    @property
    def current(self) -> list[str] | None:
        """The ids AIOS lists, None when it sent something else than a list of names."""
        ids = _dig(self.input_data, "current_instances")
        return list(ids) if isinstance(ids, list | tuple) and all(isinstance(i, str) for i in ids) else None


def decide(work: Evaluation, rules: Rules, cooldown_ok: Callable[[], bool]) -> None:
    """Apply the tutorial's checks in its order; the first that concludes wins."""
    current = work.input_data.get("current_instances")
    if not current:
        work.step("match", "no instances")
        work.skip("NoInstances", "No current instances provided.")
        return
    work.documents = [d for d in work.metrics.get("block_metrics", []) if d.get("instanceId") in current]
    work.step("match", "ok" if work.documents else "none", f"{len(work.documents)} documents")
    if not work.documents:
        work.skip("NoMetrics", "No metrics found for the specified instances.")
        return
    work.averages = _means(work.documents, rules.averaging_period)
    work.step("signal", "ok", f"input {work.averages[0]:.2f}, output {work.averages[1]:.2f}")
    rule_error = _find_rule(work, rules, *work.averages)
    work.cooling = not cooldown_ok()
    work.step("cooldown", "blocked" if work.cooling else "over")
    if work.cooling:
        work.skip("CooldownActive", "Cooldown active.")
        return
    if rule_error is not None:
        raise rule_error
    _apply_rule(work, rules, "(Input: {:.2f}, Output: {:.2f})".format(*work.averages))


def _rolling(document: Any, key: str, period: Any) -> Any:
    """Read a window's value as the tutorial does: anything missing counts as 0."""
    return document.get(key, {}).get(period, 0)


def _means(documents: list[Any], period: Any) -> tuple[float, float]:
    """Average input and output; a value that is no number raises with the words of the tutorial's sum."""
    total_input: Any = 0
    total_output: Any = 0
    for document in documents:
        total_input += _rolling(document, INPUT_KEY, period)
        total_output += _rolling(document, OUTPUT_KEY, period)
    return total_input / len(documents), total_output / len(documents)


def _find_rule(work: Evaluation, rules: Rules, mean_input: float, mean_output: float) -> Exception | None:
    """Find the rule whose thresholds are met; a threshold that cannot be compared matters only after the cooldown."""
    try:
        if mean_input > rules.input_up_threshold or mean_output > rules.output_up_threshold:
            work.rule = "up"
        elif mean_input < rules.input_down_threshold and mean_output < rules.output_down_threshold:
            work.rule = "down"
    except Exception as error:  # noqa: BLE001 (raised by the caller in its turn)
        return error
    work.step("rule", work.rule or "none")
    return None


def _apply_rule(work: Evaluation, rules: Rules, means: str) -> None:
    code = "WithinRange"
    if work.rule == "up":
        work.act("ScaleUp", "upscale", {"instances_count": 1}, f"Token rate exceeded threshold {means}")
        return
    if work.rule == "down" and len(work.documents) > rules.min_replicas:
        work.victim = _least_loaded(work.documents, rules.averaging_period).get("instanceId")
        work.step("victim", _text(work.victim) if work.victim else "no id")
        if work.victim:
            removed = {"instances_list": [work.victim]}
            work.act("ScaleDown", "downscale", removed, f"Token rate below threshold {means}")
            return
        code = "NoVictim"
    elif work.rule == "down":
        work.step("limits", "at minimum")
        code = "TooFewReplicas"
    work.skip(code, "No scaling action required.")


def _least_loaded(documents: list[Any], period: Any) -> Any:
    """Choose the document with the lowest input plus output; the first one of equals."""
    return min(documents, key=lambda d: _rolling(d, INPUT_KEY, period) + _rolling(d, OUTPUT_KEY, period))


# --- The record of an evaluation -------------------------------------------------------------------------------------


class CounterSample(NamedTuple):
    """An instance's token counters at its own time stamp, with the rates in tokens per minute known by then."""

    timestamp: float
    totals: tuple[float | None, float | None]
    rates: tuple[float | None, float | None] = (None, None)


def _sampled(before: CounterSample | None, document: Mapping[str, Any]) -> CounterSample | None:
    """Keep this push's counters; rates need an earlier push and counters that did not fall (a restart)."""
    timestamp = _number(document.get("timestamp"))
    if timestamp is None:
        return None
    totals = (_number(document.get(COUNTER_KEYS[0])), _number(document.get(COUNTER_KEYS[1])))
    if before is not None and timestamp == before.timestamp:
        return before
    if before is None or timestamp < before.timestamp:
        return CounterSample(timestamp, totals)
    grown = [None if a is None or b is None else a - b for a, b in zip(totals, before.totals, strict=True)]
    if any(tokens is not None and tokens < 0 for tokens in grown):
        return CounterSample(timestamp, totals)
    minutes = (timestamp - before.timestamp) / 60.0
    input_rate, output_rate = (None if tokens is None else _number(tokens / minutes) for tokens in grown)
    return CounterSample(timestamp, totals, (input_rate, output_rate))


def _instance(document: Mapping[str, Any], period: Any, now: Instant, sample: CounterSample | None) -> dict[str, Any]:
    """Record what one document said: an absent value is null and `partial`, an unusable one null and `invalid`."""
    values, status = [], "ok"
    for key in (INPUT_KEY, OUTPUT_KEY):
        window = document.get(key, {})
        absent = isinstance(window, Mapping) and period not in window
        values.append(None if absent else _number(_dig(window, period)))
        if absent and status == "ok":
            status = "partial"
        elif not absent and values[-1] is None:
            status = "invalid"
    rate_in, rate_out = sample.rates if sample else (None, None)
    timestamp = _number(document.get("timestamp"))
    return {
        "id": _text(document.get("instanceId")),
        "input": values[0],
        "output": values[1],
        "rate_in": rate_in,
        "rate_out": rate_out,
        "queue": _number(_dig(document, "queue_length", period)),
        "sessions": _number(document.get("llm_active_sessions")),
        "age_s": None if timestamp is None else now.wall - timestamp,
        "status": status,
    }


def _missing_instance(instance_id: str) -> dict[str, Any]:
    values = dict.fromkeys(("input", "output", "rate_in", "rate_out", "queue", "sessions", "age_s"))
    return {"id": _text(instance_id), **values, "status": "missing"}


def _replicas(work: Evaluation, rules: Rules, missing: list[str]) -> dict[str, Any]:
    current, documents = work.current, _dig(work.metrics, "block_metrics")
    instances = [d for d in documents if _dig(d, "instanceId") != "executor"] if isinstance(documents, list) else []
    step = {"upscale": 1, "downscale": -1}.get(work.outcome, 0)
    return {
        "current": None if current is None else len(current),
        "reporting": len(work.documents),
        "stale": None,
        "missing": [_text(i) for i in missing[:MAX_ITEMS]],
        "extra": max(0, len(instances) - len(work.documents)),
        "min": _json_safe(rules.min_replicas),
        "max": None,
        "block_min": _json_safe(_dig(work.input_data, "block_data", "minInstances")),
        "block_max": _json_safe(_dig(work.input_data, "block_data", "maxInstances")),
        "proposed": None if current is None else len(current) + step,
    }


def _would(work: Evaluation, rules: Rules) -> dict[str, Any] | None:
    """Say what the thresholds alone ask for, so that a blocked action is visible; None without a signal."""
    if work.averages is None:
        return None
    mean_input, mean_output = work.averages
    margin = {
        "input": _ratio(mean_input, rules.input_up_threshold),
        "output": _ratio(mean_output, rules.output_up_threshold),
    }
    return {"rule": work.rule, "input": _number(mean_input), "output": _number(mean_output), "margin": margin}


def _ratio(value: float, threshold: Any) -> float | None:
    """Return how far a mean is towards its threshold; 1 is there."""
    return _number(value / threshold) if _is_finite(threshold) and threshold > 0 else None


SCALING_ACTIVE_FAILURES = {
    "NoCollector": "InvalidMetricSourceType",
    "NoInstances": "ScalingDisabled",
    "NoMetrics": "FailedGetPodsMetric",
    "EvalError": "FailedComputeMetricsReplicas",
}
"""Reason of ScalingActive=False per code, in the words of Kubernetes' HorizontalPodAutoscaler."""


def _condition_states(work: Evaluation, *, cooling: bool) -> dict[str, tuple[str, str]]:
    """Judge the three conditions that a HorizontalPodAutoscaler reports: status and reason of each."""
    failure = SCALING_ACTIVE_FAILURES.get(work.code)
    if work.code == "EvalError" and not work.collected:
        failure = SCALING_ACTIVE_FAILURES["NoMetrics"]
    at_minimum = work.code == "TooFewReplicas"
    return {
        "AbleToScale": ("False", "CooldownActive") if cooling else ("True", "ReadyForNewScale"),
        "ScalingActive": ("False", failure) if failure else ("True", "ValidMetricFound"),
        "ScalingLimited": ("True", "TooFewReplicas") if at_minimum else ("False", "DesiredWithinRange"),
    }


# --- What is remembered ----------------------------------------------------------------------------------------------


class PendingAction(NamedTuple):
    """A scale operation whose effect on the instance list has not been seen yet."""

    record: dict[str, Any]
    operation: str
    since: Instant
    before: frozenset[str]
    victim: Any

    def seen_in(self, current: Iterable[str]) -> bool:
        """Whether the list shows the effect: a new id after an upscale, no victim after a downscale."""
        if self.operation == "upscale":
            return any(i not in self.before for i in current)
        return self.victim not in current


class Journal:
    """The decisions since this start, bounded; a kept record changes only in its key `confirm`, which is replaced."""

    def __init__(self) -> None:
        self.boot_id = uuid.uuid4().hex
        self.seq = 0
        self.counts = {"up": 0, "down": 0, "hold": 0, "error": 0}
        self.records: deque[dict[str, Any]] = deque(maxlen=MAX_RECORDS)
        self.conditions: dict[str, dict[str, Any]] = {}
        self.pending: PendingAction | None = None
        self._counters: dict[str, CounterSample] = {}

    def count(self, work: Evaluation) -> None:
        """Give a decision its number, also one that cannot be recorded."""
        self.seq += 1
        self.counts[{"upscale": "up", "downscale": "down"}.get(work.outcome, work.outcome)] += 1

    def keep(self, work: Evaluation, rules: Rules, facts: Mapping[str, Any]) -> None:
        """Record a decision; `facts` are the record's fields that only the policy knows."""
        current = work.current
        self._follow_up(current, work.now)
        record = self._record(work, rules, facts)
        self.records.append(record)
        if work.operation and current is not None:
            self._settle("timed_out", work.now)
            self.pending = PendingAction(record, work.operation, work.now, frozenset(current), work.victim)

    def _follow_up(self, current: list[str] | None, now: Instant) -> None:
        """See whether the last action took effect; AIOS never tells the policy."""
        if self.pending is None:
            return
        if current and self.pending.seen_in(current):
            self._settle("confirmed", now)
        elif now.since(self.pending.since) > CONFIRM_TIMEOUT_S:
            self._settle("timed_out", now)

    def _settle(self, state: str, now: Instant) -> None:
        if self.pending is not None:
            record, after_s = self.pending.record, now.since(self.pending.since)
            record["confirm"] = {**record["confirm"], "state": state, "after_s": after_s}
            self.pending = None

    def _record(self, work: Evaluation, rules: Rules, facts: Mapping[str, Any]) -> dict[str, Any]:
        mean_input, mean_output = work.averages or (None, None)
        period = None if isinstance(rules.averaging_period, list | dict) else rules.averaging_period
        instances, missing, kept_all = self._instances(work, period)
        replicas = _replicas(work, rules, missing)
        awaited = work.operation is not None and replicas["current"] is not None
        cooling = work.cooling if work.cooling is not None else bool(facts["cooldown"]["remaining_s"])
        return {
            "seq": self.seq,
            "boot_id": self.boot_id,
            "ts": work.now.wall,
            "eval_ms": round(work.now.since(work.started) * 1000.0, 3),
            "mode": "active",
            "generation": facts["generation"],
            "outcome": work.outcome,
            "code": work.code,
            "reason": _text(work.result["reason"]),
            "result": _json_safe(work.result),
            "would": _would(work, rules),
            "replicas": replicas,
            "averages": {
                "input": _number(mean_input),
                "output": _number(mean_output),
                "period": _json_safe(rules.averaging_period),
                "signal": "rolling",
            },
            "thresholds": {
                "input_up": _json_safe(rules.input_up_threshold),
                "output_up": _json_safe(rules.output_up_threshold),
                "input_down": _json_safe(rules.input_down_threshold),
                "output_down": _json_safe(rules.output_down_threshold),
            },
            "instances": instances,
            "cooldown": facts["cooldown"],
            "conditions": self._conditions_after(_condition_states(work, cooling=cooling), work.now),
            "steps": work.steps,
            "state_before": facts["state_before"],
            "complete": kept_all and facts["complete"] and work.code not in {"NoCollector", "EvalError"},
            "confirm": {
                "expected": replicas["proposed"] if awaited else None,
                "state": "pending" if awaited else "n/a",
                "after_s": None,
            },
        }

    def _instances(self, work: Evaluation, period: Any) -> tuple[list[dict[str, Any]], list[str], bool]:
        """List the inputs per instance, the ids without a document, and whether all of it was kept and usable."""
        samples: dict[str, CounterSample] = {}
        entries: list[dict[str, Any]] = []
        for document in work.documents:
            key = _text(document.get("instanceId"))
            sample = _sampled(self._counters.get(key), document)
            if sample is not None:
                samples[key] = sample
            if len(entries) < MAX_ITEMS:
                entries.append(_instance(document, period, work.now, sample))
        if work.documents:  # a wiped metrics store is no reason to forget the counters
            self._counters = samples
        reporting = {_text(d.get("instanceId")) for d in work.documents}
        missing = [i for i in work.current or () if _text(i) not in reporting]
        entries += [_missing_instance(i) for i in missing[: MAX_ITEMS - len(entries)]]
        usable = all(entry["status"] != "invalid" for entry in entries)
        understood = work.current is not None or not _dig(work.input_data, "current_instances")
        return entries, missing, usable and understood and len(entries) == len(work.documents) + len(missing)

    def _conditions_after(self, states: dict[str, tuple[str, str]], now: Instant) -> list[dict[str, Any]]:
        """Give the three conditions with the time at which each last changed its status."""
        for kind, (status, reason) in states.items():
            before = self.conditions.get(kind)
            since = now.wall if before is None or before["status"] != status else before["since"]
            self.conditions[kind] = {"type": kind, "status": status, "reason": reason, "since": since}
        return list(self.conditions.values())

    def page(self, query: "Query") -> dict[str, Any]:
        """Answer with the records after the cursor, oldest first; without a cursor with the newest ones."""
        oldest = self.records[0]["seq"] if self.records else None
        latest = self.records[-1]["seq"] if self.records else 0
        foreign = query.boot_id not in (None, self.boot_id) or (query.since or 0) > self.seq
        start = 0 if foreign else query.since or 0
        found = [record for record in self.records if record["seq"] > start]
        found = found[-query.limit :] if query.since is None else found[: query.limit]
        return {
            "status": "ok",
            "boot_id": self.boot_id,
            "oldest_seq": oldest,
            "latest_seq": latest,
            "gap": foreign or (query.since is not None and oldest is not None and start < oldest - 1),
            "next_since": found[-1]["seq"] if found else start,
            "decisions": [_brief(record) if query.brief else dict(record) for record in found],
        }


LONG_FIELDS = frozenset({"result", "thresholds", "instances", "conditions", "steps", "state_before"})


def _brief(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in LONG_FIELDS}


class Query(NamedTuple):
    """What a `get_decisions` client asks for."""

    since: int | None
    boot_id: Any
    limit: int
    brief: bool

    @classmethod
    def parse(cls, data: Any) -> "Query":
        """Read the request; a ValueError says what is wrong with it."""
        asked = {} if data is None else data
        if not isinstance(asked, Mapping):
            raise ValueError(f"data must be an object, not {_text(asked, quoted=True)}")  # noqa: TRY004 (bad input)
        since, limit = asked.get("since"), asked.get("limit", MAX_RECORDS_PER_ANSWER)
        if since is not None and (type(since) is not int or since < 0):
            raise ValueError(f"since must be a whole number of at least 0, not {_text(since, quoted=True)}")
        if type(limit) is not int or limit < 1:
            raise ValueError(f"limit must be a whole number of at least 1, not {_text(limit, quoted=True)}")
        detail = asked.get("detail", "full")
        if detail not in ("full", "brief"):
            raise ValueError(f"detail must be full or brief, not {_text(detail, quoted=True)}")
        return cls(since, asked.get("boot_id"), min(limit, MAX_RECORDS_PER_ANSWER), detail == "brief")


# --- The policy ------------------------------------------------------------------------------------------------------


def _own_sha256() -> str | None:
    """Hash this file, to tell which code is running; None when it was not loaded from a readable file."""
    try:
        return hashlib.sha256(Path(globals()["__file__"]).read_bytes()).hexdigest()
    except (KeyError, TypeError, OSError):
        return None


CODE_SHA256 = _own_sha256()


class AIOSv1PolicyRule:
    """Scales a block by the mean tokens per request of its reporting instances, one instance at a time."""

    def __init__(self, rule_id: str, settings: Any, parameters: Any) -> None:
        self.cooldown_seconds: Any
        self.rule_id = rule_id
        self.settings = settings
        self.parameters = parameters
        self.logger = logging.getLogger(f"TokensAutoscalerPolicy-{rule_id}")
        for parameter in PARAMETERS:
            setattr(self, parameter.attribute, parameters.get(parameter.name, parameter.default))
        self._constructed = self._rules()
        self._updated: set[str] = set()
        self._generation = 1
        self.last_action_ts = None

        self._lock = threading.RLock()
        self._clock = Clock(_dig(settings, "clock"))
        self._booted = self._clock.read()
        self._journal = Journal()
        self._policy_rule_uri: str | None = None
        self._in_progress: Instant | None = None
        self._last_eval: tuple[Instant, Instant] | None = None
        self._interval_s: float | None = None
        self._pause_s: float | None = None
        """From the end of one evaluation to the start of the next, which is what AIOS's interval means."""

    def _rules(self) -> Rules:
        return Rules(**{p.attribute: getattr(self, p.attribute) for p in PARAMETERS})

    # -- cooldown

    @property
    def last_action_ts(self) -> Any:
        """Unix seconds of the action that started the cooldown, None when there is none."""
        return self._last_action_ts

    @last_action_ts.setter
    def last_action_ts(self, value: Any) -> None:
        # A stamp written from outside has no monotonic twin: the cooldown is then counted on the wall clock.
        self._last_action_ts = value
        self._action_monotonic: float | None = None
        self._last_action: str | None = None

    def _start_cooldown(self, operation: str, now: Instant) -> None:
        self._last_action_ts, self._action_monotonic, self._last_action = now.wall, now.monotonic, operation

    def _cooldown_ok(self, now: float) -> bool:
        return bool(self._last_action_ts is None or (now - self._last_action_ts) > self.cooldown_seconds)

    def _cooldown_now(self, now: Instant) -> float:
        """Return the wall time that judges the cooldown: a clock that is set back must not freeze scaling."""
        if self._action_monotonic is None or now.monotonic is None:
            return now.wall
        return float(self._last_action_ts + (now.monotonic - self._action_monotonic))

    def _cooldown_over(self, work: Evaluation) -> bool:
        over = self._cooldown_ok(self._cooldown_now(work.now))
        work.clocks_agree = over == self._cooldown_ok(work.now.wall)
        return over

    def _cooldown_timer(self, now: Instant) -> dict[str, float | None]:
        """Give the seconds left and in total; null where the stamp or the period is no number."""
        total_s, stamp = _number(self.cooldown_seconds), self._last_action_ts
        if stamp is None:
            return {"remaining_s": 0.0, "total_s": total_s}
        if total_s is None or not _is_finite(stamp):
            return {"remaining_s": None, "total_s": total_s}
        return {"remaining_s": max(0.0, total_s - (self._cooldown_now(now) - stamp)), "total_s": total_s}

    # -- evaluation

    def eval(self, parameters: Any, input_data: Any, context: Any) -> dict[str, Any]:  # noqa: ARG002 (AIOS's contract)
        """Decide on this block once, as AIOS's runner asks every interval; never raises."""
        work = self._begin(input_data)
        self._attempt(work, lambda: self._collect(work))
        with self._lock:
            work.now = self._clock.read()
            rules, stamp_before = self._rules(), self._last_action_ts
            if not work.result:
                self._attempt(work, lambda: decide(work, rules, lambda: self._cooldown_over(work)))
            if work.operation:
                self._start_cooldown(work.operation, work.now)
            self._remember(work, rules, stamp_before)
        self.logger.info("%s %s: %s", work.outcome, work.code, _text(work.result["reason"]))
        return work.result

    def _begin(self, input_data: Any) -> Evaluation:
        with self._lock:
            started = self._clock.read()
            self._in_progress = started
            if self._last_eval is not None:
                self._interval_s = started.since(self._last_eval[0])
                self._pause_s = started.since(self._last_eval[1])
            return Evaluation(input_data, started, now=started)

    def _attempt(self, work: Evaluation, stage: Callable[[], None]) -> None:
        """Run a stage; what it raises becomes a skip, because AIOS's runner would hide the exception's text."""
        try:
            stage()
        except Exception as error:  # noqa: BLE001 (whatever a metrics document or collector can cause)
            work.step("error", type(error).__name__, str(error))
            work.skip("EvalError", f"An error occurred: {error}")

    def _collect(self, work: Evaluation) -> None:
        collector = self.settings.get("get_metrics")
        if not callable(collector):
            work.step("collect", "no collector")
            work.skip("NoCollector", "Metrics collector not configured.")
            return
        work.metrics = collector()
        work.collected = True
        work.step("collect", "ok")
        self.logger.debug("collected %r", work.metrics)

    def _remember(self, work: Evaluation, rules: Rules, stamp_before: Any) -> None:
        """Keep the record; one that cannot be made must not change the decision."""
        self._journal.count(work)
        try:
            uri = _dig(work.input_data, "block_data", "policies", "autoscaler", "policyRuleURI")
            self._policy_rule_uri = None if uri is None else _text(uri)
            cooldown = {**self._cooldown_timer(work.now), "since": _json_safe(self._last_action_ts)}
            state_before = {"last_action_ts": _json_safe(stamp_before), "paused": None, "windows": {}}
            complete = work.clocks_agree and rules.can_be_recorded() and state_before["last_action_ts"] == stamp_before
            facts = {"cooldown": cooldown, "state_before": state_before, "complete": complete}
            self._journal.keep(work, rules, {**facts, "generation": self._generation})
        except Exception:
            self.logger.exception("decision %d (%s) stands but could not be recorded", self._journal.seq, work.code)
        self._last_eval = (work.started, self._clock.read())
        self._in_progress = None

    # -- management

    def management(self, action: Any, data: Any) -> dict[str, Any]:
        """Answer one management command; `data` may be anything a client sent, also None."""
        answers: dict[str, Callable[[Any], dict[str, Any]]] = {
            "reset_cooldown": self._reset_cooldown,
            "update_thresholds": self._update_thresholds,
            "get_state": self._get_state,
            "get_decisions": self._get_decisions,
            "get_parameters": self._get_parameters,
        }
        answer = answers.get(action) if isinstance(action, str) else None
        if answer is None:
            return {"status": "not_implemented", "action": _json_safe(action), "supported": list(answers)}
        try:
            return answer(data)
        except Exception as error:
            self.logger.exception("management action %s failed", action)
            return {"status": "error", "reason": f"Management action failed:{error} "}

    def _reset_cooldown(self, _data: Any) -> dict[str, Any]:
        with self._lock:
            self.last_action_ts = None
        return {"status": "ok", "message": "Cooldown timer reset successfully"}

    def _update_thresholds(self, data: Any) -> dict[str, Any]:
        """Change thresholds until the next restart, all of those given or none."""
        try:
            changes = {
                key: data[key] if floor is None else max(floor, data[key])
                for key, floor in RUNTIME_FLOORS.items()
                if key in data
            }
        except Exception:  # noqa: BLE001 (the answer that existing clients of this action know)
            return {"status": "not_implemented", "action": "update_thresholds"}
        if not changes:
            return {"status": "error", "reason": "No valid threshold parameters provided"}
        with self._lock:
            for attribute, value in changes.items():
                setattr(self, attribute, value)
            self._updated |= changes.keys()
            self._generation += 1
            config = {key: _json_safe(getattr(self, key)) for key in RUNTIME_FLOORS}
        return {"status": "ok", "message": "Thresholds updated successfully", "current_config": config}

    def _get_state(self, _data: Any) -> dict[str, Any]:
        with self._lock:
            now, journal = self._clock.read(), self._journal
            state: dict[str, Any] = {
                "status": "ok",
                "schema": RECORD_SCHEMA,
                "boot_id": journal.boot_id,
                "policy_name": POLICY_NAME,
                "policy_version": POLICY_VERSION,
                "policy_rule_uri": self._policy_rule_uri,
                "code_sha256": CODE_SHA256,
                "now": now.wall,
                "uptime_s": now.since(self._booted),
                "mode": "active",
                "paused": None,
                "force": None,
                "seq": journal.seq,
                "parameters_generation": self._generation,
                "eval_in_progress_since": self._in_progress.wall if self._in_progress else None,
                "last_eval": self._last_eval_times(),
                "interval_observed_s": self._interval_s,
                "next_eval_in_s": self._next_eval_in_s(now),
                "cooldown": {
                    "up": self._cooldown_timer(now),
                    "down": self._cooldown_timer(now),
                    "last_action_ts": _json_safe(self._last_action_ts),
                    "last_action": self._last_action,
                },
                "pending_action": self._pending_action(),
                "counts": dict(journal.counts),
                "conditions": list(journal.conditions.values()),
                "last_decision": dict(journal.records[-1]) if journal.records else None,
            }
        return dict(_copied(state))

    def _last_eval_times(self) -> dict[str, float] | None:
        if self._last_eval is None:
            return None
        started, finished = self._last_eval
        duration_ms = round(finished.since(started) * 1000.0, 3)
        return {"started": started.wall, "finished": finished.wall, "duration_ms": duration_ms}

    def _next_eval_in_s(self, now: Instant) -> float | None:
        """Estimate the seconds to the next evaluation; None while one runs and while the interval is unknown."""
        if self._last_eval is None or self._in_progress is not None:
            return None
        pause_s = self._pause_s if self._pause_s is not None else _number(_dig(self.settings, "intervalSeconds"))
        return None if pause_s is None else max(0.0, pause_s - now.since(self._last_eval[1]))

    def _pending_action(self) -> dict[str, Any] | None:
        pending = self._journal.pending
        if pending is None:
            return None
        expected = pending.record["confirm"]["expected"]
        return {"op": pending.operation, "expected": expected, "since": pending.since.wall, "confirmed": False}

    def _get_decisions(self, data: Any) -> dict[str, Any]:
        try:
            query = Query.parse(data)
        except ValueError as error:
            return {"status": "error", "reason": str(error)}
        with self._lock:
            page = self._journal.page(query)
        return dict(_copied(page))

    def _get_parameters(self, _data: Any) -> dict[str, Any]:
        """Report what is in force, which only the policy knows: the registry's record overlays the block's."""
        with self._lock:
            rules, updated, generation = self._rules(), set(self._updated), self._generation
        errors = rules.problems()
        if self._clock.refused:
            errors["settings.clock"] = "is neither callable nor has time(): the system clock is used"
        return {
            "status": "ok",
            "generation": generation,
            "effective": {p.name: _json_safe(getattr(rules, p.attribute)) for p in PARAMETERS},
            "defaults": {p.name: p.default for p in PARAMETERS},
            "source": {p.name: self._source(p, rules, updated) for p in PARAMETERS},
            "parameter_errors": errors,
            "unknown_parameters": _strangers(self.parameters, {p.name for p in PARAMETERS}),
            "unused_settings": _strangers(self.settings, SETTINGS_READ),
            "schemas": {p.name: p.schema for p in PARAMETERS},
        }

    def _source(self, parameter: Parameter, rules: Rules, updated: set[str]) -> str:
        attribute = parameter.attribute
        if attribute in updated or getattr(rules, attribute) is not getattr(self._constructed, attribute):
            return "runtime"
        return "given" if parameter.name in self.parameters else "default"
